import Glibc
import ShipyardModel

/// Makes a directory and those above it that are missing. Links on the way are followed.
package func makeDirectories(_ path: BytePath, mode: mode_t = 0o755) throws(SystemError) {
    guard !path.isEmpty, !isDirectory(path) else { return }
    try makeDirectories(path.parent, mode: mode)
    guard path.withCString({ mkdir($0, mode) }) != 0 else { return }
    let reason = errno
    // Somebody else may have made it meanwhile; a file of that name is in the way.
    guard reason == EEXIST, isDirectory(path) else {
        throw SystemError("create directory", path: path.description, errno: reason)
    }
}

private func isDirectory(_ path: BytePath) -> Bool {
    var status = stat()
    return path.withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
}
