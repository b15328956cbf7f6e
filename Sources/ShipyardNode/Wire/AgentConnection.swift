import Glibc
import ShipyardModel
import ShipyardSystem

/// The service's end of the connection to one agent.
///
/// Not for more than one thread: it belongs to the service loop, which waits on `fileDescriptor`, calls
/// `readMessages` when there is something to read, and `flush` once a turn and again when the socket takes
/// more (`wantsToWrite`).
package final class AgentConnection {
    private let stream: MessageStream<AgentMessage, ServiceMessage>
    private let spoken: ProtocolVersions

    /// Over the agent's own socket. Throws `ECONNREFUSED` or `ENOENT` where none listens.
    package convenience init(
        root: String, of user: uid_t = geteuid(), speaking spoken: ProtocolVersions = .ofThisProgram
    ) throws(SystemError) {
        let socket = try AgentSocket.connect(in: root, of: user)
        self.init(owning: socket, speaking: spoken)
    }

    /// - Parameter stream: a socket whose other end is the agent's, or that of something which passes on what comes.
    package init(owning stream: consuming FileDescriptor, speaking spoken: ProtocolVersions = .ofThisProgram)
    {
        self.spoken = spoken
        self.stream = MessageStream(owning: stream, speaking: spoken)
    }

    /// What the agent has chosen, from its welcome on.
    package var version: UInt8 {
        get { stream.version }
        set { stream.version = newValue }
    }

    /// The first message. An agent from before greetings closes the connection when it reads one.
    ///
    /// - Parameter isGreeting: false for a hello that such an agent reads.
    package func greet(_ state: StateID, _ life: LifeID, isGreeting: Bool = true) {
        let version = ProtocolVersions.beforeGreetings
        let isOld = !isGreeting || !spoken.hasGreetings
        stream.version = isOld ? version : Frame.greeting
        stream.send(
            .hello(isOld ? ProtocolVersions(oldest: version, newest: version) : spoken, state, life))
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

/// The socket of a node's agent. A home may be reached through a link, a node's root never is.
package enum AgentSocket {
    /// By the agent, which holds the lock of its root.
    static func listen(in root: String) throws(SystemError) -> FileDescriptor {
        try LocalSocket.listen(name: NodeLayout.socketName, in: try NodePath(root).open(), at: root)
    }

    package static func connect(
        in root: String, of user: uid_t = geteuid()
    ) throws(SystemError) -> FileDescriptor {
        try LocalSocket.connect(
            name: NodeLayout.socketName, in: try NodePath(root).open(), at: root, of: user)
    }
}
