import ShipyardModel

// The life of a run: recorded, perhaps waiting, starting, active, over.

extension Limits {
    /// Between two attempts to make a run's jobs, where the first could not.
    static let longestStartPause = TimeSpan.seconds(60)
}

extension Engine {
    func nextRun(of entry: ScheduleEntry) -> RunKey {
        entry.record.lastRun += 1
        return RunKey(schedule: entry.number, number: entry.record.lastRun)
    }

    @discardableResult
    mutating func record(
        _ cause: RunCause, due: Instant, of entry: ScheduleEntry, at now: Moment, request: RunRequest? = nil
    ) -> RunKey {
        let key = nextRun(of: entry)
        save(entry)
        var record = RunRecord(key, cause, due: due, version: entry.record.version, recordTime: now.wall)
        record.parameters = request?.parameters
        record.request = request?.request
        record.begin = now.wall
        if cause == .clock { record.begin = due + entry.policy.delay(of: entry.record.id.text, at: due) }
        runs[key] = RunEntry(record)
        if record.begin > now.wall {
            schedule(key, of: entry)
        } else {
            beginRun(key, at: now)
        }
        return key
    }

    mutating func askForRun(_ request: RunRequest, at now: Moment) {
        record(request.cause, due: request.due, of: scheduleEntry(request.schedule), at: now, request: request)
    }

    mutating func askForBackfill(_ number: UInt32, _ times: [Instant], _ parallel: Int, at now: Moment) {
        let entry = scheduleEntry(number)
        entry.record.backfillParallel = parallel
        save(entry)
        for time in times { record(.backfill, due: time, of: entry, at: now) }
    }

    private mutating func schedule(_ key: RunKey, of entry: ScheduleEntry) {
        guard let run = runs[key] else { return }
        run.record.state = .scheduled
        // One that is tried again stays among the active ones.
        if run.record.attempt == 1 { entry.scheduled.insert(key.number) }
        writes.append(.putRun(run.record))
        wallTimers.set(.runBegins(key), at: run.record.begin)
    }

    // MARK: To its beginning

    mutating func beginRun(_ key: RunKey, at now: Moment) {
        guard let run = runs[key], let entry = schedules[key.schedule] else { return }
        entry.scheduled.remove(key.number)
        if run.record.attempt > 1 { return start(key, of: entry) }
        switch run.record.cause {
        case .backfill:
            guard entry.backfillActive.count < entry.record.backfillParallel else {
                return enqueue(key, of: entry)
            }
            return start(key, of: entry)
        // Whoever asks for it by hand wants it, whatever else the schedule does; so does who replays a file.
        case .user,
            .event where run.record.request != nil:
            return mayStart(entry) ? start(key, of: entry) : enqueue(key, of: entry)
        case .clock, .run, .job, .event: break
        }
        guard entry.record.state == .active else { return skip(key, .disabled, at: now) }
        guard !isTooLate(run, entry, at: now) else { return skip(key, .startWindow, at: now) }
        if mayStart(entry) { return start(key, of: entry) }
        switch entry.policy.overlap {
        // What is made up for is made up for, one after the other.
        case .skip where isMadeUp(run, entry), .parallel where isMadeUp(run, entry): enqueue(key, of: entry)
        case .skip, .parallel: skip(key, .overlap, at: now)
        case .queue where entry.queue.count < entry.policy.maxQueuedRuns: enqueue(key, of: entry)
        case .queue: skip(key, .queueFull, at: now)
        case .replace:
            for number in entry.queue {
                skip(RunKey(schedule: entry.number, number: number), .replaced, at: now)
            }
            enqueue(key, of: entry)
            for number in entry.active.sorted() {
                stop(RunKey(schedule: entry.number, number: number), TerminateReason.replacedByNextRun, at: now)
            }
        }
    }

    /// Of a time that was missed, where all of these are wanted.
    private func isMadeUp(_ run: RunEntry, _ entry: ScheduleEntry) -> Bool {
        run.record.cause == .clock && entry.policy.catchUp == .all
            && run.record.recordTime - run.record.due >= Limits.onTime
    }

    private func mayStart(_ entry: ScheduleEntry) -> Bool {
        entry.queue.isEmpty && entry.active.count < entry.mostActive
    }

    /// The window begins when the run is to begin.
    private func isTooLate(_ run: RunEntry, _ entry: ScheduleEntry, at now: Moment) -> Bool {
        guard run.record.cause == .clock, let window = entry.policy.startWindow else { return false }
        return now.wall - run.record.begin > window
    }

    private mutating func enqueue(_ key: RunKey, of entry: ScheduleEntry) {
        guard let run = runs[key] else { return }
        run.record.state = .queued
        entry.addQueued(run.record)
        writes.append(.putRun(run.record))
    }

    private mutating func start(_ key: RunKey, of entry: ScheduleEntry) {
        guard let run = runs[key] else { return }
        entry.addActive(run.record)
        run.record.state = .starting
        writes.append(.putRun(run.record))
        effects.append(.startRun(key))
    }

    mutating func startAgain(_ key: RunKey) {
        if runs[key]?.record.state == .starting { effects.append(.startRun(key)) }
    }

    /// Others have ended: those that wait come next.
    private mutating func startNext(of entry: ScheduleEntry, at now: Moment) {
        while let number = entry.backfillQueue.first,
            entry.backfillActive.count < entry.record.backfillParallel
        {
            entry.backfillQueue.removeFirst()
            start(RunKey(schedule: entry.number, number: number), of: entry)
        }
        while let number = entry.queue.first, entry.active.count < entry.mostActive {
            let key = RunKey(schedule: entry.number, number: number)
            guard let run = runs[key] else { invariantFailure("\(key) waits and is not there") }
            if isTooLate(run, entry, at: now) {
                skip(key, .startWindow, at: now)
            } else {
                entry.queue.removeFirst()
                start(key, of: entry)
            }
        }
    }

    // MARK: What comes of its start

    /// Its jobs were made in this turn. Some may have ended in it as well.
    mutating func runStarted(_ key: RunKey, _ made: [UInt32], at now: Moment) {
        guard let run = runs[key], let entry = schedules[key.schedule] else {
            invariantFailure("\(key) was started and is not there")
        }
        run.record.state = .active
        run.record.startTime = run.record.startTime ?? now.wall
        run.record.reason = nil
        run.startPause = .seconds(1)
        run.failure = nil
        run.jobs = Set(made)
        writes.append(.putRun(run.record))
        if entry.record.failedStarts > 0 {
            entry.record.failedStarts = 0
            save(entry)
        }
        entry.jobs.formUnion(made)
        for number in made {
            let job = self.entry(number)
            (job.run, job.runAttempt) = (key, run.record.attempt)
            let record = RunJobRecord(run: key, attempt: run.record.attempt, job: number, id: job.record.id)
            writes.append(.putRunJob(record))
        }
        if run.isStopped { stopJobs(of: run, TerminateReason.replacedByNextRun, at: now) }
        for number in made {
            guard let job = jobs[number] else { continue }
            if job.record.state == .completed { jobEnded(job, at: now) } else { completeIfDone(job, at: now) }
        }
    }

    mutating func runNotStarted(_ key: RunKey, _ reason: String, mayRetry: Bool, at now: Moment) {
        guard let run = runs[key], run.record.state == .starting, let entry = schedules[key.schedule] else {
            return
        }
        if run.isStopped, run.record.startTime == nil {
            entry.removeActive(key.number)
            timers.cancel(.runStart(key))
            skip(key, entry.record.state == .active ? .replaced : .terminated, at: now)
            startNext(of: entry, at: now)
            return completeIfOver(entry, at: now)
        }
        run.record.reason = reason
        if mayRetry, !run.isStopped, !isTooLate(run, entry, at: now) {
            writes.append(.putRun(run.record))
            timers.set(.runStart(key), at: now.steady + run.startPause)
            run.startPause = min(
                Limits.longestStartPause, TimeSpan(milliseconds: 2 * run.startPause.milliseconds))
            return
        }
        if !run.isStopped {
            entry.record.failedStarts += 1
            save(entry)
        }
        run.failure = reason
        endAttempt(run, at: now)
    }

    // MARK: To its end

    /// A job has ended, or is gone.
    mutating func jobEnded(_ job: JobEntry, at now: Moment) {
        let hasSucceeded = job.hasSucceeded
        guard let key = job.run else {
            return tellFollowers(
                of: .job(job.record.id.text), JobEnd(job), .job(job.record.number), at: now)
        }
        guard let entry = schedules[key.schedule] else { return }
        if job.isDeleting { entry.jobs.remove(job.record.number) }
        if let run = runs[key], run.jobs.remove(job.record.number) != nil {
            if !hasSucceeded { run.failure = run.failure ?? job.failure }
            if run.jobs.isEmpty { endAttempt(run, at: now) }
        } else if runs[key] == nil {
            correctRun(key, of: entry, job, at: now)
        }
        completeIfOver(entry, at: now)
    }

    mutating func endAttempt(_ run: RunEntry, at now: Moment) {
        let key = run.record.key
        let entry = scheduleEntry(key.schedule)
        let isWanted = entry.record.state == .active || entry.record.state == .disabled
        if run.failure != nil, !run.isStopped, isWanted, run.record.attempt <= entry.policy.maxRetries {
            run.record.attempt += 1
            run.record.begin = now.wall + entry.policy.retryDelay
            run.record.reason = run.failure
            return schedule(key, of: entry)
        }
        end(run, run.failure == nil ? .succeeded : .failed, at: now)
    }

    private mutating func end(_ run: RunEntry, _ state: RunState, at now: Moment) {
        let key = run.record.key
        let entry = scheduleEntry(key.schedule)
        run.record.state = state
        run.record.endTime = now.wall
        run.record.reason = run.failure
        writes.append(.putRun(run.record))
        runs[key] = nil
        timers.cancel(.runStart(key))
        wallTimers.cancel(.runBegins(key))
        entry.removeActive(key.number)
        startNext(of: entry, at: now)
        keepEnded(run.record, of: entry, at: now)
        tellFollowers(
            of: .schedule(entry.record.id.text), JobEnd(hasSucceeded: state == .succeeded), .run(key), at: now)
        completeIfOver(entry, at: now)
    }

    /// It never begins.
    mutating func skip(_ key: RunKey, _ reason: SkipReason, at now: Moment) {
        guard let run = runs.removeValue(forKey: key), let entry = schedules[key.schedule] else { return }
        wallTimers.cancel(.runBegins(key))
        entry.scheduled.remove(key.number)
        entry.queue.removeAll { $0 == key.number }
        entry.backfillQueue.removeAll { $0 == key.number }
        run.record.state = .skipped
        run.record.skip = reason
        run.record.endTime = now.wall
        writes.append(.putRun(run.record))
        keepEnded(run.record, of: entry, at: now)
    }

    /// Ends what runs of it.
    mutating func stop(_ key: RunKey, _ reason: String, at now: Moment) {
        guard let run = runs[key], !run.isStopped else { return }
        run.isStopped = true
        switch run.record.state {
        case .active: stopJobs(of: run, reason, at: now)
        case .scheduled:
            // Between two attempts.
            run.failure = run.record.reason ?? reason
            end(run, .failed, at: now)
        // Whoever starts it hears that it is not wanted any more, or has its jobs ended at once.
        case .starting: timers.set(.runStart(key), at: now.steady)
        case .queued, .succeeded, .failed, .skipped: break
        }
    }

    private mutating func stopJobs(of run: RunEntry, _ reason: String, at now: Moment) {
        run.failure = run.failure ?? "it was ended: \(reason)"
        for number in run.jobs.sorted() {
            // The end of one may be that of others.
            if jobs[number] != nil { terminateJob(number, reason: reason, at: now) }
        }
    }

    /// Whether the jobs of the run may still be made, for this attempt.
    package func isWanted(_ key: RunKey, attempt: Int) -> Bool {
        guard let run = runs[key], let entry = schedules[key.schedule] else { return false }
        return run.record.state == .starting && run.record.attempt == attempt && !run.isStopped
            && entry.record.state != .terminating && entry.record.state != .deleting
    }

    // MARK: Records that are kept for some time

    mutating func keepEnded(_ run: RunRecord, of entry: ScheduleEntry, at now: Moment) {
        guard entry.forgetsRuns else { return }
        entry.ended.append((run.key.number, run.endTime ?? now.wall))
        forgetOldRuns(of: entry.number, at: now)
    }

    /// With the jobs that they have made.
    mutating func forgetOldRuns(of number: UInt32, at now: Moment) {
        guard let entry = schedules[number], entry.record.state != .deleting else { return }
        let days = entry.policy.retainedDays.map { TimeSpan.seconds(Int64($0) * 86_400) }
        while let oldest = entry.ended.first {
            let isOneTooMany = entry.policy.retainedRuns.map { entry.ended.count > $0 } ?? false
            let isTooOld = days.map { oldest.end + $0 <= now.wall } ?? false
            guard isOneTooMany || isTooOld else { break }
            entry.ended.removeFirst()
            let key = RunKey(schedule: number, number: oldest.number)
            deleteJobs(of: entry, at: now) { $0.run == key }
            writes.append(.deleteRun(key))
        }
        if let days, let oldest = entry.ended.first {
            wallTimers.set(.runsExpire(number), at: oldest.end + days)
        } else {
            wallTimers.cancel(.runsExpire(number))
        }
    }
}

extension JobEntry {
    /// What of it has failed, for people.
    var failure: String {
        if isDeleting { return "job \(record.id) was deleted" }
        if counts.failed > 0 { return "job \(record.id): \(counts.failed) of \(counts.total) tasks failed" }
        let reason = record.terminateReason ?? "it ended"
        return "job \(record.id): \(counts.active) of \(counts.total) tasks never ran (\(reason))"
    }
}
