import Glibc
import ShipyardModel

/// Makes a directory and those above it that are missing.
func makeDirectories(_ path: String) throws(StagingFailure) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
        throw StagingFailure(.resourceDirectoryCreateFailed, "create \(path)", errno: errno)
    }
    try makeDirectories(String(path[..<slash]))
    // Another may have made it meanwhile.
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw StagingFailure(.resourceDirectoryCreateFailed, "create \(path)", errno: errno)
    }
}

/// Names in a directory without `.` and `..`, sorted so that what is done is the same each time.
func directoryNames(_ path: BytePath) throws(StagingFailure) -> [BytePath] {
    guard let stream = opendir(path.cString) else {
        throw StagingFailure(.applicationPackageError, "read \(path)", errno: errno)
    }
    defer { closedir(stream) }
    var names: [BytePath] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            BytePath(bytes: bytes.prefix { $0 != 0 })
        }
        if name != BytePath("."), name != BytePath("..") { names.append(name) }
    }
    return names.sorted()
}
