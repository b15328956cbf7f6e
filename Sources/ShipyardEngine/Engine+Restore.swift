import ShipyardModel

// Making the engine again from what the database holds: pools, nodes, jobs, tasks, progress, node work, in
// this order, then `finishRestoring`. Nothing is written and nothing is done until then.

extension Engine {
    package mutating func restorePool(_ record: PoolRecord, _ rules: PoolRules, problem: String? = nil) {
        pools[record.id] = PoolEntry(record: record, rules: rules)
        pools[record.id]?.problem = problem
    }

    /// - Parameter diedWithTheMachine: nothing of what ran there can be alive, through no fault of a task.
    package mutating func restoreNode(_ record: NodeRecord, diedWithTheMachine: Bool = false) {
        guard let pool = pools[record.pool] else { return }
        nodes.append(NodeEntry(record: record, pool.record.nodeResources))
        nodes[nodes.count - 1].relaunch.diedWithTheMachine = diedWithTheMachine
        pools[record.pool]?.nodes.append(nodes.count - 1)
    }

    /// A completed job keeps its counts only; its tasks stay in the database.
    package mutating func restoreJob(_ record: JobRecord, _ rules: JobRules, counts: TaskCounts?) {
        let job = JobEntry(record: record, rules: rules, tally: tally)
        if let counts { job.counts = counts }
        enter(job)
    }

    /// What the database has of the job cannot be read. It stays in the lists, with the reason, and can be ended
    /// and deleted; nothing of it runs, and its rows stay as they are until then.
    package mutating func restoreUnreadableJob(_ record: JobRecord, problem: String, counts: TaskCounts) {
        if let known = jobs.removeValue(forKey: record.number) {
            tally.forget(known)
            timers.cancel(.jobWallTime(record.number))
            forgetFiles(of: record.number)
        }
        let job = JobEntry(record: record, rules: JobRules(), tally: tally)
        job.problem = problem
        if record.state.takesTasks { job.record.state = .disabled }
        job.counts = counts
        enter(job)
    }

    /// In the order of ordinals. A gap is a task that was deleted. Dependencies are entered by
    /// `restoreDependencies`, when every task's progress is known.
    package mutating func restoreTask(_ key: TaskKey, template: Int, number: Int?) {
        let job = entry(key.job)
        while job.tasks.count < Int(key.ordinal) { job.addHole() }
        job.tasks.append(TaskEntry(template: template))
        job.counts.active += 1
        if let number { job.graph.numbers[key.ordinal] = number }
    }

    /// The last tasks may have been deleted; their ordinals are not given again, and others may wait for them.
    package mutating func restoreHoles(of number: UInt32) {
        let job = entry(number)
        while job.tasks.count < job.record.taskCount { job.addHole() }
        // No ordinal is given again.
        if job.record.taskCount < job.tasks.count { job.record.taskCount = job.tasks.count }
    }

    package mutating func restoreProgress(_ progress: TaskProgress) {
        let key = progress.key
        // A row past the job's tasks: damage.
        guard let (job, _) = known(key) else { return }
        let index = Int(key.ordinal)
        job.tasks[index].state = progress.state
        job.tasks[index].attempt = progress.attempt
        job.tasks[index].retryCount = progress.retryCount
        job.tasks[index].requeueCount = progress.requeueCount
        job.tasks[index].blame = UInt8(min(max(progress.blame, 0), Int32(Limits.maximumBlame)))
        job.tasks[index].assigned = progress.assignedTime?.milliseconds ?? 0
        let entry = job.tasks[index]
        switch progress.state {
        case .active:
            // An attempt without a result never ran: it was given back, and its number is used again.
            if progress.attempt > 0, progress.result == nil { job.tasks[index].flags.insert(.attemptUnused) }
        case .preparing, .running: restoreAssignment(of: job, progress, entry)
        case .completed:
            job.counts.active -= 1
            let outcome = progress.result?.outcome ?? .unreadable("")
            let completion = job.rules(of: entry).completion(of: outcome)
            job.markCompleted(key.ordinal, completion)
            if completion.isSatisfied, let number = job.graph.numbers[key.ordinal] {
                job.graph.satisfiedNumbers.insert(number)
            }
            job.tasks.settle(index)
        }
    }

    private mutating func restoreAssignment(of job: JobEntry, _ progress: TaskProgress, _ entry: TaskEntry) {
        let key = progress.key
        if progress.isEnding { job.tasks[Int(key.ordinal)].flags.insert(.ending) }
        job.counts.active -= 1
        job.counts.running += 1
        let node = (pools[job.record.pool]?.nodes ?? []).first { nodes[$0].record.id == progress.node }
        guard let node else {
            invariantFailure("task \(key) runs on \(String(describing: progress.node)), which is gone")
        }
        job.tasks[Int(key.ordinal)].node = Int32(node)
        job.assigned.insert(key.ordinal)
        _ = nodes[node].take(key, needs(of: entry, in: job))
    }

    package mutating func restoreDependencies(_ dependencies: [Dependency], of key: TaskKey) {
        known(key)?.job.enter(dependencies, of: key.ordinal)
    }

    /// Preparations before releases.
    package mutating func restoreNodeJob(_ record: NodeJobRecord) {
        guard let job = jobs[record.job], job.record.state != .completed, job.problem == nil else { return }
        restoreNodeJob(record, of: job)
    }

    mutating func restoreNodeJob(_ record: NodeJobRecord, of job: JobEntry) {
        guard let node = (pools[record.pool]?.nodes ?? []).first(where: { nodes[$0].record.id == record.node })
        else { return }
        // The node was prepared again since. All releases had the number 1 once.
        if record.isRelease, record.attempt > 1, let known = job.nodes[node], known.attempt > record.attempt {
            return
        }
        let phase: NodeJobState.Phase =
            switch (record.isRelease, record.result) {
            case (true, nil): .releasing
            case (true, _): .released
            case (false, nil): .preparing
            case (false, let result?): .ended(result.outcome, isPast: record.isPast)
            }
        var state = NodeJobState(phase: phase, attempt: record.attempt)
        // Only losses lead to another attempt; whose fault each was, nobody remembers.
        let losses = phase == .preparing ? record.attempt - 1 : phase == .preparationLost ? record.attempt : 0
        state.blame = UInt8(clamping: min(losses, Int32(Limits.maximumBlame - Limits.blameForUnseenLoss)))
        if phase == .preparing {
            state.waiting = job.assigned.filter { job.tasks[Int($0)].node == Int32(node) }.sorted()
        }
        job.nodes[node] = state
        nodes[node].jobs.insert(record.job)
    }

    package mutating func restoreRemoval(_ record: RemovalRecord) {
        let node = (pools[record.pool]?.nodes ?? []).first { nodes[$0].record.id == record.node }
        if let node, record.failure == nil { nodes[node].removals[record.id] = record }
    }

    /// Fills the queues and takes up what was under way. The service then finds out which agents live and
    /// tells `nodeConnected` or `nodeLost` for each of `nodesToReach`.
    package mutating func finishRestoring(at now: Moment) {
        let living = jobs.values.filter { $0.record.state != .completed }.map(\.record.number).sorted()
        for number in living {
            let job = entry(number)
            guard job.problem == nil else { continue }
            restoreHoles(of: number)
            job.fillReadyQueue()
            for ordinal in job.assigned {
                switch job.record.state {
                case .terminating, .deleting: job.tasks[Int(ordinal)].flags.insert(.ending)
                case .disabling: job.tasks[Int(ordinal)].flags.insert(.requeueing)
                case .active, .disabled, .enabling, .completed: break
                }
            }
        }
        for number in living {
            // The end of one may have been that of another, with the pool of both.
            if let job = jobs[number] { advance(job, at: now) }
        }
        // Who has held them says so again, or has gone with the service: then nobody else lets them go.
        for job in jobs.values.sorted(by: { $0.record.number < $1.record.number })
        where job.record.state == .completed && hasOwnPool(job) {
            deletePool(job.record.pool, at: now)
        }
        for id in pools.keys.sorted() {
            poolsToSchedule.insert(id)
            // What they do is known by the tasks alone.
            for node in pools[id]?.nodes ?? [] {
                updateOccupancy(of: node)
                guard nodes[node].record.state == .leavingPool else { continue }
                if pools[id]?.record.state == .deleting {
                    giveBackTasks(of: node, .left, reason: "the pool was deleted", at: now)
                    askForRemoval(ofNode: node)
                }
            }
            askForRemoval(of: id)
        }
    }
}

extension NodeJobState.Phase {
    /// What a preparation that has ended has left.
    fileprivate static func ended(_ outcome: Outcome, isPast: Bool) -> Self {
        if outcome.isSuccess { return .prepared }
        if isPast { return .preparationLost }
        if case .nodeLost(.died, _) = outcome { return .preparationLost }
        return .preparationFailed
    }
}
