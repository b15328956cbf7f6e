/// Where a plan goes, task by task, in submission order.
///
/// A sink sees tasks before the planner has seen the whole file, because a plan may be larger than memory. A
/// spec is taken whole or not at all, so a sink that stores must keep what it gets out of sight until
/// `Planner.planAll` has answered true.
package protocol PlanSink<Failure> {
    associatedtype Failure: Error
    /// `taskCount` is exact for sweeps and repetitions, and what the check pass counted otherwise.
    mutating func jobBegan(_ job: JobPlan) throws(Failure)
    mutating func task(_ task: TaskPlan) throws(Failure)
    /// `job` as before, with its final `taskCount`.
    mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Failure)
}

/// Takes a plan and drops it: for `validate`, where only the diagnostics count.
package struct DiscardingPlanSink: PlanSink {
    package init() {}
    package mutating func jobBegan(_ job: JobPlan) throws(Never) {}
    package mutating func task(_ task: TaskPlan) throws(Never) {}
    package mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Never) {}
}

/// Keeps a plan in memory: for tests and small plans.
package struct CollectingPlanSink: PlanSink {
    package private(set) var jobs: [JobPlan] = []
    package private(set) var tasks: [[TaskPlan]] = []
    package private(set) var graphs: [PlanGraph] = []

    package init() {}
    package mutating func jobBegan(_ job: JobPlan) throws(Never) { tasks.append([]) }
    package mutating func task(_ task: TaskPlan) throws(Never) { tasks[tasks.count - 1].append(task) }
    package mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Never) {
        jobs.append(job)
        graphs.append(graph)
    }
}
