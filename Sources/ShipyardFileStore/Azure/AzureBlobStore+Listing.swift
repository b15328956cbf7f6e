import ShipyardHTTPClient
import ShipyardModel

/// Where a listing goes on. Azure knows no names to start after, but markers of its own.
struct AzurePagePlace: Hashable {
    var container: String
    var prefix: BytePath
    var after: BytePath
}

struct AzureContinuation {
    /// What the last page had beyond what was asked for.
    var waiting: [StoredFile]
    /// Of the page after that; nil where there is none.
    var marker: String?
}

extension AzureBlobStore {
    /// The service's own order is taken for that of bytes, which it is for all letters that UTF-16 writes as one.
    package func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        try AzureNames.check(container: container, of: account)
        guard String(validating: prefix.bytes, as: UTF8.self) != nil else {
            throw FileStoreError(
                .invalidResourceName,
                "\(account.place), \(container)/\(prefix): Azure Blob has no such names: they are no UTF-8")
        }
        guard limit > 0 else { return FilePage(files: [], next: after) }
        var (files, marker): ([StoredFile], String?) = ([], "")
        var isSkipping = false
        if let after {
            let place = AzurePagePlace(container: container, prefix: prefix, after: after)
            // Used once: what it knows grows old.
            if let known = continuations.removeValue(forKey: place) {
                (files, marker) = (known.waiting, known.marker)
            } else {
                // By somebody else, or long ago: from the beginning, in the largest pages.
                isSkipping = true
            }
        }
        var last = files.last?.name
        while files.isEmpty, let current = marker {
            var request = AzureRequest(.get, container)
            let most = isSkipping ? Self.largestPage : min(limit, Self.largestPage)
            // Metadata, because it tells the stubs of directories.
            request.query = [
                ("restype", "container"), ("comp", "list"), ("include", "metadata"),
                ("maxresults", String(most)),
            ]
            if !prefix.isEmpty {
                request.query.append(("prefix", String(decoding: prefix.bytes, as: UTF8.self)))
            }
            if !current.isEmpty { request.query.append(("marker", current)) }
            let page = AzurePage(try answerTree(send(request, expecting: 200), request))
            marker = page.marker
            last = page.last ?? last
            files =
                isSkipping ? page.files.filter { file in after.map { $0 < file.name } ?? true } : page.files
        }
        let waiting = Array(files.dropFirst(limit))
        files = Array(files.prefix(limit))
        guard marker != nil || !waiting.isEmpty else { return FilePage(files: files, next: nil) }
        let next = waiting.isEmpty ? last : files.last?.name
        if let next {
            if continuations.count >= Self.keptContinuations { continuations.removeAll() }
            continuations[AzurePagePlace(container: container, prefix: prefix, after: next)] =
                AzureContinuation(waiting: waiting, marker: marker)
        }
        return FilePage(files: files, next: next)
    }
}

/// A page of a container's listing.
struct AzurePage {
    private(set) var files: [StoredFile] = []
    /// The last name that was listed, file or not.
    private(set) var last: BytePath?
    /// Nil at the end.
    let marker: String?

    init(_ root: XMLElement) {
        let marker = root.text("NextMarker") ?? ""
        self.marker = marker.isEmpty ? nil : marker
        for blob in root["Blobs"]?.all("Blob") ?? [] {
            guard let element = blob["Name"] else { continue }
            // What XML cannot have comes percent-encoded.
            let isEncoded = element.attributes["Encoded"]?.lowercased() == "true"
            let name = isEncoded ? BytePath(bytes: percentDecodedLeniently(element.text)) : BytePath(element.text)
            last = name
            guard let file = Self.file(name, blob) else { continue }
            files.append(file)
        }
    }

    private static func file(_ name: BytePath, _ blob: XMLElement) -> StoredFile? {
        guard let properties = blob["Properties"] else { return nil }
        let isFolder = blob["Metadata"]?.children.contains {
            $0.name.lowercased() == azureFolderMark && $0.text.lowercased() == "true"
        }
        let isEarlier =
            blob["Snapshot"] != nil || blob.text("Deleted") == "true"
            || blob.text("IsCurrentVersion") == "false"
        guard isFolder != true, !isEarlier, properties.text("ResourceType") != "directory" else { return nil }
        return StoredFile(
            name: name, size: properties.text("Content-Length").flatMap { Int64($0) } ?? 0,
            modified: azureInstant(properties.text("Last-Modified")),
            identity: azureIdentity(properties.text("Etag") ?? ""),
            md5: azureMD5(properties.text("Content-MD5")))
    }
}

/// Metadata of what stands for a directory.
let azureFolderMark = "hdi_isfolder"

/// Headers have an ETag in quotes, listings have it without.
func azureIdentity(_ tag: String) -> String {
    tag.count > 1 && tag.hasPrefix("\"") && tag.hasSuffix("\"") ? String(tag.dropFirst().dropLast()) : tag
}

func azureInstant(_ date: String?) -> Instant {
    Instant(milliseconds: (date.flatMap(httpDate) ?? 0) * 1000)
}

/// 32 digits from the Base64 of a header; nil for what is none.
func azureMD5(_ text: String?) -> String? {
    guard let bytes = text.flatMap({ base64Bytes($0.utf8) }), bytes.count == 16 else { return nil }
    return hexadecimalText(bytes)
}
