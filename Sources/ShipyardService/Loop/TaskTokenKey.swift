import Glibc
import ShipyardModel
import ShipyardSystem

/// The key of a home's `TaskTokens`: a file that only its owner can read. Whoever has the home's lock makes it.
enum TaskTokenKey {
    /// One that is missing, damaged, or was open to others is made anew: then tasks that run have tokens that nobody knows.
    ///
    /// Where none can be kept, a key lives as long as this service: tasks are started all the same.
    static func kept(in layout: HomeLayout, log: (String) -> Void) -> Secret {
        do throws(SystemError) {
            if let key = try read(layout.tokenKey) { return key }
            if access(layout.tokenKey, F_OK) == 0 {
                log("\(layout.tokenKey) is no key of this user's alone; tokens of tasks that run are void")
            }
            let key = random()
            try key.withExposedBytes { bytes throws(SystemError) in try WholeFile.write(bytes, to: layout.tokenKey) }
            return key
        } catch {
            log("the key of tasks' tokens cannot be kept, so they end with this service: \(error)")
            return random()
        }
    }

    private static func random() -> Secret {
        var generator = SystemRandomNumberGenerator()
        return Secret(
            copying: (0..<TaskTokens.keyBytes).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// Nil where there is none that may be trusted.
    private static func read(_ path: String) throws(SystemError) -> Secret? {
        guard let file = FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else {
            if errno == ENOENT || errno == ELOOP { return nil }
            throw SystemError("open", path: path, errno: errno)
        }
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_uid == geteuid(), status.st_mode & 0o077 == 0, status.st_size == TaskTokens.keyBytes
        else { return nil }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: TaskTokens.keyBytes, alignment: 1)
        let count = file.read(into: buffer)
        let key = Secret(owning: buffer)
        return count == TaskTokens.keyBytes ? key : nil
    }
}
