import ShipyardHTTPClient
import ShipyardModel

extension S3Store {
    package func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        try check(target)
        guard let known = try head(source) else { throw notFound(source) }
        // The service refuses to copy a file on itself where nothing changes.
        return source == target ? known.file : try copy(source, known, to: target, replacing: nil)
    }

    /// A file's content cannot be touched by this, but on most services its identity is another one afterwards, and rights that were
    /// given to it alone are gone: the file is copied on itself, which is the only way there is.
    package func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {
        try check(file)
        guard let known = try head(file) else { throw notFound(file) }
        var metadata = metadata
        // What is said of them now is of what the file is now.
        metadata[FileAttributes.md5Name] = metadata[FileAttributes.md5Name] ?? known.ownMD5
        metadata[FileAttributes.partsHashName] =
            metadata[FileAttributes.partsHashName] ?? known.file.partsHash?.description
        _ = try copy(file, known, to: file, replacing: headers(metadata: metadata, of: file) + known.kept)
    }

    /// - Parameter headers: in place of the file's own.
    private func copy(
        _ source: StorePath, _ known: S3Head, to target: StorePath, replacing headers: [HTTPHeader]?
    ) throws(FileStoreError) -> StoredFile {
        // Between the look at the source and the copy it must not change.
        let origin = [
            HTTPHeader(
                "x-amz-copy-source",
                "/\(source.container)/\(S3Text.encoded(source.name.bytes, keepsSlashes: true))"),
            HTTPHeader("x-amz-copy-source-if-match", S3Text.quoted(known.file.identity)),
        ]
        if known.file.size > largestCopy { return try copyByParts(origin, known, to: target, headers) }
        var call = S3Call(.put, target)
        call.element = "ETag"
        call.headers = origin
        if let headers { call.headers += headers + [HTTPHeader("x-amz-metadata-directive", "REPLACE")] }
        let answer = try perform(call)
        let tag = S3Text.tag(answer.root?.text("ETag"))
        return StoredFile(
            name: target.name, size: known.file.size,
            modified: answer.root?.text("LastModified").flatMap(S3Text.instant) ?? answer.date,
            identity: tag ?? "",
            md5: S3Head.md5(answer.response, tag: tag) ?? known.file.md5)
    }

    private func copyByParts(
        _ origin: [HTTPHeader], _ known: S3Head, to target: StorePath, _ headers: [HTTPHeader]?
    ) throws(FileStoreError) -> StoredFile {
        var metadata = known.file.metadata
        metadata[FileAttributes.md5Name] = known.file.md5
        metadata[FileAttributes.partsHashName] = known.file.partsHash?.description
        // Not checked: names that others have given are theirs.
        let own = known.kept + metadata.sorted { $0.key < $1.key }.map { S3Head.header(ofMetadata: $0, $1) }
        let partial = try beginParts(target, headers: headers ?? own, withSHA256: false)
        do throws(FileStoreError) {
            let size = known.file.size
            let step = max(copiedPartBytes, (size + Int64(rules.mostParts) - 1) / Int64(rules.mostParts))
            var parts: [FilePart] = []
            var position: Int64 = 0
            while position < size {
                let end = min(position + step, size)
                var call = S3Call(
                    .put, target,
                    [S3Field("partNumber", String(parts.count + 1)), S3Field("uploadId", partial.upload)])
                call.element = "ETag"
                call.headers =
                    origin + [HTTPHeader("x-amz-copy-source-range", "bytes=\(position)-\(end - 1)")]
                let tag = S3Text.tag(try perform(call).root?.text("ETag")) ?? ""
                parts.append(
                    FilePart(
                        number: parts.count + 1, size: end - position, md5: S3Text.md5(ofTag: tag), tag: tag))
                position = end
            }
            var attributes = FileAttributes()
            attributes.md5 = known.file.md5
            return try finish(partial, parts, attributes)
        } catch {
            // What is left of it costs money until somebody finds it.
            try? abandon(partial)
            throw error
        }
    }
}
