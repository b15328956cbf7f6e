import ShipyardCalendar
import ShipyardEngine
import ShipyardModel
import ShipyardSpecs

/// The service's engine, with a clock that nobody waits for. docs/adr/0035.
///
/// What stands around the engine is as simple as can be: each run is one job of one task, a node has room for all of them,
/// and a task takes as long as is said. Which runs there are is the engine's decision alone.
struct ScheduleSimulation: ~Copyable {
    /// What runs of a schedule do.
    struct Conduct: Sendable {
        var duration = TimeSpan.zero
        /// Each of its runs fails.
        var fails = false
    }

    private struct Work {
        var end: Instant
        var node: NodeHandle
        var id: WorkID
    }

    private static let pool = PoolID("simulated")
    // As many runs as a schedule may have at once, of all schedules that a file may have.
    private static let slots = 1_000_000_000

    private var engine = Engine()
    private var now: Moment
    private let conducts: [Conduct]
    /// The one that ends first is last.
    private var work: [Work] = []
    private var jobCount: UInt32 = 0
    private var runOfJob: [UInt32: RunKey] = [:]
    private var jobsOfRun: [RunKey: [UInt32]] = [:]
    /// Runs in the order in which they were recorded, from the first that is not told of.
    private var untold: [RunKey] = []
    private var firstUntold = 0
    private var latest: [RunKey: RunRecord] = [:]

    /// - Parameter conducts: for each schedule, in their order.
    init(_ schedules: [ScheduleSpec], _ conducts: [Conduct], from start: Instant) {
        self.conducts = conducts
        now = Moment(wall: start, steady: SteadyTime(milliseconds: 0))
        guard let pool = Self.pool else { invariantFailure("the pool has no name") }
        engine.apply(
            .poolAdded(
                PoolRecord(
                    id: pool, state: .active, allocationState: .resizing, targetDedicatedNodes: 1,
                    targetLowPriorityNodes: 0, taskSlotsPerNode: Self.slots, creationTime: start,
                    autoPoolJob: nil, lastNodeNumber: 0), PoolRules()), at: now)
        settle()
        for (index, schedule) in schedules.enumerated() {
            // Validated: every id is one.
            guard let id = ScheduleID(schedule.id.value) else { continue }
            let record = ScheduleRecord(
                number: UInt32(index + 1), id: id, isRecurrence: false,
                state: schedule.isEnabled ? .active : .disabled,
                // What is due at the very start is due.
                cursor: start - TimeSpan(milliseconds: 1), creationTime: start)
            // As the service stores it.
            let policy = ScheduleDefinition(schedule).policy
            engine.apply(.scheduleAdded(record, ScheduleRules(schedule.timetable, policy)), at: now)
        }
    }

    /// The place of a run's schedule among those of the simulation.
    static func index(of run: RunRecord) -> Int { Int(run.key.schedule) - 1 }

    /// Tells of each run in the order in which they came up: when it is over, and of those that are not at the end.
    /// Stops where `tell` answers false.
    mutating func run(until end: Instant, _ tell: (RunRecord) -> Bool) {
        while true {
            settle()
            while firstUntold < untold.count, let run = latest[untold[firstUntold]], run.state.isOver {
                guard tell(run) else { return }
                latest[run.key] = nil
                firstUntold += 1
            }
            forgetTold()
            guard let next = nextMoment, next < end else { break }
            now = now + (next - now.wall)
        }
        for key in untold[firstUntold...] {
            if let run = latest[key], !tell(run) { return }
        }
    }

    private mutating func forgetTold() {
        guard firstUntold > 1024, firstUntold * 2 > untold.count else { return }
        untold.removeFirst(firstUntold)
        firstUntold = 0
    }

    private var nextMoment: Instant? {
        let moments = [
            engine.nextDeadline.map { now.wall + max(.zero, $0 - now.steady) }, work.last?.end,
        ]
        return moments.compactMap { $0 }.min()
    }

    /// Turns of the engine, until nothing more happens at this moment.
    private mutating func settle() {
        var isSettled = false
        while !isSettled {
            let turn = engine.takeTurn(at: now)
            for write in turn.writes {
                if case .putRun(let run) = write { note(run) }
            }
            for effect in turn.effects { obey(effect) }
            isSettled = turn.effects.isEmpty && !endWork()
        }
    }

    private mutating func note(_ run: RunRecord) {
        if latest.updateValue(run, forKey: run.key) == nil { untold.append(run.key) }
        guard run.state.isOver else { return }
        // Three months of a job each minute are much more than is needed to go on.
        for job in jobsOfRun.removeValue(forKey: run.key) ?? [] {
            runOfJob[job] = nil
            if engine.job(job) != nil { engine.apply(.jobDeleted(job), at: now) }
        }
    }

    // MARK: The world

    private mutating func obey(_ effect: Effect) {
        switch effect {
        case .startRun(let key): start(key)
        case .launchNode(let node):
            engine.apply(.nodeConnected(node, running: [], queued: []), at: now)
        case .startWork(let node, let id):
            guard let job = id.job, let run = runOfJob[job] else { return }
            engine.apply(.workStarted(node, id), at: now)
            let end = now.wall + conducts[Int(run.schedule) - 1].duration
            let place = work.firstIndex { $0.end <= end } ?? work.endIndex
            work.insert(Work(end: end, node: node, id: id), at: place)
        case .killWork(let node, let id, let outcome):
            work.removeAll { $0.id == id }
            engine.apply(.workExited(node, id, AttemptResult(outcome, at: now.wall)), at: now)
        case .removeFiles(let node, let removal, _): engine.apply(.filesRemoved(node, removal), at: now)
        case .findOldFiles(let sweep):
            engine.apply(.oldFilesFound(until: sweep.until, isComplete: true), at: now)
        // Nodes and pools of the simulation stay.
        case .forgetRemoval, .removeNode, .verifyPoolRemoved, .shutDownNode: break
        }
    }

    /// As the service's starter does it, at once and with success.
    private mutating func start(_ key: RunKey) {
        guard let pool = Self.pool, let run = engine.run(key), engine.isWanted(key, attempt: run.attempt)
        else {
            return engine.apply(
                .runNotStarted(key, reason: "it is not wanted any more", mayRetry: false), at: now)
        }
        jobCount += 1
        guard let id = JobID("job-\(jobCount)") else { invariantFailure("job-\(jobCount) is no id") }
        runOfJob[jobCount] = key
        jobsOfRun[key, default: []].append(jobCount)
        let record = JobRecord(
            number: jobCount, id: id, pool: pool, state: .active, priority: 0, taskCount: 0,
            autoComplete: true, creationTime: now.wall, stateTransitionTime: now.wall, endTime: nil,
            terminateReason: nil, creationSteady: now.steady)
        var rules = JobRules()
        rules.templates = [TaskRules()]
        engine.apply(.jobAdded(record, rules), at: now)
        engine.apply(.tasksAdded(job: jobCount, [TaskSeed(template: 0)], JobAddition()), at: now)
        engine.apply(.runStarted(key, jobs: [jobCount]), at: now)
    }

    /// False when nothing ends now.
    private mutating func endWork() -> Bool {
        var hasEnded = false
        while let next = work.last, next.end <= now.wall {
            work.removeLast()
            hasEnded = true
            guard let job = next.id.job, let run = runOfJob[job] else { continue }
            let fails = conducts[Int(run.schedule) - 1].fails
            let result = AttemptResult(.exited(fails ? 1 : 0), at: now.wall)
            engine.apply(.workExited(next.node, next.id, result), at: now)
        }
        return hasEnded
    }
}
