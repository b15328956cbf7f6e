import ShipyardHTTPClient
import ShipyardModel

extension S3Store {
    package func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        try check(file)
        var call = S3Call(.put, file)
        call.headers = try headers(attributes, of: file)
        if attributes.mustBeNew { call.headers += try headersOfNewFile(file) }
        let hashes = try hashes(of: source, attributes.md5, file)
        call.body = .content(source, hashes)
        let digits = hashes.md5.map(hexadecimalText)
        let answer = try ask(call) { self.difference($0, hashes, file) }
        if let refusal = answer.refusal {
            let error = error(refusal, call)
            guard attributes.mustBeNew, error.code == .conditionNotMet else { throw error }
            // There was none a moment ago. It may be ours, where the answer to it was lost: libcurl too sends again what a connection
            // has lost that had been idle, so nothing counts the attempts.
            if let digits, let known = try stat(file), known.md5 == digits { return known }
            throw alreadyExists(file)
        }
        return StoredFile(
            name: file.name, size: source.count, modified: answer.date, identity: answer.tag ?? "",
            md5: digits)
    }

    /// Of what is sent: the MD5 for its head, and the SHA-256 where it is wanted, or where nothing else keeps the content from being
    /// changed, to sign it with.
    func hashes(of source: ByteSource, _ known: String?, _ file: StorePath) throws(FileStoreError) -> ContentHashes {
        if address.isEncrypted, let known = S3Text.md5(ofTag: known).flatMap(hexadecimalBytes) {
            return ContentHashes(md5: known, sha256: nil)
        }
        let hashes = try hashes(of: source, file, withMD5: true, withSHA256: !address.isEncrypted)
        if let known, known.lowercased() != hashes.md5.map(hexadecimalText) {
            throw FileStoreError(
                .md5Mismatch,
                "\(account.place): \(file): the content is not what its hash says; nothing was sent")
        }
        return hashes
    }

    func hashes(
        of source: ByteSource, _ file: StorePath, withMD5: Bool, withSHA256: Bool
    ) throws(FileStoreError) -> ContentHashes {
        do throws(FileStoreError) {
            return try ContentHashes(of: source, withMD5: withMD5, withSHA256: withSHA256)
        } catch {
            throw FileStoreError(error.code, "\(account.place): \(file): \(error.message)", help: error.help)
        }
    }

    /// What has arrived, by what the answer tells of it. Where that is nothing the service has compared it with our head.
    func difference(_ response: HTTPResponse, _ hashes: ContentHashes, _ file: StorePath) -> FileStoreError? {
        func differs(_ theirs: String?, _ ours: String?) -> Bool { theirs != nil && ours != nil && theirs != ours }
        let isOther =
            differs(S3Head.md5(response), hashes.md5.map(hexadecimalText))
            || differs(response.header(S3Checksum.header), hashes.sha256.map(base64Text))
        return isOther ? mismatch(file) : nil
    }

    /// What is written with a file.
    func headers(_ attributes: FileAttributes, of file: StorePath) throws(FileStoreError) -> [HTTPHeader] {
        var headers = try headers(metadata: attributes.allMetadata, of: file)
        if let type = attributes.contentType {
            guard Self.isPrintable(type), !type.isEmpty else {
                throw FileStoreError(
                    .invalidInput, "\(account.place): \(file): the content type is not ASCII")
            }
            headers.append(HTTPHeader("Content-Type", type))
        }
        return headers
    }

    func headers(metadata: [String: String], of file: StorePath) throws(FileStoreError) -> [HTTPHeader] {
        var headers: [HTTPHeader] = []
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let isName =
                name.utf8.first.map { $0 >= 0x61 && $0 <= 0x7A } == true
                && name.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x5F }
            // Spaces around a header's value are none of it.
            let isKept = Self.isPrintable(value) && !value.hasPrefix(" ") && !value.hasSuffix(" ")
            guard isName, isKept else {
                throw FileStoreError(
                    .invalidInput,
                    "\(account.place): \(file): metadata `\(BytePath(name))` is not of lower-case letters, digits and "
                        + "underscores with a value of printable ASCII that no space is around")
            }
            headers.append(S3Head.header(ofMetadata: name, value))
        }
        return headers
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    /// Asks before, because services that do not know the header take no notice of it. There two writers at the same moment
    /// may both succeed, and the later one stays.
    func headersOfNewFile(_ file: StorePath) throws(FileStoreError) -> [HTTPHeader] {
        if try head(file) != nil { throw alreadyExists(file) }
        return [HTTPHeader("If-None-Match", "*")]
    }

    func alreadyExists(_ file: StorePath) -> FileStoreError {
        FileStoreError(.blobAlreadyExists, "\(account.place): \(file): there is such a file already")
    }

    package func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {
        try check(file)
        if let identity {
            guard let known = try stat(file) else { return }
            // Few services know a condition for DELETE. What is written between these two requests is removed, too.
            guard known.identity == identity else { throw conditionNotMet(file) }
        }
        let call = S3Call(.delete, file)
        guard let refusal = try ask(call).refusal else { return }
        let error = error(refusal, call)
        if error.code != .blobNotFound { throw error }
    }
}
