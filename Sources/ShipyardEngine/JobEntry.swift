import ShipyardModel

/// One job and its tasks.
///
/// A class, because a copy of this value held across a change would copy a million entries.
final class JobEntry {
    var record: JobRecord
    var rules: JobRules
    var tasks: [TaskEntry] = []
    var ready = ReadyQueue()
    var counts = TaskCounts()
    var graph = DependencyGraph()
    /// Preparation and release by node index; no entry where the job never was.
    var nodes: [Int: NodeJobState] = [:]
    /// The next thing to be done is deletion: set by `jobs del`.
    var isDeleting: Bool { record.state == .deleting }
    /// Tasks that hold slots, kept so that the end of a job need not look at a million entries.
    var assigned: Set<UInt32> = []

    init(record: JobRecord, rules: JobRules) {
        self.record = record
        self.rules = rules
    }

    func rules(of entry: TaskEntry) -> TaskRules { rules.templates[Int(entry.template)] }

    func key(_ ordinal: UInt32) -> TaskKey { TaskKey(job: record.number, ordinal: ordinal) }
}

/// Job preparation and release on one node.
struct NodeJobState: Sendable {
    enum Phase: Sendable {
        case preparing, prepared, preparationFailed
        /// The node died while the preparation ran: it runs again, under the next number.
        case preparationLost
        case releasing, released
    }
    var phase: Phase
    var attempt: Int32
    /// Tasks that hold slots on the node and wait for the preparation.
    var waiting: [UInt32] = []
}
