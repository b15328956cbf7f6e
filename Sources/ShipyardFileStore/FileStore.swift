import ShipyardHTTPClient
import ShipyardModel

/// Containers of files: a directory of the home, S3, Azure Blob. One thread at a time; who wants to do two things at once opens two.
///
/// A file appears whole or not at all, and so does what takes its place. Names are bytes with slashes as in Azure Batch's storage, no
/// directories: `a/b` needs no `a`. A store that cannot have a name refuses it (`InvalidResourceName`).
///
/// Every call retries by itself what passes by waiting (`StoreExchange`); what is thrown is final.
package protocol FileStore: AnyObject {
    var account: StorageAccount { get }
    var rules: StoreRules { get }

    /// The containers, in byte order.
    func containers() throws(FileStoreError) -> [String]
    /// That the container is there already is no error.
    func makeContainer(_ container: String) throws(FileStoreError)

    /// Files whose names begin with `prefix` and come after `after`, in byte order, `limit` at most.
    func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage
    /// Nil where there is no such file. A container that is missing is an error.
    func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile?

    /// - Parameters:
    ///   - range: nil for all of it. One that ends behind the file ends with it.
    ///   - identity: the file must still be this one, else `ConditionNotMet`: parts of two files are never put together.
    func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError)

    /// Writes a whole file of `rules.largestWhole` bytes at most, in place of what has the name. The container must exist.
    ///
    /// What was sent is compared with what has arrived where the store tells its hash.
    func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile

    /// Begins a file of several parts; nothing of it is seen until `finish`.
    func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile
    /// What an earlier, interrupted write of this file has left, with the parts that have arrived; nil where there is nothing
    /// to go on with.
    func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile?
    /// Parts are numbered from 1 and all but the last have the same size. A part may be written again. Answers its MD5.
    func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart
    /// Puts the parts together, in their order, as the file.
    func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile
    func abandon(_ file: PartialFile) throws(FileStoreError)

    /// Within the account, by the store itself, metadata included.
    func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile
    /// That there is none is no error. With an identity: `ConditionNotMet` where it is another file by now.
    func remove(_ file: StorePath, identity: String?) throws(FileStoreError)
    /// Replaces all metadata of a file.
    func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError)

    /// That there is a folder of this name, though nothing be in it. A store without directories gets an empty file whose name ends in a slash,
    /// as consoles of such services make it.
    func makeFolder(_ folder: StorePath) throws(FileStoreError)

    /// Keeps a file in another tier. The new place is written and proved before the old one goes, so that an interruption leaves the
    /// file as it was. Answers how many bytes it takes there.
    ///
    /// - Parameter identity: as it was listed; nothing is done to a file that has been written anew since.
    func changeTier(
        of file: StorePath, to tier: StorageTier, identity: String?
    ) throws(FileStoreError) -> Int64

    /// From its return on what was written outlives a power cut. Whoever says that something is stored has called it.
    func settle() throws(FileStoreError)
}

extension FileStore {
    /// A file of any size, over this connection alone. `source` is read again for the parts of a large one.
    package func writeWhole(
        _ file: StorePath, _ source: FileStretch, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        guard source.count > rules.largestWhole else {
            return try write(file, from: .file(source), attributes)
        }
        let partBytes = rules.partBytes(ofFile: source.count)
        let upload = try beginParts(file, attributes)
        do throws(FileStoreError) {
            var parts: [FilePart] = []
            for start in stride(from: 0, to: source.count, by: Int64.Stride(partBytes)) {
                let part = FileStretch(
                    file: source.file, offset: source.offset + start,
                    count: min(partBytes, source.count - start))
                parts.append(try writePart(parts.count + 1, of: upload, from: .file(part)))
            }
            return try finish(upload, parts, attributes)
        } catch {
            try? abandon(upload)
            throw error
        }
    }

    package func makeFolder(_ folder: StorePath) throws(FileStoreError) {
        var attributes = FileAttributes()
        attributes.mustBeNew = true
        let name = BytePath(bytes: folder.name.bytes + [UInt8(ascii: "/")])
        do throws(FileStoreError) {
            _ = try write(StorePath(folder.container, name), from: .bytes([]), attributes)
        } catch {
            guard error.code == .blobAlreadyExists else { throw error }
        }
    }

    package func changeTier(
        of file: StorePath, to tier: StorageTier, identity: String?
    ) throws(FileStoreError) -> Int64 {
        throw FileStoreError(.unsupported, "\(account.place) has no tiers")
    }

    /// A service has stored what it has answered.
    package func settle() throws(FileStoreError) {}
}

/// What a store can do at once.
package struct StoreRules: Sendable, Hashable {
    /// Of a file that is written in one go, in bytes. More than this goes in parts.
    package var largestWhole: Int64
    /// What a part should have, and must at least unless it is the last.
    package var partBytes: Int64
    package var mostParts: Int
    /// Connections at the same time that do it good.
    package var connections: Int
    /// The hash of a file in parts is a `PartsHash`, as the service knows none of the whole and takes metadata only at the beginning.
    package var keepsPartsHash = false

    package init(largestWhole: Int64, partBytes: Int64, mostParts: Int, connections: Int) {
        self.largestWhole = largestWhole
        self.partBytes = partBytes
        self.mostParts = mostParts
        self.connections = connections
    }

    /// The size of a file's parts: larger than `partBytes` where there would be too many.
    package func partBytes(ofFile size: Int64) -> Int64 {
        // Not the usual sum: there may be as many parts as there are numbers.
        let least = size / Int64(mostParts) + (size % Int64(mostParts) == 0 ? 0 : 1)
        return least <= partBytes ? partBytes : ((least + 1_048_575) >> 20) << 20
    }
}

/// A file in an account: `CONTAINER/NAME`.
package struct StorePath: Hashable, Sendable, CustomStringConvertible {
    package var container: String
    package var name: BytePath

    package init(_ container: String, _ name: BytePath) {
        self.container = container
        self.name = name
    }

    package var description: String { "\(container)/\(name)" }
}

package struct StoredFile: Hashable, Sendable {
    package var name: BytePath
    package var size: Int64
    package var modified: Instant
    /// Another one whenever the file is written anew: an ETag, or what the file system tells.
    package var identity: String
    /// MD5 of the content, 32 lower-case digits, where the store knows it.
    package var md5: String?
    /// Of a file in parts that we have written, where the store knows no other.
    package var partsHash: PartsHash?
    /// A pebibyte: more than any store takes.
    static let largest: Int64 = 1 << 50
    /// The end of the year 2200.
    static let latest: Int64 = 7_289_654_400_000

    /// Of `stat` alone, names in lower case.
    package var metadata: [String: String] = [:]
    package var tier = StorageTier.hot
    /// What it takes where it is kept compressed.
    package var keptBytes: Int64?

    package init(name: BytePath, size: Int64, modified: Instant, identity: String, md5: String? = nil) {
        self.name = name
        // What a service tells may be anything; sums of it and times of it must not overflow.
        self.size = min(max(size, 0), Self.largest)
        self.modified = Instant(milliseconds: min(max(modified.milliseconds, 0), Self.latest))
        self.identity = identity
        self.md5 = md5
    }
}

package struct FilePage: Sendable, Hashable {
    package var files: [StoredFile]
    /// Names after this one are still to come; nil at the end. Handed to `list` as `after`.
    package var next: BytePath?

    package init(files: [StoredFile], next: BytePath?) {
        self.files = files
        self.next = next
    }
}

/// What is written with a file.
package struct FileAttributes: Hashable, Sendable {
    /// Names of letters, digits and underscores that begin with a letter, in lower case; values of printable ASCII.
    package var metadata: [String: String] = [:]
    package var contentType: String?
    /// MD5 of the whole content, where it is known before: 32 lower-case digits. Kept by Azure, compared by all.
    package var md5: String?
    /// In place of it where the store's rules say so.
    package var partsHash: PartsHash?
    /// When the file that it was made from was changed last, in nanoseconds since 1970: by it a later transfer tells that there is
    /// nothing to do. Kept where it can be, as metadata of the name `FileAttributes.sourceTimeName`.
    package var sourceTime: Int64?
    /// The source is a file that somebody may still write to, and `sourceTime` its time: it must not have changed when the target is replaced.
    package var comparesSource = false
    /// Only where no file has the name yet: `BlobAlreadyExists` otherwise.
    package var mustBeNew = false
    package static let sourceTimeName = "shipyard_mtime"
    package static let md5Name = "shipyard_md5"
    package static let partsHashName = "shipyard_parts_sha256"

    /// With what is ours: what a service keeps.
    package var allMetadata: [String: String] {
        var all = metadata
        if let sourceTime { all[Self.sourceTimeName] = String(sourceTime) }
        if let md5 { all[Self.md5Name] = md5 }
        if let partsHash { all[Self.partsHashName] = partsHash.description }
        return all
    }
    package init() {}
}

/// A file whose parts are being written.
package struct PartialFile: Hashable, Sendable {
    package var path: StorePath
    /// The store's own name for it.
    package var upload: String
    /// What has arrived, by number.
    package var parts: [FilePart]
    /// The store has agreed to compare the SHA-256 of each part.
    package var hasSHA256: Bool
    /// Of the content's parts, in their order, where whoever sends them has computed it before.
    package var sha256: [[UInt8]] = []

    package init(path: StorePath, upload: String, parts: [FilePart] = [], hasSHA256: Bool = false) {
        self.path = path
        self.upload = upload
        self.parts = parts
        self.hasSHA256 = hasSHA256
    }
}

package struct FilePart: Hashable, Sendable {
    package var number: Int
    package var size: Int64
    /// Of its content: 32 lower-case digits. Nil where the store does not tell it.
    package var md5: String?
    /// Base64, where the store keeps it.
    package var sha256: String?
    /// The store's own name for it.
    package var tag: String

    package init(number: Int, size: Int64, md5: String?, sha256: String? = nil, tag: String) {
        self.number = number
        self.size = size
        self.md5 = md5
        self.sha256 = sha256
        self.tag = tag
    }
}

/// Where bytes come from. Both can be read again, for a request that is sent again.
package enum ByteSource: Sendable {
    case bytes([UInt8])
    case file(FileStretch)

    package var count: Int64 {
        switch self {
        case .bytes(let bytes): Int64(bytes.count)
        case .file(let stretch): stretch.count
        }
    }
}

/// Where bytes go.
package enum ByteTarget {
    /// Written to an open file from this position on.
    case file(Int32, at: Int64)
    /// In order. Answers whether more is wanted; false ends the read with `OperationCancelled`.
    case receiver((UnsafeRawBufferPointer) -> Bool)
}
