import Foundation
import ShipyardFileStore
import ShipyardModel
import Synchronization

/// A service that lives in memory and takes files in small parts; it fails where it is told to.
final class MemoryService: Sendable {
    struct Contents {
        var files: [String: [String: (bytes: [UInt8], metadata: [String: String], version: Int)]] = [:]
        var uploads: [String: (path: StorePath, metadata: [String: String], parts: [Int: [UInt8]])] = [:]
        var calls: [String] = []
        /// Called before each call with its name; what it throws is the answer.
        var fault: @Sendable (String, Int) throws(FileStoreError) -> Void = { _, _ in }
        var versions = 0
        var keepsPartsHash = false
    }
    let contents = Mutex(Contents())
    let partBytes: Int64
    let knowsHashes: Bool

    init(partBytes: Int64 = 1000, knowsHashes: Bool = true) {
        self.partBytes = partBytes
        self.knowsHashes = knowsHashes
    }

    var access: StoreAccess {
        StoreAccess(StorageAccount(.s3, alias: "memory", name: "memory")) { gauge in MemoryStore(self, gauge)
        }
    }

    func bytes(_ container: String, _ name: String) -> [UInt8]? {
        contents.withLock { $0.files[container]?[name]?.bytes }
    }

    func put(_ container: String, _ name: String, _ bytes: [UInt8]) {
        contents.withLock {
            $0.versions += 1
            $0.files[container, default: [:]][name] = (bytes, [:], $0.versions)
        }
    }

    func calls(_ name: String) -> Int { contents.withLock { $0.calls.filter { $0 == name }.count } }

    func fail(_ fault: @escaping @Sendable (String, Int) throws(FileStoreError) -> Void) {
        contents.withLock { $0.fault = fault }
    }
}

final class MemoryStore: FileStore {
    let service: MemoryService
    let gauge: TransferGauge
    let account = StorageAccount(.s3, alias: "memory", name: "memory")
    var rules: StoreRules {
        var rules = StoreRules(
            largestWhole: service.partBytes, partBytes: service.partBytes, mostParts: 10_000, connections: 4)
        rules.keepsPartsHash = service.contents.withLock { $0.keepsPartsHash }
        return rules
    }

    init(_ service: MemoryService, _ gauge: TransferGauge) {
        self.service = service
        self.gauge = gauge
    }

    private func call<Value>(
        _ name: String, _ body: (inout MemoryService.Contents) throws(FileStoreError) -> Value
    ) throws(FileStoreError) -> Value {
        let (fault, count) = service.contents.withLock { contents in
            contents.calls.append(name)
            return (contents.fault, contents.calls.filter { $0 == name }.count)
        }
        try fault(name, count)
        return try service.contents.withLock { contents throws(FileStoreError) in try body(&contents) }
    }

    private func bytes(_ source: ByteSource) throws(FileStoreError) -> [UInt8] {
        switch source {
        case .bytes(let bytes): return bytes
        case .file(let stretch):
            var bytes = [UInt8](repeating: 0, count: Int(stretch.count))
            let count = pread(stretch.file, &bytes, bytes.count, off_t(stretch.offset))
            guard count == bytes.count else { throw FileStoreError(.localFile, "short") }
            return bytes
        }
    }

    private func stored(
        _ name: String, _ entry: (bytes: [UInt8], metadata: [String: String], version: Int), isStat: Bool
    ) -> StoredFile {
        var file = StoredFile(
            name: BytePath(name), size: Int64(entry.bytes.count),
            modified: Instant(milliseconds: 1_700_000_000_000),
            identity: "v\(entry.version)")
        if service.knowsHashes, Int64(entry.bytes.count) <= service.partBytes {
            file.md5 = try? hexadecimalText(Digest.of(entry.bytes, .md5))
        }
        if isStat {
            file.metadata = entry.metadata
            // As a service that keeps what it was told.
            file.md5 = file.md5 ?? entry.metadata[FileAttributes.md5Name]
            file.partsHash = entry.metadata[FileAttributes.partsHashName].flatMap { PartsHash($0, size: file.size) }
        }
        return file
    }

    func containers() throws(FileStoreError) -> [String] { try call("containers") { $0.files.keys.sorted() } }
    func makeContainer(_ container: String) throws(FileStoreError) {
        try call("makeContainer") { $0.files[container, default: [:]] = $0.files[container] ?? [:] }
    }
    func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        try call("list") { contents in
            let names = (contents.files[container] ?? [:]).keys.map { BytePath($0) }.sorted()
                .filter { $0.bytes.starts(with: prefix.bytes) && (after == nil || $0 > after!) }
            let page = names.prefix(limit).map {
                stored($0.text!, contents.files[container]![$0.text!]!, isStat: false)
            }
            return FilePage(files: page, next: names.count > limit ? page.last?.name : nil)
        }
    }
    func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? {
        try call("stat") { contents in
            contents.files[file.container]?[file.name.text!].map { stored(file.name.text!, $0, isStat: true) }
        }
    }
    func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        let entry = try call("read") { $0.files[file.container]?[file.name.text!] }
        guard let entry else { throw FileStoreError(.blobNotFound, "none") }
        guard identity == nil || identity == "v\(entry.version)" else {
            throw FileStoreError(.conditionNotMet, "new")
        }
        let range = range.map { Int($0.lowerBound)..<Int($0.upperBound) } ?? 0..<entry.bytes.count
        let bytes = Array(entry.bytes[range])
        guard gauge.move(Int64(bytes.count)) else { throw FileStoreError(.operationCancelled, "ended") }
        switch target {
        case .file(let number, let position):
            _ = bytes.withUnsafeBytes { pwrite(number, $0.baseAddress, $0.count, off_t(position)) }
        case .receiver(let receive): _ = bytes.withUnsafeBytes { receive($0) }
        }
    }
    func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        let bytes = try bytes(source)
        return try call("write") { contents throws(FileStoreError) in
            guard contents.files[file.container] != nil else {
                throw FileStoreError(.containerNotFound, "none")
            }
            contents.versions += 1
            contents.files[file.container]?[file.name.text!] = (
                bytes, attributes.allMetadata, contents.versions
            )
            return stored(file.name.text!, contents.files[file.container]![file.name.text!]!, isStat: true)
        }
    }
    func beginParts(_ file: StorePath, _ attributes: FileAttributes) throws(FileStoreError) -> PartialFile {
        try call("beginParts") { contents in
            contents.versions += 1
            let id = "u\(contents.versions)"
            contents.uploads[id] = (file, attributes.allMetadata, [:])
            return PartialFile(path: file, upload: id)
        }
    }
    func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? {
        try call("unfinishedParts") { contents in
            contents.uploads.first { $0.value.path == file }.map { id, upload in
                PartialFile(
                    path: file, upload: id,
                    parts: upload.parts.map { number, bytes in
                        FilePart(
                            number: number, size: Int64(bytes.count),
                            md5: try? hexadecimalText(Digest.of(bytes, .md5)), tag: "\(number)")
                    })
            }
        }
    }
    func writePart(_ number: Int, of file: PartialFile, from source: ByteSource) throws(FileStoreError)
        -> FilePart
    {
        let bytes = try bytes(source)
        return try call("writePart") { contents in
            contents.uploads[file.upload]?.parts[number] = bytes
            return FilePart(number: number, size: Int64(bytes.count), md5: nil, tag: "\(number)")
        }
    }
    func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        try call("finish") { contents in
            let upload = contents.uploads.removeValue(forKey: file.upload)!
            let bytes = parts.flatMap { upload.parts[$0.number]! }
            contents.versions += 1
            contents.files[file.path.container]?[file.path.name.text!] = (
                bytes, upload.metadata, contents.versions
            )
            return stored(
                file.path.name.text!, contents.files[file.path.container]![file.path.name.text!]!,
                isStat: true)
        }
    }
    func abandon(_ file: PartialFile) throws(FileStoreError) {
        try call("abandon") { $0.uploads[file.upload] = nil }
    }
    func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        try call("copy") { contents throws(FileStoreError) in
            guard let entry = contents.files[source.container]?[source.name.text!] else {
                throw FileStoreError(.blobNotFound, "none")
            }
            contents.files[target.container]?[target.name.text!] = entry
            return stored(target.name.text!, entry, isStat: true)
        }
    }
    func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {
        try call("remove") { $0.files[file.container]?[file.name.text!] = nil }
    }
    func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {
        try call("setMetadata") { $0.files[file.container]?[file.name.text!]?.metadata = metadata }
    }
}
