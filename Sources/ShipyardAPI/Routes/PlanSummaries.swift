import ShipyardModel
import ShipyardPlanner
import Synchronization

/// What answers about jobs say of their plans, read once for each submission: the plan of a large job takes
/// longer to read than a client waits between two looks at its progress.
final class PlanSummaries: Sendable {
    struct Summary: Sendable {
        var maxWallTime: TimeSpan?
        var usesTaskDependencies = false
        /// Positions of the templates of merge tasks.
        var mergeTemplates: Set<Int> = []
    }

    private struct Key: Hashable {
        var job: UInt32
        /// Grows with each submission, and the plan changes with nothing else.
        var taskCount: Int
    }

    /// Far more jobs than anybody looks at; when full it starts anew.
    private static let limit = 10_000
    private let known = Mutex<[Key: Summary]>([:])

    func summary(of job: JobRecord) -> Summary {
        let key = Key(job: job.number, taskCount: job.taskCount)
        if let summary = known.withLock({ $0[key] }) { return summary }
        let summary = Self.read(job.plan)
        known.withLock { summaries in
            if summaries.count >= Self.limit { summaries = [:] }
            summaries[key] = summary
        }
        return summary
    }

    private static func read(_ text: String) -> Summary {
        guard let plan = try? JSONCoding.decode(JobPlan.self, from: Array(text.utf8)) else {
            return Summary()
        }
        let merges = plan.templates.indices.filter { plan.templates[$0].isMergeTask }
        return Summary(
            maxWallTime: plan.maxWallTime, usesTaskDependencies: plan.usesTaskDependencies,
            mergeTemplates: Set(merges))
    }
}
