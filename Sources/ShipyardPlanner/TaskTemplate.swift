import ShipyardModel
import ShipyardSpecs

/// What all tasks of one entry of `tasks` share, with job values and defaults merged in. Stored once for
/// each entry, however many tasks its factory makes.
package struct TaskTemplate: Sendable, Codable, Hashable {
    /// Job's, then task's: the task wins. Ordered by name.
    package var environment: [EnvironmentVariable] = []
    /// Variables that secrets hold, weakest first. They win over `environment`.
    package var environmentSecrets: [EnvironmentSecret]?
    /// -1 is no limit.
    package var maxTaskRetries = 0
    package var maxWallTime: TimeSpan?
    package var retentionTime = TimeSpan.seconds(7 * 86_400)
    package var jobAction = JobAction.none
    package var dependencyAction = DependencyAction.block
    /// Where only the upload has failed; nil where that is as any failure.
    package var uploadErrorJobAction: JobAction?
    package var uploadErrorDependencyAction: DependencyAction?
    package var requiredSlots = 1
    package var resourceFiles: [ResourceFileSpec] = []
    package var inputData: InputDataSpec?
    package var outputData: [StorageTransferSpec] = []
    package var outputTables: [TableLoadSpec]?
    /// What the databases of `outputTables` and of `inputData` are.
    package var connections: [SQLConnection]?
    /// What the aliases of the two, of resource files and of a `file` factory stand for.
    package var storageAccounts: [StorageAccount]?
    /// Each task has a file of its own, which its factory found.
    package var hasFactoryFile: Bool?
    /// What a task finds in its directory as an activity of Data Factory does.
    package var activity: ActivitySpec?
    /// Whether `outputs.json` is its output; nil for no.
    package var recordsOutput: Bool?
    /// Whether its tasks have references to outputs of others, in their command or in this; nil for no.
    package var hasLateReferences: Bool?
    package var multiInstance: MultiInstanceSpec?
    /// Names of the config's volumes: the job's, then the task's own.
    package var dataVolumes: [String] = []
    package var sharedDataVolumes: [String] = []
    package var isMergeTask = false
    package init() {}
}

/// A secret that holds variables, by its name: what is stored of it.
package struct EnvironmentSecret: Sendable, Codable, Hashable {
    package var id: SecretReference
    /// Names of variables that are nearer to the command than this secret is: a task's own, for a secret of its job.
    package var yieldsTo: [String]

    package init(_ id: SecretReference, yieldsTo: [EnvironmentVariable] = []) {
        self.id = id
        self.yieldsTo = yieldsTo.map(\.name)
    }
}

/// What must be satisfied before a task may start; all of a task's list must hold.
package enum DependencyPlan: Sendable, Hashable {
    /// The task of this id: of this submission, or one that the job already has.
    case task(String)
    /// Every task of this submission with these indexes: a merge task. Never listed one by one.
    case submission(Range<Int>)
    /// Every number in the range must be satisfied by some task whose id is that number in decimal.
    case numbers(ClosedRange<Int>)
}

/// The settings of one job, ready to be stored; the tasks come as a stream beside it. As a document it holds
/// neither `templates`, which are rows of their own, nor `taskCount`: both grow with each submission.
package struct JobPlan: Sendable, Codable {
    package var id: JobID
    package var autoComplete = false
    package var priority = 0
    package var maxWallTime: TimeSpan?
    package var autoPool: AutoPoolSpec?
    package var preparationCommand: String?
    package var releaseCommand: String?
    package var environment: [EnvironmentVariable] = []
    package var environmentSecret: SecretReference?
    /// Fetched by the job preparation, once for each node.
    package var inputData: InputDataSpec?
    /// What the aliases in it stand for.
    package var storageAccounts: [StorageAccount]?
    package var connections: [SQLConnection]?
    /// Azure's "on task failure" switch: true when any `job_action` key was written in the job.
    package var performsExitOptionsJobAction = false
    package var usesTaskDependencies = false
    package var isJobSchedule = false
    /// Nil unless `isJobSchedule`.
    package var recurrence: RecurrencePlan?
    package var templates: [TaskTemplate] = []
    package var taskCount = 0

    package init(id: JobID) { self.id = id }

    /// Also for files alone.
    package var needsPreparation: Bool { preparationCommand != nil || inputData?.isEmpty == false }

    /// All other members. What is forgotten here is not stored.
    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, autoComplete, priority, maxWallTime, autoPool, preparationCommand, releaseCommand
        case environment, environmentSecret, inputData, storageAccounts, connections, performsExitOptionsJobAction
        case usesTaskDependencies
        case isJobSchedule, recurrence
    }
}

extension JobPlan: Document {
    package static var newestVersion: Int { 1 }

    package static func read(_ tree: JSONValue, version: Int) throws(JSONError) -> JobPlan {
        try JSONCoding.decode(JobPlan.self, from: tree)
    }
}

extension TaskTemplate: Document {
    package static var newestVersion: Int { 1 }

    package static func read(_ tree: JSONValue, version: Int) throws(JSONError) -> TaskTemplate {
        try JSONCoding.decode(TaskTemplate.self, from: tree)
    }
}

/// When the jobs of a job schedule are made.
package struct RecurrencePlan: Sendable, Codable, Hashable {
    package var interval: TimeSpan
    package var startWindow: TimeSpan?
    package var doNotRunUntil: String?
    package var doNotRunAfter: String?
    package var monitorTaskCompletion: Bool
    package var runExclusive: Bool
}
