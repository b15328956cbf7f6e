import Glibc
import ShipyardModel

/// Where a command writes: a file descriptor, or memory in tests.
///
/// The program ignores SIGPIPE. A reader that went away (`| head`) closes the stream quietly, and the
/// command goes on: `run … | head -3` must still tear its pool down. Writers of long output look at
/// `isClosed` and stop.
package final class OutputStream {
    private let descriptor: Int32?
    private var buffer: [UInt8] = []
    package private(set) var isClosed = false
    /// Why something could not be written, such as a full disk. A reader that went away is no such reason.
    package private(set) var failure: SystemError?
    /// Colour and redrawn lines are for terminals only.
    package let isTerminal: Bool
    /// Columns; 80 where nobody knows.
    package let width: Int

    package init(descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        width = isTerminal ? Self.columns(of: descriptor) : 80
    }

    /// Collects what is written; see `text`.
    package init(collectingWithWidth width: Int, isTerminal: Bool = false) {
        descriptor = nil
        self.isTerminal = isTerminal
        self.width = width
    }

    /// What was written to a collecting stream.
    package var text: String { String(decoding: buffer, as: UTF8.self) }

    package func write(_ text: some StringProtocol) { write(bytes: text.utf8) }

    package func write(bytes: some Sequence<UInt8>) {
        guard !isClosed else { return }
        buffer.append(contentsOf: bytes)
        // One pipe's capacity: larger writes gain nothing.
        if descriptor != nil, buffer.count >= 65_536 { flush() }
    }

    package func line(_ text: some StringProtocol = "") {
        write(text)
        write("\n")
    }

    package func flush() {
        guard let descriptor, !buffer.isEmpty, !isClosed else { return }
        var start = 0
        buffer.withUnsafeBytes { bytes in
            while start < bytes.count {
                let written = Glibc.write(descriptor, bytes.baseAddress! + start, bytes.count - start)
                if written > 0 {
                    start += written
                } else if errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&waiting, 1, -1)
                } else if errno != EINTR {
                    // EPIPE, or a full disk: nothing further can be told here.
                    if errno != EPIPE { failure = SystemError("write", errno: errno) }
                    isClosed = true
                    return
                }
            }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func columns(of descriptor: Int32) -> Int {
        var size = winsize()
        let answer = ioctl(descriptor, UInt(TIOCGWINSZ), &size)
        return answer == 0 && size.ws_col >= 20 ? Int(size.ws_col) : 80
    }
}
