import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// One attempt at one command: what it is, and not where or how it is done.
package struct WorkAssignment: Sendable {
    package let id: WorkID
    package let template: WorkTemplate
    /// The task's id; nil for work that is no task.
    package let task: String?
    /// As written in the spec, with what it takes from other tasks' outputs.
    package var command: String
    /// What it takes of the node.
    package let needs: Resources
    /// Files to put in place for this one alone, besides those of the template: JSON, as `ShipyardStaging` reads it.
    package let staging: String?
    /// Of the environment, resolved for this order and kept by nobody else. Each wins over the template's variable of its
    /// name.
    package var secrets: [SecretVariable] = []
    /// Opens the template's storage accounts; as secret as `secrets`, and in no environment.
    package var storageKeys: Secret?
    /// Whose files `inputData.azureBatch` of the template is about, in its order.
    package var taskFiles: [TaskFilesSource] = []
    /// What it finds in its working directory.
    package var files: [ActivityFile] = []
    /// In place of the template's where that has references to outputs.
    package var lateData: LateData?

    package struct LateData: Sendable {
        package var input: InputDataSpec?
        package var output: [StorageTransferSpec]
    }

    package init(
        id: WorkID, template: WorkTemplate, task: String? = nil, command: String, needs: Resources = .none,
        staging: String? = nil
    ) {
        self.id = id
        self.template = template
        self.task = task
        self.command = command
        self.needs = needs
        self.staging = staging
    }
}

/// The task whose files another one gets.
package struct TaskFilesSource: Sendable, Hashable {
    package var pool: PoolID
    package var node: NodeID
    package var job: JobID
    package var jobNumber: UInt32
    package var task: String

    package init(pool: PoolID, node: NodeID, job: JobID, jobNumber: UInt32, task: String) {
        self.pool = pool
        self.node = node
        self.job = job
        self.jobNumber = jobNumber
        self.task = task
    }
}

/// What many pieces of work share. One object for all of them, so that a substrate can tell by identity what a node
/// knows already, and nothing is made anew for each task.
package final class WorkTemplate: Sendable {
    package enum Purpose: Hashable, Sendable {
        case task(job: UInt32, template: Int)
        case jobPreparation(job: UInt32)
        case jobRelease(job: UInt32)
        case startTask(PoolID)

        package var job: UInt32? {
            switch self {
            case .task(let job, _), .jobPreparation(let job), .jobRelease(let job): job
            case .startTask: nil
            }
        }
    }

    package let purpose: Purpose
    package let job: JobID?
    /// The job has a preparation task, whose files its tasks may want to find.
    package let hasPreparation: Bool
    /// What the user has set, weakest first; later names win, and all of it over what the substrate adds.
    package let environment: [(name: String, value: String)]
    /// What `WorkAssignment.secrets` is made of, weakest first.
    package let secrets: [EnvironmentSecret]
    package let maxWallTime: TimeSpan?
    package let resourceFiles: [ResourceFileSpec]
    /// The pool's: put in place for its start task, and made known to all that runs there.
    package let applicationPackages: [ApplicationPackageSpec]
    package let inputData: InputDataSpec?
    package let outputData: [StorageTransferSpec]
    /// What aliases stand for.
    package let storageAccounts: [StorageAccount]
    package let outputTables: [TableLoadSpec]
    package let connections: [SQLConnection]
    /// Tells the job from every other of this state, also from one that has had its number in a copy.
    package let loadScope: String
    /// Each piece of work has files of its own to fetch.
    package let hasOwnFiles: Bool
    package let activity: ActivitySpec?
    /// Whether `outputs.json` is its output.
    package let recordsOutput: Bool
    /// Of the environment, with references to outputs of other tasks: for each order they become `secrets`, and win over
    /// what else there is, but for secrets.
    package let lateVariables: [(name: String, value: String)]
    /// In `inputData` or `outputData`.
    package let hasLateData: Bool
    /// All of the template; a task's command may have more.
    package let lateReferences: Set<LateReference>
    /// Also where only commands have any.
    package let mayBeLate: Bool

    package init(
        _ purpose: Purpose, job: JobID? = nil, hasPreparation: Bool = false,
        environment: [(name: String, value: String)], secrets: [EnvironmentSecret] = [],
        maxWallTime: TimeSpan? = nil, resourceFiles: [ResourceFileSpec] = [],
        applicationPackages: [ApplicationPackageSpec], inputData: InputDataSpec? = nil,
        outputData: [StorageTransferSpec] = [], storageAccounts: [StorageAccount] = [],
        outputTables: [TableLoadSpec] = [], connections: [SQLConnection] = [], loadScope: String = "",
        hasOwnFiles: Bool = false, activity: ActivitySpec? = nil, recordsOutput: Bool = false,
        mayBeLate: Bool = false
    ) {
        self.activity = activity
        self.recordsOutput = recordsOutput
        self.mayBeLate = mayBeLate
        lateVariables = mayBeLate ? environment.filter { LateText.isLate($0.value) } : []
        let transfers = mayBeLate ? (inputData?.azureStorage ?? []) + outputData : []
        hasLateData = transfers.contains(where: \.isLate)
        lateReferences =
            mayBeLate
            ? Set(
                (activity?.lateReferences ?? []) + transfers.flatMap(\.lateReferences)
                    + lateVariables.flatMap { LateText.references(in: $0.value) }) : []
        self.inputData = inputData
        self.outputData = outputData
        self.storageAccounts = storageAccounts
        self.outputTables = outputTables
        self.connections = connections
        self.loadScope = loadScope
        self.hasOwnFiles = hasOwnFiles
        self.purpose = purpose
        self.job = job
        self.hasPreparation = hasPreparation
        self.environment = mayBeLate ? environment.filter { !LateText.isLate($0.value) } : environment
        self.secrets = secrets
        self.maxWallTime = maxWallTime
        self.resourceFiles = resourceFiles
        self.applicationPackages = applicationPackages
    }
}
