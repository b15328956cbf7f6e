import Glibc
import ShipyardModel
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

/// How long an agent may say nothing. It is asked all the while, so one that can speak does.
package struct SilenceLimits: Sendable, Hashable {
    /// From here on the node is `unknown` and gets no more work.
    package var silent = TimeSpan.seconds(20)
    /// From here on it is lost: all that it has is ended, and its work runs elsewhere.
    package var lost = TimeSpan.seconds(120)

    package init() {}

    /// For tests, which cannot wait for minutes: `SHIPYARD_SILENCE_SECONDS=silent,lost`. Nil for anything else.
    package init?(_ text: String) {
        let numbers = text.split(separator: ",").compactMap { Int64($0) }
        guard numbers.count == 2, numbers[0] > 0, numbers[1] > numbers[0], numbers[1] < 1 << 32 else {
            return nil
        }
        silent = .seconds(numbers[0])
        lost = .seconds(numbers[1])
    }

    /// How often agents are asked and their silence is looked at: often enough that losing one answer or two
    /// does not look like silence.
    var period: TimeSpan { TimeSpan(milliseconds: silent.milliseconds / 4) }
}

/// Counts the time during which the service itself was there to listen.
///
/// A service that was stopped, or a machine that slept, has heard nothing either, and that is no silence of the
/// agents: a gap between two looks counts for no more than a look that came in time.
struct ListeningClock {
    private(set) var milliseconds: Int64 = 0
    private var lastLook: Int64?
    private let longestStep: Int64

    init(_ limits: SilenceLimits) { longestStep = 2 * limits.period.milliseconds }

    mutating func look(at monotonicMicroseconds: Int64) {
        let step = (monotonicMicroseconds - (lastLook ?? monotonicMicroseconds)) / 1000
        guard step > 0 || lastLook == nil else { return }
        lastLook = monotonicMicroseconds
        milliseconds += min(step, longestStep)
    }
}
