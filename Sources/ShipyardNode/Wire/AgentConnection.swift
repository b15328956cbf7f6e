import Glibc
import ShipyardModel

/// The service's end of the connection to one agent.
///
/// Not for more than one thread: it belongs to the service loop, which waits on `fileDescriptor`, calls
/// `readMessages` when there is something to read, and `flush` once a turn and again when the socket takes
/// more (`wantsToWrite`).
package final class AgentConnection {
    private let stream: MessageStream<AgentMessage, ServiceMessage>

    /// Connects to the agent of a node. Throws `ECONNREFUSED` or `ENOENT` where none listens.
    package init(root: String, of user: uid_t = geteuid()) throws(SystemError) {
        stream = MessageStream(
            owning: try LocalSocket.connect(
                name: NodeLayout.socketName, in: root, isLinkAllowed: false, of: user))
    }

    package var fileDescriptor: Int32 { stream.fileDescriptor }
    package var wantsToWrite: Bool { stream.unsentBytes > 0 }
    package var unsentBytes: Int { stream.unsentBytes }

    /// Takes the message; nothing leaves before `flush`.
    package func send(_ message: ServiceMessage) { stream.send(message) }

    /// Sends what the socket takes now. True when nothing is left to send.
    @discardableResult package func flush() throws(ConnectionError) -> Bool { try stream.flush() }

    /// Every message that has arrived whole. `isClosed` when the agent has gone or has taken another
    /// connection; messages that came with it are still good.
    package func readMessages() throws(ConnectionError) -> (messages: [AgentMessage], isClosed: Bool) {
        try stream.receive()
    }
}
