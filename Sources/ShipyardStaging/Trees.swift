import Glibc

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
func directoryNames(_ path: String) throws(StagingFailure) -> [String] {
    guard let stream = opendir(path) else {
        throw StagingFailure(.applicationPackageError, "read \(path)", errno: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Removes what is there and follows no link. What cannot be removed stays: it has a name nobody looks for.
func removeTree(_ path: String) {
    if unlink(path) == 0 { return }
    _ = chmod(path, 0o700)
    for name in (try? directoryNames(path)) ?? [] { removeTree(path + "/" + name) }
    rmdir(path)
}
