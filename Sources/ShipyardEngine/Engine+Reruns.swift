import ShipyardModel

// Tasks that ended and are to run again, because a user wants it. Attempts go on counting, so that no work ever runs
// twice under one number; everything else of the task begins anew (docs/adr/0046).

extension Engine {
    /// What a job that is completed has forgotten: each of its tasks, with what became of it. Then
    /// `recallNodeJob`, and an event that wants some of them, or `forgetAgain`.
    package mutating func beginRecall(of number: UInt32) { entry(number).counts = TaskCounts() }

    /// Preparations before releases.
    package mutating func recallNodeJob(_ record: NodeJobRecord) {
        restoreNodeJob(record, of: entry(record.job))
    }

    /// Of those that were deleted in this turn the rows are still there.
    package func deleteRecalledTasks(of number: UInt32) {
        for key in deletedTasks where key.job == number {
            guard let (job, entry) = known(key), !entry.flags.contains(.deleted) else { continue }
            job.delete(key.ordinal)
        }
    }

    /// It stays completed.
    package mutating func forgetAgain(_ number: UInt32, _ counts: TaskCounts) {
        let job = entry(number)
        for node in job.nodes.keys { nodes[node].jobs.remove(number) }
        job.forgetTasks()
        job.counts = counts
    }

    /// Whether the job's tasks are in memory; only those of a job that ended in an earlier turn are not.
    package func knowsTasks(of number: UInt32) -> Bool {
        guard let job = jobs[number] else { return false }
        return !job.tasks.isEmpty || job.record.taskCount == 0
    }

    /// Whether tasks are kept from a node because the job's preparation has failed there.
    package func hasFailedPreparations(_ number: UInt32) -> Bool {
        jobs[number]?.nodes.values.contains { $0.phase == .preparationFailed } ?? false
    }

    mutating func rerun(
        _ ordinals: [UInt32], of job: JobEntry, _ dependencies: [TaskDependencies], at now: Moment
    ) {
        let hadSucceeded = job.hasSucceeded
        for ordinal in ordinals { reactivate(ordinal, of: job) }
        job.enterAnew(dependencies)
        passPreparations(of: job)
        if job.record.state == .completed { reopen(job, hadSucceeded, at: now) }
        keepFiles(of: job)
        // It may be listed, and have had nothing for the nodes that are free.
        poolsToSchedule.insert(job.record.pool)
        advance(job, at: now)
    }

    private mutating func reactivate(_ ordinal: UInt32, of job: JobEntry) {
        let key = job.key(ordinal)
        guard let (_, entry) = known(key), entry.state == .completed, !entry.flags.contains(.deleted) else {
            return
        }
        // Its end first, where that is of this turn: the row keeps it until the next attempt begins.
        writeEndOfAttempt(of: key)
        job.reactivate(ordinal)
        writes.append(.reactivateTask(key))
    }

    /// Whoever wants tasks to run again may have mended what made a preparation fail.
    private mutating func passPreparations(of job: JobEntry) {
        let failed = job.nodes.filter { $0.value.phase == .preparationFailed }.keys
        guard !failed.isEmpty else { return }
        for node in failed {
            job.nodes[node]?.phase = .preparationLost
            job.nodes[node]?.blame = 0
        }
        writes.append(.passPreparations(job: job.record.number))
    }

    /// A job that had ended goes on.
    private mutating func reopen(_ job: JobEntry, _ hadSucceeded: Bool, at now: Moment) {
        let number = job.record.number
        // Where it has ended in this very turn.
        endedJobs.removeAll { $0 == number }
        let hadBefore = job.record.reopening?.hadSucceeded ?? false
        job.record.reopening = JobReopening(time: now.steady, hadSucceeded: hadBefore || hadSucceeded)
        (job.record.endTime, job.record.endSteady, job.record.terminateReason) = (nil, nil, nil)
        setState(ofJob: job, .active, at: now)
        livingJobs[job.record.pool, default: []].insert(number)
        if let deadline = job.deadline { timers.set(.jobWallTime(number), at: deadline) }
        for node in job.nodes.keys where !nodes[node].isGone { nodes[node].jobs.insert(number) }
        rejoinRun(job)
    }

    /// Its run may not be over, where that has other jobs.
    private mutating func rejoinRun(_ job: JobEntry) {
        guard let key = job.run, let run = runs[key], run.record.state == .active,
            run.record.attempt == job.runAttempt
        else { return }
        run.jobs.insert(job.record.number)
        run.failure = jobsMade(by: key, attempt: job.runAttempt)
            .first { $0.record.state == .completed && !$0.hasSucceeded }?.failure
    }

    /// Of one attempt at a run, those that were not deleted, oldest first.
    private func jobsMade(by key: RunKey, attempt: Int) -> [JobEntry] {
        (schedules[key.schedule]?.jobs.sorted() ?? []).compactMap { jobs[$0] }
            .filter { $0.run == key && $0.runAttempt == attempt }
    }

    /// A job of a run that is over has ended once more: the run came to what its jobs have come to. It never counts
    /// among the active ones again, so no other run of its schedule waits for it.
    mutating func correctRun(_ key: RunKey, of entry: ScheduleEntry, _ job: JobEntry, at now: Moment) {
        guard let reopening = job.record.reopening, !job.isDeleting else { return }
        let isLatest = !entry.jobs.contains {
            jobs[$0].map { $0.run == key && $0.runAttempt > job.runAttempt } ?? false
        }
        let siblings = jobsMade(by: key, attempt: job.runAttempt)
        // Others of them that go on tell of it when they end.
        guard isLatest, siblings.allSatisfy({ $0.record.state == .completed }) else { return }
        let failure = siblings.first { !$0.hasSucceeded }?.failure
        writes.append(
            .correctRun(key, failure == nil ? .succeeded : .failed, reason: failure, endTime: now.wall))
        let end = JobEnd(hasSucceeded: failure == nil, after: reopening)
        tellFollowers(of: .schedule(entry.record.id.text), end, .run(key), at: now)
    }
}

/// How a job or a run has ended, for those that follow it.
struct JobEnd {
    var hasSucceeded: Bool
    /// Where it is not the first end: what depends on any end, or on a failure, has followed that.
    var after: JobReopening?

    init(hasSucceeded: Bool, after reopening: JobReopening? = nil) {
        self.hasSucceeded = hasSucceeded
        after = reopening
    }

    init(_ job: JobEntry) { self.init(hasSucceeded: job.hasSucceeded, after: job.record.reopening) }

    func meets(_ condition: AfterRule.Condition) -> Bool {
        switch condition {
        case .completed: after == nil
        case .succeeded: hasSucceeded && after?.hadSucceeded != true
        case .failed: !hasSucceeded && after == nil
        }
    }
}
