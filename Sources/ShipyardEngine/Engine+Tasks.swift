import ShipyardModel

extension Engine {
    mutating func addTasks(
        _ seeds: [TaskSeed], to number: UInt32, _ record: JobRecord, _ rules: JobRules, at now: Moment
    ) {
        guard let job = jobs[number] else { return }
        job.rules = rules
        job.add(seeds)
        job.record.plan = record.plan
        job.record.autoComplete = record.autoComplete
        job.record.taskCount = job.tasks.count
        saveJob(number)
        poolsToSchedule.insert(job.record.pool)
        completeIfDone(number, at: now)
    }

    mutating func workStarted(_ work: WorkID, on handle: NodeHandle) {
        guard work.kind == .task, isCurrent(work, on: handle.index) else { return }
        taskStarted(TaskKey(rawValue: work.key))
    }

    mutating func taskStarted(_ key: TaskKey) {
        guard jobs[key.job]?.tasks[Int(key.ordinal)].state == .preparing else { return }
        jobs[key.job]?.tasks[Int(key.ordinal)].move(to: .running)
        markDirty(key)
    }

    /// Whether `work` is what the engine believes to be on that node. Everything else is an echo: an exit
    /// that was stored before a crash and is told again, or work that was given up.
    private func isCurrent(_ work: WorkID, on node: Int) -> Bool {
        let key = TaskKey(rawValue: work.key)
        guard let job = jobs[key.job], Int(key.ordinal) < job.tasks.count else { return false }
        let entry = job.tasks[Int(key.ordinal)]
        return entry.node == Int32(node) && entry.attempt == work.attempt
            && (entry.state == .running || entry.state == .preparing)
    }

    mutating func workExited(_ work: WorkID, on handle: NodeHandle, _ result: AttemptResult, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        switch work.kind {
        case .task:
            if isCurrent(work, on: node) {
                taskExited(TaskKey(rawValue: work.key), on: node, result, at: now)
            }
        case .startTask: startTaskExited(work, on: node, result, at: now)
        case .jobPreparation: preparationExited(work, on: node, result, at: now)
        case .jobRelease: releaseExited(work, on: node, result, at: now)
        }
    }

    private mutating func taskExited(_ key: TaskKey, on node: Int, _ result: AttemptResult, at now: Moment) {
        guard let job = jobs[key.job] else { return }
        let entry = job.tasks[Int(key.ordinal)]
        if nodes[node].isConnected { nodes[node].relaunch.goodNews() }
        nodes[node].taskRan(for: result.usage.wallTimeMicroseconds, succeeded: result.isSuccess)
        free(key, from: node)
        results[key] = result
        markDirty(key)
        let rules = job.rules(of: entry)
        if result.failure == .endedByUser, !entry.flags.contains(.ending) {
            // Ended by us, and not for good: its job was disabled. An exit of its own that was faster stands.
            requeue(key)
        } else if mayRetry(result, entry, rules), job.record.state.takesTasks {
            jobs[key.job]?.tasks[Int(key.ordinal)].retryCount += 1
            makeActive(key)
        } else {
            complete(key, success: result.isSuccess, rules, at: now)
        }
        finishDisabling(key.job, at: now)
        completeIfDone(key.job, at: now)
        removeIfDrained(node)
    }

    /// Only a command that ran and exited with a code other than zero is retried: what failed before it
    /// would fail again, and what somebody ended should stay so.
    private func mayRetry(_ result: AttemptResult, _ entry: TaskEntry, _ rules: TaskRules) -> Bool {
        guard result.failure?.code == "FailureExitCode", !entry.flags.contains(.ending) else { return false }
        return rules.maxTaskRetries < 0 || Int(entry.retryCount) < rules.maxTaskRetries
    }

    private mutating func requeue(_ key: TaskKey) {
        jobs[key.job]?.tasks[Int(key.ordinal)].requeueCount += 1
        makeActive(key)
    }

    /// Back to the front of the queue: it was chosen once already.
    private mutating func makeActive(_ key: TaskKey) {
        let index = Int(key.ordinal)
        jobs[key.job]?.tasks[index].flags.remove(.requeueing)
        jobs[key.job]?.tasks[index].move(to: .active)
        jobs[key.job]?.counts.running -= 1
        jobs[key.job]?.counts.active += 1
        jobs[key.job]?.ready.prepend(key.ordinal)
        if let pool = jobs[key.job]?.record.pool { poolsToSchedule.insert(pool) }
    }

    private mutating func free(_ key: TaskKey, from node: Int) {
        guard nodes[node].tasks.remove(key) != nil, let job = jobs[key.job] else { return }
        nodes[node].usedSlots -= slots(of: job.tasks[Int(key.ordinal)], in: job)
        jobs[key.job]?.assigned.remove(key.ordinal)
        invariant(nodes[node].usedSlots >= 0, "node \(node) has freed more slots than it had")
        updateOccupancy(of: node)
        poolsToSchedule.insert(nodes[node].record.pool)
    }

    /// The task has ended for good: its dependants and its job hear of it.
    private mutating func complete(_ key: TaskKey, success: Bool, _ rules: TaskRules, at now: Moment) {
        let index = Int(key.ordinal)
        guard let entry = jobs[key.job]?.tasks[index] else { return }
        if entry.state == .active {
            jobs[key.job]?.counts.active -= 1
        } else {
            jobs[key.job]?.counts.running -= 1
        }
        jobs[key.job]?.tasks[index].move(to: .completed)
        if success {
            jobs[key.job]?.counts.succeeded += 1
        } else {
            jobs[key.job]?.counts.failed += 1
            jobs[key.job]?.tasks[index].flags.insert(.failed)
        }
        if success || rules.dependencyAction == .satisfy { jobs[key.job]?.satisfy(key.ordinal) }
        guard !success, jobs[key.job]?.rules.performsJobAction == true else { return }
        switch rules.jobAction {
        case .none: break
        case .terminate: terminateJob(key.job, reason: TerminateReason.taskFailed, at: now)
        case .disable: disableJob(key.job, at: now)
        }
    }

    mutating func workReturned(_ work: WorkID, on handle: NodeHandle, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        guard work.kind == .task else { return nodeWorkReturned(work, on: node, at: now) }
        guard isCurrent(work, on: node) else { return }
        // It waited for too long, so tasks here are not as short as they were thought to be.
        nodes[node].meanRunMicroseconds = 1_000_000
        takeBack(TaskKey(rawValue: work.key), from: node, at: now)
    }

    /// The task was given to the node and nothing ran there under its number, which is used again; or it ends,
    /// when somebody wants that, for who kills it now may be told that there is nothing to kill.
    mutating func takeBack(_ key: TaskKey, from node: Int, at now: Moment) {
        guard let job = jobs[key.job] else { return }
        let entry = job.tasks[Int(key.ordinal)]
        free(key, from: node)
        markDirty(key)
        if entry.flags.contains(.ending) {
            results[key] = AttemptResult(
                exit: .none, failure: .endedByUser, startTime: now.wall, endTime: now.wall)
            complete(key, success: false, job.rules(of: entry), at: now)
        } else {
            jobs[key.job]?.tasks[Int(key.ordinal)].flags.insert(.attemptUnused)
            makeActive(key)
        }
        finishDisabling(key.job, at: now)
        completeIfDone(key.job, at: now)
        removeIfDrained(node)
    }

    /// The node is dead or leaving: what it had goes back to the queue, or ends if it was being ended or has seen
    /// too many nodes die.
    mutating func giveBackTasks(
        of node: Int, code: String, reason: String, blame: UInt8 = 0, at now: Moment
    ) {
        let name = nodes[node].record.id
        // A task is given up only where no preparation can have been the culprit.
        let limit = runsPreparation(node) ? Limits.maximumBlame - Limits.blame : .max
        for key in nodes[node].tasks.sorted().reversed() {
            guard jobs[key.job] != nil else { continue }
            free(key, from: node)
            if let entry = jobs[key.job]?.tasks[Int(key.ordinal)], entry.state == .running {
                jobs[key.job]?.tasks[Int(key.ordinal)].blame = max(
                    entry.blame, min(entry.blame + blame, limit))
            }
            giveBack(
                key,
                FailureInfo(
                    category: .serverError, code: code,
                    message: "\(name) was lost while it had the task: \(reason)"), at: now)
        }
    }

    mutating func giveBack(_ key: TaskKey, _ failure: FailureInfo, at now: Moment) {
        guard let job = jobs[key.job] else { return }
        let entry = job.tasks[Int(key.ordinal)]
        let isEnding = entry.flags.contains(.ending)
        let isGivenUp = entry.blame >= Limits.maximumBlame
        var failure = isEnding ? .endedByUser : failure
        if isGivenUp, !isEnding {
            failure.message += "; nodes were lost again and again while it ran, so it is not run again"
        }
        results[key] = AttemptResult(
            exit: .none, failure: failure, startTime: Instant(milliseconds: entry.assigned), endTime: now.wall
        )
        markDirty(key)
        if isEnding || isGivenUp {
            complete(key, success: false, job.rules(of: entry), at: now)
        } else {
            requeue(key)
        }
        // At once, because the row names the boot of the node, which is about to change.
        writeEndOfAttempt(of: key)
        finishDisabling(key.job, at: now)
        completeIfDone(key.job, at: now)
    }

    mutating func terminateTask(_ key: TaskKey, at now: Moment) {
        guard let job = jobs[key.job], Int(key.ordinal) < job.tasks.count else { return }
        let entry = job.tasks[Int(key.ordinal)]
        guard !entry.flags.contains(.deleted) else { return }
        switch entry.state {
        case .completed: return
        case .preparing, .running: endTask(key, on: Int(entry.node), at: now)
        case .active:
            // Azure Batch gives it no exit code; the attempt is one that never ran.
            writeEndOfAttempt(of: key)
            jobs[key.job]?.takeAttemptNumber(key.ordinal)
            jobs[key.job]?.tasks[Int(key.ordinal)].node = -1
            jobs[key.job]?.tasks[Int(key.ordinal)].assigned = now.wall.milliseconds
            results[key] = AttemptResult(
                exit: .none, failure: .endedByUser, startTime: now.wall, endTime: now.wall)
            markDirty(key)
            complete(key, success: false, job.rules(of: entry), at: now)
            completeIfDone(key.job, at: now)
        }
    }

    /// Ends a task that a node has: killed there, or given up at once while it waits for its preparation.
    mutating func endTask(_ key: TaskKey, on node: Int, at now: Moment) {
        jobs[key.job]?.tasks[Int(key.ordinal)].flags.insert(.ending)
        markDirty(key)
        guard let entry = jobs[key.job]?.tasks[Int(key.ordinal)] else { return }
        if waitsForPreparation(key, on: node) {
            jobs[key.job]?.nodes[node]?.waiting.removeAll { $0 == key.ordinal }
            return takeBack(key, from: node, at: now)
        }
        let work = WorkID(kind: .task, key: key.rawValue, attempt: entry.attempt)
        effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
    }

    mutating func deleteTask(_ key: TaskKey, at now: Moment) {
        guard let job = jobs[key.job], Int(key.ordinal) < job.tasks.count else { return }
        let entry = job.tasks[Int(key.ordinal)]
        guard entry.state == .completed || entry.state == .active, !entry.flags.contains(.deleted) else {
            return
        }
        if entry.state == .active {
            jobs[key.job]?.counts.active -= 1
        } else if entry.flags.contains(.failed) {
            jobs[key.job]?.counts.failed -= 1
        } else {
            jobs[key.job]?.counts.succeeded -= 1
        }
        jobs[key.job]?.tasks[Int(key.ordinal)].flags.insert(.deleted)
        deletedTasks.insert(key)
        writes.append(.deleteTask(key))
        completeIfDone(key.job, at: now)
    }
}

extension Engine {
    mutating func deleteEndedTask(_ key: TaskKey, _ succeeded: Bool?) {
        guard let job = jobs[key.job], job.record.state == .completed, deletedTasks.insert(key).inserted
        else {
            return
        }
        switch succeeded {
        case true: job.counts.succeeded -= 1
        case false: job.counts.failed -= 1
        case nil: job.counts.active -= 1
        }
        writes.append(.deleteTask(key))
    }
}

extension JobEntry {
    /// The job is completed: what became of its tasks is in the database, and its counts stay.
    func forgetTasks() {
        (tasks, ready, graph, assigned, nodes) = ([], ReadyQueue(), DependencyGraph(), [], [:])
    }

    func add(_ seeds: [TaskSeed]) {
        let base = tasks.count
        tasks.reserveCapacity(base + seeds.count)
        for (offset, seed) in seeds.enumerated() {
            tasks.append(TaskEntry(template: seed.template))
            if let number = seed.number { graph.numbers[UInt32(base + offset)] = number }
        }
        counts.active += seeds.count
        // After all entries are there: a task may depend on a later one.
        for (offset, seed) in seeds.enumerated() {
            let ordinal = UInt32(base + offset)
            if !seed.dependencies.isEmpty {
                tasks[Int(ordinal)].waiting = graph.add(seed.dependencies, of: ordinal, in: &tasks)
            }
            if tasks[Int(ordinal)].waiting == 0 { ready.append(ordinal) }
        }
    }

    func satisfy(_ ordinal: UInt32) {
        tasks[Int(ordinal)].flags.insert(.satisfied)
        var released: [UInt32] = []
        graph.satisfy(ordinal, in: tasks) { released.append($0) }
        // In the order of submission, however the graph keeps them.
        for child in released.sorted() {
            tasks[Int(child)].waiting -= 1
            if tasks[Int(child)].waiting == 0, tasks[Int(child)].state == .active { ready.append(child) }
        }
    }
}
