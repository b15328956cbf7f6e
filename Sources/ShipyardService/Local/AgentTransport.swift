import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem

/// The way to agents: opens byte streams on which the protocol is spoken. Called on worker threads.
package protocol AgentTransport: Sendable {
    /// A failure says something about the way and nothing about the agent.
    func open(_ root: String) throws(SystemError) -> AgentStream
}

/// A stream to an agent, and the process that carries it where there is one. Whoever takes it over closes it.
package struct AgentStream: Sendable {
    package struct Carrier: Sendable {
        /// A child of the service.
        var processID: Int32
        /// What it says to people.
        var errors: Int32
    }

    /// A socket that does not block.
    var descriptor: Int32
    var carrier: Carrier?
}

/// The agent's own socket, for agents of this machine.
package struct SocketTransport: AgentTransport {
    package init() {}

    package func open(_ root: String) throws(SystemError) -> AgentStream {
        let socket = try AgentSocket.connect(in: root)
        return AgentStream(descriptor: socket.release(), carrier: nil)
    }
}

/// A command whose standard input and output are the stream, such as
/// `ssh HOST shipyard-swift node-agent connect --root DIR`.
package struct CommandTransport: AgentTransport {
    /// What comes before `node-agent connect --root DIR`.
    private let program: [String]

    package init(_ program: [String]) { self.program = program }

    package func open(_ root: String) throws(SystemError) -> AgentStream {
        let command = try CommandStream(program + ["node-agent", "connect", "--root", root])
        return AgentStream(
            descriptor: command.stream, carrier: .init(processID: command.processID, errors: command.errors))
    }
}

/// Starts agents. One day on other machines; whether they live and what they leave is looked for on this one, too.
package protocol AgentLaunching: Sendable {
    /// The agent's process, a child of the service.
    func launch(_ options: NodeAgentOptions) throws(SystemError) -> Int32
}

package struct LocalLaunching: AgentLaunching {
    private let executable: String

    package init(executable: String) { self.executable = executable }

    package func launch(_ options: NodeAgentOptions) throws(SystemError) -> Int32 {
        try AgentLauncher.launch(executable: executable, options: options)
    }
}
