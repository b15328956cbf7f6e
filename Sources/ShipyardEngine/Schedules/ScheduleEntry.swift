import ShipyardCalendar
import ShipyardModel

/// What the engine must know of a schedule's newest version.
package struct ScheduleRules: Sendable {
    package var timetable: Timetable
    package var policy: SchedulePolicy

    package init(_ timetable: Timetable, _ policy: SchedulePolicy) {
        self.timetable = timetable
        self.policy = policy
    }
}

/// A schedule, and the numbers of its runs that are not over, each in one of these places.
final class ScheduleEntry {
    var record: ScheduleRecord { didSet { tally.count(self) } }
    var rules: ScheduleRules
    private let tally: ScheduleTally
    fileprivate var isCounted = false
    /// Why nothing can be due: what is stored of it cannot be used.
    var problem: String?
    /// Recorded, and to begin later.
    var scheduled: Set<UInt32> = []
    /// Waiting for others, in their order.
    var queue: [UInt32] = []
    /// Starting, active, or to be tried once more.
    var active: Set<UInt32> = []
    /// Those that make up for times of the past have a measure of their own.
    var backfillQueue: [UInt32] = []
    var backfillActive: Set<UInt32> = []

    /// Jobs of all its runs, over or not, that were not deleted.
    var jobs: Set<UInt32> = []
    /// Times ahead of the clock at which runs have been, before it was set back.
    var ranAhead: Set<Instant> = []
    /// Runs that are over, oldest first, where only some are kept.
    var ended: [(number: UInt32, end: Instant)] = []

    init(_ record: ScheduleRecord, _ rules: ScheduleRules, _ tally: ScheduleTally) {
        self.record = record
        self.rules = rules
        self.tally = tally
        tally.count(self)
    }

    var policy: SchedulePolicy { rules.policy }
    var number: UInt32 { record.number }

    var hasRuns: Bool {
        !scheduled.isEmpty || !queue.isEmpty || !active.isEmpty || !backfillQueue.isEmpty
            || !backfillActive.isEmpty
    }

    /// Whether only some of its runs are kept.
    var forgetsRuns: Bool { policy.retainedRuns != nil || policy.retainedDays != nil }

    /// How many of its runs may be active at once, backfills apart.
    var mostActive: Int { policy.overlap == .parallel ? policy.maxActiveRuns : 1 }

    /// Starting, active, or to be tried once more.
    func addActive(_ run: RunRecord) {
        if run.cause == .backfill {
            backfillActive.insert(run.key.number)
        } else {
            active.insert(run.key.number)
        }
    }

    func addQueued(_ run: RunRecord) {
        if run.cause == .backfill {
            backfillQueue.append(run.key.number)
        } else {
            queue.append(run.key.number)
        }
    }

    func removeActive(_ number: UInt32) {
        active.remove(number)
        backfillActive.remove(number)
    }

    /// Nil when nothing is due any more.
    var nextDue: DueTime? { rules.timetable.next(after: record.cursor) }
}

/// How many schedules somebody must stay for: no turn looks at all of them.
final class ScheduleTally {
    private(set) var serving = 0

    func count(_ entry: ScheduleEntry) {
        let isServed =
            switch entry.record.state {
            case .active, .terminating, .deleting: true
            case .disabled, .completed: false
            }
        guard isServed != entry.isCounted else { return }
        entry.isCounted = isServed
        serving += isServed ? 1 : -1
    }

    func forget(_ entry: ScheduleEntry) {
        if entry.isCounted { serving -= 1 }
        entry.isCounted = false
    }
}

/// A run that is not over.
final class RunEntry {
    var record: RunRecord
    /// Of the present attempt, those that have not ended.
    var jobs: Set<UInt32> = []
    /// What of the present attempt has failed.
    var failure: String?
    /// It is being ended, and not tried again.
    var isStopped = false
    /// Before its jobs are tried to be made again.
    var startPause = TimeSpan.seconds(1)

    init(_ record: RunRecord) { self.record = record }
}

/// What somebody who asks may know of a schedule.
package struct ScheduleStatus: Sendable {
    package var record: ScheduleRecord
    package var policy: SchedulePolicy
    /// By the clock.
    package var next: DueTime?
    package var problem: String?
    /// Starting, active, or to be tried once more.
    package var active: [RunKey]
    /// Waiting for others.
    package var queued: Int
    /// Recorded, and to begin later.
    package var scheduled: Int
}

extension Engine {
    package var schedulesInOrder: [UInt32] { schedules.keys.sorted() }

    package func scheduleNumber(_ id: ScheduleID) -> UInt32? { scheduleNumbers[id] }

    package func schedule(_ number: UInt32) -> ScheduleRecord? { schedules[number]?.record }

    package func scheduleStatus(_ number: UInt32) -> ScheduleStatus? {
        guard let entry = schedules[number] else { return nil }
        let isDue = entry.record.state == .active && entry.problem == nil
        return ScheduleStatus(
            record: entry.record, policy: entry.policy, next: isDue ? entry.nextDue : nil,
            problem: entry.problem,
            active: (entry.active.sorted() + entry.backfillActive.sorted()).map {
                RunKey(schedule: number, number: $0)
            },
            queued: entry.queue.count + entry.backfillQueue.count, scheduled: entry.scheduled.count)
    }

    /// Why nothing can be done with it: what is stored cannot be used.
    package func problem(ofSchedule number: UInt32) -> String? { schedules[number]?.problem }

    /// A run that is not over.
    package func run(_ key: RunKey) -> RunRecord? { runs[key]?.record }

    /// A run that is not over, by the request that has made it.
    package func run(of schedule: UInt32, request: String) -> RunKey? {
        runs.values.first { $0.record.key.schedule == schedule && $0.record.request == request }?.record.key
    }

    /// The logical times of runs that are not over.
    package func timesUnderWay(of schedule: UInt32) -> Set<Instant> {
        Set(runs.values.filter { $0.record.key.schedule == schedule }.map(\.record.due))
    }

    /// Whether somebody must stay for what is due one day.
    var hasSchedulesToServe: Bool { !runs.isEmpty || scheduleTally.serving > 0 }

    /// Whether some schedule has dealt with times that this clock has not shown yet.
    package func isBehind(_ wall: Instant) -> Bool { wall < latestCursor }
}
