import Glibc
import ShipyardModel

/// Ends a wait of the loop from any thread: a pipe that is read only to empty it.
package final class Wakeup: Sendable {
    let fileDescriptor: Int32
    private let writer: Int32

    init() throws(SystemError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            pipe($0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard result == 0 else { throw SystemError("pipe", errno: errno) }
        (fileDescriptor, writer) = ends
        for end in [fileDescriptor, writer] {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(fileDescriptor)
        close(writer)
    }

    /// A full pipe is as good: the loop will wake.
    func signal() {
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
    }

    /// Until it is signalled; it stays so.
    func wait(milliseconds: Int64) {
        var watched = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        poll(&watched, 1, Int32(clamping: milliseconds))
    }

    func clear() {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            while read(fileDescriptor, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
