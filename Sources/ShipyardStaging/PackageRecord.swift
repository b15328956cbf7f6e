import Glibc
import ShipyardModel
import ShipyardSystem

/// What a node knows of a package that it has unpacked. The directory alone says nothing: it may be what an
/// interrupted removal left, or hold files of a moment before the power failed, or another version's.
struct PackageRecord: Codable, Hashable {
    private var archive: String
    private var boot: String
    private var inode: UInt64
    private var entries: Int

    /// Beside the packages.
    private static let folder = BytePath(".unpacked")

    private static func name(of directory: RelativePath) -> BytePath {
        BytePath(directory.components.map(\.shown).joined(separator: "@"))
    }

    /// Of a directory that has just been filled; nil where it cannot be read.
    init?(of archive: String, _ name: BytePath, in folder: borrowing HeldDirectory) {
        var status = stat()
        guard let directory = try? folder.existing(name), fstat(directory.descriptor.number, &status) == 0,
            let entries = directory.entryCount()
        else { return nil }
        self.archive = archive
        boot = Self.currentBoot
        inode = UInt64(status.st_ino)
        self.entries = entries
    }

    init?(of directory: RelativePath, readIn applications: borrowing HeldDirectory) {
        guard let folder = try? applications.existing(Self.folder) else { return nil }
        // Not blocking: a task may have put a pipe there.
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let number = openat(folder.descriptor.number, Self.name(of: directory).cString, flags)
        guard number >= 0 else { return nil }
        let file = FileDescriptor(owning: number)
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
    func write(of directory: RelativePath, in applications: borrowing HeldDirectory) {
        guard let folder = try? applications.directory(Self.folder), let bytes = try? JSONCoding.encode(self)
        else { return }
        let (raw, name) = (folder.descriptor.number, Self.name(of: directory))
        let temporary = temporaryName(for: BytePath("record"))
        let opened = openat(raw, temporary.cString, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else { return }
        let file = FileDescriptor(owning: opened)
        // Without a record the package is unpacked again, which is only slow.
        if bytes.withUnsafeBytes({ file.write(all: $0) }) != nil
            || renameat(raw, temporary.cString, raw, name.cString) != 0
        {
            unlinkat(raw, temporary.cString, 0)
        }
    }

    /// Another after each start of the machine: what was not on disk when the power failed is not trusted.
    private static var currentBoot: String { MachineID.bootName ?? "" }
}
