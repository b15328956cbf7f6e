import Glibc
import ShipyardModel

/// Owner of an open file or directory.
struct Descriptor: ~Copyable {
    let raw: Int32

    init(taking raw: Int32) { self.raw = raw }

    /// Nil on failure; `errno` says why.
    init?(opening path: String, _ flags: Int32) {
        let opened = open(path, flags | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        raw = opened
    }

    init?(opening path: BytePath, _ flags: Int32) {
        let opened = open(path.cString, flags | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        raw = opened
    }

    deinit { close(raw) }

    /// Another number for the same open file or directory; what cannot be had is -1, with which every call fails.
    borrowing func copy() -> Descriptor { Descriptor(taking: fcntl(raw, F_DUPFD_CLOEXEC, 0)) }

    /// The errno of the failed write, nil when all is written.
    borrowing func write(all bytes: UnsafeRawBufferPointer) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(raw, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            rest = rest.dropFirst(count)
        }
        return nil
    }

    /// Bytes read, 0 at the end; nil on failure with `errno` set.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        while true {
            let count = Glibc.read(raw, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { return nil }
        }
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
    let random = String(UInt64.random(in: 0 ... .max), radix: 36)
    // A name has 255 bytes at most; what is cut off is only for people.
    return BytePath(bytes: Array(".".utf8) + name.bytes.prefix(200) + Array(".part-\(random)".utf8))
}
