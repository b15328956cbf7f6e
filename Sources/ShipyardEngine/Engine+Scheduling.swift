import ShipyardModel

extension Engine {
    /// Gives ready tasks to nodes, in the pools where that may have become possible.
    ///
    /// Higher job priority first, then the older job, then submission order. A task that needs more slots than
    /// are free holds back everything behind it in its pool: without that, small tasks would keep it
    /// waiting for ever.
    mutating func schedule(at now: Moment) {
        for pool in poolsToSchedule.sorted() { schedule(pool, at: now) }
        poolsToSchedule.removeAll(keepingCapacity: true)
    }

    private mutating func schedule(_ id: PoolID, at now: Moment) {
        guard let pool = pools[id], pool.record.state == .active, pool.problem == nil else { return }
        var idle: Set<UInt32> = []
        for number in pool.jobs {
            let job = entry(number)
            let isFull = schedule(job, in: pool, at: now)
            if job.ready.count == 0 || job.record.state != .active {
                job.isListed = false
                idle.insert(number)
            }
            if isFull { break }
        }
        if !idle.isEmpty { pools[id]?.jobs.removeAll(where: idle.contains) }
    }

    /// True when there is no room for anything else, of any job.
    private mutating func schedule(_ job: JobEntry, in pool: PoolEntry, at now: Moment) -> Bool {
        guard job.record.state == .active else { return false }
        while let ordinal = job.ready.first {
            let needs = needs(of: job.tasks[Int(ordinal)], in: job)
            switch choose(in: pool, needs, for: job) {
            case .node(let node): assignFirst(ordinal, of: job, to: node, needs, at: now)
            case .full: return true
            case .noneForThisJob: return false
            }
        }
        return false
    }

    private enum Choice { case node(Int), full, noneForThisJob }

    private func choose(in pool: PoolEntry, _ needs: Resources, for job: JobEntry) -> Choice {
        // Nothing that will ever happen here makes room for it, so nobody else must wait behind it.
        guard needs.isWithin(pool.record.nodeResources) else { return .noneForThisJob }
        var best: Int?
        var bestFree = 0
        var bestQueued: Int?
        var mostFree = Int.min
        var excluded = false
        // In place: the nodes are looked at for every task.
        nodes.withUnsafeBufferPointer { nodes in
            for index in pool.nodes {
                let room = nodes[index].room(for: needs)
                if room == .none { continue }
                if job.nodes[index]?.phase == .preparationFailed {
                    excluded = true
                    continue
                }
                let free = nodes[index].stock.freeSlots
                switch room {
                case .none: break
                case .now:
                    let isBetter = pool.rules.nodeFillType == .spread ? free > bestFree : free < bestFree
                    if best == nil || isBetter { (best, bestFree) = (index, free) }
                case .behindOthers where free > mostFree: (bestQueued, mostFree) = (index, free)
                case .behindOthers, .later: break
                }
            }
        }
        if let chosen = best ?? bestQueued { return .node(chosen) }
        return excluded ? .noneForThisJob : .full
    }

    private mutating func assignFirst(
        _ ordinal: UInt32, of job: JobEntry, to node: Int, _ needs: Resources, at now: Moment
    ) {
        let key = job.key(ordinal)
        let waitsAtAgent = nodes[node].take(key, needs) == .behindOthers
        updateOccupancy(of: node)
        writeEndOfAttempt(of: key)
        let isPrepared = prepareJob(job, on: node, for: ordinal)
        job.assignFirst(to: node, isRunning: isPrepared && !waitsAtAgent, at: now)
        if waitsAtAgent { setQueued(ordinal, of: job, true) }
        markDirty(ordinal, of: job)
        if isPrepared { sendTask(ordinal, of: job, to: node) }
    }

    /// A task that may be what kills nodes has one for itself before it is given up: what runs beside it must not
    /// be taken for the culprit, nor die with it.
    func needs(of entry: TaskEntry, in job: JobEntry) -> Resources {
        var needs = job.needs(of: entry)
        if entry.blame + Limits.blame >= Limits.maximumBlame, let pool = pools[job.record.pool] {
            needs.slots = max(needs.slots, pool.record.nodeResources.slots)
        }
        return needs
    }

    /// Whether it waits at its agent: told apart from what runs wherever tasks are counted for people.
    mutating func setQueued(_ ordinal: UInt32, of job: JobEntry, _ isQueued: Bool) {
        let entry = job.tasks[Int(ordinal)]
        guard entry.flags.contains(.queued) != isQueued, entry.node >= 0 else { return }
        job.tasks[Int(ordinal)].flags.formSymmetricDifference(.queued)
        job.queued += isQueued ? 1 : -1
        nodes[Int(entry.node)].queuedTasks += isQueued ? 1 : -1
        nodes[Int(entry.node)].queuedSlots += (isQueued ? 1 : -1) * needs(of: entry, in: job).slots
    }

    mutating func sendTask(_ ordinal: UInt32, of job: JobEntry, to node: Int) {
        effects.append(.startWork(NodeHandle(index: node), work(of: ordinal, of: job)))
    }
}
