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

/// 128 KiB: large enough that system calls do not count beside copying, small enough for the cache.
let copyBufferBytes = 128 << 10

/// Runs `body` with a buffer for copying.
func withCopyBuffer<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: copyBufferBytes, alignment: 16)
    defer { buffer.deallocate() }
    return try body(buffer)
}

/// A name in the same directory that nobody else uses: files appear there first, and under their own name
/// only when they are whole.
func temporaryName(for name: BytePath) -> BytePath {
    let random = randomSuffix()
    // A name has 255 bytes at most; what is cut off is only for people.
    return BytePath(bytes: Array(".".utf8) + name.bytes.prefix(200) + Array(".part-\(random)".utf8))
}
