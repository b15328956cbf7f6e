import ShipyardModel
import ShipyardPlanner

@testable import ShipyardEngine

/// An engine with a pool and jobs, and agents that do at once what they are told and nothing else.
///
/// Work ends when a test says so; everything that the engine has asked for is kept in `effects`.
final class Floor {
    var engine = Engine()
    var now = Moment(milliseconds: 0)
    private(set) var effects: [Effect] = []
    private(set) var writes: [StoreWrite] = []
    /// Work at the agents, in the order in which it was sent.
    /// False: agents are launched, and nothing comes of it.
    var connects = true
    var atAgents: [(node: NodeHandle, work: WorkID)] = []
    private var nextJob: UInt32 = 0
    /// All tasks that each job was given, as the database keeps them.
    private(set) var seeds: [UInt32: [TaskSeed]] = [:]

    static let pool = PoolID("pool")!

    init(nodes: Int = 1, slots: Int = 1, autoPoolJob: UInt32? = nil, _ rules: PoolRules = PoolRules()) {
        addPool(nodes: nodes, slots: slots, autoPoolJob: autoPoolJob, rules)
    }

    func addPool(nodes: Int, slots: Int, autoPoolJob: UInt32? = nil, _ rules: PoolRules = PoolRules()) {
        let record = PoolRecord(
            id: Self.pool, state: .active, allocationState: .resizing, targetDedicatedNodes: nodes,
            targetLowPriorityNodes: 0, taskSlotsPerNode: slots, creationTime: now.wall,
            autoPoolJob: autoPoolJob, lastNodeNumber: 0)
        apply(.poolAdded(record, rules))
    }

    /// One turn. New nodes connect in turns of their own.
    func apply(_ events: Event...) {
        for event in events {
            if case .nodeLost(let node, _) = event { atAgents.removeAll { $0.node == node } }
            engine.apply(event, at: now)
        }
        let turn = engine.takeTurn(at: now)
        effects += turn.effects
        writes += turn.writes
        for effect in turn.effects {
            switch effect {
            case .launchNode(let node): if connects { apply(.nodeConnected(node, running: [], queued: [])) }
            case .startWork(let node, let work): atAgents.append((node, work))
            case .removeNode(let node): atAgents.removeAll { $0.node == node }
            case .killWork, .verifyPoolRemoved, .removeFiles, .forgetRemoval, .shutDownNode, .findOldFiles,
                .startRun:
                break
            }
        }
    }

    @discardableResult
    func addJob(
        _ tasks: [TaskSeed], priority: Int = 0, autoComplete: Bool = true, _ rules: JobRules = .one()
    ) -> UInt32 {
        nextJob += 1
        seeds[nextJob] = tasks
        let record = JobRecord(
            number: nextJob, id: JobID("job-\(nextJob)")!, pool: Self.pool, state: .active,
            priority: priority,
            taskCount: 0, autoComplete: autoComplete, creationTime: now.wall,
            stateTransitionTime: now.wall, endTime: nil, terminateReason: nil, creationSteady: now.steady)
        apply(.jobAdded(record, rules), .tasksAdded(job: nextJob, tasks, JobAddition()))
        return nextJob
    }

    func addTasks(_ tasks: [TaskSeed], to job: UInt32) {
        seeds[job, default: []] += tasks
        apply(.tasksAdded(job: job, tasks, JobAddition()))
    }

    /// A second engine from all that the first has written, as a restart makes it.
    func restored(_ rules: JobRules = .one()) -> Engine {
        var engine = Engine.restored(
            from: writes, Dictionary(uniqueKeysWithValues: seeds.keys.map { ($0, rules) }), at: now)
        let rows = rows()
        var deleted: Set<TaskKey> = []
        for case .deleteTask(let key) in writes { deleted.insert(key) }
        for (job, tasks) in seeds where engine.job(job).map({ $0.state != .completed }) ?? false {
            let keys = tasks.indices.map { TaskKey(job: job, ordinal: UInt32($0)) }
            let present = zip(keys, tasks).filter { !deleted.contains($0.0) }
            for (key, task) in present {
                engine.restoreTask(key, template: task.template, number: task.number)
            }
            engine.restoreHoles(of: job)
            for (key, _) in present { if let row = rows[key] { engine.restoreProgress(row) } }
            for (key, task) in present where !task.dependencies.isEmpty {
                engine.restoreDependencies(task.dependencies, of: key)
            }
        }
        engine.finishRestoring(at: now)
        return engine
    }

    /// What the table of progress holds.
    func rows() -> [TaskKey: TaskProgress] {
        var rows: [TaskKey: TaskProgress] = [:]
        for write in writes {
            if case .putTask(let row) = write { rows[row.key] = row }
            guard case .reactivateTask(let key) = write else { continue }
            rows[key]?.state = .active
            rows[key]?.retryCount = 0
            rows[key]?.requeueCount = 0
            rows[key]?.blame = 0
            rows[key]?.isEnding = false
        }
        return rows
    }

    /// The oldest work of a kind that is at an agent.
    func first(_ kind: WorkKind = .task, on node: Int? = nil) -> (node: NodeHandle, work: WorkID)? {
        atAgents.first { $0.work.kind == kind && (node == nil || $0.node.index == node) }
    }

    /// The oldest work of a kind ends.
    @discardableResult
    func end(
        _ kind: WorkKind = .task, on node: Int? = nil, code: Int32 = 0, as outcome: Outcome? = nil
    ) -> WorkID? {
        guard let item = first(kind, on: node) else { return nil }
        atAgents.removeAll { $0.work == item.work && $0.node == item.node }
        apply(.workExited(item.node, item.work, result(outcome ?? .exited(code))))
        return item.work
    }

    /// The oldest task ends because the engine wanted it ended.
    func endKilled() {
        guard let item = first() else { return }
        atAgents.removeAll { $0.work == item.work && $0.node == item.node }
        apply(.workExited(item.node, item.work, result(.endedByUser)))
    }

    /// The agent gives the oldest work of a kind back.
    func giveBack(_ kind: WorkKind = .task) {
        guard let item = first(kind) else { return }
        atAgents.removeAll { $0.work == item.work && $0.node == item.node }
        apply(.workReturned(item.node, item.work))
    }

    func result(_ outcome: Outcome) -> AttemptResult {
        AttemptResult(
            outcome, startTime: now.wall, endTime: now.wall, usage: ResourceUsage(wall: 1_000_000))
    }

    /// Ends the oldest task again and again; answers the ordinals in the order in which they ended.
    func endAll() -> [UInt32] {
        var ended: [UInt32] = []
        while let work = end() { ended.append(TaskKey(rawValue: work.key).ordinal) }
        return ended
    }

    /// The node's agent dies. Its next one is waited for.
    func lose(_ node: Int) {
        apply(.nodeLost(NodeHandle(index: node), reason: "killed"))
        while nodeState(node) == .rebooting, let next = engine.nextDeadline { pass(until: next) }
    }

    /// Nothing happens until then.
    func pass(until time: SteadyTime) {
        now = now + (time - now.steady)
        apply(.timePassed)
    }

    // MARK: What is so

    func running(_ kind: WorkKind = .task, on node: Int? = nil) -> [UInt32] {
        atAgents.filter { $0.work.kind == kind && (node == nil || $0.node.index == node) }
            .map { TaskKey(rawValue: $0.work.key).ordinal }
    }

    func state(_ job: UInt32, _ ordinal: UInt32) -> TaskState? {
        // Of a completed job only the rows are left.
        engine.state(of: TaskKey(job: job, ordinal: ordinal)) ?? entry(job, ordinal)?.state
    }

    /// A task as it was written last.
    func entry(_ job: UInt32, _ ordinal: UInt32) -> TaskProgress? { progress(job, ordinal).last }

    /// The rows of a task, as they were written.
    func progress(_ job: UInt32, _ ordinal: UInt32) -> [TaskProgress] {
        writes.compactMap {
            if case .putTask(let progress) = $0, progress.key == TaskKey(job: job, ordinal: ordinal) {
                progress
            } else {
                nil
            }
        }
    }

    func job(_ number: UInt32) -> JobRecord? { engine.job(number) }

    func nodeState(_ node: Int) -> NodeState { engine.nodeRecord(NodeHandle(index: node)).state }

    /// What agents were told to end.
    var kills: [WorkID] {
        effects.compactMap { if case .killWork(_, let work, _) = $0 { work } else { nil } }
    }

    func count(_ matches: (Effect) -> Bool) -> Int { effects.count(where: matches) }
}

extension JobRules {
    /// One template, changed by `change`.
    static func one(_ change: (inout JobRules, inout TaskRules) -> Void = { _, _ in }) -> JobRules {
        var (rules, task) = (JobRules(), TaskRules())
        change(&rules, &task)
        rules.templates = [task]
        return rules
    }
}

extension Moment {
    /// By both clocks.
    init(milliseconds: Int64) {
        self.init(
            wall: Instant(milliseconds: milliseconds), steady: SteadyTime(milliseconds: milliseconds))
    }
}

extension [TaskSeed] {
    static func free(_ count: Int) -> [TaskSeed] { (0..<count).map { _ in TaskSeed(template: 0) } }

    /// A task for each list of what it waits for.
    static func waiting(_ dependencies: [Dependency]...) -> [TaskSeed] {
        dependencies.map { TaskSeed(template: 0, dependencies: $0) }
    }
}

extension Engine {
    /// Makes a second engine from what the first has written, as a restart does.
    static func restored(from writes: [StoreWrite], _ rules: [UInt32: JobRules], at now: Moment) -> Engine {
        var pools: [PoolID: PoolRecord] = [:]
        var nodes: [NodeID: NodeRecord] = [:]
        var jobs: [UInt32: JobRecord] = [:]
        for write in writes {
            switch write {
            case .putPool(let pool): pools[pool.id] = pool
            case .putNode(let node): nodes[node.id] = node
            case .putJob(let job): jobs[job.number] = job
            case .deleteJob(let number): jobs[number] = nil
            case .deleteNode(_, let id): nodes[id] = nil
            default: break
            }
        }
        var engine = Engine()
        for pool in pools.values { engine.restorePool(pool, PoolRules()) }
        for node in nodes.values.sorted(by: { $0.id < $1.id }) { engine.restoreNode(node) }
        for job in jobs.values.sorted(by: { $0.number < $1.number }) {
            engine.restoreJob(job, rules[job.number] ?? .one(), counts: nil)
        }
        return engine
    }
}
