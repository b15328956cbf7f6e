import Glibc
import ShipyardNode

/// How a service has its nodes on this machine.
package struct LocalSettings: Sendable {
    package var silence = SilenceLimits()
    /// The way to a node's agent.
    package var transport: @Sendable (NodeDescription) -> any AgentTransport = { _ in SocketTransport() }
    package var launcher: any AgentLaunching
    /// Of the protocol, also for the agents that are launched.
    package var versions = ProtocolVersions.ofThisProgram

    /// As usual, but for what tests ask for in the environment: `SHIPYARD_SILENCE_SECONDS=silent,lost`,
    /// `SHIPYARD_AGENT_TRANSPORT=command` and `SHIPYARD_PROTOCOL=2` (CONTRIBUTING.md).
    package init(executable: String) {
        launcher = LocalLaunching(executable: executable)
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        if let limits = value("SHIPYARD_SILENCE_SECONDS").flatMap({ SilenceLimits($0) }) { silence = limits }
        if value("SHIPYARD_AGENT_TRANSPORT") == "command" {
            transport = { _ in CommandTransport([executable]) }
        }
        if let versions = value("SHIPYARD_PROTOCOL").flatMap({ ProtocolVersions($0) }) {
            self.versions = versions
        }
    }
}
