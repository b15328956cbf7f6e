import ShipyardDiagnostics
import ShipyardSpecs

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

/// Why an entry of `tasks` makes no tasks, or no more of them.
enum PlanFailure: Error {
    /// The factory's values, in Python's words.
    case factory(PythonError)
    /// The command cannot be filled in, in Python's words.
    case command(PythonError)
    /// The factory fills in a command, and there is none.
    case commandMissing
    case world(PlannerWorldError)
    /// A factory of no known kind; the text is what is unknown.
    case unknownFactory(String)
    case noTaskFilePath
    case unknownAlias(Located<String>)
    case tooManyTasks
}

/// The planner's limits, each with the reason for its number.
package enum PlanLimits {
    /// Linux refuses one argument of a program beyond 128 KiB (`MAX_ARG_STRLEN`), so a field of 1,000,000
    /// characters can never be run; what is below is cheap to make.
    package static let formattedFieldCharacters = 1_000_000
    /// A task's ordinal in its job is a 32-bit number (`TaskKey`).
    package static let tasksPerJob = Int(UInt32.max)
    /// Of one task's values. `combinations` with replacement may ask for any length, and no command of a task
    /// can hold so many.
    package static let valuesPerTask = 100_000
    /// Azure Batch's.
    package static let idCharacters = 64
    /// Azure Batch's: letters, digits, `-` and `_` follow in the generated part.
    package static let autoPoolIDCharacters = 20
    /// A renamed task may leave a thousand unknown dependencies: nobody reads a thousand messages, and each
    /// costs a look at all ids for a suggestion.
    package static let unknownDependenciesPerJob = 50
    /// Before a suggestion is made that might close a ring of tasks that wait for each other.
    static let entriesSearched = 10_000
    /// Of a factory whose number of tasks is known, when nothing but findings count: what the first thousand and the
    /// corners of a sweep do not tell is told when the plan is made.
    static let tasksLookedAt = 1000
    /// Generated ids that may have to be found one by one then, where two prefixes can write the same id.
    static let idsLookedFor = 100_000
    /// Of one factory; who means more is asked once.
    static let tasksWithoutWarning = 10_000_000
    /// Of tasks that wait for each other: who has ten in view finds the next one.
    static let tasksOfRingShown = 10
}

extension PlanLimits {
    /// Nothing longer than `ARG_MAX`'s usual 2 MiB can be handed to a process in any way.
    package static let commandBytes = 2 << 20
}
