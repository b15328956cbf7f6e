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

/// A path that stays below where it starts: no slash in front, no `..`, at least one name.
struct RelativePath: Hashable {
    /// Of a path within a package. With the directory in front of it, it is still one that the kernel takes.
    static let maximumBytes = 3000

    let components: [BytePath]

    /// Nil for a path that would leave, and for one that names nothing.
    init?(_ path: BytePath) {
        guard let components = Self.components(of: path), !components.isEmpty else { return nil }
        self.components = components
    }

    init?(_ text: String) { self.init(BytePath(text)) }

    /// The names; empty for `.` and the like. Nil for a path that would leave.
    static func components(of path: BytePath) -> [BytePath]? {
        guard path.bytes.first != slash, !path.bytes.contains(0) else { return nil }
        let parts = path.components.filter { $0 != here }
        return parts.contains(above) ? nil : parts
    }

    var name: BytePath { components[components.count - 1] }
    var parents: ArraySlice<BytePath> { components.dropLast() }
    var path: BytePath { components.reduce(BytePath("")) { $0 / $1 } }

    /// Whether a symbolic link of this path may point to `target` without leading out.
    ///
    /// Only leading `..` are allowed, and only as many as the link has parents. One that follows a name could
    /// climb out through another link: with `s -> .`, the target `s/../x` names the directory above.
    func mayLink(to target: BytePath) -> Bool {
        guard !target.isEmpty, target.bytes.first != Self.slash, !target.bytes.contains(0) else {
            return false
        }
        let parts = target.components.filter { $0 != Self.here }
        let climbs = parts.prefix { $0 == Self.above }.count
        return climbs <= parents.count && !parts.dropFirst(climbs).contains(Self.above)
    }

    private static let slash = UInt8(ascii: "/")
    private static let here = BytePath(".")
    private static let above = BytePath("..")
}
