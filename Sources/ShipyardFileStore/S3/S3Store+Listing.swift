import ShipyardHTTPClient
import ShipyardModel

extension S3Store: FileStore {
    package func containers() throws(FileStoreError) -> [String] {
        var names: [String] = []
        var token: String?
        repeat {
            var call = S3Call(.get)
            call.element = "Buckets"
            if let token { call.query = [S3Field("continuation-token", token)] }
            let root = try perform(call).root
            names += root?["Buckets"]?.all("Bucket").compactMap { $0.text("Name") } ?? []
            token = root?.text("ContinuationToken").flatMap { $0.isEmpty || $0 == token ? nil : $0 }
        } while token != nil
        return names.sorted { BytePath($0) < BytePath($1) }
    }

    package func makeContainer(_ container: String) throws(FileStoreError) {
        try check(container)
        var call = S3Call(.put, container)
        // That region has no name there ("CreateBucket", Amazon S3 API Reference).
        if address.region != "us-east-1" {
            call.body = .xml(
                """
                <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
                <LocationConstraint>\(S3Text.escaped(address.region))</LocationConstraint></CreateBucketConfiguration>
                """)
        }
        guard let refusal = try ask(call).refusal else { return }
        switch refusal.code {
        case "BucketAlreadyOwnedByYou": return
        case "BucketAlreadyExists":
            // On some services also one's own.
            if try ask(S3Call(.head, container)).refusal == nil { return }
        default: break
        }
        throw error(refusal, call)
    }

    package func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        try check(container)
        guard limit > 0 else { return FilePage(files: [], next: nil) }
        // Names are UTF-8, but what they begin with, or come after, may be cut off in the middle of a letter: asked for is what is
        // whole of it, and the rest is decided here.
        var listing = S3Listing(container, prefix: prefix, after: after)
        var files: [StoredFile] = []
        repeat {
            let root = try perform(listing.call(min(1000, limit - files.count))).root
            files += listing.take(root)
        } while files.count < limit && !listing.isAtEnd
        return FilePage(files: files, next: listing.isAtEnd ? nil : files.last?.name)
    }
}

/// The pages of one listing (ListObjectsV2).
struct S3Listing {
    private let container: String
    private let prefix: BytePath
    private let after: BytePath?
    private var token: String?
    private(set) var isAtEnd = false

    init(_ container: String, prefix: BytePath, after: BytePath?) {
        self.container = container
        self.prefix = prefix
        self.after = after
    }

    func call(_ count: Int) -> S3Call {
        var call = S3Call(.get, container)
        call.element = "IsTruncated"
        call.query = [
            S3Field("list-type", "2"), S3Field("encoding-type", "url"), S3Field("max-keys", String(count)),
            S3Field("prefix", BytePath(bytes: S3Text.whole(prefix.bytes))),
        ]
        if let token {
            call.query.append(S3Field("continuation-token", token))
        } else if let after {
            call.query.append(S3Field("start-after", BytePath(bytes: S3Text.whole(after.bytes))))
        }
        return call
    }

    mutating func take(_ root: XMLElement?) -> [StoredFile] {
        let isEncoded = root?.text("EncodingType") == "url"
        let files = root?.all("Contents").compactMap { Self.file($0, isEncoded) } ?? []
        let next = root?.text("IsTruncated") == "true" ? root?.text("NextContinuationToken") : nil
        isAtEnd = next == nil || next == token
        token = next
        return files.filter { file in
            file.name.bytes.starts(with: prefix.bytes) && after.map { $0 < file.name } != false
        }
    }

    private static func file(_ entry: XMLElement, _ isEncoded: Bool) -> StoredFile? {
        guard let key = entry.text("Key"), let size = entry.text("Size").flatMap(Int64.init) else {
            return nil
        }
        let tag = S3Text.tag(entry.text("ETag"))
        return StoredFile(
            name: isEncoded ? BytePath(bytes: S3Text.decoded(key)) : BytePath(key), size: size,
            modified: entry.text("LastModified").flatMap(S3Text.instant) ?? Instant(milliseconds: 0),
            identity: tag ?? "",
            md5: S3Text.md5(ofTag: tag))
    }
}
