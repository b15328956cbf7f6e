import ShipyardModel

extension Engine {
    mutating func addTasks(
        _ seeds: [TaskSeed], to number: UInt32, _ addition: JobAddition, at now: Moment
    ) {
        let job = entry(number)
        job.add(addition)
        job.add(seeds)
        job.record.taskCount = job.tasks.count
        saveJob(number)
        keepFiles(of: job)
        advance(job, at: now)
    }

    /// The task's latest attempt.
    func work(of ordinal: UInt32, of job: JobEntry) -> WorkID {
        WorkID(job.key(ordinal), attempt: job.tasks[Int(ordinal)].attempt)
    }

    /// The task that `work` is the latest attempt of, where the engine believes it to be on that node. Everything
    /// else is an echo: an exit that was stored before a crash and is told again, or work that was given up.
    private func current(_ work: WorkID, on node: Int) -> (job: JobEntry, ordinal: UInt32)? {
        let key = TaskKey(rawValue: work.key)
        guard let (job, entry) = known(key), entry.node == Int32(node),
            work == self.work(of: key.ordinal, of: job), entry.state == .running || entry.state == .preparing
        else { return nil }
        return (job, key.ordinal)
    }

    // MARK: What nodes tell

    mutating func workStarted(_ work: WorkID, on handle: NodeHandle) {
        guard work.kind == .task, let (job, ordinal) = current(work, on: handle.index) else { return }
        taskStarted(ordinal, of: job)
    }

    mutating func taskStarted(_ ordinal: UInt32, of job: JobEntry) {
        guard job.tasks[Int(ordinal)].state == .preparing else { return }
        setQueued(ordinal, of: job, false)
        job.tasks[Int(ordinal)].move(to: .running)
        markDirty(ordinal, of: job)
    }

    mutating func workExited(_ work: WorkID, on handle: NodeHandle, _ result: AttemptResult, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        switch work.kind {
        case .task:
            if let (job, ordinal) = current(work, on: node) {
                taskExited(ordinal, of: job, on: node, result, at: now)
            }
        case .startTask: startTaskExited(work, on: node, result, at: now)
        case .jobPreparation: preparationExited(work, on: node, result, at: now)
        case .jobRelease: releaseExited(work, on: node, result, at: now)
        }
    }

    private mutating func taskExited(
        _ ordinal: UInt32, of job: JobEntry, on node: Int, _ result: AttemptResult, at now: Moment
    ) {
        if nodes[node].isConnected { nodes[node].relaunch.goodNews() }
        nodes[node].taskRan(for: result.usage.wallTimeMicroseconds, succeeded: result.isSuccess)
        free(ordinal, of: job, from: node)
        end(ordinal, of: job, result, at: now)
        advance(job, at: now)
        removeIfDrained(node)
    }

    mutating func workReturned(_ work: WorkID, on handle: NodeHandle, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        guard work.kind == .task else { return nodeWorkReturned(work, on: node, at: now) }
        guard let (job, ordinal) = current(work, on: node) else { return }
        // It waited for too long, so tasks here are not as short as they were thought to be.
        nodes[node].meanRunMicroseconds = 1_000_000
        takeBack(ordinal, of: job, from: node, at: now)
    }

    /// The task was given to the node and nothing ran there under its number, which is used again; or it ends,
    /// when somebody wants that, for who kills it now may be told that there is nothing to kill.
    mutating func takeBack(_ ordinal: UInt32, of job: JobEntry, from node: Int, at now: Moment) {
        free(ordinal, of: job, from: node)
        if job.tasks[Int(ordinal)].flags.contains(.ending) {
            end(ordinal, of: job, AttemptResult(.endedByUser, at: now.wall), at: now)
        } else {
            markDirty(ordinal, of: job)
            job.tasks[Int(ordinal)].flags.insert(.attemptUnused)
            job.makeActive(ordinal)
        }
        advance(job, at: now)
        removeIfDrained(node)
    }

    /// The node is dead or leaving: what it had goes back to the queue, or ends if it was being ended or has seen
    /// too many nodes die.
    mutating func giveBackTasks(
        of node: Int, _ loss: NodeLoss, reason: String, blame: UInt8 = 0, at now: Moment
    ) {
        // A task is given up only where no preparation can have been the culprit.
        let limit = runsPreparation(node) ? Limits.maximumBlame - Limits.blame : .max
        let sentence = "\(nodes[node].record.id) was lost while it had the task: \(reason)"
        for key in nodes[node].tasks.sorted().reversed() {
            // The end of one may have been that of another.
            guard nodes[node].tasks.contains(key) else { continue }
            let job = entry(key.job)
            free(key.ordinal, of: job, from: node)
            let entry = job.tasks[Int(key.ordinal)]
            if entry.state == .running {
                job.tasks[Int(key.ordinal)].blame = max(entry.blame, min(entry.blame + blame, limit))
            }
            giveBack(key.ordinal, of: job, loss, sentence, at: now)
        }
    }

    private mutating func giveBack(
        _ ordinal: UInt32, of job: JobEntry, _ loss: NodeLoss, _ sentence: String, at now: Moment
    ) {
        let entry = job.tasks[Int(ordinal)]
        let why =
            entry.isGivenUp
            ? sentence + "; nodes were lost again and again while it ran, so it is not run again" : sentence
        let result = AttemptResult(
            .nodeLost(loss, why), startTime: Instant(milliseconds: entry.assigned), endTime: now.wall)
        end(ordinal, of: job, result, at: now)
        // At once, because the row names the boot of the node, which is about to change.
        writeEndOfAttempt(of: job.key(ordinal))
        advance(job, at: now)
    }

    // MARK: What the end of an attempt leads to

    /// An attempt has ended, however and whoever tells of it.
    private mutating func end(_ ordinal: UInt32, of job: JobEntry, _ result: AttemptResult, at now: Moment) {
        let entry = job.tasks[Int(ordinal)]
        let circumstances = Circumstances(
            isEnding: entry.flags.contains(.ending), isGivenUp: entry.isGivenUp,
            retryCount: entry.retryCount, jobTakesTasks: job.record.state.takesTasks)
        let decision = Decision(result.outcome, circumstances, job.rules(of: entry))
        results[job.key(ordinal)] = AttemptResult(
            decision.outcome, startTime: result.startTime, endTime: result.endTime, usage: result.usage,
            uploadFailure: result.uploadFailure, output: decision.outcome.isSuccess ? result.output : nil)
        markDirty(ordinal, of: job)
        switch decision.next {
        case .retry:
            job.tasks[Int(ordinal)].retryCount += 1
            job.makeActive(ordinal)
        case .requeue:
            job.tasks[Int(ordinal)].requeueCount += 1
            job.makeActive(ordinal)
        case .complete(let completion):
            job.complete(ordinal, completion)
            act(on: job, completion.jobAction, at: now)
        }
    }

    private mutating func act(on job: JobEntry, _ action: JobAction, at now: Moment) {
        guard job.rules.performsJobAction else { return }
        switch action {
        case .none: break
        case .terminate: terminateJob(job.record.number, reason: TerminateReason.taskFailed, at: now)
        case .disable: disableJob(job.record.number, at: now)
        }
    }

    private mutating func free(_ ordinal: UInt32, of job: JobEntry, from node: Int) {
        setQueued(ordinal, of: job, false)
        let needs = needs(of: job.tasks[Int(ordinal)], in: job)
        guard nodes[node].free(job.key(ordinal), needs) else { return }
        job.assigned.remove(ordinal)
        updateOccupancy(of: node)
        poolsToSchedule.insert(nodes[node].record.pool)
    }

    // MARK: What users want

    mutating func terminateTask(_ key: TaskKey, at now: Moment) {
        guard let (job, entry) = known(key), !entry.flags.contains(.deleted) else { return }
        switch entry.state {
        case .completed: return
        case .preparing, .running: endTask(key.ordinal, of: job, at: now)
        case .active:
            // Azure Batch gives it no exit code; the attempt is one that never ran.
            writeEndOfAttempt(of: key)
            job.takeAttemptNumber(key.ordinal)
            job.tasks[Int(key.ordinal)].node = -1
            job.tasks[Int(key.ordinal)].assigned = now.wall.milliseconds
            job.tasks[Int(key.ordinal)].flags.insert(.ending)
            end(key.ordinal, of: job, AttemptResult(.endedByUser, at: now.wall), at: now)
            advance(job, at: now)
        }
    }

    /// Ends a task that a node has: killed there, or given up at once while it waits for its preparation.
    mutating func endTask(_ ordinal: UInt32, of job: JobEntry, at now: Moment) {
        let node = Int(job.tasks[Int(ordinal)].node)
        job.tasks[Int(ordinal)].flags.insert(.ending)
        markDirty(ordinal, of: job)
        if waitsForPreparation(ordinal, of: job, on: node) {
            job.nodes[node]?.waiting.removeAll { $0 == ordinal }
            return takeBack(ordinal, of: job, from: node, at: now)
        }
        effects.append(.killWork(NodeHandle(index: node), work(of: ordinal, of: job), .endedByUser))
    }

    mutating func deleteTask(_ key: TaskKey, at now: Moment) {
        guard let (job, entry) = known(key), entry.state == .completed || entry.state == .active,
            !entry.flags.contains(.deleted)
        else { return }
        job.delete(key.ordinal)
        deletedTasks.insert(key)
        writes.append(.deleteTask(key))
        advance(job, at: now)
    }

    mutating func deleteEndedTask(_ key: TaskKey, _ succeeded: Bool?) {
        guard let job = jobs[key.job], job.record.state == .completed, deletedTasks.insert(key).inserted
        else { return }
        switch succeeded {
        case true: job.counts.succeeded -= 1
        case false: job.counts.failed -= 1
        case nil: job.counts.active -= 1
        }
        writes.append(.deleteTask(key))
    }
}

extension TaskEntry {
    /// It may be what kills nodes.
    fileprivate var isGivenUp: Bool { blame >= Limits.maximumBlame }
}
