import ShipyardModel
import ShipyardPlanner
import ShipyardStore
import Synchronization

/// What answers about jobs say of their plans, read once for each submission: listings ask for every row.
final class PlanSummaries: Sendable {
    struct Summary: Sendable {
        var maxWallTime: TimeSpan?
        var usesTaskDependencies = false
        /// Positions of the templates of merge tasks.
        var mergeTemplates: Set<Int> = []
        /// Whose values its tasks get.
        var secrets: Set<SecretReference> = []
    }

    private struct Entry: Sendable {
        var summary = Summary()
        /// Grows with each submission, and the plan changes with nothing else.
        var taskCount = 0
        /// So many templates were looked at. None of them ever changes; later ones are read when they come.
        var templateCount = 0
    }

    /// Far more jobs than anybody looks at; when full it starts anew.
    private static let limit = 10_000
    private let known = Mutex<[UInt32: Entry]>([:])

    func summary(of job: JobRecord, _ readers: StoreReaderPool) throws(StoreError) -> Summary {
        let found = known.withLock { $0[job.number] }
        if let found, found.taskCount >= job.taskCount { return found.summary }
        var entry = found ?? Entry()
        entry.taskCount = job.taskCount
        try readers.read { reader throws(StoreError) in try Self.update(&entry, job.number, reader) }
        known.withLock { [entry] entries in
            if entries.count >= Self.limit { entries = [:] }
            entries[job.number] = entry
        }
        return entry.summary
    }

    private static func update(
        _ entry: inout Entry, _ job: UInt32, _ reader: StoreReader
    ) throws(StoreError) {
        let (stored, templates) = try reader.snapshot { () throws(StoreError) in
            (try reader.plan(of: job), try reader.templates(of: job, from: entry.templateCount))
        }
        if let plan = try? JobPlan(stored, named: "") {
            entry.summary.maxWallTime = plan.maxWallTime
            entry.summary.usesTaskDependencies = plan.usesTaskDependencies
            if let secret = plan.environmentSecret { entry.summary.secrets.insert(secret) }
        }
        for template in templates {
            entry.templateCount = template.position + 1
            guard let read = try? TaskTemplate(template.document, named: "") else { continue }
            if read.isMergeTask { entry.summary.mergeTemplates.insert(template.position) }
            entry.summary.secrets.formUnion((read.environmentSecrets ?? []).map(\.id))
            entry.summary.secrets.formUnion((read.secretFiles ?? []).map(\.id))
        }
    }
}
