import ShipyardModel

// Schedules come, change, rest and go.

extension Engine {
    mutating func addSchedule(_ record: ScheduleRecord, _ rules: ScheduleRules, at now: Moment) {
        invariant(schedules[record.number] == nil, "schedule \(record.number) is there already")
        let entry = ScheduleEntry(record, rules, scheduleTally)
        enter(entry)
        save(entry)
        completeIfOver(entry, at: now)
    }

    func scheduleEntry(_ number: UInt32) -> ScheduleEntry {
        guard let entry = schedules[number] else { invariantFailure("there is no schedule \(number)") }
        return entry
    }

    /// A new one, or one from the database.
    mutating func enter(_ entry: ScheduleEntry) {
        schedules[entry.number] = entry
        scheduleNumbers[entry.record.id] = entry.number
        latestCursor = max(latestCursor, entry.record.cursor)
        follow(entry)
        planDue(entry)
    }

    mutating func save(_ entry: ScheduleEntry) { writes.append(.putSchedule(entry.record)) }

    private mutating func setState(of entry: ScheduleEntry, _ state: ScheduleState, at now: Moment) {
        entry.record.state = state
        entry.record.stateTransitionTime = now.wall
        save(entry)
    }

    /// Times that passed stay dealt with; what is due from now on goes by the new rules.
    mutating func changeSchedule(
        _ number: UInt32, _ version: Int, _ rules: ScheduleRules, at now: Moment
    ) {
        let entry = scheduleEntry(number)
        unfollow(entry)
        entry.rules = rules
        entry.problem = nil
        entry.record.version = version
        entry.record.failedStarts = 0
        follow(entry)
        if entry.record.state == .completed { setState(of: entry, .active, at: now) }
        moveCursor(of: entry, to: now.wall)
        planDue(entry)
        forgetOldRuns(of: number, at: now)
        completeIfOver(entry, at: now)
    }

    /// What was due meanwhile is not made up for: somebody wanted none of it.
    mutating func enableSchedule(_ number: UInt32, at now: Moment) {
        let entry = scheduleEntry(number)
        guard entry.record.state == .disabled else { return }
        moveCursor(of: entry, to: now.wall)
        setState(of: entry, .active, at: now)
        planDue(entry)
        completeIfOver(entry, at: now)
    }

    mutating func disableSchedule(_ number: UInt32, at now: Moment) {
        let entry = scheduleEntry(number)
        guard entry.record.state == .active else { return }
        setState(of: entry, .disabled, at: now)
        planDue(entry)
    }

    mutating func terminateSchedule(_ number: UInt32, at now: Moment) {
        let entry = scheduleEntry(number)
        guard entry.record.state == .active || entry.record.state == .disabled else { return }
        setState(of: entry, .terminating, at: now)
        endRuns(of: entry, at: now)
    }

    /// With all jobs of its runs.
    mutating func deleteSchedule(_ number: UInt32, at now: Moment) {
        let entry = scheduleEntry(number)
        guard entry.record.state != .deleting else { return }
        setState(of: entry, .deleting, at: now)
        endRuns(of: entry, at: now)
        deleteJobs(of: entry, at: now)
        completeIfOver(entry, at: now)
    }

    /// Of its runs.
    mutating func deleteJobs(
        of entry: ScheduleEntry, at now: Moment, where isMeant: (JobEntry) -> Bool = { _ in true }
    ) {
        for number in entry.jobs.sorted() {
            if let job = jobs[number], isMeant(job) { deleteJob(number, at: now) }
        }
    }

    private mutating func endRuns(of entry: ScheduleEntry, at now: Moment) {
        planDue(entry)
        for number in entry.scheduled.sorted() + entry.queue + entry.backfillQueue {
            skip(RunKey(schedule: entry.number, number: number), .terminated, at: now)
        }
        for number in entry.active.sorted() + entry.backfillActive.sorted() {
            stop(RunKey(schedule: entry.number, number: number), TerminateReason.terminateJobSchedule, at: now)
        }
        completeIfOver(entry, at: now)
    }

    /// Moves a schedule as far as it can go: to its end, where nothing of it runs and nothing will.
    mutating func completeIfOver(_ entry: ScheduleEntry, at now: Moment) {
        guard schedules[entry.number] === entry, !entry.hasRuns else { return }
        switch entry.record.state {
        case .disabled, .completed: return
        case .active:
            guard entry.problem == nil, entry.rules.timetable.hasTimes, !entry.policy.hasTrigger,
                entry.policy.after.isEmpty, entry.nextDue == nil
            else { return }
            complete(entry, at: now)
        case .terminating: complete(entry, at: now)
        case .deleting:
            guard entry.jobs.isEmpty else { return }
            if let pool = entry.record.pool { deletePool(pool, at: now) }
            scheduleTally.forget(entry)
            unfollow(entry)
            wallTimers.cancel(.scheduleDue(entry.number))
            wallTimers.cancel(.runsExpire(entry.number))
            schedules[entry.number] = nil
            scheduleNumbers[entry.record.id] = nil
            writes.append(.deleteSchedule(entry.number))
        }
    }

    private mutating func complete(_ entry: ScheduleEntry, at now: Moment) {
        if let pool = entry.record.pool { deletePool(pool, at: now) }
        entry.record.pool = nil
        setState(of: entry, .completed, at: now)
    }

    // MARK: What follows what

    private mutating func follow(_ entry: ScheduleEntry) {
        for rule in entry.policy.after { followers[rule.source, default: []].insert(entry.number) }
    }

    private mutating func unfollow(_ entry: ScheduleEntry) {
        for rule in entry.policy.after {
            followers[rule.source]?.remove(entry.number)
            if followers[rule.source]?.isEmpty == true { followers[rule.source] = nil }
        }
    }

    /// Something has ended that others may run after.
    mutating func tellFollowers(
        of source: AfterRule.Source, _ end: JobEnd, _ cause: RunCause, at now: Moment
    ) {
        for number in (followers[source] ?? []).sorted() {
            let entry = scheduleEntry(number)
            guard entry.record.state == .active, entry.problem == nil else { continue }
            let isMet = entry.policy.after.contains { rule in
                guard rule.source == source else { return false }
                return end.meets(rule.condition)
            }
            if isMet { record(cause, due: now.wall, of: entry, at: now) }
        }
    }
}
