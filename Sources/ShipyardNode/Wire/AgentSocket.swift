import Glibc
import ShipyardModel
import ShipyardSystem

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
