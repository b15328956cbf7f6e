import ShipyardModel

/// Decides; never acts. No clock, file, process, lock or random source is reachable from here, so a
/// simulation can replay any history from its seed.
///
/// A turn is: `apply` every event, then `takeTurn`, commit its writes in one transaction, and only then act
/// on its effects. State here is ahead of the database within a turn; when the commit fails the engine is
/// thrown away and made again from the database, as after a crash.
///
/// A value that cannot be copied: its jobs are classes, because their tables are too large to copy, and two engines would
/// share them.
package struct Engine: ~Copyable {
    var pools: [PoolID: PoolEntry] = [:]
    var nodes: [NodeEntry] = []
    var jobs: [UInt32: JobEntry] = [:]
    var jobNumbers: [JobID: UInt32] = [:]
    /// Jobs that are not completed by the pool that they name, which need not be there.
    var livingJobs: [PoolID: Set<UInt32>] = [:]
    var timers = Timers<SteadyTime>()
    /// What is due by the wall clock.
    var wallTimers = Timers<Instant>()
    var schedules: [UInt32: ScheduleEntry] = [:]
    var scheduleNumbers: [ScheduleID: UInt32] = [:]
    let scheduleTally = ScheduleTally()
    /// Those that are not over.
    var runs: [RunKey: RunEntry] = [:]
    /// Schedules that run when something has ended.
    var followers: [AfterRule.Source: Set<UInt32>] = [:]
    /// The latest time that any schedule has dealt with: an earlier one on the wall was set.
    var latestCursor = Instant(milliseconds: .min)
    var retention = RetentionState()
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
        case .poolDeleted(let pool): deletePool(pool, isUnwanted: true, at: now)
        case .jobAdded(let record, let rules): addJob(record, rules)
        case .tasksAdded(let job, let seeds, let addition): addTasks(seeds, to: job, addition, at: now)
        case .jobTerminated(let job, let reason): terminateJob(job, reason: reason, at: now)
        case .jobDisabled(let job): disableJob(job, at: now)
        case .jobEnabled(let job): enableJob(job, at: now)
        case .jobDeleted(let job): deleteJob(job, at: now)
        case .poolHeld(let job, let end): holdPool(of: job, until: end, at: now)
        case .poolReleased(let job): releasePool(of: job, at: now)
        case .taskTerminated(let key): terminateTask(key, at: now)
        case .taskDeleted(let key): deleteTask(key, at: now)
        case .endedTaskDeleted(let key, let succeeded): deleteEndedTask(key, succeeded)
        case .tasksRerun(let job, let tasks, let dependencies):
            rerun(tasks, of: entry(job), dependencies, at: now)
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
        case .jobMoved(let number, let pool): moveJob(number, to: pool)
        case .nodeDeleted(let node): deleteNode(node, at: now)
        case .filesUnwanted(let node, let id, let owner): removeFiles(id, of: owner, on: node.index, at: now)
        case .filesRemoved(let node, let id): filesRemoved(id, on: node)
        case .filesNotRemoved(let node, let id, let failure): filesNotRemoved(id, on: node, failure)
        case .nodeLost(let node, let reason): nodeLost(node, reason: reason, at: now)
        case .nodeRemoved(let node): nodeRemoved(node, at: now)
        case .poolRemoved(let pool, let removal): poolRemoved(pool, removal: removal, at: now)
        case .oldFilesFound(let until, let isComplete): filesFound(until: until, isComplete: isComplete)
        case .scheduleAdded(let record, let rules): addSchedule(record, rules, at: now)
        case .scheduleChanged(let number, let version, let rules):
            changeSchedule(number, version, rules, at: now)
        case .scheduleEnabled(let number): enableSchedule(number, at: now)
        case .scheduleDisabled(let number): disableSchedule(number, at: now)
        case .scheduleTerminated(let number): terminateSchedule(number, at: now)
        case .scheduleDeleted(let number): deleteSchedule(number, at: now)
        case .schedulePoolMade(let number, let pool):
            scheduleEntry(number).record.pool = pool
            save(scheduleEntry(number))
        case .runAsked(let request): askForRun(request, at: now)
        case .backfillAsked(let number, let times, let parallel):
            askForBackfill(number, times, parallel, at: now)
        case .runStarted(let key, let jobs): runStarted(key, jobs, at: now)
        case .runNotStarted(let key, let reason, let mayRetry):
            runNotStarted(key, reason, mayRetry: mayRetry, at: now)
        case .clockSetBack(let times): clockWasSetBack(times, at: now)
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
        while let timer = timers.takeDue(at: now.steady) { fire(timer, at: now) }
        while let timer = wallTimers.takeDue(at: now.wall) { fire(timer, at: now) }
        schedule(at: now)
        replaceOutdatedNodes()
        for key in dirtyTasks { writeProgress(of: key) }
        dirtyTasks.removeAll(keepingCapacity: true)
        results.removeAll(keepingCapacity: true)
        // Some may have been deleted since.
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
        guard let next = wallTimers.next else { return timers.next }
        let wall = now.steady + (next - now.wall)
        return timers.next.map { min($0, wall) } ?? wall
    }

    private mutating func fire(_ timer: Timer, at now: Moment) {
        switch timer {
        case .jobWallTime(let job):
            terminateJob(job, reason: TerminateReason.maxWallClockTimeExpiry, at: now)
        case .nodeRelaunch(let node): launch(node)
        case .poolHold(let job): releasePool(of: job, at: now)
        case .nodeTroubleLasting(let node): nodes[node].startTrouble?.isLasting = true
        case .filesDue(let job): filesAreDue(of: job)
        case .retentionSweep: sweep(at: now)
        case .runStart(let key): startAgain(key)
        case .scheduleDue(let number): scheduleIsDue(number, at: now)
        case .runBegins(let key): beginRun(key, at: now)
        case .runsExpire(let number): forgetOldRuns(of: number, at: now)
        }
    }

    // MARK: Access

    /// Of a job that must be there: whoever has its number has it from here.
    func entry(_ number: UInt32) -> JobEntry {
        guard let job = jobs[number] else { invariantFailure("there is no job \(number)") }
        return job
    }

    /// Nil for what others tell of: jobs that are gone, tasks that never were or are in the database only.
    func known(_ key: TaskKey) -> (job: JobEntry, entry: TaskEntry)? {
        guard let job = jobs[key.job], Int(key.ordinal) < job.tasks.count else { return nil }
        return (job, job.tasks[Int(key.ordinal)])
    }

    mutating func markDirty(_ ordinal: UInt32, of job: JobEntry) {
        guard job.tasks[Int(ordinal)].flags.insert(.dirty).inserted else { return }
        dirtyTasks.append(job.key(ordinal))
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
        // Its job may have gone since.
        guard let (job, entry) = known(key), entry.flags.contains(.dirty) else { return nil }
        job.tasks[Int(key.ordinal)].flags.remove(.dirty)
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
        progress.assignedTime = entry.attempt > 0 && entry.assigned > 0 ? Instant(milliseconds: entry.assigned) : nil
        progress.isEnding = entry.flags.contains(.ending) && entry.state != .completed
        progress.blame = Int32(entry.blame)
        progress.result = results[key]
        progress.ended = progress.result == nil ? nil : now.steady
        if entry.state == .completed { job.tasks.settle(Int(key.ordinal)) }
        return progress
    }

    mutating func save(_ node: Int) { writes.append(.putNode(nodes[node].record)) }

    mutating func saveJob(_ number: UInt32) {
        writes.append(.putJob(entry(number).record))
    }
}

extension Engine {
    /// Rows that concern no decision, such as a slice of a submission: they go into the turn's transaction.
    package mutating func addWrites(_ extra: [StoreWrite]) { writes += extra }
}
