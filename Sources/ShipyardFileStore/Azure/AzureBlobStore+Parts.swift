import ShipyardHTTPClient
import ShipyardModel

/// Azure keeps blocks that are not committed yet beside the file of the name, for a week, whoever sent them. So a write in parts
/// has no name of its own, and nothing has to be begun or can be abandoned.
extension AzureBlobStore {
    package func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile {
        try AzureNames.check(file, of: account)
        // What could not be finished is refused before anything is sent.
        _ = try headers(attributes, place(file))
        return PartialFile(path: file, upload: "")
    }

    package func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? {
        try AzureNames.check(file, of: account)
        var request = AzureRequest(.get, file)
        request.query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")]
        let response = try send { request }
        guard response.status == 200 else {
            let error = refusal(response, request)
            if error.code == .blobNotFound { return nil }
            throw error
        }
        let root = try answerTree(response, request)
        // Of two that have one number an earlier run may have sent either; one is as good to compare with.
        var parts: [Int: FilePart] = [:]
        for element in root["UncommittedBlocks"]?.all("Block") ?? [] {
            guard let id = element.text("Name"), let block = AzureBlock(id: id),
                element.text("Size").flatMap({ Int64($0) }) == block.size
            else { continue }
            parts[block.number] = FilePart(number: block.number, size: block.size, md5: block.md5, tag: id)
        }
        guard !parts.isEmpty else { return nil }
        return PartialFile(path: file, upload: "", parts: parts.values.sorted { $0.number < $1.number })
    }

    package func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart {
        guard (1...rules.mostParts).contains(number) else {
            throw FileStoreError(.invalidInput, "\(place(file.path)): there is no part \(number)")
        }
        let md5 = try azureHash(of: source, place(file.path))
        let block = AzureBlock(number: number, size: source.count, md5: hexadecimalText(md5))
        var request = AzureRequest(.put, file.path)
        request.query = [("comp", "block"), ("blockid", block.id)]
        request.headers = [HTTPHeader("Content-MD5", base64Text(md5))]
        _ = try sendIntact(request, source, md5: md5)
        return FilePart(number: number, size: block.size, md5: block.md5, tag: block.id)
    }

    package func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        let parts = parts.sorted { $0.number < $1.number }
        var list = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>"
        // The latest of an id, committed or not: a request whose answer was lost may be sent again.
        for part in parts { list += "<Latest>\(part.tag)</Latest>" }
        list += "</BlockList>"
        let body = Array(list.utf8)

        var request = AzureRequest(.put, file.path)
        request.query = [("comp", "blocklist")]
        request.headers = try headers(attributes, place(file.path))
        request.headers.append(HTTPHeader("Content-MD5", base64Text(try Digest.of(body, .md5))))
        if let md5 = attributes.md5 {
            let bytes = try Self.bytes(ofMD5: md5, place(file.path))
            request.headers.append(HTTPHeader("x-ms-blob-content-md5", base64Text(bytes)))
        }
        let response = try send(.bytes(body)) { request }
        guard response.status == 201 else {
            let error = refusal(response, request)
            let isCondition = response.header("x-ms-error-code") == "ConditionNotMet"
            throw attributes.mustBeNew && isCondition ? Self.newness(error, place(file.path)) : error
        }
        return StoredFile(
            name: file.path.name, size: parts.reduce(0) { $0 + $1.size },
            modified: azureInstant(response.header("Last-Modified")),
            identity: azureIdentity(response.header("ETag") ?? ""), md5: attributes.md5)
    }

    /// The service discards them by itself; there is no request that would do it without touching the file of the name.
    package func abandon(_ file: PartialFile) throws(FileStoreError) {}
}
