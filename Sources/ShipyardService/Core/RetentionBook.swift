import ShipyardEngine
import ShipyardModel
import ShipyardPlanner

/// For how long the files of one template's tasks stay on their nodes.
package struct RetentionRule: Sendable, Hashable {
    package var job: UInt32
    package var template: Int
    package var retention: TimeSpan
}

/// Which jobs may have files that are kept for long enough. A job costs nothing before the first of its files can
/// be due, nor after the last of them has been looked for.
struct RetentionBook {
    private struct Entry {
        var retentions: [TimeSpan]
        var begin: SteadyTime
        /// Nil while tasks may still end.
        var end: SteadyTime?

        var firstDue: SteadyTime { begin + (retentions.min() ?? .zero) }
    }

    private var entries: [UInt32: Entry] = [:]
    private var early = Timetable<UInt32>()
    private var due: Set<UInt32> = []
    /// How many templates have which retention, to know the shortest.
    private var lengths: [TimeSpan: Int] = [:]

    mutating func keep(_ record: JobRecord, _ plan: JobPlan) {
        forget(record.number)
        guard !plan.templates.isEmpty else { return }
        let entry = Entry(retentions: plan.templates.map(\.retentionTime), begin: record.begin, end: nil)
        entries[record.number] = entry
        early.insert(record.number, at: entry.firstDue)
        for length in entry.retentions { lengths[length, default: 0] += 1 }
        if record.state == .completed { ended(record) }
    }

    mutating func ended(_ record: JobRecord) {
        entries[record.number]?.end =
            record.endSteady ?? SteadyTime(milliseconds: (record.endTime ?? record.creationTime).milliseconds)
    }

    mutating func forget(_ job: UInt32) {
        guard let entry = entries.removeValue(forKey: job) else { return }
        early.remove(job, at: entry.firstDue)
        due.remove(job)
        for length in entry.retentions {
            lengths[length, default: 1] -= 1
            if lengths[length] == 0 { lengths[length] = nil }
        }
    }

    /// What is to be looked for now.
    mutating func rules(at now: SteadyTime) -> [RetentionRule] {
        due.formUnion(early.takeDue(at: now))
        return due.sorted().flatMap { job -> [RetentionRule] in
            guard let entry = entries[job] else { return [] }
            return entry.retentions.enumerated().compactMap { template, retention in
                guard entry.begin + retention <= now else { return nil }
                return RetentionRule(job: job, template: template, retention: retention)
            }
        }
    }

    /// Everything that was due by then has been found.
    mutating func swept(until time: SteadyTime) {
        for job in due {
            guard let entry = entries[job], let end = entry.end, let longest = entry.retentions.max(),
                end + longest <= time
            else { continue }
            forget(job)
        }
    }

    /// As often as the shortest retention time, a second to a minute; nil when nothing will ever be due.
    func nextSweep(after last: SteadyTime) -> SteadyTime? {
        let interval = min(max(lengths.keys.min() ?? .seconds(60), .seconds(1)), .seconds(60))
        if !due.isEmpty { return last + interval }
        return early.first.map { max($0, last + .seconds(1)) }
    }
}
