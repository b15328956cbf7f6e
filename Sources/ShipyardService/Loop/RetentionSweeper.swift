import ShipyardModel
import ShipyardStore

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
        workers.run { [readers, log, post] in
            for rule in rules {
                let after = Instant(milliseconds: from.milliseconds - rule.retention.milliseconds)
                let upTo = Instant(milliseconds: now.milliseconds - rule.retention.milliseconds)
                do throws(StoreError) {
                    let ended = try readers.read { reader throws(StoreError) in
                        try reader.tasksEnded(in: rule.job, template: rule.template, after: after, upTo: upTo)
                    }
                    if !ended.isEmpty { post { $0.removeFiles(of: ended, in: rule.job) } }
                } catch {
                    log("files past their retention time were not looked for: \(error)")
                }
            }
        }
    }
}
