import ShipyardModel

/// One compute node as the engine sees it.
struct NodeEntry: Sendable {
    var record: NodeRecord
    var slots: Int
    /// Of all work given to it, also of what waits at its agent.
    var usedSlots = 0
    var tasks: Set<TaskKey> = []
    var isConnected = false
    var isGone = false
    var isRemovalAsked = false
    /// Nil until the start task was sent to this boot.
    var startTaskIsRunning = false
    var hasRebootedForStartTask = false
    /// Moments of the latest losses, for deciding that a node is unusable.
    var losses: [Instant] = []
    /// Mean run time of recent tasks here; starts high, so that nothing waits at the agent until tasks were
    /// seen to be short.
    var meanRunMicroseconds: Int64 = 1_000_000
    var tasksRun = 0
    var tasksSucceeded = 0

    init(record: NodeRecord, slots: Int) {
        self.record = record
        self.slots = slots
    }

    /// Slots of work that may wait at the agent beyond what runs there, so that no slot waits for a round
    /// trip while tasks are short. Nothing waits behind tasks of 50 ms and more: a round trip is small then,
    /// and another node may come free earlier.
    var queueSlots: Int {
        guard meanRunMicroseconds < Limits.shortTaskMicroseconds else { return 0 }
        let perSlot = Limits.queueAheadMicroseconds / max(meanRunMicroseconds, 250) + 1
        return min(slots * Int(perSlot), Limits.maximumQueuedSlots)
    }

    mutating func taskRan(for microseconds: Int64, succeeded: Bool) {
        meanRunMicroseconds += (microseconds - meanRunMicroseconds) / 4
        tasksRun += 1
        if succeeded { tasksSucceeded += 1 }
    }
}

/// One pool.
struct PoolEntry: Sendable {
    var record: PoolRecord
    var rules: PoolRules
    /// Indexes of its nodes, oldest first.
    var nodes: [Int] = []
    /// Numbers of its jobs that may have something to run: highest priority first, then oldest first.
    var jobs: [UInt32] = []
    var isRemovalAsked = false
}

/// The engine's limits and the reasons for their numbers.
package enum Limits {
    /// Above this a round trip to the service (about a millisecond) is small beside the task.
    static let shortTaskMicroseconds: Int64 = 50_000
    /// Work that may wait at an agent, in run time: several turns of the service, which commits every 5 ms.
    static let queueAheadMicroseconds: Int64 = 20_000
    /// Enough for 20 ms of the shortest tasks on a few slots; each is a message of some hundred bytes.
    static let maximumQueuedSlots = 128
    /// A node whose agent dies this often within `lossWindow` has a reason that a restart does not mend.
    static let maximumLosses = 5
    static let lossWindow = TimeSpan.seconds(600)
    /// Azure Batch gives a job release task 15 minutes.
    package static let releaseTime = TimeSpan.seconds(15 * 60)
}
