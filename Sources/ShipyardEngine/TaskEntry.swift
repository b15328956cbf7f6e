import ShipyardModel

/// The hot state of one task: 40 bytes, in one array per job, found by ordinal.
struct TaskEntry: Sendable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        /// Its record must be written at the end of the turn.
        static let dirty = Flags(rawValue: 1)
        /// Completed in a way that lets its dependants run.
        static let satisfied = Flags(rawValue: 2)
        /// A user or the end of the job wants it ended; whatever its exit says, it is `TaskEnded`.
        static let ending = Flags(rawValue: 4)
        /// The latest attempt was numbered but no command was ever run under that number: it is used again.
        static let attemptUnused = Flags(rawValue: 8)
        /// Deleted by a user; its ordinal is a hole from now on.
        static let deleted = Flags(rawValue: 16)
        /// Ended so that it can run again elsewhere (job disabled): its exit is no result.
        static let requeueing = Flags(rawValue: 32)
        static let failed = Flags(rawValue: 64)
    }

    var state = TaskState.active
    var flags: Flags = []
    /// For the deaths of nodes while the task ran there. It fits where the table had a gap.
    var blame: UInt8 = 0
    var template: Int32
    var attempt: Int32 = 0
    var retryCount: Int32 = 0
    var requeueCount: Int32 = 0
    /// Index of the node that has it, or -1.
    var node: Int32 = -1
    /// Dependencies not yet satisfied.
    var waiting: Int32 = 0
    /// Head of its list in `JobEntry.edges`, or -1.
    var firstEdge: Int32 = -1
    /// When the latest attempt was given to its node.
    var assigned: Int64 = 0

    /// Chosen for a node as soon as there is one.
    var mayRun: Bool { state == .active && waiting == 0 && !flags.contains(.deleted) }

    init(template: Int) { self.template = Int32(template) }

    mutating func move(to next: TaskState) {
        if state == next { return }
        invariant(state.mayMove(to: next), "a task cannot go from \(state) to \(next)")
        state = next
    }
}
