import ShipyardModel
import ShipyardSystem

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
