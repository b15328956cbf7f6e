import Glibc
import ShipyardModel
import ShipyardSystem

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
    do throws(SystemError) {
        var stream = try DirectoryStream(at: path)
        var names: [BytePath] = []
        while let entry = stream.next() { names.append(entry.name) }
        return names.sorted()
    } catch {
        throw StagingFailure(.applicationPackageError, "read \(path)", errno: error.errno)
    }
}
