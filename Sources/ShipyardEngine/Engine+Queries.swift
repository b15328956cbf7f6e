import ShipyardModel

// What others may know. Nothing here changes anything.

/// A node and what it is doing.
package struct NodeStatus: Sendable {
    package var record: NodeRecord
    package var slots: Int
    package var runningTasks: Int
    package var usedSlots: Int
    package var tasksRun: Int
    package var tasksSucceeded: Int
    /// Why it starts nothing, for reasons of its own; nil where it does.
    package var cannotStartReason: String?
    /// Its agent is connected, and answers.
    package var answers: Bool
}

/// Why nothing of a job can run any more, although tasks are active.
package enum WaitReason: Sendable, Hashable {
    /// Every active task waits for one that failed, or that does not exist; `example` is the first of them.
    case dependencies(example: UInt32, count: Int)
    case poolIsGone
    case poolHasNoNodes
    /// Every node is in a state that only a person can mend.
    case nodesUnusable([NodeState: Int])
    case preparationFailedEverywhere
    /// The next task needs more slots than the pool's nodes have.
    case tooFewSlots(needed: Int, available: Int)
    case disabled
    /// Every node that could be used has not been able to start anything for a while.
    case nodesCannotStart(node: NodeID, reason: String)
    /// What the database has of the job, or of its pool, cannot be read.
    case unreadable(String)
}

extension Engine {
    package var poolIDs: [PoolID] { pools.keys.sorted() }
    package var jobCount: Int { jobs.count }
    package var jobsInOrder: [UInt32] { jobs.keys.sorted() }
    package func pool(_ id: PoolID) -> PoolRecord? { pools[id]?.record }
    package func jobNumber(_ id: JobID) -> UInt32? { jobNumbers[id] }
    package func job(_ number: UInt32) -> JobRecord? { jobs[number]?.record }
    package func counts(_ number: UInt32) -> TaskCounts? { jobs[number]?.counts }
    /// For people: what waits at an agent does not run.
    package func shownCounts(_ number: UInt32) -> TaskCounts? {
        guard let job = jobs[number] else { return nil }
        var counts = job.counts
        counts.running -= job.queued
        counts.active += job.queued
        return counts
    }
    /// The task that has run for the longest time, and since when; nil where none runs.
    package func longestRunning(_ number: UInt32) -> (task: TaskKey, since: Instant)? {
        guard let job = jobs[number] else { return nil }
        let running = job.assigned.filter { job.tasks[Int($0)].state == .running }
        return running.min { job.tasks[Int($0)].assigned < job.tasks[Int($1)].assigned }.map {
            (job.key($0), Instant(milliseconds: job.tasks[Int($0)].assigned))
        }
    }
    package func templateCount(_ number: UInt32) -> Int { jobs[number]?.rules.templates.count ?? 0 }
    package func nodeRecord(_ handle: NodeHandle) -> NodeRecord { nodes[handle.index].record }
    package func isGone(_ handle: NodeHandle) -> Bool { nodes[handle.index].isGone }

    /// True while something may happen without a user: then the service must stay.
    package var isBusy: Bool { !pools.isEmpty || tally.busyJobs > 0 || hasSchedulesToServe }

    package func nodes(of pool: PoolID) -> [NodeStatus] {
        (pools[pool]?.nodes ?? []).map { index in
            let node = nodes[index]
            var record = node.record
            if let since = node.silentSince, record.state != .leavingPool {
                (record.state, record.stateTransitionTime) = (.unknown, since)
            }
            return NodeStatus(
                record: record, slots: node.stock.capacity.slots, runningTasks: node.tasks.count - node.queuedTasks,
                usedSlots: node.stock.taken.slots - node.queuedSlots,
                tasksRun: node.tasksRun, tasksSucceeded: node.tasksSucceeded,
                cannotStartReason: node.startTrouble?.reason,
                answers: node.isConnected && node.silentSince == nil)
        }
    }

    /// Whether a reboot can do anything: an agent listens, or the next one is only waited for.
    package func mayReboot(_ handle: NodeHandle) -> Bool {
        let node = nodes[handle.index]
        return timers[.nodeRelaunch(handle.index)] != nil || (node.isConnected && node.silentSince == nil)
    }

    package func node(_ id: NodeID, of pool: PoolID) -> NodeHandle? {
        pools[pool]?.nodes.first { nodes[$0].record.id == id }.map(NodeHandle.init)
    }

    /// Nodes that should have an agent: after a restore the service reaches for each.
    package var nodesToReach: [NodeHandle] {
        nodes.indices.filter { index in
            !nodes[index].isGone && pools[nodes[index].record.pool]?.record.state == .active
        }.map(NodeHandle.init)
    }

    /// Why nothing can be done with a job or a pool.
    package func problem(ofJob number: UInt32) -> String? { jobs[number]?.problem }
    /// Whether a job can go to another pool: it is disabled, and no node of its pool has anything of it, as nothing of it has
    /// run, or the pool is gone.
    package func mayMove(_ number: UInt32) -> Bool {
        guard let job = jobs[number], job.problem == nil, job.record.state == .disabled, job.assigned.isEmpty,
            !job.rules.removesPool, !job.rules.sharesPoolOfSchedule
        else { return false }
        guard pools[job.record.pool] != nil else { return job.nodes.isEmpty }
        return job.nodes.isEmpty && !job.tasks.contains { $0.attempt > 0 }
    }

    package func problem(ofPool id: PoolID) -> String? { pools[id]?.problem }

    /// What the task takes of a node when it is sent.
    package func needs(of key: TaskKey) -> Resources? {
        known(key).map { needs(of: $0.entry, in: $0.job) }
    }

    /// Whether the task waits for one whose end, or deletion, rules out that it ever runs.
    package func neverRuns(_ key: TaskKey) -> Bool { known(key)?.entry.flags.contains(.neverRuns) ?? false }
    /// How many active tasks of the job never run.
    package func tasksThatNeverRun(_ number: UInt32) -> Int { jobs[number]?.neverRuns ?? 0 }

    package func isDeletedInThisTurn(_ key: TaskKey) -> Bool { deletedTasks.contains(key) }

    package func state(of key: TaskKey) -> TaskState? {
        guard let (_, entry) = known(key), !entry.flags.contains(.deleted) else { return nil }
        return entry.state
    }

    /// The number of the attempt that is with a node; nil where there is none.
    package func attemptUnderWay(of key: TaskKey) -> Int32? {
        guard let (_, entry) = known(key), !entry.flags.contains(.deleted),
            entry.state == .preparing || entry.state == .running
        else { return nil }
        return entry.attempt
    }

    /// Nil while something of the job runs or can run.
    package func waitReason(_ number: UInt32) -> WaitReason? {
        guard let job = jobs[number] else { return nil }
        if let problem = job.problem, job.record.state.takesTasks { return .unreadable(problem) }
        guard job.counts.active > 0, job.counts.running == 0 else { return nil }
        switch job.record.state {
        case .disabled: return .disabled
        case .active: break
        case .disabling, .enabling, .terminating, .completed, .deleting: return nil
        }
        guard let next = job.ready.first else {
            // Those that can never run, and those that wait for a number that no task has.
            return .dependencies(example: job.firstWaiting() ?? 0, count: job.counts.active)
        }
        guard let pool = pools[job.record.pool], pool.record.state == .active else { return .poolIsGone }
        if let problem = pool.problem { return .unreadable(problem) }
        let (needed, available) = (
            needs(of: job.tasks[Int(next)], in: job).slots, pool.record.nodeResources.slots
        )
        return needed > available
            ? .tooFewSlots(needed: needed, available: available) : waitReason(of: job, in: pool)
    }

    private func waitReason(of job: JobEntry, in pool: PoolEntry) -> WaitReason? {
        if pool.nodes.isEmpty {
            let target = pool.record.targetDedicatedNodes + pool.record.targetLowPriorityNodes
            return target == 0 ? .poolHasNoNodes : nil
        }
        var broken: [NodeState: Int] = [:]
        var unprepared = 0
        var unstartable: [Int] = []
        for index in pool.nodes {
            switch nodes[index].record.state {
            case .startTaskFailed, .unusable, .preempted, .offline, .leavingPool:
                broken[nodes[index].record.state, default: 0] += 1
            case .creating, .starting, .waitingForStartTask, .idle, .running, .unknown, .rebooting:
                if job.nodes[index]?.phase == .preparationFailed {
                    unprepared += 1
                } else if nodes[index].startTrouble?.isLasting == true {
                    unstartable.append(index)
                }
            }
        }
        let brokenCount = broken.values.reduce(0, +)
        if brokenCount == pool.nodes.count { return .nodesUnusable(broken) }
        if unprepared > 0, brokenCount + unprepared == pool.nodes.count {
            return .preparationFailedEverywhere
        }
        if let first = unstartable.first, brokenCount + unprepared + unstartable.count == pool.nodes.count {
            return .nodesCannotStart(
                node: nodes[first].record.id, reason: nodes[first].startTrouble?.reason ?? "")
        }
        return nil
    }

    /// One line about everything, for the messages of failing simulations.
    package var summary: String {
        let jobLines = jobs.keys.sorted().compactMap { jobs[$0] }.map { job in
            "job \(job.record.number) \(job.record.state) active \(job.counts.active) running \(job.counts.running)"
                + " ready \(job.ready.count) on \(job.nodes.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.phase)" })"
        }
        let nodeLines = nodes.enumerated().filter { !$0.element.isGone }.map { index, node in
            "\(index) \(node.record.id) \(node.record.state) connected \(node.isConnected) used \(node.stock.taken.slots)"
        }
        return (jobLines + nodeLines).joined(separator: "; ")
    }

    /// What the tables of tasks take in memory, and for how many tasks.
    package var footprint: (bytes: Int, tasks: Int) {
        jobs.values.reduce(into: (bytes: 0, tasks: 0)) { total, job in
            total.tasks += job.tasks.count
            total.bytes += job.tasks.byteCount + job.ready.byteCount
            total.bytes += job.graph.byteCount + job.assigned.count * 8
        }
    }
}
