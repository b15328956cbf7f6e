import ShipyardModel
import ShipyardStore
import Synchronization

/// Finds, now and then, tasks whose files have been kept for their `retention_time`.
///
/// Nothing is stored about it: a sweep covers the time since the last one, and the first of a service covers
/// all time. Deleting a directory that is gone already is no error.
final class RetentionSweeper {
    private let workers = Workers(count: 1)
    private let readers: StoreReaderPool
    private let log: @Sendable (String) -> Void
    private let post: @Sendable (@escaping @Sendable (ServiceCore) -> Void) -> Void
    private var lastSweep = Instant(milliseconds: 0)
    private let windows = SweepWindows()

    init(
        database: String, log: @escaping @Sendable (String) -> Void,
        post: @escaping @Sendable (@escaping @Sendable (ServiceCore) -> Void) -> Void
    ) {
        readers = StoreReaderPool(path: database)
        self.log = log
        self.post = post
    }

    /// The search runs on a thread of its own: a job may have a million tasks.
    func sweepIfDue(_ core: ServiceCore, at now: Instant) {
        guard let interval = core.sweepInterval, now - lastSweep >= interval else { return }
        let from = lastSweep
        lastSweep = now
        let rules = core.retentionRules(at: now)
        guard !rules.isEmpty else { return }
        workers.run { [windows, readers, log, post] in
            let failures = windows.search(rules, since: from, until: now) {
                rule, after, upTo throws(StoreError) in
                let ended = try readers.read { reader throws(StoreError) in
                    try reader.tasksEnded(in: rule.job, template: rule.template, after: after, upTo: upTo)
                }
                if !ended.isEmpty { post { $0.removeFiles(of: ended, in: rule.job) } }
            }
            for failure in failures { log("files past their retention time were not looked for: \(failure)") }
        }
    }
}

/// Which time is still to be searched. A search that failed is made up for by the next one of its rule.
///
/// For one search at a time; they may come from different threads.
final class SweepWindows: Sendable {
    private let missedSince = Mutex<[RetentionRule: Instant]>([:])

    /// Calls `find` for each rule with the ends of tasks to look for: after the one and up to the other.
    func search(
        _ rules: [RetentionRule], since: Instant, until: Instant,
        find: (RetentionRule, _ after: Instant, _ upTo: Instant) throws(StoreError) -> Void
    ) -> [StoreError] {
        let missedBefore = missedSince.withLock { $0 }
        var missed: [RetentionRule: Instant] = [:]
        var failures: [StoreError] = []
        for rule in rules {
            let from = missedBefore[rule] ?? since
            do throws(StoreError) {
                try find(rule, from - rule.retention, until - rule.retention)
            } catch {
                missed[rule] = from
                failures.append(error)
            }
        }
        // What is no rule any more has no files either: its job or its nodes are gone.
        missedSince.withLock { [missed] in $0 = missed }
        return failures
    }
}
