import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem
import Synchronization

/// The files of nodes that are directories of this machine.
struct LocalFiles: FilesOfNodes {
    private let layout: HomeLayout
    private let removed: RemovedFiles

    init(_ layout: HomeLayout, _ removed: RemovedFiles) {
        self.layout = layout
        self.removed = removed
    }

    func files(of node: NodeID, in pool: PoolID) -> any NodeFiles {
        LocalNodeFiles(home: layout.home, root: layout.nodeRoot(node, of: pool))
    }

    func removedFiles(of pool: PoolID) -> Int { removed.count(of: pool) }
}

/// Counts what removals of nodes have removed, pool by pool, while they are at work.
final class RemovedFiles: Sendable {
    private let counts = Mutex<[PoolID: Int]>([:])

    func add(_ count: Int, of pool: PoolID) { counts.withLock { $0[pool, default: 0] += count } }
    func forget(_ pool: PoolID) { counts.withLock { $0[pool] = nil } }
    func count(of pool: PoolID) -> Int { counts.withLock { $0[pool] ?? 0 } }
}

private struct LocalNodeFiles: NodeFiles {
    let home: String
    /// Absolute, within the home.
    let root: String

    func location(of owner: FilesOwner?) -> String {
        owner.map { "\(root)/\(NodeLayout.directory(of: $0))" } ?? root
    }

    func tasksLocation(of job: JobID) -> String { "\(root)/\(NodeLayout.jobDirectory(job.text))" }

    func list(_ owner: FilesOwner?) -> NodeFileListing { tree(owner).list() }

    func open(_ path: BytePath, of owner: FilesOwner?) throws(FileFailure) -> any OpenFile {
        try tree(owner).open(path)
    }

    private func tree(_ owner: FilesOwner?) -> FileTree {
        FileTree(home: home, path: String(location(of: owner).dropFirst(home.count)))
    }
}

/// The files below a directory of the home, seen without ever leaving it: a task may have made links to
/// anywhere, also in place of its own directory.
struct FileTree {
    /// A listing stops here, and says so; a task with more files is better looked at on its node.
    var listingLimit = 100_000
    /// Each directory is opened anew from the root, so that no depth takes more descriptors: a task that makes
    /// directories in each other without end must not keep a thread of the service busy for minutes.
    var depthLimit = 2000

    private let home: String
    private let root: [BytePath]

    /// - Parameter path: below `home`; each name of it is a directory and no link.
    init(home: String, path: String) {
        self.home = home
        root = BytePath(path).components
    }

    /// Each part is opened below the one before, links refused.
    func open(_ path: BytePath) throws(FileFailure) -> LocalOpenFile {
        let parts = path.components
        guard let name = parts.last, parts.allSatisfy(Self.isName) else { throw .missing }
        let directory = try descend(parts.dropLast())
        defer { close(directory) }
        var information = stat()
        guard fstatat(directory, name.cString, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileFailure(errno: errno)
        }
        // Asked before it is opened: opening alone does something to a device.
        try Self.checkFile(information)
        let file = openat(directory, name.cString, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw FileFailure(errno: errno) }
        do throws(FileFailure) {
            guard fstat(file, &information) == 0 else { throw FileFailure(errno: errno) }
            try Self.checkFile(information)
        } catch {
            close(file)
            throw error
        }
        return LocalOpenFile(file, Int64(information.st_size))
    }

    /// Everything below the root, directories before what they hold, in the order of names.
    func list() -> NodeFileListing {
        var listing = NodeFileListing()
        // The last one is taken first.
        var pending = children(of: BytePath(""), &listing)
        while let (path, entry) = pending.popLast() {
            guard listing.entries.count < listingLimit else {
                listing.leaveOut("more than \(listingLimit) files: the rest is not listed")
                break
            }
            listing.entries.append(entry)
            guard entry.kind == .directory else { continue }
            if path.components.count < depthLimit {
                pending += children(of: path, &listing)
            } else {
                listing.leaveOut("\(path): deeper than \(depthLimit) directories nothing is listed")
            }
        }
        return listing
    }

    // MARK: Parts

    /// What a directory holds, the last name first.
    private func children(
        of path: BytePath, _ listing: inout NodeFileListing
    ) -> [(path: BytePath, entry: FileEntry)] {
        do throws(FileFailure) {
            let directory = FileDescriptor(owning: try descend(path.components[...]))
            var found: [(path: BytePath, entry: FileEntry)] = []
            // One more than can be listed: enough to see that not all can.
            for name in try Self.names(in: directory.number, atMost: listingLimit + 1).sorted(by: >) {
                do throws(FileFailure) {
                    found.append((path / name, try Self.entry(path / name, name, in: directory.number)))
                } catch {
                    listing.note(path / name, error)
                }
            }
            return found
        } catch {
            // A task that has not begun yet has no directory.
            if !path.isEmpty { listing.note(path, error) }
            return []
        }
    }

    private static func names(in directory: Int32, atMost limit: Int) throws(FileFailure) -> [BytePath] {
        do throws(SystemError) {
            var stream = try DirectoryStream(of: directory)
            var names: [BytePath] = []
            while names.count < limit, let entry = stream.next() { names.append(entry.name) }
            return names
        } catch {
            throw FileFailure(errno: error.errno)
        }
    }

    private static func entry(
        _ path: BytePath, _ name: BytePath, in directory: Int32
    ) throws(FileFailure) -> FileEntry {
        var information = stat()
        guard fstatat(directory, name.cString, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw FileFailure(errno: errno)
        }
        let kind = FileEntry.Kind(mode: information.st_mode)
        let target = kind == .link ? try linkTarget(name, in: directory) : nil
        return FileEntry(path, information, kind, linkTarget: target)
    }

    private static func isName(_ part: BytePath) -> Bool {
        part != BytePath("..") && part != BytePath(".") && !part.bytes.contains(0)
    }

    /// The open directory of these names below the root.
    private func descend(_ names: ArraySlice<BytePath>) throws(FileFailure) -> Int32 {
        var directory = Glibc.open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for name in root + names {
            guard directory >= 0 else { throw FileFailure(errno: errno) }
            let next = openat(directory, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let number = errno
            close(directory)
            errno = number
            directory = next
        }
        guard directory >= 0 else { throw FileFailure(errno: errno) }
        return directory
    }

    private static func checkFile(_ information: stat) throws(FileFailure) {
        switch FileEntry.Kind(mode: information.st_mode) {
        case .file: return
        case .directory, .link: throw .missing
        case .special: throw .refused("it is a pipe, a socket or a device")
        }
    }

    private static func linkTarget(_ name: BytePath, in directory: Int32) throws(FileFailure) -> BytePath {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlinkat(directory, name.cString, &buffer, buffer.count)
        guard count >= 0 else { throw FileFailure(errno: errno) }
        return BytePath(bytes: buffer.prefix(count).map { UInt8(bitPattern: $0) })
    }
}

/// A file of this machine that is open, and how long it was when it was opened.
final class LocalOpenFile: OpenFile {
    private let descriptor: Int32
    let size: Int64

    fileprivate init(_ descriptor: Int32, _ size: Int64) {
        self.descriptor = descriptor
        self.size = size
    }

    deinit { close(descriptor) }

    func read(at offset: Int64, atMost count: Int) throws(FileFailure) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: count)
        while true {
            let length = pread(descriptor, &piece, count, off_t(offset))
            if length < 0, errno == EINTR { continue }
            guard length >= 0 else { throw FileFailure(errno: errno) }
            guard length > 0 || count == 0 || offset >= size else { throw .refused("it was cut short") }
            return Array(piece.prefix(length))
        }
    }
}

extension FileFailure {
    fileprivate init(errno number: Int32) {
        switch number {
        case ENOENT, ENOTDIR, ELOOP: self = .missing
        default: self = .refused(String(cString: strerror(number)))
        }
    }
}

extension FileEntry.Kind {
    fileprivate init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .link
        default: self = .special
        }
    }
}

extension FileEntry {
    fileprivate init(_ path: BytePath, _ information: stat, _ kind: Kind, linkTarget: BytePath?) {
        let modified =
            // A file may say that it was changed at any time at all.
            saturatingSum(
                saturatingProduct(Int64(information.st_mtim.tv_sec), 1000),
                Int64(information.st_mtim.tv_nsec) / 1_000_000)
        self.init(
            path: path, kind: kind, size: kind == .directory ? 0 : Int64(information.st_size),
            modified: Instant(milliseconds: modified), linkTarget: linkTarget)
    }
}

extension NodeFileListing {
    /// So many are told; a tree that nobody may read is told in a few lines too.
    private static let notesLimit = 100

    fileprivate mutating func leaveOut(_ reason: String) {
        if leftOut.count < Self.notesLimit { leftOut.append(reason) }
    }

    /// What is gone since its name was read was removed by its task, and is left out of nothing.
    fileprivate mutating func note(_ path: BytePath, _ failure: FileFailure) {
        guard case .refused(let reason) = failure else { return }
        leaveOut("\(path): \(reason)")
    }
}
