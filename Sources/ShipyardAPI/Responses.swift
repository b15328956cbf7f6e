import ShipyardModel
import ShipyardSubmission

// The answers of the API. Field names are those of the REST API of Azure Batch where it has the thing;
// times are ISO 8601 in UTC. Optional fields are left out when nil.

package struct PoolResponse: Codable, Sendable {
    package var id: String
    package var state: String
    package var allocationState: String
    package var creationTime: String
    package var vmSize: String?
    package var currentDedicatedNodes: Int
    package var currentLowPriorityNodes: Int
    package var targetDedicatedNodes: Int
    package var targetLowPriorityNodes: Int
    package var taskSlotsPerNode: Int
    /// `spread` or `pack`.
    package var nodeFillType: String
    package var enableInterNodeCommunication: Bool
    package var enableAutoScale: Bool
    package var startTaskCommandLine: String?
    package var applicationPackageReferences: [PackageReference]
    /// Number of nodes by state, states without nodes left out.
    package var nodeCounts: [String: Int]
    /// The job whose end removes this pool.
    package var autoPoolJobId: String?
    /// How many files of its nodes are gone; only while it is deleted.
    package var removedFiles: Int?
    /// Why nothing can be done with it but to delete it.
    package var problem: String?

    package struct PackageReference: Codable, Sendable {
        package var applicationId: String
        package var version: String
    }
}

package struct NodeResponse: Codable, Sendable {
    package var id: String
    package var poolId: String
    package var state: String
    package var isDedicated: Bool
    package var allocationTime: String
    package var stateTransitionTime: String
    package var runningTasksCount: Int
    package var runningTaskSlotsCount: Int
    package var totalTasksRun: Int
    package var totalTasksSucceeded: Int
    package var startTaskInfo: ExecutionResponse?
    /// Why the node starts nothing for now, such as a full disk; nil where it does.
    package var cannotStartReason: String?
    /// Absolute path of the node's root directory.
    package var rootDirectory: String
}

package struct ExecutionResponse: Codable, Sendable {
    package var startTime: String?
    package var endTime: String?
    package var exitCode: Int32?
    /// `success` or `failure`; nil while it runs.
    package var result: String?
    package var failureInfo: FailureResponse?
    /// Where the command has failed and its files could not be stored either.
    package var uploadFailureInfo: FailureResponse?
    package var retryCount: Int
    package var requeueCount: Int
    package var wallTimeMilliseconds: Double?
    package var userTimeMilliseconds: Double?
    package var systemTimeMilliseconds: Double?
    package var peakMemoryBytes: Int64?
}

package struct FailureResponse: Codable, Sendable {
    package var category: String
    package var code: String
    package var message: String
}

package struct TaskCountsResponse: Codable, Sendable, Equatable {
    /// Also those that wait for dependencies, and those that wait at an agent behind others.
    package var active: Int
    /// Also those that are being prepared.
    package var running: Int
    package var completed: Int
    package var succeeded: Int
    package var failed: Int
}

package struct JobResponse: Codable, Sendable {
    package var id: String
    package var state: String
    package var priority: Int
    package var poolId: String
    package var creationTime: String
    package var stateTransitionTime: String
    package var endTime: String?
    package var terminateReason: String?
    /// `terminateJob` or `noAction`.
    package var onAllTasksComplete: String
    package var maxWallClockTime: String?
    package var usesTaskDependencies: Bool
    package var taskCounts: TaskCountsResponse
    /// True when nothing of the job runs and nothing can any more; `blockedReason` says why.
    package var isBlocked: Bool
    package var blockedReason: String?
    /// Tells this job from every other that has had its id, or will: `?number=` of what ends or deletes it.
    package var number: UInt32?
    /// From its creation, or from when it last went on after its end, to its end.
    package var runTimeMilliseconds: Int64? = nil
    /// Why nothing that happens can be stored now, such as a full disk: until then no job moves.
    package var stateProblem: String? = nil
    /// The task that has run for the longest time; only in the answer for one job.
    package var longestRunningTask: RunningTask? = nil

    package struct RunningTask: Codable, Sendable {
        package var id: String
        package var startTime: String
        /// By the service's clock.
        package var elapsedMilliseconds: Int64
    }
}

package struct TransferResponse: Codable, Sendable, Equatable {
    /// `download` before the command, `upload` after it.
    package var direction: String
    package var files: Int64
    package var bytes: Int64
    /// They grow while names are still being read.
    package var totalFiles: Int64
    package var totalBytes: Int64
    package var bytesPerSecond: Int64?
}

package struct TaskResponse: Codable, Sendable {
    package var id: String
    package var jobId: String
    package var state: String
    package var commandLine: String?
    package var executionInfo: ExecutionResponse
    /// While its files are on their way.
    package var transferInfo: TransferResponse?
    /// Of a task that failed, where `?tails=` asks for it: the last line with text in its stderr.txt.
    package var lastErrorLine: String? = nil
    package var nodeInfo: TaskNodeResponse?
    package var dependsOn: [String]
    package var isMergeTask: Bool
    /// Earlier attempts, oldest first; only in the answer for one task.
    package var attempts: [ExecutionResponse]?
    /// What its latest attempt that succeeded has left in `outputs.json`; only in the answer for one task.
    package var output: JSONValue?
}

package struct TaskNodeResponse: Codable, Sendable {
    package var poolId: String
    package var nodeId: String
    /// Absolute path of the task's directory on the node.
    package var taskDirectory: String
}

package struct FileResponse: Codable, Sendable {
    package enum FileType: String, Codable, Sendable {
        case file, directory, link
        /// A pipe, a socket, a device.
        case special
    }

    /// Relative to the task's (or node's) directory: `stdout.txt`, `wd/out.csv`. As `BytePath.shown` writes it.
    package var name: String
    package var isDirectory: Bool
    package var contentLength: Int64
    package var lastModified: String
    package var fileType: FileType?
    /// Of a link, written as `name` is.
    package var linkTarget: String?
}

/// The files below a directory.
package struct FilesResponse: Codable, Sendable {
    package var value: [FileResponse] = []
    /// What is there and not listed, a sentence for each thing; absent where the listing is whole.
    package var leftOut: [String]?
}

/// What `POST /jobs`, `/pools` take: the texts of the spec files, read by the client.
package struct SubmissionRequest: Codable, Sendable {
    package struct File: Codable, Sendable {
        /// `credentials`, `config`, `pool`, `jobs`.
        package var kind: String
        /// Absolute path, or `<standard input>`.
        package var path: String
        /// As the user gave it, for messages.
        package var name: String
        package var text: String
    }
    package var files: [File]
    /// Where relative paths start that no file gives a place.
    package var workingDirectory: String
    /// `jobs add --recreate`, `pool add --recreate`.
    package var recreate = false
    /// Refuses the submission where a job of one of its ids is there already, in whatever state: `run`.
    package var mustBeNew: Bool? = nil
    /// Every warning refuses the submission as an error does.
    package var isStrict: Bool? = nil
    /// `ALIAS/CONTAINER/PATH`: all files of each task are stored there, below directories of job and task.
    package var output: String? = nil
    /// Pools of the jobs' own (`auto_pool`) stay for a minute when these have ended, and for as long as `POST /jobs/{job}/holdpool` says
    /// so again.
    package var holdsPools: Bool? = nil
    /// Made at random by the client, 1 to 64 characters of an id: the same request sent again under it is answered
    /// as it was, and adds nothing.
    package var submissionId: String?
    /// What the generators of the jobs file gave, which the client has run.
    package var generated: [GeneratorRun]?
    /// The application packages of the pool file; `PUT /packages` has taken their content.
    package var packages: [SubmittedPackage]?
    /// Resource files of this machine that the schedules of jobs with a `recurrence` keep, by their absolute paths.
    package var resources: [SubmittedPackage]?
    /// Values of the jobs' parameters, by name.
    package var parameters: [String: String]?
    /// Of the client's environment: what `env:` stands for in the files. Kept in memory alone.
    package var variables: [String: String]?

    /// Where relative paths of the file of a kind start.
    package func directory(of kind: String) -> String {
        guard let path = files.last(where: { $0.kind == kind })?.path, path.hasPrefix("/"),
            let slash = path.lastIndex(of: "/")
        else { return workingDirectory }
        return String(path[..<slash])
    }
}

// Who writes a request by hand gives what matters: only `files` with `kind` and `text` are needed.
extension SubmissionRequest {
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        files = try fields.decode([File].self, forKey: .files)
        workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory) ?? "/"
        recreate = try fields.decodeIfPresent(Bool.self, forKey: .recreate) ?? false
        mustBeNew = try fields.decodeIfPresent(Bool.self, forKey: .mustBeNew)
        isStrict = try fields.decodeIfPresent(Bool.self, forKey: .isStrict)
        output = try fields.decodeIfPresent(String.self, forKey: .output)
        holdsPools = try fields.decodeIfPresent(Bool.self, forKey: .holdsPools)
        submissionId = try fields.decodeIfPresent(String.self, forKey: .submissionId)
        generated = try fields.decodeIfPresent([GeneratorRun].self, forKey: .generated)
        packages = try fields.decodeIfPresent([SubmittedPackage].self, forKey: .packages)
        resources = try fields.decodeIfPresent([SubmittedPackage].self, forKey: .resources)
        parameters = try fields.decodeIfPresent([String: String].self, forKey: .parameters)
        variables = try fields.decodeIfPresent([String: String].self, forKey: .variables)
    }
}

extension SubmissionRequest.File {
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        kind = try fields.decode(String.self, forKey: .kind)
        text = try fields.decode(String.self, forKey: .text)
        path = try fields.decodeIfPresent(String.self, forKey: .path) ?? ""
        name = try fields.decodeIfPresent(String.self, forKey: .name) ?? "\(kind).yaml"
    }
}

/// What `POST /jobs` answers.
package struct SubmissionResponse: Codable, Sendable {
    package struct Job: Codable, Sendable {
        package var id: String
        package var poolId: String
        package var tasksAdded: Int
        package var isNew: Bool
        /// Tells this job from every other that has had its id, or will.
        package var number: UInt32?

        package init(id: String, poolId: String, tasksAdded: Int, isNew: Bool, number: UInt32?) {
            (self.id, self.poolId, self.tasksAdded, self.isNew, self.number) = (id, poolId, tasksAdded, isNew, number)
        }
    }
    package var jobs: [Job]
    /// The schedules that jobs with a `recurrence` have become.
    package var schedules: [String]?
    /// Rendered warnings (text form), one string each.
    package var warnings: [String]
}

/// What the deletion of a job or a task answers: its files go after the answer.
package struct DeletionResponse: Codable, Sendable {
    /// Names the removal for `GET /jobs/{job}/removals?removal=`.
    package var removal: String
    package init(removal: String) { self.removal = removal }
}

/// What nodes have not removed, of one removal or of all that concern files of a job of this id.
package struct DirectoryRemovalsResponse: Codable, Sendable {
    package struct Item: Codable, Sendable {
        package var removal: String
        package var poolId: String
        package var nodeId: String
        /// Absolute path of the directory that is to go.
        package var path: String
        package var time: String
        /// Absolute path of the first that could not be removed, and why; nil while the node has not answered.
        package var failedPath: String?
        package var failure: String?
    }
    /// True while a node owes an answer, or while the job that is deleted still has something to end.
    package var isPending: Bool
    /// Those that nodes owe an answer for come first; a thousand at most.
    package var value: [Item]
}

/// The body of every answer with a status of 400 or more.
package struct ErrorResponse: Codable, Sendable {
    /// A word for programs: `PoolNotFound`, `JobExists`, `SpecRefused`, …
    package var code: String
    /// A sentence for people, saying what to do.
    package var message: String
    /// `SpecRefused` only: the diagnostics as text, ready to print, and as data.
    package var diagnosticsText: String?
    package var diagnosticsJSON: String?
}

/// What was looked for after a pool was removed, and what was found.
package struct RemovalResponse: Codable, Sendable {
    package var poolId: String
    package var nodes: Int
    /// Processes that belonged to the pool and had to be ended.
    package var processesEnded: Int
    /// One line for each kind of thing checked, such as `processes: none left`.
    package var checks: [String]
    /// True when everything checked was gone.
    package var isComplete: Bool
}

package struct ServiceResponse: Codable, Sendable {
    package var version: String
    package var processId: Int32
    package var home: String
    package var startTime: String
    package var pools: Int?
    package var activeJobs: Int?
    package var activeSchedules: Int?
    /// Those of them that failed to start three times in a row, or more often.
    package var schedulesThatCannotStart: [String]?
    /// Bytes that the engine's own tables take.
    package var engineBytes: Int?
    package var engineTasks: Int?
    /// Directories of nodes that this state does not know: `GET /orphans` lists them.
    package var orphanedNodes: Int?
    /// Why the state cannot be worked on now, such as a full disk; then the numbers are absent.
    package var problem: String?
}

/// What another state has left in the home: a node's directory, and perhaps an agent and tasks.
package struct OrphanResponse: Codable, Sendable {
    package var path: String
    /// Whether an agent lives there.
    package var hasAgent: Bool
    /// After `DELETE /orphans`: what had to be ended, and what could not be ended or deleted.
    package var processesEnded: Int?
    package var problems: [String]?
}
