import Glibc
import ShipyardModel
import ShipyardSystem

/// A directory into which files are put by relative paths, never through a symbolic link: each parent is
/// opened on its own and must be a real directory, so nothing that was put there before can lead out.
struct SafeDirectory: ~Copyable {
    let root: FileDescriptor

    /// Nil on failure with `errno` set.
    init?(_ path: String) {
        guard let opened = FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY) else { return nil }
        root = opened
    }

    init(_ opened: consuming FileDescriptor) { root = opened }

    /// The open directory in which the path's last name stands, made where it is missing.
    borrowing func parent(of path: RelativePath) throws(PathFailure) -> FileDescriptor {
        try directory(path.parents)
    }

    /// The open directory of these names, made where it is missing.
    borrowing func directory(_ names: some Collection<BytePath>) throws(PathFailure) -> FileDescriptor {
        var current = root.copy()
        guard current.number >= 0 else { throw PathFailure(errno) }
        for name in names {
            if mkdirat(current.number, name.cString, 0o770) != 0, errno != EEXIST { throw PathFailure(errno) }
            let next = openat(current.number, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw PathFailure(errno) }
            current = FileDescriptor(owning: next)
        }
        return current
    }
}

/// Why a path could not be walked.
struct PathFailure: Error {
    let number: Int32
    init(_ number: Int32) { self.number = number }

    /// With O_NOFOLLOW, a link where a directory should be is one of these two.
    var isLinkOrFile: Bool { number == ELOOP || number == ENOTDIR }
    var reason: String {
        isLinkOrFile
            ? "a directory on the way is a symbolic link or a file" : String(cString: strerror(number))
    }
}
