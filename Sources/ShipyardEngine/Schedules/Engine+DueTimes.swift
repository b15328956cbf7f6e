import ShipyardCalendar
import ShipyardModel

// From the calendar to runs: what is due now, what was missed, and clocks that are set.

extension Limits {
    /// A time that passed so long ago, or longer, was missed; what is less late is on time.
    static let onTime = TimeSpan.seconds(60)
}

extension Engine {
    private static var tick: TimeSpan { TimeSpan(milliseconds: 1) }

    /// After anything that changes when the schedule is due next.
    mutating func planDue(_ entry: ScheduleEntry) {
        let timer = Timer.scheduleDue(entry.number)
        guard entry.record.state == .active, entry.problem == nil, let next = entry.nextDue else {
            return wallTimers.cancel(timer)
        }
        wallTimers.set(timer, at: next.instant)
    }

    mutating func moveCursor(of entry: ScheduleEntry, to time: Instant) {
        if time > entry.record.cursor {
            entry.record.cursor = time
            latestCursor = max(latestCursor, time)
        }
        save(entry)
    }

    /// All times up to now that were not dealt with: one mostly, many where the machine slept, was off, or its clock was
    /// set ahead.
    mutating func scheduleIsDue(_ number: UInt32, at now: Moment) {
        guard let entry = schedules[number], entry.record.state == .active, entry.problem == nil else { return }
        let table = entry.rules.timetable
        let range = entry.record.cursor + Self.tick..<max(entry.record.cursor, now.wall) + Self.tick
        let recent = min(max(range.lowerBound, now.wall - Limits.onTime + Self.tick), range.upperBound)
        let onTime = table.last(SpecCounts.onTime, in: recent..<range.upperBound)
        let missed = range.lowerBound..<recent
        let made = table.last(madeUp(entry.policy, hasOnTime: !onTime.isEmpty), in: missed)
        // Before anything begins, as that may ask what is due next.
        moveCursor(of: entry, to: (onTime.last ?? made.last)?.instant ?? now.wall)
        let end = made.first?.instant ?? missed.upperBound
        if let last = table.last(1, in: missed.lowerBound..<end).first {
            var times = DueTimes(of: table, in: missed.lowerBound..<end)
            recordMissed(from: times.next()?.instant ?? last.instant, to: last.instant, of: entry, at: now)
        }
        for due in made + onTime { recordDue(due.instant, of: entry, at: now) }
        planDue(entry)
        completeIfOver(entry, at: now)
    }

    private enum SpecCounts {
        /// Nobody is served by more runs of one minute than this.
        static let onTime = 10_000
    }

    private func madeUp(_ policy: SchedulePolicy, hasOnTime: Bool) -> Int {
        switch policy.catchUp {
        case .none: 0
        // The latest of all is the one that is on time.
        case .latest: hasOnTime ? 0 : 1
        case .all: policy.maxCatchUp
        }
    }

    private mutating func recordDue(_ due: Instant, of entry: ScheduleEntry, at now: Moment) {
        guard entry.ranAhead.remove(due) == nil else {
            return recordSkipped(.duplicate, from: due, to: nil, of: entry, at: now)
        }
        record(.clock, due: due, of: entry, at: now)
    }

    /// One row for all of them: there may be a million.
    private mutating func recordMissed(
        from first: Instant, to last: Instant, of entry: ScheduleEntry, at now: Moment
    ) {
        recordSkipped(.missed, from: first, to: first == last ? nil : last, of: entry, at: now)
    }

    private mutating func recordSkipped(
        _ reason: SkipReason, from due: Instant, to last: Instant?, of entry: ScheduleEntry, at now: Moment
    ) {
        let key = nextRun(of: entry)
        var run = RunRecord(key, .clock, due: due, version: entry.record.version, recordTime: now.wall)
        run.dueUntil = last
        run.state = .skipped
        run.skip = reason
        run.endTime = now.wall
        writes.append(.putRun(run))
        keepEnded(run, of: entry, at: now)
    }

    /// Clocks show a time again that was dealt with. What is due from now on is due, but for times that ran already:
    /// else a schedule would stand still for a year after a clock that was a year ahead.
    mutating func clockWasSetBack(_ times: [UInt32: [Instant]], at now: Moment) {
        latestCursor = now.wall
        for number in schedulesInOrder {
            let entry = scheduleEntry(number)
            guard entry.record.cursor > now.wall else { continue }
            entry.ranAhead = Set(times[number] ?? [])
            entry.record.cursor = now.wall
            save(entry)
            planDue(entry)
        }
        for key in runs.keys.sorted() {
            guard let run = runs[key], run.record.state == .scheduled, let entry = schedules[key.schedule]
            else { continue }
            let longest = run.record.attempt > 1 ? entry.policy.retryDelay : entry.policy.jitter
            guard run.record.begin > now.wall + longest else { continue }
            run.record.begin = now.wall + longest
            writes.append(.putRun(run.record))
            wallTimers.set(.runBegins(key), at: run.record.begin)
        }
    }
}
