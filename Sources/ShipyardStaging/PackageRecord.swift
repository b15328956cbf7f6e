import Glibc
import ShipyardModel

/// What a node knows of a package that it has unpacked. The directory alone says nothing: it may be what an
/// interrupted removal left, or hold files of a moment before the power failed, or another version's.
struct PackageRecord: Codable, Hashable {
    private var archive: String
    private var boot: String
    private var inode: UInt64
    private var entries: Int

    /// Where the record of a package stands, beside the packages.
    static func path(of directory: RelativePath, in applications: String) -> String {
        let name = directory.components.map(\.shown).joined(separator: "@")
        return "\(applications)/.unpacked/\(name)"
    }

    /// Of a directory that has just been filled; nil where it cannot be read.
    init?(of archive: String, in directory: String) {
        var status = stat()
        guard lstat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            let entries = entryCount(below: BytePath(directory))
        else { return nil }
        self.archive = archive
        boot = Self.currentBoot
        inode = UInt64(status.st_ino)
        self.entries = entries
    }

    init?(readFrom path: String) {
        guard let file = Descriptor(opening: path, O_RDONLY) else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = bytes.withUnsafeMutableBytes { file.read(into: $0) } ?? 0
        guard let record = try? JSONCoding.decode(PackageRecord.self, from: Array(bytes.prefix(count))) else {
            return nil
        }
        self = record
    }

    /// Whether what is there now is what was unpacked. Tasks may have added files, and nobody takes some away.
    func vouches(for present: PackageRecord) -> Bool {
        archive == present.archive && boot == present.boot && inode == present.inode
            && entries <= present.entries
    }

    /// Appears whole or not at all.
    func write(to path: String) {
        guard let slash = path.lastIndex(of: "/"), let bytes = try? JSONCoding.encode(self) else { return }
        let parent = String(path[..<slash])
        guard (try? makeDirectories(parent)) != nil else { return }
        let temporary = "\(parent)/\(temporaryName(for: BytePath("record")))"
        let opened = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else { return }
        let file = Descriptor(taking: opened)
        // Without a record the package is unpacked again, which is only slow.
        if bytes.withUnsafeBytes({ file.write(all: $0) }) != nil || rename(temporary, path) != 0 {
            unlink(temporary)
        }
    }

    /// Another after each start of the machine: what was not on disk when the power failed is not trusted.
    private static var currentBoot: String {
        guard let file = Descriptor(opening: "/proc/sys/kernel/random/boot_id", O_RDONLY) else { return "" }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = bytes.withUnsafeMutableBytes { file.read(into: $0) } ?? 0
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
