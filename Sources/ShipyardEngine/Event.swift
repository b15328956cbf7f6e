import ShipyardModel

/// Everything that may happen to the engine. Past tense: each is a fact, and none is refused here. What a
/// user may not do (a pool that exists, an unknown job) the service finds out from the queries first.
package enum Event: Sendable {
    case poolAdded(PoolRecord, PoolRules)
    case poolResized(PoolID, dedicated: Int, lowPriority: Int)
    case poolDeleted(PoolID)
    case jobAdded(JobRecord, JobRules)
    /// A whole submission: its tasks get the next ordinals of the job, in order, and its templates the next
    /// positions.
    case tasksAdded(job: UInt32, [TaskSeed], JobAddition)
    case jobTerminated(UInt32, reason: String)
    case jobDisabled(UInt32)
    case jobEnabled(UInt32)
    /// `mayMove` has allowed it.
    case jobMoved(UInt32, PoolID)
    case jobDeleted(UInt32)
    /// Somebody follows the job and looks at its nodes when it has ended: a pool that goes with it stays until this is over.
    case poolHeld(job: UInt32, until: SteadyTime)
    /// Nobody does any more.
    case poolReleased(job: UInt32)
    case taskTerminated(TaskKey)
    case taskDeleted(TaskKey)
    /// Of a job that is completed: the engine keeps its counts only, and must be told what the task was;
    /// nil is a task that never ran.
    case endedTaskDeleted(TaskKey, succeeded: Bool?)
    /// Completed tasks of a job are to run again. Those of a job that is completed were given back to it by
    /// `recallTask` and what belongs to it.
    case tasksRerun(UInt32, [UInt32], [TaskDependencies])

    /// The node takes orders: what runs and what waits there. One that is outdated gets no new work, and is started
    /// anew when it has none left.
    case nodeConnected(NodeHandle, running: [WorkID], queued: [WorkID], isOutdated: Bool = false)
    case workStarted(NodeHandle, WorkID)
    case workExited(NodeHandle, WorkID, AttemptResult)
    /// It was given back, and nothing ran under its number.
    case workReturned(NodeHandle, WorkID)
    /// The agent answers nothing, and is not known to be dead.
    case nodeSilent(NodeHandle)
    case nodeHeard(NodeHandle)
    /// For reasons of the node's own, such as a full disk.
    case nodeCannotStartWork(NodeHandle, reason: String)
    case nodeCanStartWork(NodeHandle)
    /// A user wants the node's agent to be started anew.
    case nodeRebootAsked(NodeHandle)
    /// A user wants the node gone, and the pool to have one fewer.
    case nodeDeleted(NodeHandle)
    /// Files on the node are to go.
    case filesUnwanted(NodeHandle, RemovalID, FilesOwner)
    case filesRemoved(NodeHandle, RemovalID)
    case filesNotRemoved(NodeHandle, RemovalID, RemovalFailure)
    /// The node's agent is dead and nothing that it had started is alive any more. Exits found in its journal
    /// have been told before.
    case nodeLost(NodeHandle, reason: String)
    /// The node's agent, processes and directory are gone.
    case nodeRemoved(NodeHandle)
    /// Nothing of the pool was found; `removal` is the record of what was checked.
    case poolRemoved(PoolID, removal: String)
    /// What `findOldFiles` has asked for is done.
    case oldFilesFound(until: SteadyTime, isComplete: Bool)
    case scheduleAdded(ScheduleRecord, ScheduleRules)
    /// It has a new version, with other rules perhaps.
    case scheduleChanged(UInt32, version: Int, ScheduleRules)
    case scheduleEnabled(UInt32)
    case scheduleDisabled(UInt32)
    case scheduleTerminated(UInt32)
    case scheduleDeleted(UInt32)
    /// The pool that all its runs share was made in this turn.
    case schedulePoolMade(UInt32, PoolID)
    /// Somebody, or a file, wants a run now.
    case runAsked(RunRequest)
    /// Runs for times that passed, oldest first.
    case backfillAsked(UInt32, [Instant], parallel: Int)
    /// The jobs of the run's present attempt were made in this turn.
    case runStarted(RunKey, jobs: [UInt32])
    /// None was made. Where it may be tried again it is, after a pause.
    case runNotStarted(RunKey, reason: String, mayRetry: Bool)
    /// The wall clock shows an earlier time than some schedule has dealt with; times of runs after it, by schedule.
    case clockSetBack([UInt32: [Instant]])
    /// Nothing but time: deadlines are looked at after every event.
    case timePassed
}

/// What the engine must know of a new task; everything else stays in the database until it is dispatched.
package struct TaskSeed: Sendable, Hashable {
    package var template: Int
    package var dependencies: [Dependency]
    /// The task's id as a number, when it is one: `depends_on_range` counts these.
    package var number: Int?
    /// So many tasks in a row that are all like this one: without dependencies, and without a number.
    package var count = 1

    package init(template: Int, dependencies: [Dependency] = [], number: Int? = nil) {
        self.template = template
        self.dependencies = dependencies
        self.number = number
    }
}

/// What a task of a job waits for.
package struct TaskDependencies: Sendable {
    package var ordinal: UInt32
    package var list: [Dependency]

    package init(_ ordinal: UInt32, _ list: [Dependency]) {
        self.ordinal = ordinal
        self.list = list
    }
}

/// A run that is no matter of the clock.
package struct RunRequest: Sendable {
    package var schedule: UInt32
    package var cause: RunCause
    /// Its logical time.
    package var due: Instant
    /// As JSON.
    package var parameters: String?
    package var request: String?

    package init(
        schedule: UInt32, _ cause: RunCause, due: Instant, parameters: String? = nil, request: String? = nil
    ) {
        self.schedule = schedule
        self.cause = cause
        self.due = due
        self.parameters = parameters
        self.request = request
    }
}
