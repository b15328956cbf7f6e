import ShipyardModel

// Records to arguments and rows to records, side by side so that the order of columns stands in one place.
//
// What a row holds and may not hold (an unknown word, a number out of range) costs that row its use and nothing
// else: it is read as something that cannot run, and `complaint` says why. Only a row without a usable key is nil.

extension SQL {
    static let resultColumns = """
        exit, exit_code, failure_category, failure_code, failure_message, start_time, end_time, wall, user, \
        system, peak_memory
        """
    static let resultColumnCount = 11

    static let poolColumns = """
        id, state, allocation_state, target_dedicated, target_low_priority, slots_per_node, creation_time, \
        auto_pool_job, last_node_number, is_unwanted
        """
    static let nodeColumns = """
        pool, id, is_dedicated, state, boot, start_task_attempt, allocation_time, state_transition_time, \
        \(resultColumns)
        """
    static let jobColumns = """
        number, id, pool, state, priority, task_count, auto_complete, creation_time, \
        state_transition_time, end_time, terminate_reason, creation_steady, end_steady, reopened, \
        had_succeeded
        """
    static let progressColumns = """
        key, state, attempt, retry_count, requeue_count, node, boot, assigned_time, is_ending, \
        blame, ended, \(resultColumns)
        """
    static let taskColumns = "key, id, template, dependencies, command, extra"
    static let nodeJobColumns = "job, pool, node, is_release, boot, attempt, is_past, \(resultColumns)"
}

extension Statement {
    func bind(_ pool: PoolRecord) {
        bind(1, pool.id.text)
        bind(2, pool.state.rawValue)
        bind(3, pool.allocationState.rawValue)
        bind(4, Int64(pool.targetDedicatedNodes))
        bind(5, Int64(pool.targetLowPriorityNodes))
        bind(6, Int64(pool.taskSlotsPerNode))
        bind(7, pool.creationTime.milliseconds)
        bind(8, pool.autoPoolJob.map(Int64.init))
        bind(9, Int64(pool.lastNodeNumber))
        bind(10, pool.isUnwanted ? 1 : 0)
    }

    func pool() -> PoolRecord? {
        guard let id = key(PoolID(text(0)), 0) else { return nil }
        var pool = PoolRecord(
            id: id, state: known(PoolState(rawValue: text(1)), 1, else: .active),
            allocationState: known(AllocationState(rawValue: text(2)), 2, else: .steady),
            targetDedicatedNodes: int(3, within: RowLimits.nodes),
            targetLowPriorityNodes: int(4, within: RowLimits.nodes),
            taskSlotsPerNode: int(5, within: RowLimits.slots), creationTime: instant(6),
            autoPoolJob: optionalInteger(7).map { UInt32(truncatingIfNeeded: $0) },
            lastNodeNumber: int(8, within: 0...Int(Int32.max)))
        pool.isUnwanted = integer(9) != 0
        return pool
    }

    func bind(_ node: NodeRecord) {
        bind(1, node.pool.text)
        bind(2, node.id.text)
        bind(3, node.isDedicated ? 1 : 0)
        bind(4, node.state.rawValue)
        bind(5, node.boot)
        bind(6, Int64(node.startTaskAttempt))
        bind(7, node.allocationTime.milliseconds)
        bind(8, node.stateTransitionTime.milliseconds)
        bind(node.startTaskResult, from: 9)
    }

    func node() -> NodeRecord? {
        guard let pool = key(PoolID(text(0)), 0) else { return nil }
        return NodeRecord(
            pool: pool, id: NodeID(text(1)), isDedicated: integer(2) != 0,
            state: known(NodeState(rawValue: text(3)), 3, else: .unusable),
            boot: Int64(int(4, within: RowLimits.boots)), startTaskAttempt: count(5),
            startTaskResult: result(from: 8), allocationTime: instant(6),
            stateTransitionTime: instant(7))
    }

    func bind(_ job: JobRecord) {
        bind(1, Int64(job.number))
        bind(2, job.id.text)
        bind(3, job.pool.text)
        bind(4, job.state.rawValue)
        bind(5, Int64(job.priority))
        bind(6, Int64(job.taskCount))
        bind(7, job.autoComplete ? 1 : 0)
        bind(8, job.creationTime.milliseconds)
        bind(9, job.stateTransitionTime.milliseconds)
        bind(10, job.endTime?.milliseconds)
        bind(11, job.terminateReason)
        bind(12, job.creationSteady?.milliseconds)
        bind(13, job.endSteady?.milliseconds)
        bind(14, job.reopening?.time.milliseconds)
        bind(15, job.reopening.map { $0.hadSucceeded ? 1 : 0 })
    }

    func job() -> JobRecord? {
        guard let number = key(UInt32(exactly: integer(0)), 0), let id = key(JobID(text(1)), 1) else {
            return nil
        }
        let (pool, state) = (PoolID(text(2)), JobState(rawValue: text(3)))
        var job = JobRecord(
            number: number, id: id, pool: pool ?? RowLimits.noPool, state: state ?? .completed,
            priority: int(4, within: -1000...1000), taskCount: int(5, within: 0...Int(UInt32.max)),
            autoComplete: integer(6) != 0, creationTime: instant(7), stateTransitionTime: instant(8),
            endTime: optionalInstant(9), terminateReason: optionalText(10),
            creationSteady: optionalSteady(11), endSteady: optionalSteady(12))
        job.reopening = optionalSteady(13).map { JobReopening(time: $0, hadSucceeded: integer(14) != 0) }
        if pool == nil || state == nil {
            // Nothing of it may run, as nobody knows whether it still should; it can be looked at and deleted.
            complain(pool == nil ? 2 : 3)
            job.state = .completed
            job.terminateReason = complaint.map { "\(RowLimits.unreadable): \($0)" }
        }
        return job
    }

    func bind(_ task: TaskDefinition) {
        bind(1, task.key.rawValue)
        bind(2, task.id)
        bind(3, Int64(task.template))
        bind(4, task.dependencies)
        bind(5, task.command)
        bind(6, task.extra)
    }

    func definition() -> TaskDefinition {
        TaskDefinition(
            key: TaskKey(rawValue: integer(0)), id: text(1), command: optionalText(4), template: int(2),
            dependencies: optionalText(3), extra: optionalText(5))
    }

    func bind(_ task: TaskProgress) {
        bind(1, task.key.rawValue)
        bind(2, task.state.rawValue)
        bind(3, Int64(task.attempt))
        bind(4, Int64(task.retryCount))
        bind(5, Int64(task.requeueCount))
        bind(6, task.node?.text)
        bind(7, task.boot)
        bind(8, task.assignedTime?.milliseconds)
        bind(9, task.isEnding ? 1 : 0)
        bind(10, Int64(task.blame))
        bind(11, task.ended?.milliseconds)
        bind(task.result, from: 12)
    }

    func progress(from first: Int32 = 0) -> TaskProgress {
        var task = TaskProgress(key: TaskKey(rawValue: integer(first)))
        task.attempt = count(first + 2)
        task.retryCount = count(first + 3)
        task.requeueCount = count(first + 4)
        task.node = optionalText(first + 5).map(NodeID.init)
        task.boot = integer(first + 6)
        task.assignedTime = optionalInstant(first + 7)
        task.isEnding = integer(first + 8) != 0
        task.blame = int32(first + 9)
        task.ended = optionalSteady(first + 10)
        task.result = result(from: first + 11)
        guard let state = TaskState(rawValue: text(first + 1)), task.node != nil || !state.isAssigned else {
            // It may have run, so it must not run again.
            complain(first + 1)
            return .unreadable(task, complaint ?? "")
        }
        task.state = state
        return task
    }

    func bind(_ record: NodeJobRecord) {
        bind(1, Int64(record.job))
        bind(2, record.pool.text)
        bind(3, record.node.text)
        bind(4, record.isRelease ? 1 : 0)
        bind(5, record.boot)
        bind(6, Int64(record.attempt))
        bind(7, record.isPast ? 1 : 0)
        bind(record.result, from: 8)
    }

    func nodeJob() -> NodeJobRecord? {
        guard let pool = key(PoolID(text(1)), 1) else { return nil }
        var record = NodeJobRecord(
            job: UInt32(truncatingIfNeeded: integer(0)), pool: pool,
            node: NodeID(text(2)), boot: integer(4), isRelease: integer(3) != 0, attempt: count(5),
            result: result(from: 7))
        record.isPast = integer(6) != 0
        return record
    }
}

extension Statement {
    private func bind(_ result: AttemptResult?, from first: Int32) {
        guard let result else {
            for index in first..<first + Int32(SQL.resultColumnCount) { bindNull(index) }
            return
        }
        let outcome = result.outcome.parts
        bind(first, Int64(outcome.tag))
        bind(first + 1, outcome.number)
        // Words of the first version, whose rows have an `exit` of 0: in others, what went wrong with the upload.
        bind(first + 2, result.uploadFailure?.fault.code)
        bind(first + 3, result.uploadFailure?.message)
        bind(first + 4, outcome.text)
        bind(first + 5, result.startTime.milliseconds)
        bind(first + 6, result.endTime.milliseconds)
        bind(first + 7, result.usage.wallTimeMicroseconds)
        bind(first + 8, result.usage.userTimeMicroseconds)
        bind(first + 9, result.usage.systemTimeMicroseconds)
        bind(first + 10, result.usage.peakMemoryBytes)
    }

    private func result(from first: Int32) -> AttemptResult? {
        guard let end = optionalInstant(first + 6) else { return nil }
        return AttemptResult(
            outcome(from: first), startTime: instant(first + 5), endTime: end,
            usage: ResourceUsage(
                wall: integer(first + 7), user: integer(first + 8), system: integer(first + 9),
                peakMemoryBytes: integer(first + 10)), uploadFailure: uploadFailure(from: first))
    }

    private func uploadFailure(from first: Int32) -> UploadFailure? {
        guard integer(first) != 0, let code = optionalText(first + 2) else { return nil }
        return UploadFailure(UploadFault(code: code) ?? .miscError, optionalText(first + 3) ?? "")
    }

    private func outcome(from first: Int32) -> Outcome {
        let tag = integer(first)
        // A row of the first version: no exit, and words instead.
        if tag == 0, let category = optionalText(first + 2) {
            return Outcome(
                words: FailureInfo(
                    category: known(FailureCategory(rawValue: category), first + 2, else: .serverError),
                    code: text(first + 3), message: text(first + 4)))
        }
        if let tag = UInt8(exactly: tag),
            let outcome = Outcome(
                Outcome.Parts(tag: tag, number: integer(first + 1), text: optionalText(first + 4)))
        {
            return outcome
        }
        complain(first)
        return .unreadable("what is stored of its end cannot be read: \(complaint ?? "")")
    }

    func instant(_ column: Int32) -> Instant { Instant(milliseconds: integer(column)) }
    func optionalInstant(_ column: Int32) -> Instant? {
        optionalInteger(column).map { Instant(milliseconds: $0) }
    }

    private func optionalSteady(_ column: Int32) -> SteadyTime? {
        optionalInteger(column).map { SteadyTime(milliseconds: $0) }
    }

    // MARK: What may not be there

    /// Damage, or other hands than ours.
    func known<Value>(_ value: Value?, _ column: Int32, else substitute: Value) -> Value {
        if let value { return value }
        complain(column)
        return substitute
    }

    func key<Value>(_ value: Value?, _ column: Int32) -> Value? {
        if value == nil { complain(column) }
        return value
    }

    private func int(_ column: Int32, within limits: ClosedRange<Int>) -> Int {
        let number = int(column)
        if !limits.contains(number) { complain(column) }
        return min(max(number, limits.lowerBound), limits.upperBound)
    }

    private func count(_ column: Int32) -> Int32 { Int32(int(column, within: RowLimits.counts)) }

    private func complain(_ column: Int32) {
        complaint = "`\(text(column).prefix(100))` is no value that may stand in `\(name(of: column))`"
    }
}

/// What a row may say at most: more would not fit the engine's tables.
enum RowLimits {
    static let nodes = 0...1_000_000
    static let slots = 1...65_536
    /// Of what happens one by one. There is room to count on.
    static let counts = 0...1_000_000_000
    static let boots = 0...Int.max / 2
    static let unreadable = "RowUnreadable"
    /// Stands for the pool of a job whose row names none. There is never a pool of this id.
    static let noPool: PoolID = {
        guard let id = PoolID("unreadable") else { invariantFailure("`unreadable` is an id") }
        return id
    }()
}

extension TaskState {
    fileprivate var isAssigned: Bool { self == .preparing || self == .running }
}

extension TaskProgress {
    /// A task whose row cannot be understood, ended as failed: whether it has run is not known.
    package static func unreadable(_ task: TaskProgress, _ reason: String) -> TaskProgress {
        var task = task
        task.state = .completed
        task.isEnding = false
        task.result = AttemptResult(
            .unreadable("what is stored of the task cannot be read: \(reason)"),
            at: Instant(milliseconds: 0))
        return task
    }
}
