import ShipyardModel

// Schedules from the database: each, its runs, their jobs, then `finishRestoringSchedules`.

extension Engine {
    /// - Parameter rules: nil where what is stored of the schedule cannot be used, for the reason `problem`.
    package mutating func restoreSchedule(
        _ record: ScheduleRecord, _ rules: ScheduleRules?, problem: String? = nil
    ) {
        let entry = ScheduleEntry(
            record, rules ?? ScheduleRules(.init(), SchedulePolicy()), scheduleTally)
        entry.problem = problem
        enter(entry)
    }

    package mutating func restoreRun(_ record: RunRecord) {
        guard let entry = schedules[record.key.schedule] else { return }
        let number = record.key.number
        runs[record.key] = RunEntry(record)
        switch record.state {
        case .scheduled:
            if record.attempt == 1 { entry.scheduled.insert(number) } else { entry.addActive(record) }
            wallTimers.set(.runBegins(record.key), at: record.begin)
        case .queued: entry.addQueued(record)
        case .starting, .active: entry.addActive(record)
        case .succeeded, .failed, .skipped: runs[record.key] = nil
        }
    }

    /// After the jobs. One that is not there any more was deleted.
    package mutating func restoreRunJob(_ record: RunJobRecord) {
        guard let entry = schedules[record.run.schedule] else { return }
        let job = jobs[record.job]
        if let job {
            (job.run, job.runAttempt) = (record.run, record.attempt)
            entry.jobs.insert(record.job)
        }
        guard let run = runs[record.run], run.record.state == .active, run.record.attempt == record.attempt
        else { return }
        if let job, job.record.state != .completed {
            run.jobs.insert(record.job)
        } else if job.map({ $0.counts.failed + $0.counts.active > 0 }) ?? true {
            run.failure = "job \(record.id) failed or was deleted"
        }
    }

    package mutating func restoreEndedRuns(_ ended: [(number: UInt32, end: Instant)], of schedule: UInt32) {
        schedules[schedule]?.ended = ended
    }

    /// Times of runs that the clock has not come to again since it was set back.
    package mutating func restoreRunsAhead(_ times: [Instant], of schedule: UInt32) {
        schedules[schedule]?.ranAhead = Set(times)
    }

    package func forgetsRuns(_ schedule: UInt32) -> Bool { schedules[schedule]?.forgetsRuns ?? false }

    package mutating func finishRestoringSchedules(at now: Moment) {
        for number in schedulesInOrder {
            let entry = scheduleEntry(number)
            guard entry.record.state == .terminating || entry.record.state == .deleting else { continue }
            for run in entry.active.union(entry.backfillActive) {
                runs[RunKey(schedule: number, number: run)]?.isStopped = true
            }
        }
        for key in runs.keys.sorted() {
            guard let run = runs[key] else { continue }
            if run.record.state == .starting { effects.append(.startRun(key)) }
            if run.record.state == .active, run.jobs.isEmpty { endAttempt(run, at: now) }
        }
        for number in schedulesInOrder {
            guard let entry = schedules[number] else { continue }
            if entry.record.state == .deleting { deleteJobs(of: entry, at: now) }
            forgetOldRuns(of: number, at: now)
            completeIfOver(entry, at: now)
        }
    }
}
