import ShipyardModel

extension StoreWriter {
    /// A number for a new schedule, never given before.
    package func reserveScheduleNumber() throws(StoreError) -> UInt32 {
        try reserveNumber(.reserveScheduleNumber, "next_schedule")
    }

    func putSchedule(_ schedule: ScheduleRecord) throws(StoreError) {
        try run(.putSchedule, "putSchedule") { $0.bind(schedule) }
    }

    func addScheduleVersion(_ version: ScheduleVersionRecord, _ bundle: String?) throws(StoreError) {
        if let bundle {
            try run(.putBundle, "addScheduleVersion") {
                $0.bind(1, version.bundle)
                $0.bind(2, bundle)
            }
        }
        try run(.putScheduleVersion, "addScheduleVersion") {
            $0.bind(1, Int64(version.schedule))
            $0.bind(2, Int64(version.version))
            $0.bind(3, version.definition)
            $0.bind(4, version.bundle)
            $0.bind(5, version.time.milliseconds)
        }
    }

    func deleteSchedule(_ number: UInt32) throws(StoreError) {
        for sql in [
            SQL.deleteRunJobs, .deleteRuns, .deleteBundlesOfSchedule, .deleteScheduleVersions, .deleteSchedule,
            .deleteTriggerBaseline,
        ] {
            try run(sql, "deleteSchedule") { $0.bind(1, Int64(number)) }
        }
    }

    func putRun(_ record: RunRecord) throws(StoreError) { try run(.putRun, "putRun") { $0.bind(record) } }

    func putRunJob(_ job: RunJobRecord) throws(StoreError) {
        try run(.putRunJob, "putRunJob") {
            $0.bind(1, Int64(job.job))
            $0.bind(2, Int64(job.run.schedule))
            $0.bind(3, Int64(job.run.number))
            $0.bind(4, Int64(job.attempt))
            $0.bind(5, job.id.text)
        }
    }

    func deleteRun(_ key: RunKey) throws(StoreError) {
        for sql in [SQL.deleteJobsOfRun, .deleteRun] {
            try run(sql, "deleteRun") {
                $0.bind(1, Int64(key.schedule))
                $0.bind(2, Int64(key.number))
            }
        }
    }
}

extension StoreReader {
    package func schedules() throws(StoreError) -> [ScheduleRecord] {
        try rows(.schedules) { $0.schedule() }
    }

    package func schedule(_ id: ScheduleID) throws(StoreError) -> ScheduleRecord? {
        try firstRow(.scheduleByID, bind: { $0.bind(1, id.text) }) { $0.schedule() }
    }

    /// Of every schedule the newest version, by its number.
    package func newestScheduleVersions() throws(StoreError) -> [UInt32: ScheduleVersionRecord] {
        let rows = try rows(.newestVersions) { $0.scheduleVersion() }
        return Dictionary(rows.map { ($0.schedule, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func scheduleVersion(_ schedule: UInt32, _ version: Int) throws(StoreError) -> ScheduleVersionRecord? {
        try firstRow(
            .scheduleVersion,
            bind: {
                $0.bind(1, Int64(schedule))
                $0.bind(2, Int64(version))
            }
        ) { $0.scheduleVersion() }
    }

    /// The document of a bundle; nil where there is none.
    package func bundle(_ digest: String) throws(StoreError) -> String? {
        try firstRow(.bundle, bind: { $0.bind(1, digest) }) { $0.text(0) }
    }

    /// The digest of every bundle that a version names.
    package func bundleDigests() throws(StoreError) -> [String] { try rows(.bundleDigests) { $0.text(0) } }

    /// Those that are not over.
    package func runsUnderWay() throws(StoreError) -> [RunRecord] {
        try rows(.runsUnderWay) { $0.runRecord() }
    }

    package func run(_ key: RunKey) throws(StoreError) -> RunRecord? {
        try firstRow(
            .run,
            bind: {
                $0.bind(1, Int64(key.schedule))
                $0.bind(2, Int64(key.number))
            }
        ) { $0.runRecord() }
    }

    /// The run that a request with this key has made.
    package func run(of schedule: UInt32, request: String) throws(StoreError) -> RunRecord? {
        try firstRow(
            .runByRequest,
            bind: {
                $0.bind(1, Int64(schedule))
                $0.bind(2, request)
            }
        ) { $0.runRecord() }
    }

    /// The latest first.
    ///
    /// - Parameter before: a run's number; nil begins with the latest.
    package func runs(
        of schedule: UInt32, before number: UInt32? = nil, limit: Int
    ) throws(StoreError) -> [RunRecord] {
        try rows(
            .runsOfSchedule,
            bind: {
                $0.bind(1, Int64(schedule))
                $0.bind(2, number.map(Int64.init) ?? Int64.max)
                $0.bind(3, Int64(limit))
            }
        ) {
            $0.runRecord()
        }
    }

    /// Times of runs, apart from those that were skipped, that their schedules have yet to come to, by schedule: after
    /// `moment`, or where none is given after the schedule's cursor.
    package func dueTimesOfRuns(after moment: Instant? = nil) throws(StoreError) -> [UInt32: [Instant]] {
        let rows = try rows(
            .dueTimesAfter,
            bind: { $0.bind(1, moment?.milliseconds) }
        ) {
            (UInt32(truncatingIfNeeded: $0.integer(0)), Instant(milliseconds: $0.integer(1)))
        }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    /// Times within a stretch, whose end is none of it, at which a run of the schedule was not skipped.
    package func dueTimesOfRuns(
        of schedule: UInt32, in range: Range<Instant>
    ) throws(StoreError) -> Set<Instant> {
        Set(
            try rows(
            .dueTimesOfSchedule,
            bind: {
                    $0.bind(1, Int64(schedule))
                    $0.bind(2, range.lowerBound.milliseconds)
                    $0.bind(3, range.upperBound.milliseconds)
            }
        ) {
                Instant(milliseconds: $0.integer(0))
            })
    }

    /// Jobs of all runs, also of those that are over.
    package func runJobs() throws(StoreError) -> [RunJobRecord] {
        try rows(.runJobs) { $0.runJob() }
    }

    /// The run that has made the job.
    package func runJob(_ job: UInt32) throws(StoreError) -> RunJobRecord? {
        try firstRow(.runJob, bind: { $0.bind(1, Int64(job)) }) { $0.runJob() }
    }

    package func runJobs(of key: RunKey) throws(StoreError) -> [RunJobRecord] {
        try rows(
            .jobsOfRun,
            bind: {
                $0.bind(1, Int64(key.schedule))
                $0.bind(2, Int64(key.number))
            }
        ) {
            $0.runJob()
        }
    }

    /// Runs that are over, with the moment of their end, oldest first: of schedules that keep only some.
    package func endedRuns(of schedule: UInt32) throws(StoreError) -> [(number: UInt32, end: Instant)] {
        try rows(
            .endedRuns,
            bind: {
                $0.bind(1, Int64(schedule))
            }
        ) {
            (UInt32(truncatingIfNeeded: $0.integer(0)), Instant(milliseconds: $0.integer(1)))
        }
    }
}

extension Statement {
    fileprivate func bind(_ schedule: ScheduleRecord) {
        bind(1, Int64(schedule.number))
        bind(2, schedule.id.text)
        bind(3, schedule.isRecurrence ? 1 : 0)
        bind(4, schedule.state.rawValue)
        bind(5, Int64(schedule.version))
        bind(6, schedule.cursor.milliseconds)
        bind(7, Int64(schedule.lastRun))
        bind(8, Int64(schedule.failedStarts))
        bind(9, schedule.creationTime.milliseconds)
        bind(10, schedule.stateTransitionTime.milliseconds)
        bind(11, Int64(schedule.backfillParallel))
        bind(12, schedule.pool?.text)
    }

    /// A row of an unknown state is disabled: nobody knows whether it should run.
    fileprivate func schedule() -> ScheduleRecord? {
        guard let number = UInt32(exactly: integer(0)), let id = ScheduleID(text(1)) else {
            complaint = "`\(text(1).prefix(100))` is no id of a schedule"
            return nil
        }
        let state = ScheduleState(rawValue: text(3))
        if state == nil { complaint = "`\(text(3).prefix(100))` is no state of a schedule" }
        var record = ScheduleRecord(
            number: number, id: id, isRecurrence: integer(2) != 0, state: state ?? .disabled,
            cursor: Instant(milliseconds: integer(5)), creationTime: Instant(milliseconds: integer(8)))
        record.version = int(4)
        record.lastRun = UInt32(clamping: integer(6))
        record.failedStarts = int(7)
        record.stateTransitionTime = Instant(milliseconds: integer(9))
        record.backfillParallel = max(1, int(10))
        record.pool = optionalText(11).flatMap(PoolID.init)
        return record
    }

    fileprivate func scheduleVersion() -> ScheduleVersionRecord {
        ScheduleVersionRecord(
            schedule: UInt32(truncatingIfNeeded: integer(0)), version: int(1), definition: text(2),
            bundle: text(3), time: Instant(milliseconds: integer(4)))
    }

    fileprivate func bind(_ run: RunRecord) {
        bind(1, Int64(run.key.schedule))
        bind(2, Int64(run.key.number))
        bind(3, run.cause.word)
        bind(4, run.cause.number)
        bind(5, run.due.milliseconds)
        bind(6, run.dueUntil?.milliseconds)
        bind(7, run.state.rawValue)
        bind(8, run.begin.milliseconds)
        bind(9, Int64(run.attempt))
        bind(10, Int64(run.version))
        bind(11, run.recordTime.milliseconds)
        bind(12, run.startTime?.milliseconds)
        bind(13, run.endTime?.milliseconds)
        bind(14, run.skip?.rawValue)
        bind(15, run.reason)
        bind(16, run.parameters)
        bind(17, run.request)
    }

    /// A row that makes no sense is a run that failed: whether it has run is not known.
    fileprivate func runRecord() -> RunRecord? {
        guard let schedule = UInt32(exactly: integer(0)), let number = UInt32(exactly: integer(1)) else {
            complaint = "`\(integer(0))`/`\(integer(1))` is no run"
            return nil
        }
        let state = RunState(rawValue: text(6))
        let cause = RunCause(word: text(2), number: optionalInteger(3))
        func time(_ column: Int32) -> Instant? {
            optionalInteger(column).map { Instant(milliseconds: $0) }
        }
        var run = RunRecord(
            RunKey(schedule: schedule, number: number), cause ?? .user, due: Instant(milliseconds: integer(4)),
            version: int(9), recordTime: Instant(milliseconds: integer(10)))
        run.dueUntil = time(5)
        run.state = state ?? .failed
        run.begin = Instant(milliseconds: integer(7))
        run.attempt = max(1, int(8))
        run.startTime = time(11)
        run.endTime = time(12)
        run.skip = optionalText(13).flatMap(SkipReason.init(rawValue:))
        run.reason = optionalText(14)
        run.parameters = optionalText(15)
        run.request = optionalText(16)
        if state == nil || cause == nil {
            complaint = "`\(text(state == nil ? 6 : 2).prefix(100))` is nothing that a run can say"
            run.state = .failed
            run.reason = complaint
        }
        return run
    }

    fileprivate func runJob() -> RunJobRecord? {
        guard let job = UInt32(exactly: integer(0)), let id = JobID(text(4)) else { return nil }
        let key = RunKey(
            schedule: UInt32(truncatingIfNeeded: integer(1)), number: UInt32(truncatingIfNeeded: integer(2)))
        return RunJobRecord(run: key, attempt: int(3), job: job, id: id)
    }
}

extension RunCause {
    fileprivate var number: Int64? {
        switch self {
        case .clock, .user, .backfill: nil
        case .run(let key): Int64(key.schedule) << 32 | Int64(key.number)
        // Below every run, as no schedule has the number 0.
        case .job(let number): Int64(number)
        case .event(let number): number
        }
    }

    fileprivate init?(word: String, number: Int64?) {
        switch (word, number) {
        case ("clock", _): self = .clock
        case ("user", _): self = .user
        case ("backfill", _): self = .backfill
        case ("trigger", let number?): self = .event(number)
        case ("after", let number?) where number >> 32 == 0: self = .job(UInt32(truncatingIfNeeded: number))
        case ("after", let number?):
            self = .run(
                RunKey(
                    schedule: UInt32(truncatingIfNeeded: number >> 32),
                    number: UInt32(truncatingIfNeeded: number)))
        default: return nil
        }
    }
}

extension SQL {
    private static let scheduleColumns = """
        number, id, is_recurrence, state, version, cursor, last_run, failed_starts, creation_time, \
        state_transition_time, backfill_parallel, pool
        """
    private static let runColumns = """
        schedule, number, cause, cause_number, due, due_until, state, begin_time, attempt, version, record_time, \
        start_time, end_time, skip, reason, parameters, request
        """
    private static let versionColumns = "schedule, version, definition, bundle, time"

    fileprivate static let reserveScheduleNumber = SQL(
        "UPDATE counters SET value = value + 1 WHERE name = 'next_schedule' RETURNING value - 1")
    // Not OR REPLACE, which would silently delete another schedule of the same id.
    fileprivate static let putSchedule = SQL(
        """
        INSERT INTO schedules (\(scheduleColumns)) VALUES (\(marks(12))) ON CONFLICT (number) DO UPDATE SET
        state = excluded.state, version = excluded.version, cursor = excluded.cursor,
        last_run = excluded.last_run, failed_starts = excluded.failed_starts,
        state_transition_time = excluded.state_transition_time, backfill_parallel = excluded.backfill_parallel,
        pool = excluded.pool
        """)
    fileprivate static let putBundle = SQL("INSERT OR IGNORE INTO bundles VALUES (?, ?)")
    fileprivate static let putScheduleVersion = SQL(
        "INSERT INTO schedule_versions (\(versionColumns)) VALUES (\(marks(5)))")
    fileprivate static let deleteRunJobs = SQL("DELETE FROM run_jobs WHERE schedule = ?")
    fileprivate static let deleteRuns = SQL("DELETE FROM runs WHERE schedule = ?")
    fileprivate static let deleteBundlesOfSchedule = SQL(
        """
        DELETE FROM bundles WHERE digest IN (SELECT bundle FROM schedule_versions WHERE schedule = ?1)
        AND NOT EXISTS (SELECT 1 FROM schedule_versions v WHERE v.bundle = digest AND v.schedule <> ?1)
        """)
    fileprivate static let deleteScheduleVersions = SQL("DELETE FROM schedule_versions WHERE schedule = ?")
    fileprivate static let deleteSchedule = SQL("DELETE FROM schedules WHERE number = ?")
    fileprivate static let putRun = SQL("INSERT OR REPLACE INTO runs (\(runColumns)) VALUES (\(marks(17)))")
    fileprivate static let putRunJob = SQL("INSERT OR REPLACE INTO run_jobs VALUES (?, ?, ?, ?, ?)")
    fileprivate static let deleteJobsOfRun = SQL("DELETE FROM run_jobs WHERE schedule = ? AND run = ?")
    fileprivate static let deleteRun = SQL("DELETE FROM runs WHERE schedule = ? AND number = ?")

    fileprivate static let schedules = SQL("SELECT \(scheduleColumns) FROM schedules ORDER BY number")
    fileprivate static let scheduleByID = SQL("SELECT \(scheduleColumns) FROM schedules WHERE id = ?")
    fileprivate static let newestVersions = SQL(
        """
        SELECT v.schedule, v.version, v.definition, v.bundle, v.time FROM schedules s JOIN schedule_versions v
        ON v.schedule = s.number AND v.version = s.version
        """)
    fileprivate static let scheduleVersion = SQL(
        "SELECT \(versionColumns) FROM schedule_versions WHERE schedule = ? AND version = ?")
    fileprivate static let bundle = SQL("SELECT document FROM bundles WHERE digest = ?")
    fileprivate static let bundleDigests = SQL("SELECT digest FROM bundles")
    fileprivate static let runsUnderWay = SQL(
        """
        SELECT \(runColumns) FROM runs WHERE state IN ('scheduled', 'queued', 'starting', 'active')
        ORDER BY schedule, number
        """)
    fileprivate static let run = SQL("SELECT \(runColumns) FROM runs WHERE schedule = ? AND number = ?")
    fileprivate static let runByRequest = SQL(
        "SELECT \(runColumns) FROM runs WHERE schedule = ? AND request = ?")
    fileprivate static let runsOfSchedule = SQL(
        "SELECT \(runColumns) FROM runs WHERE schedule = ? AND number < ? ORDER BY number DESC LIMIT ?")
    fileprivate static let dueTimesAfter = SQL(
        """
        SELECT s.number, r.due FROM schedules s JOIN runs r ON r.schedule = s.number
        AND r.due > coalesce(?1, s.cursor)
        WHERE r.state <> 'skipped' AND r.cause = 'clock'
        """)
    fileprivate static let dueTimesOfSchedule = SQL(
        "SELECT due FROM runs WHERE schedule = ? AND due >= ? AND due < ? AND state <> 'skipped'")
    fileprivate static let runJobs = SQL("SELECT * FROM run_jobs ORDER BY job")
    fileprivate static let runJob = SQL("SELECT * FROM run_jobs WHERE job = ?")
    fileprivate static let jobsOfRun = SQL(
        "SELECT * FROM run_jobs WHERE schedule = ? AND run = ? ORDER BY job")
    fileprivate static let endedRuns = SQL(
        """
        SELECT number, coalesce(end_time, record_time) FROM runs WHERE schedule = ?
        AND state IN ('succeeded', 'failed', 'skipped') ORDER BY number
        """)
}
