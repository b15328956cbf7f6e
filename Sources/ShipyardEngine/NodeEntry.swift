import ShipyardModel

/// One compute node as the engine sees it.
struct NodeEntry: Sendable {
    var record: NodeRecord
    /// What is taken of it is that of all work given to it, also of what waits at its agent.
    var stock: ResourceStock
    var tasks: Set<TaskKey> = []
    /// Of these, what waits at the agent.
    var queuedTasks = 0
    var queuedSlots = 0
    var isConnected = false
    /// Its agent is of an older version: it drains.
    var isOutdated = false
    var isGone = false
    var isRemovalAsked = false
    var hasRebootedForStartTask = false
    /// Since when, if the agent answers nothing. Nothing is stored of it: the next service finds out anew.
    var silentSince: Instant?
    var startTrouble: StartTrouble?
    /// Work that is no task and that the agent gave back: it is sent again when the node can start it.
    var returnedWork: Set<WorkID> = []
    /// What the agent owes an answer for.
    var removals: [RemovalID: RemovalRecord] = [:]
    /// Jobs whose preparation or release has been here.
    var jobs: Set<UInt32> = []
    var relaunch = RelaunchState()
    /// Mean run time of recent tasks here; starts high, so that nothing waits at the agent until tasks were
    /// seen to be short.
    var meanRunMicroseconds: Int64 = 1_000_000
    var tasksRun = 0
    var tasksSucceeded = 0

    init(record: NodeRecord, _ resources: Resources) {
        self.record = record
        stock = ResourceStock(resources)
    }

    /// Slots of work that may wait at the agent beyond what runs there, so that no slot waits for a round
    /// trip while tasks are short. Nothing waits behind tasks of 50 ms and more: a round trip is small then,
    /// and another node may come free earlier.
    var queueSlots: Int {
        guard meanRunMicroseconds < Limits.shortTaskMicroseconds else { return 0 }
        let perSlot = Limits.queueAheadMicroseconds / max(meanRunMicroseconds, 250) + 1
        return min(stock.capacity.slots * Int(perSlot), Limits.maximumQueuedSlots)
    }

    /// Whether it may be given work now. An agent that leaves would only give it back.
    var takesWork: Bool {
        record.state.isSchedulable && isConnected && silentSince == nil && startTrouble == nil
            && !relaunch.isAsked && !isOutdated
    }

    /// Where work would find itself here.
    enum Room { case now, behindOthers, later, none }

    func room(for needs: Resources) -> Room {
        guard takesWork, needs.isWithin(stock.capacity) else { return .none }
        if stock.fits(needs) { return .now }
        return stock.fits(needs, slotsAhead: queueSlots) ? .behindOthers : .later
    }

    mutating func take(_ task: TaskKey, _ needs: Resources) -> Room {
        let fits = stock.fits(needs)
        stock.take(needs)
        tasks.insert(task)
        return fits ? .now : .behindOthers
    }

    /// False when it does not have the task.
    mutating func free(_ task: TaskKey, _ needs: Resources) -> Bool {
        guard tasks.remove(task) != nil else { return false }
        stock.give(needs)
        return true
    }

    /// What the tasks that run here are to be blamed with, should the node be lost now.
    var blameForLoss: UInt8 {
        if relaunch.isAsked || relaunch.diedWithTheMachine { return 0 }
        return isConnected ? Limits.blame : Limits.blameForUnseenLoss
    }

    mutating func taskRan(for microseconds: Int64, succeeded: Bool) {
        meanRunMicroseconds += (microseconds - meanRunMicroseconds) / 4
        tasksRun += 1
        if succeeded { tasksSucceeded += 1 }
    }
}

/// Why a node starts nothing.
struct StartTrouble: Sendable {
    var reason: String
    /// So long that whoever waits for a job should hear of it.
    var isLasting = false
}

/// When a node whose agent died gets its next one. The pause grows while one dies after the other: what ails the
/// node may pass (a full disk, a missing file), and must not cost the machine anything until then.
struct RelaunchState: Sendable {
    /// Losses without good news in between.
    private(set) var losses = 0
    private(set) var firstLoss: SteadyTime?
    var connectedSince: SteadyTime?
    /// The next loss was asked for.
    var isAsked = false
    /// The machine went down since the node was heard of last: its end is nobody's fault.
    var diedWithTheMachine = false

    /// Work ended here, or the agent lived for long: what was before counts no more.
    mutating func goodNews() { (losses, firstLoss) = (0, nil) }

    /// How long to wait for the next agent.
    mutating func lost(at now: SteadyTime) -> TimeSpan {
        if isAsked || diedWithTheMachine { goodNews() }
        if let connectedSince, now - connectedSince >= Limits.longLife { goodNews() }
        (connectedSince, isAsked, diedWithTheMachine) = (nil, false, false)
        if firstLoss == nil { firstLoss = now }
        losses += 1
        guard losses > 1 else { return .zero }
        return min(.seconds(1 << Int64(min(losses - 2, 20))), Limits.longestRelaunchPause)
    }

    /// A person should know. It is tried again all the same.
    func isUnusable(at now: SteadyTime) -> Bool {
        firstLoss.map { now - $0 >= Limits.unusableAfter } ?? false
    }
}

/// One pool.
struct PoolEntry: Sendable {
    var record: PoolRecord
    var rules: PoolRules
    /// Indexes of its nodes, oldest first.
    var nodes: [Int] = []
    /// Numbers of its jobs that may have something to run (`Engine.list`): highest priority first, then oldest first.
    var jobs: [UInt32] = []
    var isRemovalAsked = false
    /// Why nothing of it can be used: what the database has of it cannot be read.
    var problem: String?
}

/// The engine's limits and the reasons for their numbers.
package enum Limits {
    /// Above this a round trip to the service (about a millisecond) is small beside the task.
    static let shortTaskMicroseconds: Int64 = 50_000
    /// Work that may wait at an agent, in run time: several turns of the service, which commits every 5 ms.
    static let queueAheadMicroseconds: Int64 = 20_000
    /// Enough for 20 ms of the shortest tasks on a few slots; each is a message of some hundred bytes.
    static let maximumQueuedSlots = 128
    /// An agent that was connected for so long did not die of what killed those before it.
    static let longLife = TimeSpan.seconds(600)
    static let longestRelaunchPause = TimeSpan.seconds(300)
    /// Agents that die one after the other for so long make their node unusable, until one stays.
    static let unusableAfter = TimeSpan.seconds(120)
    /// A node that could start nothing for so long is worth a word to those who wait.
    static let lastingTrouble = TimeSpan.seconds(60)
    /// A task that ran on three nodes when they died is not given to a fourth: it may be what kills them. So is a job
    /// preparation that saw its node die three times; the node is not used for the job any more. A node
    /// that a new service finds dead counts little, as whatever ended the service may have ended the node; yet it
    /// counts, as that may be the task as well.
    static let blame: UInt8 = 4
    static let blameForUnseenLoss: UInt8 = 1
    static let maximumBlame: UInt8 = 12
    /// Azure Batch gives a job release task 15 minutes.
    package static let releaseTime = TimeSpan.seconds(15 * 60)
}
