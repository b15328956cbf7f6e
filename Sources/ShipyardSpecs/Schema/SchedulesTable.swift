// The fifth kind of file is all ours: Batch Shipyard has only the `recurrence` of a job.
import ShipyardModel

extension SchemaTable {
    package static let schedules = MappingSchema(
        "a schedules file",
        [
            KeySchema(
                "schedule_specifications", .list(.mapping(schedule)), required: true, own: true,
                "What is run, and when.")
        ])

    static let schedule = MappingSchema("a schedule", scheduleKeys)

    private static let scheduleKeys: [KeySchema] = [
        KeySchema("id", .string, required: true, check: .id, own: true, "Names the schedule."),
        KeySchema(
            "jobs", .string, default: "the jobs file that is given along", check: .notEmpty, own: true,
            "The jobs file, relative to this file."),
        KeySchema(
            "job_id", .string, default: "all jobs of the file", check: .notEmpty, own: true,
            "Only this job of the jobs file, by its id as it is written there."),
        KeySchema(
            "pool", .string, default: "the pool file that is given along", check: .notEmpty, own: true,
            "A pool file, relative to this file, or the id of a pool."),
        KeySchema(
            "parameters", .mapping(givenParameters), own: true,
            "Values for parameters that the jobs declare."),
        KeySchema(
            "cron", .listOrOne(.string), own: true,
            "Runs when one of these is due: `30 2 * * mon`, as in [cron.md](cron.md)."),
        KeySchema(
            "interval", .listOrOne(.string), check: .positiveDuration, own: true,
            "Runs every so often, counted from `do_not_run_until`, else from 1970-01-01 in UTC."),
        KeySchema("at", .listOrOne(.string), check: .date, own: true, "Runs once at each of these moments."),
        KeySchema(
            "timezone", .string, default: "UTC", check: .notEmpty, own: true,
            "The zone of all times of this schedule: `Europe/Berlin`, `UTC`, or `local` for the machine's."),
        KeySchema(
            "start_window", .string, check: .duration, own: true,
            "How late a run may still start; what is later is skipped."),
        KeySchema("do_not_run_until", .string, check: .date, own: true, "Nothing is due before."),
        KeySchema("do_not_run_after", .string, check: .date, own: true, "Nothing is due after."),
        KeySchema(
            "overlap", .word(OverlapPolicy.allCases.map(\.rawValue)), default: "skip", own: true,
            "What becomes of a run that is due while another is active: it is left out, it waits, it ends the other, or it runs beside it."
        ),
        KeySchema(
            "max_queued_runs", .integer, default: "100", check: .integer(1...SpecLimits.runsOfSchedule),
            own: true, "How many may wait with `overlap: queue`; what comes then is skipped."),
        KeySchema(
            "max_active_runs", .integer, default: "16", check: .integer(1...SpecLimits.runsOfSchedule),
            own: true, "How many may be active with `overlap: parallel`; what comes then is skipped."),
        KeySchema(
            "catch_up", .word(CatchUpPolicy.allCases.map(\.rawValue)), default: "latest", own: true,
            "Which of the times that passed while the service was down are made up for."),
        KeySchema(
            "max_catch_up", .integer, default: "100", check: .integer(1...SpecLimits.runsOfSchedule),
            own: true, "How many at most with `catch_up: all`: the latest ones, oldest first."),
        KeySchema(
            "jitter", .string, check: .duration, own: true,
            "Each run starts later by less than this, by an amount that depends on schedule and time alone."),
        KeySchema("retry", .mapping(retry), own: true, "Whether a whole run that failed is run again."),
        KeySchema("enabled", .bool, default: "true", own: true, "Whether anything becomes due."),
        KeySchema("retention", .mapping(retention), own: true, "How long the records of runs are kept."),
        KeySchema("after", .listOrOne(.mapping(after)), own: true, "Runs when one of these has ended."),
        KeySchema("on", .mapping(on), own: true, "Runs when something happens."),
    ]

    private static let givenParameters = MappingSchema(
        "the values of parameters", [],
        pattern: PatternSchema(
            .parameterName,
            KeySchema(
                "NAME", .scalar, own: true,
                "The value; `@{schedule.time}` and the like, as in [parameters.md](parameters.md), are replaced."
            )))

    private static let retry = MappingSchema(
        "the retry",
        [
            KeySchema(
                "max_retries", .integer, required: true, check: .integer(0...SpecLimits.runsOfSchedule),
                own: true, "How often."),
            KeySchema(
                "delay", .string, default: "00:00:00", check: .duration, own: true,
                "Time from the end of a run to the next."),
        ])

    private static let retention = MappingSchema(
        "the retention",
        [
            KeySchema(
                "runs", .integer, check: .integer(1...Int(Int32.max)), own: true, "So many runs are kept."),
            KeySchema(
                "days", .integer, check: .integer(1...Int(SpecLimits.durationDays)), own: true,
                "Runs are kept for so many days."),
        ])

    private static let after = MappingSchema(
        "an entry of after",
        [
            KeySchema("schedule", .string, check: .id, own: true, "When a run of this schedule has ended."),
            KeySchema("job", .string, check: .id, own: true, "When this job has ended."),
            KeySchema(
                "when", .word(AfterRule.Condition.allCases.map(\.rawValue)), default: "succeeded", own: true,
                "How it must have ended; `completed` is either way."),
        ])

    private static let on = MappingSchema(
        "the trigger",
        [
            KeySchema(
                "storage_event", .mapping(storageEvent), required: true, own: true,
                "A file came into a container, or was overwritten.")
        ])

    private static let storageEvent = MappingSchema(
        "the storage event",
        [
            KeySchema(
                "storage_account_settings", .string, required: true, check: .notEmpty, own: true,
                "Alias of the storage account, from the credentials."),
            KeySchema(
                "container", .string, required: true, check: .notEmpty, own: true, "The container."),
            KeySchema("path_begins_with", .string, own: true, "Only files whose path begins so."),
            KeySchema("path_ends_with", .string, own: true, "Only files whose path ends so: `.done`."),
            KeySchema(
                "quiet_period", .string, default: "00:00:00", check: .duration, own: true,
                "A file counts when nothing has been written to it for so long."),
            KeySchema(
                "manifest", .bool, default: "false", own: true,
                "Whether the file lists, one on a line, the files that must be there too before anything runs."
            ),
            KeySchema(
                "poll_interval", .string, default: "00:00:15", check: .positiveDuration, own: true,
                "How often a container of S3 or Azure is looked through, at least a second; the embedded store tells by itself."
            ),
        ])
}
