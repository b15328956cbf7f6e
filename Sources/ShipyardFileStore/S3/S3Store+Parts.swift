import ShipyardHTTPClient
import ShipyardModel

// "Multipart upload", Amazon S3 User Guide.
extension S3Store {
    /// `attributes` are given here once and for all: `finish` can add none.
    package func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile {
        try check(file)
        if attributes.mustBeNew { _ = try headersOfNewFile(file) }
        return try beginParts(file, headers: headers(attributes, of: file), withSHA256: true)
    }

    /// - Parameter withSHA256: asks the service to compare the SHA-256 of each part, which is there for the signature, too.
    ///   Where no checksum is named a service may compute one of its own, over the whole file and in the end. Those that know
    ///   nothing of it ignore the header or refuse it; one that agrees repeats it.
    func beginParts(
        _ file: StorePath, headers: [HTTPHeader], withSHA256: Bool
    ) throws(FileStoreError) -> PartialFile {
        var call = S3Call(.post, file, [S3Field("uploads")])
        call.element = "UploadId"
        call.headers = headers + (withSHA256 ? [S3Checksum.algorithm] : [])
        let answer = try ask(call)
        if let refusal = answer.refusal {
            guard withSHA256, refusal.mayBeOfAHeader else { throw error(refusal, call) }
            return try beginParts(file, headers: headers, withSHA256: false)
        }
        guard let upload = answer.root?.text("UploadId"), !upload.isEmpty else {
            throw FileStoreError(
                .internalError, "\(place(call)): the service gives the unfinished file no id")
        }
        let agreed = answer.response.header(S3Checksum.algorithm.name)
        return PartialFile(
            path: file, upload: upload, hasSHA256: withSHA256 && agreed == S3Checksum.algorithm.value)
    }

    package func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? {
        try check(file)
        guard let upload = try newestUpload(file) else { return nil }
        var partial = PartialFile(path: file, upload: upload)
        var marker: String?
        repeat {
            var call = S3Call(.get, file, [S3Field("uploadId", upload)])
            call.element = "UploadId"
            if let marker { call.query.append(S3Field("part-number-marker", marker)) }
            let answer = try ask(call)
            if let refusal = answer.refusal {
                let error = error(refusal, call)
                // Somebody has just finished it.
                if error.code == .blobNotFound || Self.isNoWayOn(error) { return nil }
                throw error
            }
            partial.hasSHA256 = answer.root?.text("ChecksumAlgorithm") == S3Checksum.algorithm.value
            partial.parts += answer.root?.all("Part").compactMap(Self.part) ?? []
            marker = Self.next(answer.root, "NextPartNumberMarker", after: marker)
        } while marker != nil
        partial.parts.sort { $0.number < $1.number }
        return partial
    }

    private static func part(_ entry: XMLElement) -> FilePart? {
        guard let number = entry.text("PartNumber").flatMap(Int.init),
            let size = entry.text("Size").flatMap(Int64.init),
            let tag = S3Text.tag(entry.text("ETag"))
        else { return nil }
        return FilePart(number: number, size: size, md5: S3Text.md5(ofTag: tag), sha256: entry.text(S3Checksum.element), tag: tag)
    }

    /// Nil at the end, and where a service would lead us round in a circle.
    private static func next(_ root: XMLElement?, _ name: String, after marker: String?) -> String? {
        guard root?.text("IsTruncated") == "true", let next = root?.text(name), !next.isEmpty else {
            return nil
        }
        return next == marker ? nil : next
    }

    /// Who may write need not be allowed to look for what is unfinished, and some services cannot.
    private static func isNoWayOn(_ error: FileStoreError) -> Bool {
        error.code == .authorizationFailure || error.code == .unsupported
    }

    /// Of the uploads that are under way to the very name.
    private func newestUpload(_ file: StorePath) throws(FileStoreError) -> String? {
        var newest: (upload: String, initiated: Int64)?
        var markers: [S3Field] = []
        while true {
            var call = S3Call(.get, file.container)
            // Not every service says that there is no more.
            call.element = "Bucket"
            call.query =
                [S3Field("uploads"), S3Field("encoding-type", "url"), S3Field("prefix", file.name)] + markers
            let answer = try ask(call)
            if let refusal = answer.refusal {
                let error = error(refusal, call)
                // A container in which no upload was ever begun has none, and some services call that an error.
                if Self.isNoWayOn(error) || refusal.code == "NoSuchUpload" { return nil }
                throw error
            }
            let root = answer.root
            let isEncoded = root?.text("EncodingType") == "url"
            func name(_ text: String) -> BytePath {
                isEncoded ? BytePath(bytes: S3Text.decoded(text)) : BytePath(text)
            }
            for entry in root?.all("Upload") ?? [] {
                guard entry.text("Key").map(name) == file.name, let upload = entry.text("UploadId") else {
                    continue
                }
                let initiated = entry.text("Initiated").flatMap(S3Text.instant)?.milliseconds ?? 0
                if newest.map({ $0.initiated <= initiated }) != false { newest = (upload, initiated) }
            }
            // They come in the order of names, and the name itself is the first of those that begin with it.
            guard let key = Self.next(root, "NextKeyMarker", after: nil).map(name), key == file.name,
                let upload = root?.text("NextUploadIdMarker")
            else { return newest?.upload }
            let next = [S3Field("key-marker", key), S3Field("upload-id-marker", upload)]
            if next == markers { return newest?.upload }
            markers = next
        }
    }

    package func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart {
        try check(file.path)
        var call = S3Call(
            .put, file.path, [S3Field("partNumber", String(number)), S3Field("uploadId", file.upload)])
        // One hash is enough, and the MD5 takes three times as long. Without the service's agreement it is compared with the tag.
        let known = file.sha256.indices.contains(number - 1) ? file.sha256[number - 1] : nil
        let computed = try hashes(
            of: source, file.path, withMD5: !file.hasSHA256,
            withSHA256: known == nil && (file.hasSHA256 || !address.isEncrypted))
        let hashes = ContentHashes(md5: computed.md5, sha256: known ?? computed.sha256)
        let sha256 = file.hasSHA256 ? hashes.sha256.map(base64Text) : nil
        if let sha256 { call.headers.append(HTTPHeader(S3Checksum.header, sha256)) }
        call.body = .content(source, hashes)
        let answer = try ask(call) { self.difference($0, hashes, file.path) }
        if let refusal = answer.refusal { throw error(refusal, call) }
        return FilePart(
            number: number, size: source.count,
            md5: hashes.md5.map(hexadecimalText) ?? S3Head.md5(answer.response), sha256: sha256, tag: answer.tag ?? "")
    }

    package func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        try check(file.path)
        let parts = parts.sorted { $0.number < $1.number }
        var call = S3Call(.post, file.path, [S3Field("uploadId", file.upload)])
        call.element = "ETag"
        if attributes.mustBeNew { call.headers = try headersOfNewFile(file.path) }
        let entries = parts.map { part in
            let hash = part.sha256.map { "<\(S3Checksum.element)>\(S3Text.escaped($0))</\(S3Checksum.element)>" }
            return "<Part><PartNumber>\(part.number)</PartNumber>"
                + "<ETag>\(S3Text.escaped(S3Text.quoted(part.tag)))</ETag>\(hash ?? "")</Part>"
        }
        call.body = .xml(
            """
            <CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\(entries.joined())\
            </CompleteMultipartUpload>
            """)
        let answer = try ask(call)
        if let refusal = answer.refusal {
            let error = error(refusal, call)
            // They may have been put together already, and the answer to it been lost.
            let isPassed = error.code == .blobNotFound || error.code == .conditionNotMet
            if isPassed, let tag = Self.tag(ofParts: parts), let known = try stat(file.path),
                known.identity == tag
            {
                return known
            }
            throw error.code == .conditionNotMet && attributes.mustBeNew ? alreadyExists(file.path) : error
        }
        let size = parts.reduce(0) { $0 + $1.size }
        return StoredFile(
            name: file.path.name, size: size, modified: answer.date,
            identity: S3Text.tag(answer.root?.text("ETag")) ?? "", md5: attributes.md5)
    }

    /// What Amazon makes of the tags of the parts; others may do otherwise.
    private static func tag(ofParts parts: [FilePart]) -> String? {
        let hashes = parts.compactMap { $0.md5.flatMap(hexadecimalBytes) }
        guard hashes.count == parts.count, let hash = try? Digest.of(hashes.flatMap { $0 }, .md5) else {
            return nil
        }
        return "\(hexadecimalText(hash))-\(parts.count)"
    }

    package func abandon(_ file: PartialFile) throws(FileStoreError) {
        try check(file.path)
        let call = S3Call(.delete, file.path, [S3Field("uploadId", file.upload)])
        guard let refusal = try ask(call).refusal, refusal.code != "NoSuchUpload" else { return }
        throw error(refusal, call)
    }
}
