/// A pool as stored. Its specification is a document of its own (`StoreWrite.putPoolSpec`).
package struct PoolRecord: Sendable, Hashable {
    package var id: PoolID
    package var state: PoolState
    package var allocationState: AllocationState
    package var targetDedicatedNodes: Int
    package var targetLowPriorityNodes: Int
    package var taskSlotsPerNode: Int
    package var creationTime: Instant
    /// The job whose end removes this pool (`auto_pool`), if any.
    package var autoPoolJob: UInt32?
    /// Highest number ever given to a node of this pool; node ids are never used again.
    package var lastNodeNumber: Int
    /// A user has removed it: nothing makes it again behind his back.
    package var isUnwanted = false

    package init(
        id: PoolID, state: PoolState, allocationState: AllocationState, targetDedicatedNodes: Int,
        targetLowPriorityNodes: Int, taskSlotsPerNode: Int, creationTime: Instant, autoPoolJob: UInt32?,
        lastNodeNumber: Int
    ) {
        self.id = id
        self.state = state
        self.allocationState = allocationState
        self.targetDedicatedNodes = targetDedicatedNodes
        self.targetLowPriorityNodes = targetLowPriorityNodes
        self.taskSlotsPerNode = taskSlotsPerNode
        self.creationTime = creationTime
        self.autoPoolJob = autoPoolJob
        self.lastNodeNumber = lastNodeNumber
    }
}

extension PoolRecord {
    /// What each of its nodes has.
    package var nodeResources: Resources { Resources(slots: taskSlotsPerNode) }
}

/// A compute node as stored.
package struct NodeRecord: Sendable, Hashable {
    package var pool: PoolID
    package var id: NodeID
    package var isDedicated: Bool
    package var state: NodeState
    /// Counts the agents that this node has had; an attempt belongs to one boot.
    package var boot: Int64
    package var startTaskAttempt: Int32
    /// Of the latest start task attempt that ended.
    package var startTaskResult: AttemptResult?
    package var allocationTime: Instant
    package var stateTransitionTime: Instant

    package init(
        pool: PoolID, id: NodeID, isDedicated: Bool, state: NodeState, boot: Int64, startTaskAttempt: Int32,
        startTaskResult: AttemptResult?, allocationTime: Instant, stateTransitionTime: Instant
    ) {
        self.pool = pool
        self.id = id
        self.isDedicated = isDedicated
        self.state = state
        self.boot = boot
        self.startTaskAttempt = startTaskAttempt
        self.startTaskResult = startTaskResult
        self.allocationTime = allocationTime
        self.stateTransitionTime = stateTransitionTime
    }
}

/// A job as stored. Its plan and templates are documents of their own (`StoreWrite.putPlan`, `addTemplate`).
package struct JobRecord: Sendable, Hashable {
    /// Never used again, also after the job was deleted: task keys are made of it.
    package var number: UInt32
    package var id: JobID
    package var pool: PoolID
    package var state: JobState
    package var priority: Int
    /// Tasks added so far; the next task's ordinal.
    package var taskCount: Int
    package var autoComplete: Bool
    package var creationTime: Instant
    package var stateTransitionTime: Instant
    package var endTime: Instant?
    package var terminateReason: String?
    /// When it was made and when it ended as steady clocks count; nil in rows older than that.
    package var creationSteady: SteadyTime?
    package var endSteady: SteadyTime?
    /// Nil where it never went on after its end.
    package var reopening: JobReopening?

    package init(
        number: UInt32, id: JobID, pool: PoolID, state: JobState, priority: Int, taskCount: Int,
        autoComplete: Bool, creationTime: Instant, stateTransitionTime: Instant, endTime: Instant?,
        terminateReason: String?, creationSteady: SteadyTime? = nil, endSteady: SteadyTime? = nil
    ) {
        self.number = number
        self.id = id
        self.pool = pool
        self.state = state
        self.priority = priority
        self.taskCount = taskCount
        self.autoComplete = autoComplete
        self.creationTime = creationTime
        self.stateTransitionTime = stateTransitionTime
        self.endTime = endTime
        self.terminateReason = terminateReason
        self.creationSteady = creationSteady
        self.endSteady = endSteady
    }

    /// Where the retention of its files begins.
    package var begin: SteadyTime { creationSteady ?? SteadyTime(milliseconds: creationTime.milliseconds) }
    /// Where its `max_wall_time` begins.
    package var wallTimeBegin: SteadyTime { reopening?.time ?? begin }

    /// From its creation, or from when it last went on after its end, to its end; nil where it has none, or its beginning is not known.
    package var runTime: TimeSpan? {
        guard let endTime else { return nil }
        if let end = endSteady, let begin = reopening?.time ?? creationSteady { return max(.zero, end - begin) }
        return reopening == nil ? max(.zero, endTime - creationTime) : nil
    }
}

/// A job that had ended went on, because tasks of it were to run again.
package struct JobReopening: Sendable, Hashable {
    /// The latest time.
    package var time: SteadyTime
    /// Whether the job had succeeded at any of its ends before: who follows a success was told of it then.
    package var hadSucceeded: Bool

    package init(time: SteadyTime, hadSucceeded: Bool) {
        self.time = time
        self.hadSucceeded = hadSucceeded
    }
}

/// What of a task never changes. Written once when it is added.
package struct TaskDefinition: Sendable, Hashable {
    package var key: TaskKey
    package var id: String
    package var command: String?
    /// Position in the job's list of templates, over all its submissions.
    package var template: Int
    /// `Dependency.text(of:)`; nil for none.
    package var dependencies: String?
    /// JSON of what a `file` factory adds for this one task; nil for none.
    package var extra: String?

    package init(
        key: TaskKey, id: String, command: String?, template: Int, dependencies: String? = nil,
        extra: String? = nil
    ) {
        self.key = key
        self.id = id
        self.command = command
        self.template = template
        self.dependencies = dependencies
        self.extra = extra
    }
}

/// What of a task changes: its state and its latest attempt. No row stands for "active, never attempted".
package struct TaskProgress: Sendable, Hashable {
    package var key: TaskKey
    package var state: TaskState
    /// Number of the latest attempt; 0 before the first.
    package var attempt: Int32
    package var retryCount: Int32
    package var requeueCount: Int32
    /// Where the latest attempt was sent, and to which boot of that node.
    package var node: NodeID?
    package var boot: Int64
    package var assignedTime: Instant?
    /// Somebody wants it ended, and it has not ended yet: to be asked for again after a crash.
    package var isEnding = false
    /// For the deaths of nodes while the task ran there.
    package var blame: Int32 = 0
    /// When the service heard of the attempt's end, as steady clocks count.
    package var ended: SteadyTime?
    /// Nil while the attempt has not ended.
    package var result: AttemptResult?

    package init(key: TaskKey) {
        self.key = key
        state = .active
        attempt = 0
        retryCount = 0
        requeueCount = 0
        boot = 0
    }
}

/// Job preparation or release on one node.
package struct NodeJobRecord: Sendable, Hashable {
    package var job: UInt32
    package var pool: PoolID
    package var node: NodeID
    package var boot: Int64
    package var isRelease: Bool
    /// One line of numbers for both on a node: the higher one came later.
    package var attempt: Int32
    /// Nil while it runs.
    package var result: AttemptResult?
    /// Of a preparation: tasks were asked for again since it ended, so a failure keeps none of them from the node.
    package var isPast = false

    package init(
        job: UInt32, pool: PoolID, node: NodeID, boot: Int64, isRelease: Bool, attempt: Int32,
        result: AttemptResult?
    ) {
        self.job = job
        self.pool = pool
        self.node = node
        self.boot = boot
        self.isRelease = isRelease
        self.attempt = attempt
        self.result = result
    }
}

/// One write of a turn. All writes of a turn go into one transaction, in order.
package enum StoreWrite: Sendable {
    case putPool(PoolRecord)
    case putPoolSpec(PoolID, DocumentRecord)
    /// Removes the pool and its nodes; `removal` is the JSON of what the teardown checked.
    case deletePool(PoolID, removal: String, at: Instant)
    case putNode(NodeRecord)
    /// Of the agent that is about to be started on the node.
    case putAgentToken(PoolID, NodeID, AgentTokenDigest)
    case deleteNode(PoolID, NodeID)
    case putJob(JobRecord)
    /// What of a plan is neither a template nor a count.
    case putPlan(job: UInt32, DocumentRecord)
    /// The next of the job's templates. Templates of one text and version are one row, whosever they are.
    case addTemplate(job: UInt32, position: Int, DocumentRecord)
    /// Removes the job's row at once, so that its id is free; its tasks' rows go in later, small transactions.
    case deleteJob(UInt32)
    case addTask(TaskDefinition)
    /// Where the attempt number differs from the stored row's, that row is first kept as a past attempt.
    case putTask(TaskProgress)
    /// One task's rows: definition, progress, past attempts.
    case deleteTask(TaskKey)
    /// A task that is completed is active again, with its counters anew. Its latest attempt stays as it is recorded.
    case reactivateTask(TaskKey)
    case putNodeJob(NodeJobRecord)
    case deleteNodeJobs(job: UInt32)
    /// What the job's preparations have come to so far keeps no task from a node any more.
    case passPreparations(job: UInt32)
    case putRemoval(RemovalRecord)
    case deleteRemoval(PoolID, NodeID, RemovalID)
    case putClock(ClockAnchor)
    /// Tasks whose files were due by then have been looked for.
    case putLastSweep(SteadyTime)
    /// Tasks are about to be written past the job's task count, or for a job that has no row yet. What of them
    /// is there when the service dies is thrown away by the next one.
    case openSubmission(job: UInt32)
    /// The tasks belong to their job now, or none was written.
    case closeSubmission(job: UInt32)
    /// The tasks of a submission that was refused go, in later, small transactions.
    case discardSubmission(job: UInt32)
    /// What a repeated submission is answered with.
    case keepAnswer(submission: String, answer: String)
    case putSchedule(ScheduleRecord)
    /// A new version of a schedule, with the document of its bundle where that is new.
    case addScheduleVersion(ScheduleVersionRecord, bundle: String?)
    /// With its versions, its runs, and bundles that no other needs.
    case deleteSchedule(UInt32)
    case putRun(RunRecord)
    case putRunJob(RunJobRecord)
    /// With what is known of its jobs.
    case deleteRun(RunKey)
    /// The next event of the ledger, by its number.
    case addTriggerEvent(TriggerEventRecord)
    /// Whether the file of an event is there.
    case markTriggerEvent(Int64, gone: Instant?)
    case deleteTriggerEvent(Int64)
    /// The files that were there before the schedule's trigger are in the ledger.
    case putTriggerBaseline(schedule: UInt32, since: Instant)
    /// A document as it is from now on, or that it is gone, and the change as its history has it.
    case changeDocument(MetadataChange)
    /// What a run that is over has come to, after jobs of it have run again.
    case correctRun(RunKey, RunState, reason: String?, endTime: Instant)
}
