import ShipyardModel

/// Decides; never acts. No clock, file, process, lock or random source is reachable from here, so a
/// simulation can replay any history from its seed.
///
/// A turn is: `apply` every event, then `takeTurn`, commit its writes in one transaction, and only then act
/// on its effects. State here is ahead of the database within a turn; when the commit fails the engine is
/// thrown away and made again from the database, as after a crash.
package struct Engine {
    var pools: [PoolID: PoolEntry] = [:]
    var nodes: [NodeEntry] = []
    var jobs: [UInt32: JobEntry] = [:]
    var jobNumbers: [JobID: UInt32] = [:]
    /// When jobs that have a `max_wall_time` end by it.
    var jobDeadlines = Timetable<UInt32>()
    /// When something about a node is due: its next agent, or what its trouble means by then.
    var nodeTimers = Timetable<Int>()
    /// Nodes whose agents are of an older version, and drain.
    var outdatedNodes: Set<Int> = []
    /// Jobs with tasks that are not done.
    let tally = JobTally()

    var writes: [StoreWrite] = []
    var effects: [Effect] = []
    var dirtyTasks: [TaskKey] = []
    /// Results of attempts that ended in this turn; the engine does not keep them longer.
    var results: [TaskKey: AttemptResult] = [:]
    /// Deleted in this turn: the database still has them, and must not be asked again.
    var deletedTasks: Set<TaskKey> = []
    /// Of the latest event.
    var now = Moment(wall: Instant(milliseconds: 0), steady: SteadyTime(milliseconds: 0))
    /// Pools in which something may have become possible.
    var poolsToSchedule: Set<PoolID> = []
    /// Completed in this turn: their tables go at its end.
    var endedJobs: [UInt32] = []

    package init() {}

    /// Applies one event. What must be done about it is gathered for `takeTurn`.
    package mutating func apply(_ event: Event, at now: Moment) {
        self.now = now
        switch event {
        case .poolAdded(let record, let rules): addPool(record, rules, at: now)
        case .poolResized(let pool, let dedicated, let low): resize(pool, dedicated, low, at: now)
        case .poolDeleted(let pool): deletePool(pool, at: now)
        case .jobAdded(let record, let rules): addJob(record, rules)
        case .tasksAdded(let job, let seeds, let record, let rules):
            addTasks(seeds, to: job, record, rules, at: now)
        case .jobTerminated(let job, let reason): terminateJob(job, reason: reason, at: now)
        case .jobDisabled(let job): disableJob(job, at: now)
        case .jobEnabled(let job): enableJob(job, at: now)
        case .jobDeleted(let job): deleteJob(job, at: now)
        case .taskTerminated(let key): terminateTask(key, at: now)
        case .taskDeleted(let key): deleteTask(key, at: now)
        case .endedTaskDeleted(let key, let succeeded): deleteEndedTask(key, succeeded)
        case .nodeConnected(let node, let running, let queued, let isOutdated):
            connect(node, running, queued, isOutdated: isOutdated, at: now)
        case .workStarted(let node, let work): workStarted(work, on: node)
        case .workExited(let node, let work, let result): workExited(work, on: node, result, at: now)
        case .workReturned(let node, let work): workReturned(work, on: node, at: now)
        case .nodeSilent(let node): nodeSilent(node, at: now)
        case .nodeHeard(let node): nodeHeard(node, at: now)
        case .nodeCannotStartWork(let node, let reason): nodeCannotStartWork(node, reason, at: now)
        case .nodeCanStartWork(let node): nodeCanStartWork(node)
        case .nodeRebootAsked(let node): rebootNode(node, at: now)
        case .filesUnwanted(let node, let id, let owner): removeFiles(id, of: owner, on: node.index, at: now)
        case .filesRemoved(let node, let id): filesRemoved(id, on: node)
        case .filesNotRemoved(let node, let id, let failure): filesNotRemoved(id, on: node, failure)
        case .nodeLost(let node, let reason): nodeLost(node, reason: reason, at: now)
        case .nodeRemoved(let node): nodeRemoved(node, at: now)
        case .poolRemoved(let pool, let removal): poolRemoved(pool, removal: removal, at: now)
        case .timePassed: break
        }
    }

    /// What one turn has decided: write all of it in one transaction, then act, in this order.
    package struct Turn: Sendable {
        package var writes: [StoreWrite]
        package var effects: [Effect]
    }

    package mutating func takeTurn(at now: Moment) -> Turn {
        self.now = now
        expireJobs(at: now)
        lookAfterNodes(at: now)
        schedule(at: now)
        replaceOutdatedNodes()
        for key in dirtyTasks { writeProgress(of: key) }
        dirtyTasks.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
        for number in endedJobs { jobs[number]?.forgetTasks() }
        endedJobs.removeAll(keepingCapacity: true)
        deletedTasks.removeAll(keepingCapacity: true)
        defer {
            writes = []
            effects = []
        }
        return Turn(writes: writes, effects: effects)
    }

    /// The earliest moment at which something happens by itself; nil when nothing ever will.
    package var nextDeadline: SteadyTime? {
        [jobDeadlines.first, nodeTimers.first].compactMap { $0 }.min()
    }

    // MARK: Access

    func node(_ handle: NodeHandle) -> NodeEntry { nodes[handle.index] }

    mutating func markDirty(_ key: TaskKey) {
        let index = Int(key.ordinal)
        guard jobs[key.job]?.tasks[index].flags.contains(.dirty) == false else { return }
        jobs[key.job]?.tasks[index].flags.insert(.dirty)
        dirtyTasks.append(key)
    }

    /// An attempt that ended in this turn is written before the next one of the task begins in the same turn:
    /// a task has one row, and its end must not be taken for the new attempt's.
    mutating func writeEndOfAttempt(of key: TaskKey) {
        if results[key] != nil { writeProgress(of: key) }
    }

    private mutating func writeProgress(of key: TaskKey) {
        guard let progress = takeProgress(of: key) else { return }
        results[key] = nil
        writes.append(.putTask(progress))
    }

    private mutating func takeProgress(of key: TaskKey) -> TaskProgress? {
        guard let entry = jobs[key.job]?.tasks[Int(key.ordinal)] else { return nil }
        guard entry.flags.contains(.dirty) else { return nil }
        jobs[key.job]?.tasks[Int(key.ordinal)].flags.remove(.dirty)
        if entry.flags.contains(.deleted) { return nil }
        var progress = TaskProgress(key: key)
        progress.state = entry.state
        progress.attempt = entry.attempt
        progress.retryCount = entry.retryCount
        progress.requeueCount = entry.requeueCount
        if entry.node >= 0 {
            progress.node = nodes[Int(entry.node)].record.id
            progress.boot = nodes[Int(entry.node)].record.boot
        }
        progress.assignedTime = entry.attempt > 0 ? Instant(milliseconds: entry.assigned) : nil
        progress.isEnding = entry.flags.contains(.ending) && entry.state != .completed
        progress.blame = Int32(entry.blame)
        progress.result = results[key]
        progress.ended = progress.result == nil ? nil : now.steady
        return progress
    }

    mutating func save(_ node: Int) { writes.append(.putNode(nodes[node].record)) }

    mutating func saveJob(_ number: UInt32) {
        guard let job = jobs[number] else { return }
        writes.append(.putJob(job.record))
    }
}

extension JobEntry {
    /// When `max_wall_time` ends the job; it counts from the job's creation.
    var deadline: SteadyTime? { rules.maxWallTime.map { record.begin + $0 } }
}

extension Engine {
    /// Rows that concern no decision, such as a slice of a submission: they go into the turn's transaction.
    package mutating func addWrites(_ extra: [StoreWrite]) { writes += extra }
}
