import Glibc
import ShipyardModel

/// The path of a node root as the kernel spells it, which is how working directories of processes are told.
///
/// Only what leads to the root is resolved. The root itself is a directory that we made: where a link has come to
/// its name, nothing behind that link is the node's.
enum NodePath {
    static func canonical(_ path: String) throws(SystemError) -> String {
        var parts = path.split(separator: "/")
        guard let name = parts.popLast(), name != ".", name != ".." else {
            throw SystemError("open", path: path, errno: EINVAL)
        }
        let above = "/" + parts.joined(separator: "/")
        guard let found = realpath(above, nil) else { throw SystemError("open", path: path, errno: errno) }
        defer { free(found) }
        let directory = String(cString: found)
        return directory == "/" ? "/\(name)" : "\(directory)/\(name)"
    }

    /// Canonical, and a directory. ELOOP or ENOTDIR where it is a link.
    static func open(_ root: String) throws(SystemError) -> FileDescriptor {
        try FileDescriptor.openDirectory(root)
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
