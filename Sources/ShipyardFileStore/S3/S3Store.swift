import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// Containers of a service that speaks the protocol of Amazon S3, where they are called buckets.
///
/// Requests are signed here (`S3Signature`). What is sent has its MD5 in its head, which the service compares; over `http:` it is
/// signed with its SHA-256 as well. A part that is so signed has no MD5 in its head: where the service agrees it compares the SHA-256,
/// and where it does not the part's tag is compared here.
package final class S3Store {
    /// Of a part but the last, S3 wants 5 MiB at least; it takes 10,000 of them.
    package static let standardRules = {
        var rules = StoreRules(largestWhole: 32 << 20, partBytes: 16 << 20, mostParts: 10_000, connections: 8)
        rules.keepsPartsHash = true
        return rules
    }()
    /// Where an answer says by its content that it must be asked for again.
    static let attempts = 3

    package let account: StorageAccount
    package let rules = S3Store.standardRules
    /// More than this the service copies only by parts ("CopyObject", Amazon S3 API Reference).
    package var largestCopy: Int64 = 5 << 30
    package var copiedPartBytes: Int64 = 512 << 20

    let gauge: TransferGauge
    let address: S3Address
    private let exchange: StoreExchange
    /// Nil where nothing is signed: what everybody may read.
    private var signature: S3Signature?

    package init(_ account: StorageAccount, _ keys: StorageKeys, _ gauge: TransferGauge)
        throws(FileStoreError)
    {
        self.account = account
        self.gauge = gauge
        address = try S3Address(account)
        signature = try Self.signature(account, keys, address.region)
        exchange = try StoreExchange(gauge)
    }

    private static func signature(
        _ account: StorageAccount, _ keys: StorageKeys, _ region: String
    ) throws(FileStoreError) -> S3Signature? {
        func wrong(_ fact: String) -> FileStoreError {
            FileStoreError(.invalidInput, "S3 account \(account.alias): \(fact)")
        }
        // These come to be in headers and in the host, where a line end or a slash would be something else.
        guard isWord(region.utf8), !region.utf8.contains(where: { "/.:@".utf8.contains($0) }) else {
            throw wrong("the region is no name of one")
        }
        guard let id = keys.accessKeyID, let key = keys.key else {
            guard keys.accessKeyID == nil, keys.key == nil else {
                throw wrong("of access_key_id and secret_access_key there must be both or none")
            }
            return nil
        }
        guard isWord(id.utf8), !id.utf8.contains(where: { "/,".utf8.contains($0) }) else {
            throw wrong("access_key_id is no name of a key")
        }
        guard keys.sessionToken?.withExposedBytes({ isWord($0) }) != false else {
            throw wrong("session_token has characters that no token has")
        }
        return S3Signature(accessKeyID: id, secretKey: key, sessionToken: keys.sessionToken, region: region)
    }

    private static func isWord(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}

// MARK: - Requests

extension S3Store {
    /// The answer to a call that must succeed.
    func perform(_ call: S3Call) throws(FileStoreError) -> S3Answer {
        let answer = try ask(call)
        if let refusal = answer.refusal { throw error(refusal, call) }
        return answer
    }

    /// - Parameter check: what is wrong with a success.
    func ask(
        _ call: S3Call, check: (HTTPResponse) -> FileStoreError? = { _ in nil }
    ) throws(FileStoreError) -> S3Answer {
        var attempts = 0
        var root: XMLElement?
        var refusal: S3Refusal?
        var problem: FileStoreError?
        let response = try send(
            call, onRequest: { attempts += 1 },
            isToBeRepeated: { response in
                root = call.element == nil ? nil : S3Text.answer(response.body)
                refusal = S3Refusal(response, root)
                problem = refusal == nil ? check(response) : nil
                if let element = call.element, refusal == nil, root?[element] == nil {
                    problem = FileStoreError(
                        .internalError, "\(self.place(call)): the service's answer cannot be read")
                }
                let found = problem ?? refusal.map { self.error($0, call) }
                // What is wrong three times with an answer will be so the fourth time.
                let isContent = problem != nil || found?.code == .md5Mismatch
                return found?.isPassing == true
                    && attempts < (isContent ? Self.attempts : StoreExchange.attempts)
            })
        if let problem { throw problem }
        if case .content(.bytes(let bytes), _) = call.body, refusal == nil { gauge.move(Int64(bytes.count)) }
        return S3Answer(response: response, root: root, refusal: refusal)
    }

    /// - Parameter onRequest: is called before each attempt; may change what the attempt asks for.
    func send(
        _ call: S3Call, onRequest: () throws(FileStoreError) -> Void = {},
        headers: () -> [HTTPHeader] = { [] },
        reading: S3Reading? = nil, isToBeRepeated: (HTTPResponse) -> Bool
    ) throws(FileStoreError) -> HTTPResponse {
        do throws(FileStoreError) {
            return try exchange.send(
                { () throws(FileStoreError) in
                    try onRequest()
                    var call = call
                    call.headers += headers()
                    return try outgoing(call)
                },
                onHead: reading.map { reading in { reading.begin($0) } },
                onBody: reading.map { reading in { reading.take($0) } },
                onAgain: { reading?.keepCount() },
                isToBeRepeated: isToBeRepeated)
        } catch {
            if error.code == .operationCancelled { throw error }
            throw FileStoreError(error.code, "\(place(call)): \(error.message)", help: error.help)
        }
    }

    private func outgoing(_ call: S3Call) throws(FileStoreError) -> OutgoingRequest {
        let (host, path) = address.target(call.container, call.name)
        let query = S3Field.query(call.query)
        var request = OutgoingRequest(
            call.method, "\(address.scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)"))
        request.keepsDots = true
        var headers = [HTTPHeader("Host", host)] + call.headers
        var payload = S3Signature.emptyPayload
        switch call.body {
        case .none: break
        case .xml(let text):
            request.body = Array(text.utf8)
            headers.append(HTTPHeader("Content-Type", "application/xml"))
            payload = hexadecimalText(try Digest.of(request.body, .sha256))
        case .content(let source, let hashes):
            switch source {
            case .bytes(let bytes): request.body = bytes
            case .file(let stretch): request.stretch = stretch
            }
            // Of a part the tag tells as much: a service need not compute it once more.
            let isPart = call.query.contains { $0.name == "partNumber" }
            if let md5 = hashes.md5, !isPart || hashes.sha256 == nil {
                headers.append(HTTPHeader("Content-MD5", base64Text(md5)))
            }
            // Over TLS nobody can change it, and to read a file once more for its hash is half of the work.
            payload = hashes.sha256.map(hexadecimalText) ?? S3Signature.unsignedPayload
        }
        // libcurl would name a type of its own.
        let needsType = call.method == .put || call.method == .post
        if needsType, !headers.contains(where: { $0.name == "Content-Type" }) {
            headers.append(HTTPHeader("Content-Type", "binary/octet-stream"))
        }
        if signature != nil {
            let subject = S3Signature.Subject(
                call.method, path: path, query: call.query, headers: headers, payload: payload)
            headers = try signature?.sign(subject, at: Int64(time(nil))) ?? headers
        }
        request.headers = headers
        return request
    }

    func error(_ refusal: S3Refusal, _ call: S3Call) -> FileStoreError {
        refusal.error(place(call), account, at: Int64(time(nil)))
    }

    func place(_ call: S3Call) -> String {
        guard let container = call.container else { return account.place }
        guard let name = call.name else { return "\(account.place): \(container)" }
        return "\(account.place): \(StorePath(container, name))"
    }

    func check(_ container: String) throws(FileStoreError) {
        guard S3Address.isContainerName(container) else {
            throw FileStoreError(
                .invalidResourceName, "\(account.place): \(BytePath(container)) can be no name of a container"
            )
        }
    }

    func check(_ file: StorePath) throws(FileStoreError) {
        try check(file.container)
        guard S3Address.isFileName(file.name) else {
            throw FileStoreError(
                .invalidResourceName,
                "\(account.place): \(file): a name is UTF-8 of 1 to 1024 bytes in this store")
        }
    }

    func notFound(_ file: StorePath) -> FileStoreError {
        FileStoreError(.blobNotFound, "\(account.place): \(file): there is no such file")
    }

    func conditionNotMet(_ file: StorePath) -> FileStoreError {
        FileStoreError(.conditionNotMet, "\(account.place): \(file): the file is another one by now")
    }

    func mismatch(_ file: StorePath) -> FileStoreError {
        FileStoreError(
            .md5Mismatch,
            "\(account.place): \(file): another content has arrived than was sent, by the service's hash")
    }
}

extension S3Text {
    /// Nil for what is no XML. Where something takes long some services send white space before their answer.
    static func answer(_ bytes: [UInt8]) -> XMLElement? {
        let text = bytes.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        return text.isEmpty ? nil : try? XMLElement.parse(text.count == bytes.count ? bytes : Array(text))
    }

    /// As the text of an element.
    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
    }
}
