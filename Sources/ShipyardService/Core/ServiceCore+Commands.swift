import ShipyardEngine
import ShipyardModel
import ShipyardSpecs
import ShipyardStore

// What users ask for. Each command checks and then applies its event within one turn, so nothing can come
// between the two. The answer is given when the turn is committed.

extension ServiceCore {
    /// The pool is made of `spec`; its packages are in the package store already.
    package func addPool(_ spec: PoolSpec, autoPoolJob: UInt32? = nil, at now: Moment) throws(Refusal) {
        try checkPool(spec)
        let record = PoolRecord(
            id: spec.id, state: .active, allocationState: .resizing,
            targetDedicatedNodes: spec.dedicatedNodes,
            targetLowPriorityNodes: spec.lowPriorityNodes, taskSlotsPerNode: spec.taskSlotsPerNode,
            creationTime: now.wall, autoPoolJob: autoPoolJob, lastNodeNumber: 0)
        specs[spec.id] = spec
        engine.addWrites([.putPoolSpec(spec.id, spec.record)])
        engine.apply(.poolAdded(record, spec.rules), at: now)
    }

    /// Refuses what `addPool` refuses, for whoever has more to do in the same turn: what a turn has begun stays.
    package func checkPool(_ spec: PoolSpec) throws(Refusal) {
        if let present = engine.pool(spec.id) {
            guard present.state == .active else {
                throw Refusal(
                    .conflict, code: "PoolBeingDeleted",
                    "pool `\(spec.id)` is being deleted; wait until it is gone with `pool del --wait`")
            }
            throw Refusal(
                .conflict, code: "PoolExists",
                "pool `\(spec.id)` is there already; delete it first, or use `pool add --recreate`")
        }
        guard spec.dedicatedNodes + spec.lowPriorityNodes <= PoolLimits.maximumNodes else {
            throw Refusal(
                .invalid, code: "InvalidTarget",
                "pool `\(spec.id)` asks for \(spec.dedicatedNodes + spec.lowPriorityNodes) nodes; one machine takes"
                    + " \(PoolLimits.maximumNodes) at most, and `task_slots_per_node` makes a node larger")
        }
    }

    package func resizePool(_ id: String, dedicated: Int, lowPriority: Int, at now: Moment) throws(Refusal) {
        let pool = try activePool(id)
        guard specs[pool.id]?.hasAutoscale != true else {
            throw Refusal(.conflict, code: "PoolHasAutoScale", "pool `\(id)` sets its own size by autoscale")
        }
        guard dedicated >= 0, lowPriority >= 0,
            dedicated <= PoolLimits.maximumNodes - min(lowPriority, PoolLimits.maximumNodes)
        else {
            throw Refusal(.invalid, code: "InvalidTarget", "a pool has 0 to \(PoolLimits.maximumNodes) nodes")
        }
        engine.apply(.poolResized(pool.id, dedicated: dedicated, lowPriority: lowPriority), at: now)
    }

    package func deletePool(_ id: String, at now: Moment) throws(Refusal) {
        guard let pool = PoolID(id), engine.pool(pool) != nil else { throw .poolNotFound(id) }
        engine.apply(.poolDeleted(pool), at: now)
    }

    package func terminateJob(_ id: String, at now: Moment) throws(Refusal) {
        let (number, record) = try job(id)
        guard record.state != .completed, record.state != .deleting else {
            throw .jobHasEnded(id)
        }
        engine.apply(.jobTerminated(number, reason: TerminateReason.userTerminate), at: now)
    }

    /// Answers the removal of its files, which goes on when the job is gone.
    @discardableResult
    package func deleteJob(_ id: String, at now: Moment) throws(Refusal) -> RemovalID {
        let number = try job(id).number
        engine.apply(.jobDeleted(number), at: now)
        return RemovalID(job: number)
    }

    package func disableJob(_ id: String, at now: Moment) throws(Refusal) {
        let (number, record) = try job(id)
        guard record.state.takesTasks else { throw .jobHasEnded(id) }
        engine.apply(.jobDisabled(number), at: now)
    }

    package func enableJob(_ id: String, at now: Moment) throws(Refusal) {
        let (number, record) = try job(id)
        guard record.state.takesTasks else { throw .jobHasEnded(id) }
        if let problem = engine.problem(ofJob: number) { throw .unreadable("job `\(id)`", problem) }
        engine.apply(.jobEnabled(number), at: now)
    }

    /// Gives a disabled job another pool.
    package func migrateJob(_ id: String, to pool: String, at now: Moment) throws(Refusal) {
        let (number, record) = try job(id)
        guard record.state.takesTasks else { throw .jobHasEnded(id) }
        let target = try activePool(pool)
        guard record.state == .disabled else {
            throw Refusal(
                .conflict, code: "JobNotDisabled", "job `\(id)` is \(record.state.rawValue); only a disabled job changes its pool")
        }
        guard record.pool != target.id else { return }
        guard engine.mayMove(number) else {
            throw Refusal(
                .conflict, code: "JobHasFiles",
                "job `\(id)` has run on pool `\(record.pool)`, whose nodes have its files, or has a pool of its own; delete"
                    + " that pool first, or add the job again under another id")
        }
        engine.apply(.jobMoved(number, target.id), at: now)
    }

    /// The job's own pool stays for so long after the job's end, or until `releasePool`: whoever asks follows the job and wants its files.
    package func holdPool(ofJob number: UInt32, for time: TimeSpan, at now: Moment) {
        engine.apply(.poolHeld(job: number, until: now.steady + min(time, PoolLimits.longestHold)), at: now)
    }

    package func releasePool(ofJob number: UInt32, at now: Moment) {
        engine.apply(.poolReleased(job: number), at: now)
    }

    package func terminateTask(_ task: String, of id: String, at now: Moment) throws(Refusal) {
        engine.apply(.taskTerminated(try taskKey(task, of: id)), at: now)
    }

    /// Answers the removal of its files, which goes on when the task is gone.
    @discardableResult
    package func deleteTask(_ task: String, of id: String, at now: Moment) throws(Refusal) -> RemovalID {
        let key = try taskKey(task, of: id)
        let job = try job(id).record
        guard !engine.isDeletedInThisTurn(key) else { throw .taskNotFound(task, job: id) }
        let (progress, places) = try history(of: key)
        switch engine.state(of: key) {
        case .active, .completed: engine.apply(.taskDeleted(key), at: now)
        case .preparing, .running:
            throw Refusal(
                .conflict, code: "TaskRunning",
                "task `\(task)` runs; end it first with `jobs tasks term --jobid \(id) --taskid \(task)`")
        case nil:
            guard job.state == .completed else { throw Refusal.taskNotFound(task, job: id) }
            let succeeded = progress.flatMap { $0.state == .completed ? $0.result?.isSuccess : nil }
            engine.apply(.endedTaskDeleted(key, succeeded: succeeded), at: now)
        }
        removeFiles(of: places.map { TaskFiles(key: key, id: task, node: $0) }, in: key.job, at: now)
        return RemovalID(key)
    }

    /// What became of a task, and every node that may have files of it.
    private func history(of key: TaskKey) throws(Refusal) -> (TaskProgress?, [NodeID]) {
        do throws(StoreError) {
            let progress = try store.progress(of: key)
            let past = (progress?.attempt ?? 0) > 1 ? try store.pastAttempts(of: key) : []
            let nodes = Set((past + [progress].compactMap { $0 }).compactMap(\.node))
            return (progress, nodes.sorted())
        } catch {
            throw Refusal(error)
        }
    }

    /// Starts the node's agent anew; its tasks run again.
    package func rebootNode(_ node: String, of id: String, at now: Moment) throws(Refusal) {
        let pool = try activePool(id)
        guard let handle = engine.node(NodeID(node), of: pool.id) else {
            throw Refusal(.notFound, code: "NodeNotFound", "pool `\(id)` has no node `\(node)`")
        }
        guard engine.nodeRecord(handle).state != .leavingPool else {
            throw Refusal(.conflict, code: "NodeLeaving", "node `\(node)` is leaving its pool")
        }
        guard engine.mayReboot(handle) else {
            throw Refusal(
                .conflict, code: "NodeUnreachable",
                "node `\(node)` does not answer; when it still has not after two minutes it is started anew by itself"
            )
        }
        engine.apply(.nodeRebootAsked(handle), at: now)
    }

    /// Takes the node out of its pool; its tasks run again elsewhere.
    package func deleteNode(_ node: String, of id: String, at now: Moment) throws(Refusal) {
        let pool = try activePool(id)
        guard let handle = engine.node(NodeID(node), of: pool.id) else {
            throw Refusal(.notFound, code: "NodeNotFound", "pool `\(id)` has no node `\(node)`")
        }
        engine.apply(.nodeDeleted(handle), at: now)
    }

    // MARK: Look-ups

    package func activePool(_ id: String) throws(Refusal) -> PoolRecord {
        guard let pool = PoolID(id).flatMap({ engine.pool($0) }) else { throw .poolNotFound(id) }
        guard pool.state == .active else {
            throw Refusal(.conflict, code: "PoolBeingDeleted", "pool `\(id)` is being deleted")
        }
        return pool
    }

    package func job(_ id: String) throws(Refusal) -> (number: UInt32, record: JobRecord) {
        guard let job = JobID(id), let number = engine.jobNumber(job), let record = engine.job(number)
        else { throw .jobNotFound(id) }
        return (number, record)
    }

    func taskKey(_ task: String, of id: String) throws(Refusal) -> TaskKey {
        let number = try job(id).number
        do {
            guard let ordinal = try store.ordinal(of: task, in: number) else {
                throw Refusal.taskNotFound(task, job: id)
            }
            return TaskKey(job: number, ordinal: ordinal)
        } catch let error as StoreError {
            throw Refusal(error)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            invariantFailure("\(error)")
        }
    }

    /// Read-only access for the API.
    package func inspect<Result>(_ body: (borrowing Engine) throws -> Result) rethrows -> Result {
        try body(engine)
    }
}

package enum PoolLimits {
    /// Each node is a process; a thousand are more than one machine runs well.
    package static let maximumNodes = 1000
    /// Who wants more asks again: one that was killed leaves a pool for no longer than this.
    package static let longestHold = TimeSpan.seconds(60)
}
