import ShipyardModel

extension Engine {
    mutating func addJob(_ record: JobRecord, _ rules: JobRules) {
        invariant(jobs[record.number] == nil, "job \(record.number) is there already")
        enter(JobEntry(record: record, rules: rules, tally: tally))
        saveJob(record.number)
    }

    /// A new job, or one from the database.
    mutating func enter(_ job: JobEntry) {
        let number = job.record.number
        jobs[number] = job
        jobNumbers[job.record.id] = number
        keepFiles(of: job)
        guard job.record.state != .completed else { return }
        livingJobs[job.record.pool, default: []].insert(number)
        if job.record.state.takesTasks, let deadline = job.deadline {
            timers.set(.jobWallTime(number), at: deadline)
        }
    }

    /// Enters a job among those of its pool that may have something to run, by priority and age, if it has. It leaves
    /// them when the pool finds it with nothing.
    mutating func list(_ job: JobEntry) {
        guard !job.isListed, job.ready.count > 0, job.record.state == .active,
            var list = pools[job.record.pool]?.jobs
        else { return }
        let place = (-job.record.priority, job.record.number)
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if (-entry(list[middle]).record.priority, list[middle]) < place {
                low = middle + 1
            } else {
                high = middle
            }
        }
        // Not before the pool's own reference is gone: it would be copied.
        pools[job.record.pool]?.jobs = []
        list.insert(job.record.number, at: low)
        pools[job.record.pool]?.jobs = list
        job.isListed = true
        poolsToSchedule.insert(job.record.pool)
    }

    mutating func setState(ofJob job: JobEntry, _ state: JobState, at now: Moment) {
        job.record.state = state
        job.record.stateTransitionTime = now.wall
        saveJob(job.record.number)
    }

    /// Stops what runs, lets the release tasks run, then completes the job. Tasks that are active stay so.
    mutating func terminateJob(_ number: UInt32, reason: String, at now: Moment) {
        let job = entry(number)
        guard job.record.state.takesTasks else { return }
        job.record.terminateReason = reason
        timers.cancel(.jobWallTime(number))
        setState(ofJob: job, .terminating, at: now)
        endRunningTasks(of: job, at: now)
        completeIfDone(job, at: now)
    }

    private mutating func endRunningTasks(of job: JobEntry, at now: Moment) {
        for ordinal in job.assigned.sorted() {
            // One that waited for its preparation may take others with it.
            guard job.assigned.contains(ordinal) else { continue }
            endTask(ordinal, of: job, at: now)
        }
    }

    /// Nothing new starts; what runs is ended and goes back to active (`jobs disable --requeue`).
    mutating func disableJob(_ number: UInt32, at now: Moment) {
        let job = entry(number)
        guard job.record.state == .active else { return }
        setState(ofJob: job, .disabling, at: now)
        for ordinal in job.assigned.sorted() {
            job.tasks[Int(ordinal)].flags.insert(.requeueing)
            let node = Int(job.tasks[Int(ordinal)].node)
            if waitsForPreparation(ordinal, of: job, on: node) { continue }
            effects.append(
                .killWork(NodeHandle(index: node), work(of: ordinal, of: job), .endedByUser))
        }
        finishDisabling(job, at: now)
    }

    private mutating func finishDisabling(_ job: JobEntry, at now: Moment) {
        guard job.record.state == .disabling, job.assigned.isEmpty else { return }
        setState(ofJob: job, .disabled, at: now)
    }

    mutating func enableJob(_ number: UInt32, at now: Moment) {
        let job = entry(number)
        guard job.problem == nil, job.record.state == .disabled || job.record.state == .disabling else {
            return
        }
        setState(ofJob: job, .active, at: now)
        list(job)
    }

    /// To another pool (`jobs migrate`). What a node has of a job is found by the job's pool, so nothing may be left there:
    /// `mayMove`.
    mutating func moveJob(_ number: UInt32, to pool: PoolID) {
        let job = entry(number)
        guard mayMove(number) else { return }
        let old = job.record.pool
        livingJobs[old]?.remove(number)
        if livingJobs[old]?.isEmpty == true { livingJobs[old] = nil }
        if job.isListed { pools[old]?.jobs.removeAll { $0 == number } }
        job.isListed = false
        job.record.pool = pool
        livingJobs[pool, default: []].insert(number)
        saveJob(number)
    }

    mutating func deleteJob(_ number: UInt32, at now: Moment) {
        let job = entry(number)
        guard job.record.state != .deleting else { return }
        if job.record.state != .completed, job.record.state != .terminating {
            endRunningTasks(of: job, at: now)
        }
        timers.cancel(.jobWallTime(number))
        setState(ofJob: job, .deleting, at: now)
        completeIfDone(job, at: now)
    }

    /// Something of the job's tasks has changed: moves it as far as it can go now.
    mutating func advance(_ job: JobEntry, at now: Moment) {
        list(job)
        finishDisabling(job, at: now)
        completeIfDone(job, at: now)
    }

    /// Moves a job as far towards its end as it can go now.
    mutating func completeIfDone(_ job: JobEntry, at now: Moment) {
        switch job.record.state {
        case .active, .disabling, .disabled, .enabling:
            guard job.problem == nil else { return }
            if job.record.autoComplete, job.counts.active == 0, job.counts.running == 0 {
                terminateJob(job.record.number, reason: TerminateReason.allTasksComplete, at: now)
            } else if job.isStuckRun {
                terminateJob(job.record.number, reason: TerminateReason.tasksNeverRun, at: now)
            }
        case .terminating, .deleting:
            let isPreparing = endPreparations(of: job)
            guard job.assigned.isEmpty, releaseNodes(of: job), !isPreparing else { return }
            finish(job, at: now)
        case .completed: return
        }
    }

    private mutating func finish(_ job: JobEntry, at now: Moment) {
        let number = job.record.number
        job.record.endTime = now.wall
        job.record.endSteady = now.steady
        for node in job.nodes.keys { nodes[node].jobs.remove(number) }
        livingJobs[job.record.pool]?.remove(number)
        if livingJobs[job.record.pool]?.isEmpty == true { livingJobs[job.record.pool] = nil }
        if job.isDeleting {
            for node in pools[job.record.pool]?.nodes ?? [] {
                removeFiles(RemovalID(job: number), of: .job(job.record.id), on: node, at: now)
            }
            writes.append(.deleteJob(number))
            forget(job)
        } else {
            setState(ofJob: job, .completed, at: now)
            endedJobs.append(number)
        }
        if job.rules.removesPool || isLastOfPoolMadeAgain(job) { letPoolGo(of: job, at: now) }
        jobEnded(job, at: now)
    }

    /// A pool that all runs of a schedule share goes with the schedule. One that was made again for a job of a schedule
    /// that is over goes with the last job on it.
    private func isLastOfPoolMadeAgain(_ job: JobEntry) -> Bool {
        job.rules.sharesPoolOfSchedule && pools[job.record.pool]?.record.autoPoolJob != nil
            && livingJobs[job.record.pool] == nil
    }

    private mutating func forget(_ job: JobEntry) {
        let number = job.record.number
        timers.cancel(.poolHold(number))
        jobs[number] = nil
        tally.forget(job)
        forgetFiles(of: number)
        if job.isListed { pools[job.record.pool]?.jobs.removeAll { $0 == number } }
        job.isListed = false
        if jobNumbers[job.record.id] == number { jobNumbers[job.record.id] = nil }
    }
}

extension JobEntry {
    /// Of a schedule's run, and nothing of it can go on: nobody will add tasks that could help, and later runs may wait.
    fileprivate var isStuckRun: Bool {
        run != nil && record.state == .active && counts.active > 0 && counts.running == 0 && assigned.isEmpty
            && ready.count == 0
    }

    /// When `max_wall_time` ends the job; it counts from the job's creation, or from when it last went on after its end.
    var deadline: SteadyTime? { rules.maxWallTime.map { record.wallTimeBegin + $0 } }
}
