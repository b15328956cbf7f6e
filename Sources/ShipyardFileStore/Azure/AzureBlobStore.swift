import Glibc
import ShipyardHTTPClient
import ShipyardModel

/// An account of Azure Blob Storage, or of what speaks its protocol as Azurite does.
///
/// Only block blobs are written; page and append blobs are read like them. Snapshots, earlier versions and the stubs that stand
/// for directories of hierarchical accounts are no files.
package final class AzureBlobStore {
    static let version = "2021-12-02"
    /// The service's own.
    static let largestPage = 5000
    /// Pages that somebody may still go on from. A walk over a container needs one.
    static let keptContinuations = 64

    package let account: StorageAccount
    let endpoint: AzureEndpoint
    let credential: AzureCredential
    let gauge: TransferGauge
    private let exchange: StoreExchange
    var continuations: [AzurePagePlace: AzureContinuation] = [:]

    package init(_ account: StorageAccount, _ keys: StorageKeys, _ gauge: TransferGauge)
        throws(FileStoreError)
    {
        self.account = account
        self.gauge = gauge
        endpoint = try AzureEndpoint(account)
        credential = try AzureCredential(keys, of: account)
        exchange = try StoreExchange(gauge)
    }

    /// The same account for another transfer.
    init(_ other: AzureBlobStore, _ gauge: TransferGauge) throws(FileStoreError) {
        account = other.account
        endpoint = other.endpoint
        credential = other.credential
        self.gauge = gauge
        exchange = try StoreExchange(gauge)
    }

    /// For messages.
    func place(_ file: StorePath) -> String { "\(account.place), \(file)" }

    /// The answer, whatever its status, unless it is one that passes. Signed anew for each attempt: dates grow old.
    ///
    /// - Parameter prepare: makes the request of each attempt.
    func send(
        _ body: ByteSource = .bytes([]), onHead: ((HTTPResponse) -> Bool)? = nil,
        onBody: ((UnsafeRawBufferPointer) -> Bool)? = nil, onAgain: () -> Void = {},
        _ prepare: () -> AzureRequest
    ) throws(FileStoreError) -> HTTPResponse {
        var subject = ""
        do throws(FileStoreError) {
            return try exchange.send(
                { () throws(FileStoreError) in
                    let request = prepare()
                    subject = request.subject
                    return try outgoing(request, body)
                }, onHead: onHead, onBody: onBody, onAgain: onAgain)
        } catch {
            guard error.code != .operationCancelled else { throw error }
            let place = subject.isEmpty ? account.place : "\(account.place), \(subject)"
            throw FileStoreError(error.code, "\(place): \(error.message)", help: error.help)
        }
    }

    /// The answer, whose status must be one of these.
    @discardableResult
    func send(
        _ request: AzureRequest, _ body: ByteSource = .bytes([]), expecting statuses: Int...
    ) throws(FileStoreError) -> HTTPResponse {
        let response = try send(body) { request }
        guard statuses.contains(response.status) else { throw refusal(response, request) }
        return response
    }

    func refusal(_ response: HTTPResponse, _ request: AzureRequest) -> FileStoreError {
        AzureRefusal(account: account, credential: credential)
            .error(response, subject: request.subject, now: Int64(time(nil)))
    }

    private func outgoing(_ request: AzureRequest, _ body: ByteSource) throws(FileStoreError)
        -> OutgoingRequest
    {
        var request = request
        request.headers += [
            HTTPHeader("x-ms-date", httpDateText(Int64(time(nil)))), HTTPHeader("x-ms-version", Self.version),
        ]
        // Else libcurl says that a body is a form, and no signature knows of it.
        if request.method == .put {
            request.headers.append(HTTPHeader("Content-Type", "application/octet-stream"))
        }
        var outgoing = OutgoingRequest(request.method, endpoint.url(of: request))
        switch credential {
        case .none: break
        case .sas(let sas):
            outgoing.url += (request.query.isEmpty ? "?" : "&") + Self.text(sas)
        case .sharedKey(let key):
            let text = AzureSharedKey.stringToSign(
                request, contentLength: body.count, account: account.name, path: endpoint.path(of: request))
            request.headers.append(
                HTTPHeader(
                    "Authorization",
                    try AzureSharedKey.authorization(text, account: account.name, key: key)))
        }
        outgoing.headers = request.headers
        switch body {
        case .bytes(let bytes): outgoing.body = bytes
        case .file(let stretch): if stretch.count > 0 { outgoing.stretch = stretch }
        }
        return outgoing
    }

    /// A request that carries it goes out next.
    static func text(_ sas: Secret) -> String { sas.withExposedBytes { String(decoding: $0, as: UTF8.self) } }
}

extension AzureBlobStore: FileStore {
    /// A file of several parts takes two requests more than a whole one, but may go on where it stopped.
    package var rules: StoreRules {
        StoreRules(largestWhole: 32 << 20, partBytes: 16 << 20, mostParts: 50_000, connections: 8)
    }

    package func containers() throws(FileStoreError) -> [String] {
        var names: [String] = []
        var marker = ""
        repeat {
            var request = AzureRequest(.get)
            request.query = [("comp", "list")]
            if !marker.isEmpty { request.query.append(("marker", marker)) }
            let root = try answerTree(send(request, expecting: 200), request)
            names += root["Containers"]?.all("Container").compactMap { $0.text("Name") } ?? []
            marker = root.text("NextMarker") ?? ""
        } while !marker.isEmpty
        return names.sorted { BytePath($0) < BytePath($1) }
    }

    package func makeContainer(_ container: String) throws(FileStoreError) {
        try AzureNames.check(container: container, of: account)
        var request = AzureRequest(.put, container)
        request.query = [("restype", "container")]
        let response = try send { request }
        if response.status == 201 { return }
        let error = refusal(response, request)
        if response.header("x-ms-error-code") == "ContainerAlreadyExists" { return }
        // A signature for a container cannot make it, and its owner knows that it is there.
        if error.code == .authorizationFailure, case .sas = credential,
            (try? list(container, prefix: BytePath(""), after: nil, limit: 1)) != nil
        {
            return
        }
        throw error
    }

    func answerTree(_ response: HTTPResponse, _ request: AzureRequest) throws(FileStoreError) -> XMLElement {
        do throws(FileStoreError) { return try XMLElement.parse(response.body) } catch {
            throw FileStoreError(error.code, "\(account.place), \(request.subject): \(error.message)")
        }
    }
}
