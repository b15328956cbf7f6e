import ShipyardModel

/// The hot state of one task: 40 bytes, in a table of its job (`TaskTable`).
struct TaskEntry: Sendable, Hashable {
    struct Flags: OptionSet, Sendable, Hashable {
        let rawValue: UInt16
        /// Its record must be written at the end of the turn.
        static let dirty = Flags(rawValue: 1)
        /// Completed in a way that satisfies those who wait for it.
        static let satisfied = Flags(rawValue: 2)
        /// A user or the end of the job wants it ended.
        static let ending = Flags(rawValue: 4)
        /// The latest attempt was numbered but no command was ever run under that number: it is used again.
        static let attemptUnused = Flags(rawValue: 8)
        /// Deleted by a user; its ordinal is a hole from now on.
        static let deleted = Flags(rawValue: 16)
        /// Ended so that it can run again elsewhere (job disabled): its exit is no result.
        static let requeueing = Flags(rawValue: 32)
        static let failed = Flags(rawValue: 64)
        /// It waits for a task that is `lost`, so it can never run. It stays active until a user ends it.
        static let neverRuns = Flags(rawValue: 128)
        /// Nothing that may still happen satisfies those who wait for it.
        static let lost = Flags(rawValue: 256)
        /// A node has it, and what it waited for once is to run again, or has and is `lost`: known when it comes back.
        static let upstreamLost = Flags(rawValue: 512)
        /// It waits at its agent behind other work (docs/adr/0005), and runs only in the sense that a node has it.
        static let queued = Flags(rawValue: 1024)
    }

    var state = TaskState.active
    /// For the deaths of nodes while the task ran there.
    var blame: UInt8 = 0
    var flags: Flags = []
    var template: Int32
    var attempt: Int32 = 0
    var retryCount: Int32 = 0
    var requeueCount: Int32 = 0
    /// Index of the node that has it, or -1.
    var node: Int32 = -1
    /// Dependencies whose conditions are not met yet.
    var waiting: Int32 = 0
    /// Head of its list in `DependencyGraph.edges`, or -1.
    var firstEdge: Int32 = -1
    /// When the latest attempt was given to its node.
    var assigned: Int64 = 0

    private var isPresent: Bool { state == .active && !flags.contains(.deleted) }
    /// Chosen for a node as soon as there is one.
    var mayRun: Bool { isPresent && waiting == 0 }
    var isWaiting: Bool { isPresent && waiting > 0 }

    init(template: Int) { self.template = Int32(template) }

    mutating func move(to next: TaskState) {
        if state == next { return }
        invariant(state.mayMove(to: next), "a task cannot go from \(state) to \(next)")
        state = next
    }
}

extension Dependency.Condition {
    /// Whether the upstream task meets it, or never will; nil while that is open.
    func isMet(by upstream: TaskEntry) -> Bool? {
        switch self {
        case .satisfied:
            upstream.flags.contains(.satisfied) ? true : upstream.flags.contains(.lost) ? false : nil
        }
    }
}
