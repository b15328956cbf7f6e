import Glibc
import ShipyardModel

/// A directory into which files are put by relative paths, never through a symbolic link: each parent is
/// opened on its own and must be a real directory, so nothing that was put there before can lead out.
struct SafeDirectory: ~Copyable {
    let root: Descriptor

    /// Nil on failure with `errno` set.
    init?(_ path: String) {
        guard let opened = Descriptor(opening: path, O_RDONLY | O_DIRECTORY) else { return nil }
        root = opened
    }

    init(_ opened: consuming Descriptor) { root = opened }

    /// The open directory in which the path's last name stands, made where it is missing.
    borrowing func parent(of path: RelativePath) throws(PathFailure) -> Descriptor {
        try directory(path.parents)
    }

    /// The open directory of these names, made where it is missing.
    borrowing func directory(_ names: some Collection<BytePath>) throws(PathFailure) -> Descriptor {
        var current = root.copy()
        guard current.raw >= 0 else { throw PathFailure(errno) }
        for name in names {
            if mkdirat(current.raw, name.cString, 0o770) != 0, errno != EEXIST { throw PathFailure(errno) }
            let next = openat(current.raw, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw PathFailure(errno) }
            current = Descriptor(taking: next)
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
