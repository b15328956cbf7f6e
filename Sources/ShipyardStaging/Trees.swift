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

/// How many files and directories are below a directory; nil where not all of it can be read.
func entryCount(below path: BytePath) -> Int? {
    var count = 0
    var pending = [path]
    while let directory = pending.popLast() {
        guard let names = try? directoryNames(directory) else { return nil }
        count += names.count
        for name in names {
            var status = stat()
            guard lstat((directory / name).cString, &status) == 0 else { return nil }
            if status.st_mode & S_IFMT == S_IFDIR { pending.append(directory / name) }
        }
    }
    return count
}

/// Removes what is there and follows no link. What cannot be removed stays: it has a name nobody looks for.
func removeTree(_ path: BytePath) {
    if unlink(path.cString) == 0 { return }
    var status = stat()
    guard lstat(path.cString, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
    _ = chmod(path.cString, 0o700)
    for name in (try? directoryNames(path)) ?? [] { removeTree(path / name) }
    rmdir(path.cString)
}
