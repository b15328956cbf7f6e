/// Names one schedule, as written under `schedule_specifications: id`, or the id of a job with a `recurrence`.
package struct ScheduleID: Identifier {
    package let text: String

    /// Nil unless `text` is 1 to 64 ASCII letters, digits, hyphens or underscores.
    package init?(_ text: String) {
        guard isID(text) else { return nil }
        self.text = text
    }
}

/// Azure Batch's states of a job schedule.
package enum ScheduleState: String, Sendable, Codable, CaseIterable {
    case active, disabled
    /// Nothing of it will ever be due again, and nothing of it runs.
    case completed
    /// Its runs are being ended.
    case terminating, deleting
}

/// What becomes of a run that is due while another of its schedule is active.
package enum OverlapPolicy: String, Sendable, Codable, CaseIterable { case skip, queue, replace, parallel }

/// Which of the times that passed while nobody was there are made up for.
package enum CatchUpPolicy: String, Sendable, Codable, CaseIterable { case none, latest, all }

/// A schedule runs when something else has ended.
package struct AfterRule: Sendable, Codable, Hashable {
    package enum Source: Sendable, Codable, Hashable { case schedule(String), job(String) }
    package enum Condition: String, Sendable, Codable, CaseIterable { case succeeded, failed, completed }
    package var source: Source
    package var condition: Condition

    package init(_ source: Source, _ condition: Condition) {
        self.source = source
        self.condition = condition
    }
}

/// What of a schedule says which runs there are, apart from the calendar. Stored with the schedule.
package struct SchedulePolicy: Sendable, Codable, Hashable {
    package var startWindow: TimeSpan?
    package var overlap = OverlapPolicy.skip
    package var maxQueuedRuns = 100
    package var maxActiveRuns = 16
    package var catchUp = CatchUpPolicy.latest
    package var maxCatchUp = 100
    package var jitter = TimeSpan.zero
    package var maxRetries = 0
    package var retryDelay = TimeSpan.zero
    package var retainedRuns: Int?
    package var retainedDays: Int?
    package var after: [AfterRule] = []
    /// Whether files start runs of it.
    package var hasTrigger = false

    package init() {}

    /// How much later than due a run begins: from the schedule's id and the moment alone, so that it can be foretold,
    /// and spread over all of `jitter` where many schedules are due at once.
    package func delay(of id: String, at due: Instant) -> TimeSpan {
        guard jitter > .zero else { return .zero }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        id.utf8.forEach(add)
        for shift in stride(from: 0, to: 64, by: 8) {
            add(UInt8(truncatingIfNeeded: due.milliseconds >> Int64(shift)))
        }
        // FNV mixes the last bytes little.
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        hash ^= hash >> 31
        return TimeSpan(milliseconds: Int64(hash % UInt64(jitter.milliseconds)))
    }
}

/// A schedule as stored. What it runs, and when, is in its versions (`ScheduleVersionRecord`).
package struct ScheduleRecord: Sendable, Hashable {
    /// Never used again, also after the schedule was deleted: keys of runs are made of it.
    package var number: UInt32
    package var id: ScheduleID
    /// Made of a job's `recurrence`.
    package var isRecurrence: Bool
    package var state: ScheduleState
    /// The newest, from 1.
    package var version: Int
    /// All times up to this one that it was due at are dealt with.
    package var cursor: Instant
    /// The number of its latest run; 0 before the first.
    package var lastRun: UInt32
    /// How many runs in a row could not be started.
    package var failedStarts: Int
    package var creationTime: Instant
    package var stateTransitionTime: Instant
    /// How many runs of a backfill may be active at once.
    package var backfillParallel = 1
    /// The pool that all its runs share, and that goes with it (`pool_lifetime: job_schedule`).
    package var pool: PoolID?

    package init(
        number: UInt32, id: ScheduleID, isRecurrence: Bool, state: ScheduleState, cursor: Instant,
        creationTime: Instant
    ) {
        self.number = number
        self.id = id
        self.isRecurrence = isRecurrence
        self.state = state
        version = 1
        self.cursor = cursor
        lastRun = 0
        failedStarts = 0
        self.creationTime = creationTime
        stateTransitionTime = creationTime
    }
}

/// What one version of a schedule is: when it is due, and what it runs.
package struct ScheduleVersionRecord: Sendable, Hashable {
    package var schedule: UInt32
    package var version: Int
    /// When, as `ScheduleDefinition` (JSON).
    package var definition: String
    /// What: the SHA-256 of a bundle, which is a `Submission` (JSON). Bundles are shared by content.
    package var bundle: String
    package var time: Instant

    package init(schedule: UInt32, version: Int, definition: String, bundle: String, time: Instant) {
        self.schedule = schedule
        self.version = version
        self.definition = definition
        self.bundle = bundle
        self.time = time
    }
}

/// Names one run: the schedule's number and the run's, from 1 in its schedule.
package struct RunKey: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package var schedule: UInt32
    package var number: UInt32

    package init(schedule: UInt32, number: UInt32) {
        self.schedule = schedule
        self.number = number
    }

    package static func < (left: RunKey, right: RunKey) -> Bool {
        (left.schedule, left.number) < (right.schedule, right.number)
    }
    package var description: String { "run \(schedule)/\(number)" }
}

/// What made a run.
package enum RunCause: Sendable, Hashable {
    /// The schedule was due by the clock.
    case clock
    /// Another schedule's run, or a job, has ended: its key, or its number.
    case run(RunKey), job(UInt32)
    /// A file: the number of its event in the ledger.
    case event(Int64)
    case user
    case backfill

    package var word: String {
        switch self {
        case .clock: "clock"
        case .run, .job: "after"
        case .event: "trigger"
        case .user: "user"
        case .backfill: "backfill"
        }
    }
}

package enum RunState: String, Sendable, Codable, CaseIterable {
    /// It begins at its `begin`: later by the jitter, or once more after it failed.
    case scheduled
    /// It waits for another run of its schedule.
    case queued
    /// Its jobs are being made.
    case starting
    /// Its jobs are there.
    case active
    case succeeded, failed
    /// It never began.
    case skipped

    package var isOver: Bool { self == .succeeded || self == .failed || self == .skipped }
}

/// Why a run never began.
package enum SkipReason: String, Sendable, Codable, CaseIterable {
    /// Another run of the schedule was active.
    case overlap
    /// Too many waited already.
    case queueFull
    /// A later run took its place.
    case replaced
    /// `start_window` had passed.
    case startWindow
    /// Nobody was there, and `catch_up` does not make up for it.
    case missed
    case disabled
    case terminated
    /// The time ran before, when the clock had been set ahead.
    case duplicate
}

/// One run as stored. At `due` its schedule was due; that is the run's logical time.
package struct RunRecord: Sendable, Hashable {
    package var key: RunKey
    package var cause: RunCause
    package var due: Instant
    /// With `missed`: the latest of the times, from `due` on, that this row stands for.
    package var dueUntil: Instant?
    package var state = RunState.scheduled
    /// Not before; by the wall clock.
    package var begin: Instant
    /// From 1; the next one each time that the whole run is repeated.
    package var attempt = 1
    /// Of the schedule.
    package var version: Int
    package var recordTime: Instant
    package var startTime: Instant?
    package var endTime: Instant?
    package var skip: SkipReason?
    /// Why it failed, or why it waits to start.
    package var reason: String?
    /// Values that were given by hand, as JSON.
    package var parameters: String?
    /// What makes a repeated request harmless.
    package var request: String?

    package init(_ key: RunKey, _ cause: RunCause, due: Instant, version: Int, recordTime: Instant) {
        self.key = key
        self.cause = cause
        self.due = due
        begin = due
        self.version = version
        self.recordTime = recordTime
    }
}

/// A job that an attempt at a run has made.
package struct RunJobRecord: Sendable, Hashable {
    package var run: RunKey
    package var attempt: Int
    package var job: UInt32
    package var id: JobID

    package init(run: RunKey, attempt: Int, job: UInt32, id: JobID) {
        self.run = run
        self.attempt = attempt
        self.job = job
        self.id = id
    }
}
