import ShipyardHTTPClient
import ShipyardModel

extension AzureBlobStore {
    /// Of a file that arrived damaged.
    static let damagedAttempts = 3

    package func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? {
        try AzureNames.check(file, of: account)
        let request = AzureRequest(.head, file)
        let response = try send { request }
        guard response.status == 200 else {
            let error = refusal(response, request)
            if error.code == .blobNotFound { return nil }
            throw error
        }
        let stored = Self.storedFile(file.name, response)
        return stored.metadata[azureFolderMark]?.lowercased() == "true" ? nil : stored
    }

    private static func storedFile(_ name: BytePath, _ response: HTTPResponse) -> StoredFile {
        var stored = StoredFile(
            name: name, size: response.header("Content-Length").flatMap { Int64($0) } ?? 0,
            modified: azureInstant(response.header("Last-Modified")),
            identity: azureIdentity(response.header("ETag") ?? ""),
            md5: azureMD5(response.header("Content-MD5")))
        for header in response.headers {
            let name = header.name.lowercased()
            guard name.hasPrefix("x-ms-meta-") else { continue }
            stored.metadata[String(name.dropFirst("x-ms-meta-".count))] = header.value
        }
        return stored
    }

    package func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        try AzureNames.check(file, of: account)
        guard source.count <= rules.largestWhole else {
            throw FileStoreError(
                .invalidInput, "\(place(file)): \(source.count) bytes are too many for one request")
        }
        let md5 = try hash(of: source, attributes, file)
        var request = AzureRequest(.put, file)
        request.headers =
            try headers(attributes, place(file)) + [
                HTTPHeader("x-ms-blob-type", "BlockBlob"), HTTPHeader("Content-MD5", base64Text(md5)),
                HTTPHeader("x-ms-blob-content-md5", base64Text(md5)),
            ]
        let response = try sendIntact(request, source, md5: md5, mustBeNew: attributes.mustBeNew)
        return StoredFile(
            name: file.name, size: source.count, modified: azureInstant(response.header("Last-Modified")),
            identity: azureIdentity(response.header("ETag") ?? ""), md5: hexadecimalText(md5))
    }

    /// MD5 of what is to be sent: where the caller knows it already, a pass over the file is saved, and the service finds out
    /// whether it is true.
    private func hash(
        of source: ByteSource, _ attributes: FileAttributes, _ file: StorePath
    ) throws(FileStoreError) -> [UInt8] {
        guard let known = attributes.md5 else { return try azureHash(of: source, place(file)) }
        return try Self.bytes(ofMD5: known, place(file))
    }

    static func bytes(ofMD5 text: String, _ place: String) throws(FileStoreError) -> [UInt8] {
        guard let bytes = hexadecimalBytes(text), bytes.count == 16 else {
            throw FileStoreError(.invalidInput, "\(place): `\(BytePath(text))` is no MD5")
        }
        return bytes
    }

    /// Sends a body until it has arrived as it is.
    func sendIntact(
        _ request: AzureRequest, _ source: ByteSource, md5: [UInt8], mustBeNew: Bool = false
    ) throws(FileStoreError) -> HTTPResponse {
        for attempt in 1... {
            let response = try send(source) { request }
            var error: FileStoreError
            if response.status == 201 {
                let theirs = azureMD5(response.header("Content-MD5"))
                if theirs == nil || theirs == hexadecimalText(md5) {
                    // What is read from a file, the exchange has told already.
                    if case .bytes = source { gauge.move(source.count) }
                    return response
                }
                error = FileStoreError(
                    .md5Mismatch,
                    "\(account.place), \(request.subject): another content has arrived than was sent")
            } else {
                error = refusal(response, request)
                if mustBeNew { error = Self.newness(error, "\(account.place), \(request.subject)") }
            }
            guard error.code == .md5Mismatch, attempt < Self.damagedAttempts else { throw error }
            if case .file = source { gauge.move(-source.count) }
        }
        throw FileStoreError.cancelled
    }

    /// Says that a file is there already, in one word for both that the service has for it. It may be ours, by an attempt whose
    /// answer was lost: that cannot be told from another's of the same content.
    static func newness(_ error: FileStoreError, _ place: String) -> FileStoreError {
        guard error.code == .conditionNotMet else { return error }
        return FileStoreError(.blobAlreadyExists, "\(place): there is a file of this name already")
    }

    /// What attributes say, beside the hash.
    func headers(_ attributes: FileAttributes, _ place: String) throws(FileStoreError) -> [HTTPHeader] {
        var metadata = attributes.allMetadata
        // The service keeps the hash by itself.
        metadata[FileAttributes.md5Name] = nil
        var headers = try AzureNames.headers(metadata: metadata, of: place)
            .map { HTTPHeader($0.0, $0.1) }
        if let type = attributes.contentType {
            guard type.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw FileStoreError(.invalidInput, "\(place): `\(BytePath(type))` is no type of content")
            }
            headers.append(HTTPHeader("x-ms-blob-content-type", type))
        }
        if attributes.mustBeNew { headers.append(HTTPHeader("If-None-Match", "*")) }
        return headers
    }

    package func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {
        try AzureNames.check(file, of: account)
        var request = AzureRequest(.delete, file)
        if let identity { request.headers.append(HTTPHeader("If-Match", "\"\(azureIdentity(identity))\"")) }
        let response = try send { request }
        if response.status == 202 { return }
        let error = refusal(response, request)
        if error.code != .blobNotFound { throw error }
    }

    package func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {
        try AzureNames.check(file, of: account)
        var request = AzureRequest(.put, file)
        request.query = [("comp", "metadata")]
        request.headers = try AzureNames.headers(metadata: metadata, of: place(file)).map {
            HTTPHeader($0.0, $0.1)
        }
        try send(request, expecting: 200)
    }
}

/// MD5 of a source, read once.
func azureHash(of source: ByteSource, _ place: String) throws(FileStoreError) -> [UInt8] {
    switch source {
    case .bytes(let bytes): return try Digest.of(bytes, .md5)
    case .file(let stretch):
        do throws(FileStoreError) { return try Digest.of(stretch, .md5) } catch {
            throw FileStoreError(error.code, "\(place): \(error.message)", help: error.help)
        }
    }
}
