import ShipyardModel

extension Engine {
    mutating func addJob(_ record: JobRecord, _ rules: JobRules) {
        invariant(jobs[record.number] == nil, "job \(record.number) is there already")
        let job = JobEntry(record: record, rules: rules, tally: tally)
        jobs[record.number] = job
        jobNumbers[record.id] = record.number
        if let deadline = job.deadline { jobDeadlines.insert(record.number, at: deadline) }
        enlist(record.number)
        saveJob(record.number)
    }

    /// Enters a job among its pool's, by priority and age.
    mutating func enlist(_ number: UInt32) {
        guard let job = jobs[number], var list = pools[job.record.pool]?.jobs, !list.contains(number) else {
            return
        }
        list.append(number)
        list.sort { left, right in
            let (one, other) = (jobs[left]?.record.priority ?? 0, jobs[right]?.record.priority ?? 0)
            return one != other ? one > other : left < right
        }
        pools[job.record.pool]?.jobs = list
    }

    mutating func setState(ofJob number: UInt32, _ state: JobState, at now: Moment) {
        jobs[number]?.record.state = state
        jobs[number]?.record.stateTransitionTime = now.wall
        saveJob(number)
    }

    /// Stops what runs, lets the release tasks run, then completes the job. Tasks that are active stay so.
    mutating func terminateJob(_ number: UInt32, reason: String, at now: Moment) {
        guard let state = jobs[number]?.record.state else { return }
        switch state {
        case .terminating, .completed, .deleting: return
        case .active, .disabling, .disabled, .enabling: break
        }
        jobs[number]?.record.terminateReason = reason
        dropDeadline(of: number)
        setState(ofJob: number, .terminating, at: now)
        endRunningTasks(of: number, at: now)
        completeIfDone(number, at: now)
    }

    private mutating func dropDeadline(of number: UInt32) {
        if let deadline = jobs[number]?.deadline { jobDeadlines.remove(number, at: deadline) }
    }

    private mutating func endRunningTasks(of number: UInt32, at now: Moment) {
        for ordinal in (jobs[number]?.assigned ?? []).sorted() {
            guard let entry = jobs[number]?.tasks[Int(ordinal)], entry.node >= 0 else { continue }
            endTask(TaskKey(job: number, ordinal: ordinal), on: Int(entry.node), at: now)
        }
    }

    /// Nothing new starts; what runs is ended and goes back to active (`jobs disable --requeue`).
    mutating func disableJob(_ number: UInt32, at now: Moment) {
        guard jobs[number]?.record.state == .active else { return }
        setState(ofJob: number, .disabling, at: now)
        for ordinal in (jobs[number]?.assigned ?? []).sorted() {
            guard let entry = jobs[number]?.tasks[Int(ordinal)], entry.node >= 0 else { continue }
            jobs[number]?.tasks[Int(ordinal)].flags.insert(.requeueing)
            let key = TaskKey(job: number, ordinal: ordinal)
            if waitsForPreparation(key, on: Int(entry.node)) { continue }
            let work = WorkID(kind: .task, key: key.rawValue, attempt: entry.attempt)
            effects.append(.killWork(NodeHandle(index: Int(entry.node)), work, .endedByUser))
        }
        finishDisabling(number, at: now)
    }

    mutating func finishDisabling(_ number: UInt32, at now: Moment) {
        guard let job = jobs[number], job.record.state == .disabling, job.assigned.isEmpty else { return }
        setState(ofJob: number, .disabled, at: now)
    }

    mutating func enableJob(_ number: UInt32, at now: Moment) {
        guard let job = jobs[number], job.problem == nil else { return }
        guard job.record.state == .disabled || job.record.state == .disabling else { return }
        setState(ofJob: number, .active, at: now)
        poolsToSchedule.insert(job.record.pool)
    }

    mutating func deleteJob(_ number: UInt32, at now: Moment) {
        guard let job = jobs[number], job.record.state != .deleting else { return }
        if job.record.state != .completed, job.record.state != .terminating {
            endRunningTasks(of: number, at: now)
        }
        dropDeadline(of: number)
        setState(ofJob: number, .deleting, at: now)
        completeIfDone(number, at: now)
    }

    mutating func expireJobs(at now: Moment) {
        for number in jobDeadlines.takeDue(at: now.steady) {
            terminateJob(number, reason: TerminateReason.maxWallClockTimeExpiry, at: now)
        }
    }

    /// Moves a job as far towards its end as it can go now.
    mutating func completeIfDone(_ number: UInt32, at now: Moment) {
        guard let job = jobs[number] else { return }
        switch job.record.state {
        case .active, .disabling, .disabled, .enabling:
            guard job.problem == nil, job.record.autoComplete, job.counts.active == 0, job.counts.running == 0
            else { return }
            terminateJob(number, reason: TerminateReason.allTasksComplete, at: now)
        case .terminating, .deleting:
            let isPreparing = endPreparations(of: number)
            guard job.assigned.isEmpty, releaseNodes(of: number), !isPreparing else { return }
            finish(number, at: now)
        case .completed: return
        }
    }

    private mutating func finish(_ number: UInt32, at now: Moment) {
        guard let job = jobs[number] else { return }
        let isDeleting = job.isDeleting
        jobs[number]?.record.endTime = now.wall
        jobs[number]?.record.endSteady = now.steady
        if isDeleting {
            for node in pools[job.record.pool]?.nodes ?? [] {
                removeFiles(RemovalID(job: number), of: .job(job.record.id), on: node, at: now)
            }
            writes.append(.deleteJob(number))
            forget(number)
        } else {
            setState(ofJob: number, .completed, at: now)
            endedJobs.append(number)
            for node in job.nodes.keys { nodes[node].jobs.remove(number) }
            pools[job.record.pool]?.jobs.removeAll { $0 == number }
        }
        if job.rules.removesPool { deletePool(job.record.pool, at: now) }
    }

    private mutating func forget(_ number: UInt32) {
        guard let job = jobs.removeValue(forKey: number) else { return }
        tally.forget(job)
        pools[job.record.pool]?.jobs.removeAll { $0 == number }
        for node in job.nodes.keys { nodes[node].jobs.remove(number) }
        if jobNumbers[job.record.id] == number { jobNumbers[job.record.id] = nil }
    }
}
