import ShipyardModel

/// What many work orders share, sent once to each agent before the first order that names it.
package struct WorkContext: Sendable {
    package var number: UInt32
    /// Relative to the node root: `workitems/etl/job-1`; empty for the start task.
    package var parentDirectory: String
    /// Everything but what differs from task to task, weakest first; later names win.
    package var environment: [(name: String, value: String)]
    package var maxWallTime: TimeSpan?
    /// Files to put in place before the command: JSON, as `ShipyardStaging` reads it. Nil when there are none.
    package var staging: String?
    /// Files to store after the command: JSON, as `ShipyardStaging` reads it.
    package var upload: String?
    /// Whether any of it is to be stored after a success, and after a failure.
    package var uploadsAfter = UploadConditions()
    /// Whether `outputs.json` of its orders is their output.
    package var recordsOutput = false

    package init(
        number: UInt32, parentDirectory: String, environment: [(name: String, value: String)],
        maxWallTime: TimeSpan? = nil, staging: String? = nil, upload: String? = nil,
        uploadsAfter: UploadConditions = UploadConditions(), recordsOutput: Bool = false
    ) {
        self.recordsOutput = recordsOutput
        self.upload = upload
        self.uploadsAfter = uploadsAfter
        self.number = number
        self.parentDirectory = parentDirectory
        self.environment = environment
        self.maxWallTime = maxWallTime
        self.staging = staging
    }
}

/// After which ends of a command its files are stored. What a user has ended is stored by no rule: nobody waits for it.
package struct UploadConditions: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let success = Self(rawValue: 1)
    package static let failure = Self(rawValue: 2)
}

/// One attempt to run one command.
package struct WorkOrder: Sendable {
    package var id: WorkID
    package var context: UInt32
    /// The directory under the context's parent, and AZ_BATCH_TASK_ID of a task: `extract-00017`; `startup`,
    /// `jobpreparation`, `jobrelease` for the other kinds.
    package var name: String
    /// As written in the spec; how it becomes a process is the agent's.
    package var command: String
    /// What it takes of its node: nothing for start task, job preparation and release.
    package var needs: Resources
    /// As `WorkContext.staging`, for this one order; added to the context's.
    package var staging: String?
    /// In the environment of the command and of nothing else; each wins over a variable of its name that is none. In
    /// orders and not in contexts, which agents keep.
    package var secrets: [SecretVariable]
    /// Opens the storage accounts that its files come from and go to: one line, as `ShipyardStaging` reads it. For its
    /// processes that move files, on their standard input, and for nothing else.
    package var storageKeys: Secret?
    /// Written into the working directory before the command starts.
    package var files: [ActivityFile]
    /// As `WorkContext.upload`, for this one order; added to the context's.
    package var upload: String?

    package init(
        id: WorkID, context: UInt32, name: String, command: String, needs: Resources,
        staging: String? = nil, secrets: [SecretVariable] = [], storageKeys: Secret? = nil,
        files: [ActivityFile] = [], upload: String? = nil
    ) {
        self.files = files
        self.upload = upload
        self.storageKeys = storageKeys
        self.id = id
        self.context = context
        self.name = name
        self.command = command
        self.needs = needs
        self.staging = staging
        self.secrets = secrets
    }
}

/// What the service says to an agent.
package enum ServiceMessage: Sendable {
    /// First on every connection, with the versions that the service speaks, the identity of its state and its
    /// present life: `AgentConnection.greet`. The agent answers `welcome` with its own and says and does nothing more for this connection but `shutDown`, until `accept`:
    /// only the service can tell whether the agent's work is in its file.
    case hello(ProtocolVersions, StateID, LifeID)
    /// The agent is the service's. Every exit that is not acknowledged follows. Ignored where the states differ.
    case accept
    case context(WorkContext)
    case start(WorkOrder)
    /// End it: TERM to the whole process tree, grace, KILL. This is then told as its outcome.
    /// Also ends work that is still queued. Unknown work is ignored: its exit is already on the way.
    case kill(WorkID, Outcome)
    /// Give it back if it has not started. Answered by `returned`, or not at all when it runs already.
    case recall(WorkID)
    /// The service has stored every exit up to and including this sequence number.
    case acknowledge(UInt64)
    /// Delete a directory below the node root, given relative to it: it is moved aside at once, so that orders
    /// which follow find nothing of it, and deleted in slices. Answered by `directoryRemoved` or
    /// `directoryNotRemoved` when that is over, and answered again when asked again, until `forgetRemoval`:
    /// asking again never removes what has come to the path since. One that does not exist counts as removed.
    case removeDirectory(RemovalID, path: String)
    /// The service has stored how the removal ended.
    case forgetRemoval(RemovalID)
    /// Answered by `pong` with the same number as soon as the agent's loop comes to it.
    case ping(UInt64)
    /// Kill all work, delete nothing, answer nothing, leave.
    case shutDown
    /// No order names this context any more. Without it an agent would keep the environment of every job
    /// that its node ever ran. Orders that are queued or running keep what they need.
    case forgetContext(UInt32)
}

/// What an agent says to the service.
package enum AgentMessage: Sendable {
    /// What else there is to say follows when it is accepted.
    case welcome(Welcome)
    /// Its process exists from now on.
    case started(WorkID, at: Instant)
    /// Written to the journal before it is sent; sent again on each connection until acknowledged.
    case exited(sequence: UInt64, WorkID, AttemptResult)
    /// Had not started and never will under this order: recalled, or queued for too long behind other work.
    case returned(WorkID)
    case directoryRemoved(RemovalID)
    /// It, or a part of it, is still there: it leads out of the node root, or the file system refused. `path` is
    /// absolute and names the first that could not be removed, unprintable bytes escaped.
    case directoryNotRemoved(RemovalID, path: String, reason: String)
    case pong(UInt64)
    /// The node cannot start work, such as for want of space: a sentence that says why. Work that it was given
    /// and could not start comes back with `returned`. Told again on each connection while it holds.
    case cannotStartWork(reason: String)
    /// What `cannotStartWork` said is over.
    case canStartWork
    /// How far its files have come; once a second at most, and only while they move.
    case transferring(WorkID, TransferProgress)
}

/// Who an agent is, and what is alive with it.
package struct Welcome: Sendable {
    /// Of the protocol, for all that follows. `Frame.greeting` where the two have none in common.
    package var version = ProtocolVersions.ofThisProgram.newest
    /// Nil before greetings, and of an agent that was started without one.
    package var token: AgentToken?
    package var state: StateID
    /// The one that it has last been accepted by, before this `hello`.
    package var life: LifeID
    package var boot: Int64
    package var processID: Int32
    /// Has started.
    package var running: [WorkID]
    /// Waits for a slot.
    package var queued: [WorkID]

    package init(
        version: UInt8 = ProtocolVersions.ofThisProgram.newest, token: AgentToken? = nil, state: StateID,
        life: LifeID, boot: Int64, processID: Int32, running: [WorkID] = [], queued: [WorkID] = []
    ) {
        self.version = version
        self.token = token
        self.state = state
        self.life = life
        self.boot = boot
        self.processID = processID
        self.running = running
        self.queued = queued
    }
}
