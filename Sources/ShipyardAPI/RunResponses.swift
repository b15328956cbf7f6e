/// The body of `POST /jobs/{job}/rerun`: one of the four.
package struct RerunRequestBody: Codable, Sendable {
    /// Tasks that failed, and all that come after them.
    package var failed: Bool?
    package var all: Bool?
    /// Just these.
    package var tasks: [String]?
    /// These and all that come after them.
    package var from: [String]?
    /// Refuses another job that has the id by now.
    package var number: UInt32?
    /// The same request sent again under it is answered as it was, and changes nothing.
    package var submissionId: String?

    package init() {}
}

/// What a rerun has come to.
package struct RerunResponse: Codable, Sendable {
    package var jobId: String
    package var poolId: String
    package var number: UInt32
    package var jobState: String
    /// How many had ended and run again.
    package var tasksRerun: Int
    /// How many of those that were asked for have yet to run anyway.
    package var tasksWaiting: Int
    /// How many others go on because the job, which had ended, does.
    package var otherTasks: Int
    package var wasReopened: Bool
    package var poolWasMade: Bool
}

/// `GET /jobs/{job}/run`: a job as a run of its tasks, in the order in which they may run.
package struct RunViewResponse: Codable, Sendable {
    /// Why there is this job.
    package struct Cause: Codable, Sendable {
        package var scheduleId: String?
        package var run: UInt32
        package var attempt: Int
        package var state: String
        /// `clock`, `after`, `trigger`, `user`, `backfill`
        package var cause: String
        /// Where it was a file.
        package var file: String?
        package var dueTime: String
        package var parameters: [String: String]?
    }

    /// Preparation and release on one node.
    package struct NodeWork: Codable, Sendable {
        /// `jobPreparation`, `jobRelease`
        package var kind: String
        package var nodeId: String
        package var attempt: Int
        package var executionInfo: ExecutionResponse
        package var directory: String
        /// False where the node is gone with its files.
        package var isThere: Bool
    }

    package struct Task: Codable, Sendable {
        /// With the names of what it comes after, a hundred at most.
        package var task: TaskResponse
        package var attempt: Int
        /// Since it began, while it runs.
        package var elapsedMilliseconds: Int64?
        /// How many tasks it comes after.
        package var dependencyCount: Int
        /// How deep it stands in the tree.
        package var level: Int
        /// Why it has not run, in one sentence; nil where it has, or will.
        package var waitReason: String?
        /// False where its node is gone, and its files with it.
        package var isNodeThere: Bool
        /// The beginning of what it left in `outputs.json`; nil for none.
        package var output: String?
    }

    package var job: JobResponse
    /// From its creation to its end, or until now; nil where it went on after an end.
    package var elapsedMilliseconds: Int64?
    package var cause: Cause?
    package var nodeWork: [NodeWork]
    /// All tasks where there are not more than `taskLimit`, else those that failed first and those that run.
    package var tasks: [Task]
    package var isWhole: Bool
    package var taskLimit: Int
}
