// The states are Azure Batch's. Their raw values are the words that users see and the database keeps.

/// The life of a task: chosen (`preparing`), started (`running`), done (`completed`), or waiting (`active`).
package enum TaskState: String, Sendable, Codable, CaseIterable {
    case active, preparing, running, completed

    /// The whole life of a task; any other move is a programmer's error.
    package func mayMove(to next: TaskState) -> Bool {
        switch self {
        case .active: next == .preparing || next == .running || next == .completed
        case .preparing: next == .active || next == .running || next == .completed
        case .running: next == .active || next == .completed
        case .completed: next == .active  // Reactivated by a user, never by the engine.
        }
    }
}

package enum JobState: String, Sendable, Codable, CaseIterable {
    case active, disabling, disabled, enabling, terminating, completed, deleting

    /// Whether it has not begun to end: tasks may be added, and run again.
    package var takesTasks: Bool {
        switch self {
        case .active, .disabling, .disabled, .enabling: true
        case .terminating, .completed, .deleting: false
        }
    }
}

package enum PoolState: String, Sendable, Codable, CaseIterable {
    case active, deleting
}

package enum AllocationState: String, Sendable, Codable, CaseIterable {
    case steady, resizing, stopping
}

package enum NodeState: String, Sendable, Codable, CaseIterable {
    case creating, starting, waitingForStartTask, startTaskFailed, idle, running, leavingPool, offline
    case preempted, unusable, unknown, rebooting

    /// Whether tasks may be given to a node in this state.
    package var isSchedulable: Bool {
        switch self {
        case .idle, .running: true
        case .creating, .starting, .waitingForStartTask, .startTaskFailed, .leavingPool, .offline, .preempted,
            .unusable, .unknown, .rebooting:
            false
        }
    }
}

/// How a completed task ended, in Azure Batch's words.
package enum ExecutionResult: String, Sendable {
    case success, failure
}

/// What becomes of the job when a task fails (`exit_options: job_action`).
package enum JobAction: String, Sendable, Codable { case none, disable, terminate }

/// What becomes of a failed task's dependants (`exit_options: dependency_action`).
package enum DependencyAction: String, Sendable, Codable { case block, satisfy }

/// How tasks are laid on nodes (`node_fill_type`).
package enum NodeFillType: String, Sendable, Codable { case spread, pack }

/// Why a job ended, in Azure Batch's words; any other text is the user's.
package enum TerminateReason {
    package static let allTasksComplete = "AllTasksComplete"
    package static let taskFailed = "TaskFailed"
    package static let maxWallClockTimeExpiry = "MaxWallClockTimeExpiry"
    package static let userTerminate = "UserTerminate"
    package static let terminateJobSchedule = "TerminateJobSchedule"
    /// Of a schedule's run: what is left of its tasks waits for others that have failed.
    package static let tasksNeverRun = "TasksNeverRun"
    /// Of a schedule's run: the next one takes its place.
    package static let replacedByNextRun = "ReplacedByNextRun"
}

/// How many tasks of a job are in which state. `running` includes `preparing`, as Azure Batch counts.
package struct TaskCounts: Sendable, Hashable {
    package var active = 0
    package var running = 0
    package var succeeded = 0
    package var failed = 0

    package var completed: Int { succeeded + failed }
    package var total: Int { active + running + completed }
    package init() {}
}
