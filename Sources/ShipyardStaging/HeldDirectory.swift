import Glibc
import ShipyardModel
import ShipyardSystem

/// An open directory of a node, reached name by name from the node's root: nothing on the way was a link or a mount,
/// and whatever takes a name's place later is not worked on.
///
/// A task may put anything below its node's root, a link to the user's files or a mount of them above all.
struct HeldDirectory: ~Copyable {
    let descriptor: FileDescriptor
    /// For messages.
    let path: String
    private let opener: BeneathOpener

    /// The top of the tree; links in its path are followed.
    init(top path: String) throws(StagingFailure) {
        guard let opened = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else {
            throw StagingFailure(.applicationPackageError, "open \(path)", errno: errno)
        }
        let opener = BeneathOpener(top: opened.number)
        self.init(opened, path, opener)
    }

    private init(_ descriptor: consuming FileDescriptor, _ path: String, _ opener: BeneathOpener) {
        self.descriptor = descriptor
        self.path = path
        self.opener = opener
    }

    /// The directory of this name, made where it is missing.
    borrowing func directory(_ name: BytePath) throws(StagingFailure) -> HeldDirectory {
        guard mkdirat(descriptor.number, name.cString, 0o755) == 0 || errno == EEXIST else {
            throw StagingFailure(.applicationPackageError, "create \(path)/\(name)", errno: errno)
        }
        return try existing(name)
    }

    /// The directory of these names, one below the other.
    borrowing func directory(_ names: some Collection<BytePath>) throws(StagingFailure) -> HeldDirectory {
        var current = HeldDirectory(descriptor.copy(), path, opener)
        for name in names { current = try current.directory(name) }
        return current
    }

    borrowing func existing(_ name: BytePath) throws(StagingFailure) -> HeldDirectory {
        let (number, error) = opener.open(name, in: descriptor.number)
        guard number >= 0 else {
            if [ELOOP, ENOTDIR, EXDEV].contains(error) {
                throw StagingFailure(
                    .applicationPackageError,
                    "\(path)/\(name) is a link or a mount or no directory, and nothing is put there")
            }
            throw StagingFailure(.applicationPackageError, "open \(path)/\(name)", errno: error)
        }
        return HeldDirectory(FileDescriptor(owning: number), "\(path)/\(name)", opener)
    }

    borrowing func status(of name: BytePath) -> stat? {
        var status = stat()
        return fstatat(descriptor.number, name.cString, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// Removes what has the name, whatever it is. What cannot be removed stays: it has a name nobody looks for.
    borrowing func remove(_ name: BytePath) {
        let parent = descriptor.copy()
        guard parent.number >= 0 else { return }
        let removal = DirectoryRemoval(name, in: parent, at: BytePath(path))
        while !removal.step() {}
    }

    /// How many files and directories are below; what is mounted there counts as one. Nil where not all of it can
    /// be read.
    borrowing func entryCount() -> Int? {
        var count = 0
        // One descriptor for each level only, whatever a task has added.
        guard Self.count(in: descriptor.number, opener, &count) else { return nil }
        return count
    }

    private static let deepestLevel = 64

    private static func count(
        in directory: Int32, _ opener: BeneathOpener, _ count: inout Int, level: Int = 0
    ) -> Bool {
        guard var stream = try? DirectoryStream(of: directory) else { return false }
        while let entry = stream.next() {
            count += 1
            guard entry.mayBeDirectory else { continue }
            let (child, error) = opener.open(entry.name, in: directory)
            guard child >= 0 else {
                if [ELOOP, ENOTDIR, EXDEV].contains(error) { continue }
                return false
            }
            defer { close(child) }
            guard level < deepestLevel else { continue }
            guard Self.count(in: child, opener, &count, level: level + 1) else { return false }
        }
        return true
    }
}
