import Glibc
import ShipyardModel
import ShipyardSystem

/// Why a connection cannot be used any more.
package enum ConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    case system(SystemError)
    case wire(WireError)

    package var description: String {
        switch self {
        case .system(let error): error.description
        case .wire(let error): "the peer does not speak the protocol: \(error)"
        }
    }
}

/// A non-blocking socket that messages go through, and the bytes that wait on either side of it.
///
/// One class for both ends: the service reads what the agent writes and the other way round.
package final class MessageStream<Incoming: WireMessage, Outgoing: WireMessage> {
    private let socket: FileDescriptor
    private var decoder: FrameDecoder
    private var output = ByteWriter()
    /// Of what is sent from here on.
    package var version: UInt8
    /// How much of `output` the kernel has taken.
    private var written = 0

    package init(owning socket: consuming FileDescriptor, speaking spoken: ProtocolVersions = .ofThisProgram)
    {
        self.socket = socket
        decoder = FrameDecoder(spoken)
        version = spoken.newest
    }

    /// For epoll or poll. Owned by this object: never close it.
    package var fileDescriptor: Int32 { socket.number }

    /// Bytes that wait for the peer to read: ask to be told when the socket takes more.
    package var unsentBytes: Int { output.bytes.count - written }

    /// Takes the message; nothing leaves before `flush`.
    package func send(_ message: Outgoing) {
        Frame.append(message, version: version, to: &output)
    }

    /// Sends what the socket takes now. True when nothing is left to send.
    @discardableResult package func flush() throws(ConnectionError) -> Bool {
        while unsentBytes > 0 {
            let count = output.bytes.withUnsafeBytes { bytes in
                Glibc.send(
                    socket.number, bytes.baseAddress.map { $0 + written }, bytes.count - written,
                    Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return false }
                throw .system(SystemError("send", errno: errno))
            }
            written += count
        }
        output.bytes.removeAll(keepingCapacity: output.bytes.count < 1 << 20)
        written = 0
        return true
    }

    /// Everything that has arrived. `isClosed` when the peer has closed its end: nothing will follow.
    package func receive() throws(ConnectionError) -> (messages: [Incoming], isClosed: Bool) {
        var messages: [Incoming] = []
        var isClosed = false
        do throws(WireError) {
            // Bounded, so that a peer that never stops cannot hold the loop: the rest is read next time.
            for _ in 0..<16 {
                let count = read()
                if count == 0 { isClosed = true }
                guard count > 0 else { break }
                while let message = try decoder.next(Incoming.self) { messages.append(message) }
                if count < readChunkBytes { break }
            }
        } catch { throw .wire(error) }
        return (messages, isClosed)
    }

    /// How many bytes came; 0 at the end of the stream, also when the connection was torn; -1 for none now.
    private func read() -> Int {
        withUnsafeTemporaryAllocation(byteCount: readChunkBytes, alignment: 1) { chunk in
            while true {
                let count = recv(socket.number, chunk.baseAddress, chunk.count, 0)
                if count > 0 { decoder.append(chunk[..<count]) }
                if count < 0, errno == EINTR { continue }
                if count < 0 { return errno == EAGAIN ? -1 : 0 }
                return count
            }
        }
    }
}

// 64 KiB: some 500 orders or exits in one read.
private let readChunkBytes = 65_536
