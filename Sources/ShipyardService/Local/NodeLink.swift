import ShipyardModel
import ShipyardNode

/// One node and the way to its agent, from its launch or recovery to its loss or release.
final class NodeLink {
    /// What a worker thread is to do next for it.
    enum Step {
        case launch
        /// The process is that of an agent launched by this service that has not answered yet.
        case connect(launched: Int32?)
    }

    let description: NodeDescription
    let root: String
    var connection: AgentConnection?
    /// A welcome has come on this connection: the agent is of our state and speaks our protocol.
    var isGreeted = false
    /// It has been greeted at least once, so its silence is news.
    var hasSpoken: Bool
    var isSilent = false
    /// By `ListeningClock`.
    var heardAt: Int64
    /// Something is under way on a worker; nothing else is begun meanwhile.
    var isBusy = false
    /// What failed since it was last heard: makes the pauses longer.
    var failures = 0
    /// Connections in a row that the agent closed without a word.
    var wordlessEnds = 0
    /// Said in the log; not said again with each attempt.
    var toldFailure: SystemError?
    /// The next step and when it is due, in monotonic microseconds.
    var retry: (step: Step, at: Int64)?

    /// - Parameter hasSpoken: whether a service has known its agent.
    init(_ description: NodeDescription, root: String, hasSpoken: Bool, at moment: Int64) {
        self.description = description
        self.root = root
        self.hasSpoken = hasSpoken
        heardAt = moment
    }

    /// Doubled with each failure: the first attempts find an agent that is about to come, later ones cost nothing.
    static func pauseMicroseconds(afterFailures failures: Int) -> Int64 {
        min(5_000_000, 25_000 << Int64(min(failures, 10)))
    }
}
