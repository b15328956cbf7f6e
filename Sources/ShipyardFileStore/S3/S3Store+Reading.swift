import Glibc
import ShipyardHTTPClient
import ShipyardModel

extension S3Store {
    package func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? { try head(file)?.file }

    func head(_ file: StorePath) throws(FileStoreError) -> S3Head? {
        try check(file)
        let call = S3Call(.head, file)
        // Twice, where the file has come between the two requests.
        for _ in 0..<2 {
            let answer = try ask(call)
            guard answer.refusal != nil else { return S3Head(answer.response, name: file.name) }
            // The answer to HEAD has no body, so it tells neither a missing file from a missing container nor a wrong key from an
            // expired one. That to GET does.
            var reason = S3Call(.get, file)
            reason.headers = [HTTPHeader("Range", "bytes=0-0")]
            guard let refusal = try ask(reason).refusal else { continue }
            let error = error(refusal, call)
            if error.code == .blobNotFound { return nil }
            // That it is empty is no reason (416).
            if refusal.status != 416 { throw error }
        }
        throw FileStoreError(.internalError, "\(place(call)): the service contradicts itself about the file")
    }

    package func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        try check(file)
        if let range, range.isEmpty { return try checkIdentity(of: file, identity) }
        let reading = S3Reading(range, identity, target, gauge)
        let call = S3Call(.get, file)
        let response: HTTPResponse
        do throws(FileStoreError) {
            response = try send(
                call, onRequest: { () throws(FileStoreError) in try reading.beginAttempt() },
                headers: { reading.headers }, reading: reading,
                isToBeRepeated: { reading.isToBeRepeated($0) })
        } catch {
            if reading.isComplete { return try settle(reading, call) }
            throw reading.problem.map { problem in
                FileStoreError(problem.code, "\(self.place(call)): \(problem.message)", help: problem.help)
            } ?? error
        }
        if response.status == 416, range != nil { return try checkIdentity(of: file, identity) }
        if let refusal = S3Refusal(response) { throw error(refusal, call) }
        try settle(reading, call)
    }

    private func settle(_ reading: S3Reading, _ call: S3Call) throws(FileStoreError) {
        reading.flush()
        guard let problem = reading.problem else { return }
        throw FileStoreError(problem.code, "\(place(call)): \(problem.message)", help: problem.help)
    }

    /// Where nothing is to be read of it.
    private func checkIdentity(of file: StorePath, _ identity: String?) throws(FileStoreError) {
        guard let known = try stat(file) else { throw notFound(file) }
        if let identity, identity != known.identity { throw conditionNotMet(file) }
    }
}

/// What the head of an answer tells of a file.
struct S3Head {
    private static let metadataPrefix = "x-amz-meta-"
    /// What must be said again where metadata is replaced, or a file is copied by parts.
    static let keptHeaders = [
        "Content-Type", "Content-Encoding", "Content-Disposition", "Content-Language", "Cache-Control",
        "Expires",
        "x-amz-storage-class", "x-amz-website-redirect-location",
    ]

    let file: StoredFile
    let kept: [HTTPHeader]
    /// What we have written of a file whose tag is no MD5.
    let ownMD5: String?

    init(_ response: HTTPResponse, name: BytePath) {
        var metadata: [String: String] = [:]
        for header in response.headers {
            let name = header.name.lowercased()
            guard name.hasPrefix(Self.metadataPrefix) else { continue }
            let ours = name.dropFirst(Self.metadataPrefix.utf8.count).map { $0 == "-" ? "_" : $0 }
            metadata[String(ours)] = header.value
        }
        ownMD5 = S3Text.md5(ofTag: metadata.removeValue(forKey: FileAttributes.md5Name))
        let modified = response.header("Last-Modified").flatMap(httpDate) ?? 0
        var file = StoredFile(
            name: name, size: response.header("Content-Length").flatMap(Int64.init) ?? 0,
            modified: Instant(milliseconds: modified * 1000),
            identity: S3Text.tag(response.header("ETag")) ?? "",
            md5: Self.md5(response) ?? ownMD5)
        file.partsHash = metadata.removeValue(forKey: FileAttributes.partsHashName).flatMap {
            PartsHash($0, size: file.size)
        }
        file.metadata = metadata
        self.file = file
        kept = Self.keptHeaders.compactMap { name in
            response.header(name).flatMap { $0.isEmpty ? nil : HTTPHeader(name, $0) }
        }
    }

    /// A hyphen for an underscore: many a proxy and server leaves out a header whose name has an underscore.
    static func header(ofMetadata name: String, _ value: String) -> HTTPHeader {
        HTTPHeader(metadataPrefix + String(name.map { $0 == "_" ? "-" : $0 }), value)
    }

    /// That the tag is, unless the service has encrypted the content with a key by which it is none.
    static func md5(_ response: HTTPResponse) -> String? {
        md5(response, tag: S3Text.tag(response.header("ETag")))
    }

    static func md5(_ response: HTTPResponse, tag: String?) -> String? {
        let isOther =
            response.header("x-amz-server-side-encryption")?.hasPrefix("aws:") == true
            || response.header("x-amz-server-side-encryption-customer-algorithm") != nil
        return isOther ? nil : S3Text.md5(ofTag: tag)
    }
}
