import ShipyardModel
import ShipyardNode

/// One node and the way to its agent, from its launch or recovery to its loss or release.
final class NodeLink {
    /// What a worker thread is to do next for it.
    enum Step {
        case launch
        case connect
    }

    let description: NodeDescription
    let root: String
    let transport: any AgentTransport
    var connection: AgentConnection?
    /// The process of the connection, where it has one.
    var carrier: Int32?
    /// By `ListeningClock`.
    var connectedAt: Int64 = 0
    /// Of a connection that ended without a word: what its process exits with tells why.
    var endedCarrier: Int32?
    /// The process of an agent launched by this service that has not answered yet.
    var launched: Int32?
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
    /// Connections in a row that the agent closed without a word: it may be from before greetings, which every other
    /// attempt does without, or speak another protocol altogether.
    var wordlessEnds = 0
    /// Said in the log; not said again with each attempt.
    var toldFailure: SystemError?
    var toldLine: String?
    /// The next step and when it is due, in monotonic microseconds.
    var retry: (step: Step, at: Int64)?

    /// - Parameter hasSpoken: whether a service has known its agent.
    init(
        _ description: NodeDescription, root: String, transport: any AgentTransport, hasSpoken: Bool,
        at moment: Int64
    ) {
        self.description = description
        self.root = root
        self.transport = transport
        self.hasSpoken = hasSpoken
        heardAt = moment
    }

    /// Doubled with each failure: the first attempts find an agent that is about to come, later ones cost nothing.
    static func pauseMicroseconds(afterFailures failures: Int) -> Int64 {
        min(5_000_000, 25_000 << Int64(min(failures, 10)))
    }
}
