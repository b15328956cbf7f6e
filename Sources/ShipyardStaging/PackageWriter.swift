import Glibc
import ShipyardModel
import ShipyardSystem

/// Puts the entries of a package, wherever they come from, into a directory that nothing may leave.
struct PackageWriter: ~Copyable {
    private let root: SafeDirectory
    private var meter: PackageMeter

    /// - Parameter sourceBytes: size of the archive; nil for a directory.
    init(_ directory: borrowing HeldDirectory, limits: PackageLimits, sourceBytes: Int64?) {
        root = SafeDirectory(directory.descriptor.copy())
        meter = PackageMeter(limits, sourceBytes: sourceBytes)
    }

    /// - Parameter read: fills a buffer with the next bytes of a file; 0 at its end.
    mutating func add(
        _ entry: ArchiveEntry, read: (UnsafeMutableRawBufferPointer) throws(StagingFailure) -> Int
    ) throws(StagingFailure) {
        try meter.addEntry(on: root.root.number)
        guard entry.path.bytes.count <= RelativePath.maximumBytes else {
            throw StagingFailure(
                .applicationPackageError,
                "`\(BytePath(bytes: entry.path.bytes.prefix(60)))…` is a path of more than \(RelativePath.maximumBytes) bytes"
            )
        }
        guard let components = RelativePath.components(of: entry.path) else { throw leaves(entry.path) }
        // `./` stands for the directory itself in most tar files.
        guard !components.isEmpty, let path = RelativePath(entry.path) else { return }
        do {
            switch entry.item {
            case .directory: try addDirectory(path, mode: entry.mode)
            case .file: try addFile(path, entry, read)
            case .symbolicLink(let target): try addSymbolicLink(path, target)
            case .hardLink(let target): try addHardLink(path, target)
            case .special:
                throw StagingFailure(
                    .applicationPackageError,
                    "`\(entry.path)` is a device, pipe or socket; a package holds files")
            }
        } catch let error as PathFailure {
            if error.isLinkOrFile { throw leaves(entry.path) }
            throw StagingFailure(.applicationPackageError, "unpack `\(entry.path)`", errno: error.number)
        } catch let error as StagingFailure {
            throw error
        } catch {
            throw StagingFailure(.applicationPackageError, "\(error)")
        }
    }

    private func addDirectory(_ path: RelativePath, mode: UInt32) throws {
        let directory = try root.directory(path.components)
        // Ours to write: the files of a directory packed as read-only must go into it.
        _ = fchmod(directory.number, mode & 0o777 | 0o700)
    }

    private mutating func addFile(
        _ path: RelativePath, _ entry: ArchiveEntry,
        _ read: (UnsafeMutableRawBufferPointer) throws(StagingFailure) -> Int
    ) throws {
        guard !entry.isEncrypted else {
            throw StagingFailure(
                .applicationPackageError, "`\(entry.path)` is encrypted; pack it without a password")
        }
        let parent = try root.parent(of: path)
        try makeRoom(path, in: parent)
        let opened = openat(
            parent.number, path.name.cString, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw PathFailure(errno) }
        let file = FileDescriptor(owning: opened)
        try withCopyBuffer { buffer throws(StagingFailure) in
            while case let count = try read(buffer), count > 0 {
                try meter.addBytes(count, on: file.number)
                if let number = file.write(all: UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                    throw StagingFailure(.applicationPackageError, "write `\(entry.path)`", errno: number)
                }
            }
        }
        // Without set-uid, set-gid and sticky: a package must not hand out anybody's rights.
        guard fchmod(file.number, entry.mode & 0o777) == 0 else { throw PathFailure(errno) }
    }

    private func addSymbolicLink(_ path: RelativePath, _ target: BytePath) throws {
        guard path.mayLink(to: target) else { throw leaves(path.path, to: target) }
        let parent = try root.parent(of: path)
        try makeRoom(path, in: parent)
        guard symlinkat(target.cString, parent.number, path.name.cString) == 0 else {
            throw PathFailure(errno)
        }
    }

    private func addHardLink(_ path: RelativePath, _ target: BytePath) throws {
        guard let source = RelativePath(target) else { throw leaves(path.path, to: target) }
        let from = try root.parent(of: source)
        let to = try root.parent(of: path)
        var status = stat()
        guard fstatat(from.number, source.name.cString, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw PathFailure(errno)
        }
        // A second name for a symbolic link, elsewhere, would give its `..` another meaning.
        guard status.st_mode & S_IFMT == S_IFREG else { throw leaves(path.path, to: target) }
        guard source != path else { return }
        try makeRoom(path, in: to)
        guard linkat(from.number, source.name.cString, to.number, path.name.cString, 0) == 0 else {
            throw PathFailure(errno)
        }
    }

    /// A later entry of the same name counts: `tar --append` updates a file so.
    private func makeRoom(_ path: RelativePath, in parent: borrowing FileDescriptor) throws(PathFailure) {
        if unlinkat(parent.number, path.name.cString, 0) != 0, errno != ENOENT { throw PathFailure(errno) }
    }

    private func leaves(_ path: BytePath, to target: BytePath? = nil) -> StagingFailure {
        let link = target.map { " -> `\($0)`" } ?? ""
        return StagingFailure(
            .applicationPackageError,
            "`\(path)`\(link) would leave the package's directory; the package is refused")
    }
}
