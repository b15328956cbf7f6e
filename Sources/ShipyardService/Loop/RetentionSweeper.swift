import ShipyardEngine
import ShipyardModel
import ShipyardStore
import ShipyardSystem
import Synchronization

/// Finds, now and then, tasks whose files have been kept for their `retention_time`.
///
/// A sweep covers the time since the last one, whose moment is stored once all that it found is. Deleting a
/// directory that is gone already is no error.
final class RetentionSweeper: Sendable {
    private let workers: Workers
    private let readers: StoreReaderPool
    private let log: @Sendable (String) -> Void
    private let post: @Sendable (@escaping @Sendable (ServiceCore, Moment) -> Void) -> Void
    private let windows = SweepWindows()

    init(
        database: String, log: @escaping @Sendable (String) -> Void,
        post: @escaping @Sendable (@escaping @Sendable (ServiceCore, Moment) -> Void) -> Void
    ) throws(SystemError) {
        workers = try Workers(count: 1)
        readers = StoreReaderPool(path: database)
        self.log = log
        self.post = post
    }

    /// The search runs on a thread of its own: a job may have a million tasks.
    func sweepIfAsked(_ core: ServiceCore) {
        guard let sweep = core.takeSweep() else { return }
        workers.run { [self, windows] in
            let failures = windows.search(sweep.rules, since: sweep.since, until: sweep.until) {
                rule, after, upTo throws(StoreError) in try find(rule, after, upTo)
            }
            for failure in failures { log("files past their retention time were not looked for: \(failure)") }
            post { core, now in core.endSweep(sweep, isComplete: failures.isEmpty, at: now) }
        }
    }

    /// As many removals as one turn of the service decides.
    private static let sliceLength = 500

    private func find(
        _ rule: RetentionRule, _ after: SteadyTime, _ upTo: SteadyTime
    ) throws(StoreError) {
        var rest = try readers.read { reader throws(StoreError) in
            try reader.tasksEnded(in: rule.job, templates: rule.templates, after: after, upTo: upTo)
        }[...]
        while !rest.isEmpty {
            let slice = Array(rest.prefix(Self.sliceLength))
            rest = rest.dropFirst(slice.count)
            let outcome = Outcome()
            post { core, now in
                core.removeOldFiles(of: slice, in: rule.job, at: now)
                core.afterCommit(isPromise: false) { outcome.give($0) }
            }
            if let error = outcome.wait() { throw error }
        }
    }

    /// Whether a slice is stored, on its way to the searching thread.
    private final class Outcome: Sendable {
        private let error = Mutex<StoreError?>(nil)
        private let arrived = Semaphore()

        func give(_ error: StoreError?) {
            self.error.withLock { $0 = error }
            arrived.signal()
        }

        func wait() -> StoreError? {
            arrived.wait()
            return error.withLock { $0 }
        }
    }
}

/// Which time is still to be searched. A search that failed is made up for by the next one of its rule.
///
/// For one search at a time; they may come from different threads.
final class SweepWindows: Sendable {
    private let missedSince = Mutex<[RetentionRule.Key: SteadyTime]>([:])

    /// Calls `find` for each rule with the ends of tasks to look for: after the one and up to the other.
    func search(
        _ rules: [RetentionRule], since: SteadyTime, until: SteadyTime,
        find: (RetentionRule, _ after: SteadyTime, _ upTo: SteadyTime) throws(StoreError) -> Void
    ) -> [StoreError] {
        let missedBefore = missedSince.withLock { $0 }
        var missed: [RetentionRule.Key: SteadyTime] = [:]
        var failures: [StoreError] = []
        for rule in rules {
            let from = missedBefore[rule.key] ?? since
            do throws(StoreError) {
                try find(rule, from - rule.retention, until - rule.retention)
            } catch {
                missed[rule.key] = from
                failures.append(error)
            }
        }
        // What is no rule any more has no files either: its job or its nodes are gone.
        missedSince.withLock { [missed] in $0 = missed }
        return failures
    }
}
