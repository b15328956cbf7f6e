import Glibc
import ShipyardModel
import ShipyardSystem
import Synchronization

/// The few things that commands do with files of their own.
package enum LocalFile {
    /// What was read of standard input: it comes once, and a command may look at a spec file twice.
    private static let input = Mutex<[UInt8]?>(nil)

    /// A file, or with `-` standard input, which gives the same each time.
    ///
    /// - Parameter atMost: where to stop: a device or a pipe may have no end.
    package static func read(_ path: String, atMost limit: Int = .max) throws(SystemError) -> [UInt8] {
        guard path == "-" else { return try readOnce(path, atMost: limit) }
        if let known = input.withLock({ $0 }) { return known }
        let bytes = try readOnce(path, atMost: limit)
        input.withLock { $0 = bytes }
        return bytes
    }

    private static func readOnce(_ path: String, atMost limit: Int) throws(SystemError) -> [UInt8] {
        let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("read", path: path, errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path: path, errno: errno) }
            bytes += chunk[..<min(count, limit - bytes.count)]
            guard count > 0, bytes.count < limit else { return bytes }
        }
    }

    package static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
        try ShipyardSystem.makeDirectories(BytePath(path), mode: mode)
    }

    /// A new file, for everybody to read.
    package static func write(_ text: String, to path: String) throws(SystemError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("write", path: path, errno: errno) }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write", path: path, errno: errno) }
            rest = rest.dropFirst(count)
        }
    }

    package static func remove(_ path: String) throws(SystemError) {
        guard unlink(path) == 0 else { throw SystemError("remove", path: path, errno: errno) }
    }

    package static func isDirectory(_ path: String) -> Bool {
        mode(of: path).map { $0 & S_IFMT == S_IFDIR } ?? false
    }
    package static func exists(_ path: String) -> Bool { mode(of: path) != nil }

    private static func mode(of path: String) -> mode_t? {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_mode : nil
    }

    /// The last `count` lines of a text, without a line break at the end.
    package static func lastLines(_ count: Int, of bytes: some Collection<UInt8>) -> [String] {
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.suffix(count).map(String.init)
    }
}
