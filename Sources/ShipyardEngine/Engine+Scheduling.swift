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
        for number in pool.jobs {
            guard jobs[number]?.record.state == .active else { continue }
            while let ordinal = nextReady(of: number) {
                guard let job = jobs[number] else { break }
                let slots = slots(of: job.tasks[Int(ordinal)], in: job)
                switch choose(in: pool, slots: slots, for: number) {
                case .node(let node):
                    jobs[number]?.ready.removeFirst()
                    assign(job.key(ordinal), to: node, slots: slots, at: now)
                    continue
                case .full: return
                case .noneForThisJob: break
                }
                break
            }
        }
    }

    /// The first task of the queue that may still run; tasks that were ended while they waited are dropped.
    private mutating func nextReady(of number: UInt32) -> UInt32? {
        while let ordinal = jobs[number]?.ready.first {
            guard let entry = jobs[number]?.tasks[Int(ordinal)] else { return nil }
            if entry.mayRun { return ordinal }
            jobs[number]?.ready.removeFirst()
        }
        return nil
    }

    private enum Choice { case node(Int), full, noneForThisJob }

    private func choose(in pool: PoolEntry, slots: Int, for number: UInt32) -> Choice {
        // Nothing that will ever happen here makes room for it, so nobody else must wait behind it.
        if slots > pool.record.taskSlotsPerNode { return .noneForThisJob }
        var best: Int?
        var bestFree = 0
        var bestQueued: Int?
        var leastAhead = Int.max
        var excluded = false
        for index in pool.nodes {
            guard nodes[index].takesWork, slots <= nodes[index].slots else { continue }
            if jobs[number]?.nodes[index]?.phase == .preparationFailed {
                excluded = true
                continue
            }
            let used = nodes[index].usedSlots
            let free = nodes[index].slots - used
            if free >= slots {
                let isBetter = pool.rules.nodeFillType == .spread ? free > bestFree : free < bestFree
                if best == nil || isBetter { (best, bestFree) = (index, free) }
            } else if used + slots <= nodes[index].slots + nodes[index].queueSlots,
                used - nodes[index].slots < leastAhead
            {
                (bestQueued, leastAhead) = (index, used - nodes[index].slots)
            }
        }
        if let chosen = best ?? bestQueued { return .node(chosen) }
        return excluded ? .noneForThisJob : .full
    }

    private mutating func assign(_ key: TaskKey, to node: Int, slots: Int, at now: Moment) {
        let waitsAtAgent = nodes[node].usedSlots + slots > nodes[node].slots
        nodes[node].usedSlots += slots
        nodes[node].tasks.insert(key)
        updateOccupancy(of: node)
        jobs[key.job]?.assigned.insert(key.ordinal)
        writeEndOfAttempt(of: key)
        let isPrepared = prepareJob(key.job, on: node, for: key.ordinal)
        jobs[key.job]?.assign(key.ordinal, to: node, isRunning: isPrepared && !waitsAtAgent, at: now)
        markDirty(key)
        if isPrepared { sendTask(key, to: node) }
    }

    /// A task that may be what kills nodes has one for itself before it is given up: what runs beside it must not
    /// be taken for the culprit, nor die with it.
    func slots(of entry: TaskEntry, in job: JobEntry) -> Int {
        let needed = job.rules(of: entry).requiredSlots
        guard entry.blame + Limits.blame >= Limits.maximumBlame, let pool = pools[job.record.pool] else {
            return needed
        }
        return max(needed, pool.record.taskSlotsPerNode)
    }

    mutating func sendTask(_ key: TaskKey, to node: Int) {
        guard let attempt = jobs[key.job]?.tasks[Int(key.ordinal)].attempt else { return }
        let work = WorkID(kind: .task, key: key.rawValue, attempt: attempt)
        effects.append(.startWork(NodeHandle(index: node), work))
    }
}

extension JobEntry {
    /// The next number, or the latest once more when nothing ever ran under it.
    func takeAttemptNumber(_ ordinal: UInt32) {
        let wasUnused = tasks[Int(ordinal)].flags.remove(.attemptUnused) != nil
        if !wasUnused { tasks[Int(ordinal)].attempt += 1 }
    }

    func assign(_ ordinal: UInt32, to node: Int, isRunning: Bool, at now: Moment) {
        let index = Int(ordinal)
        takeAttemptNumber(ordinal)
        let hasStaging = rules(of: tasks[index]).hasStaging
        tasks[index].move(to: isRunning && !hasStaging ? .running : .preparing)
        tasks[index].node = Int32(node)
        tasks[index].assigned = now.wall.milliseconds
        counts.active -= 1
        counts.running += 1
    }
}
