import ShipyardModel

// Job preparation and release: one each for a job and a node.

extension Engine {
    /// True when the job's tasks may be sent to the node now. Starts the preparation where there is one to run.
    mutating func prepareJob(_ job: JobEntry, on node: Int, for ordinal: UInt32) -> Bool {
        let number = job.record.number
        guard job.rules.hasPreparation else {
            // A release without a preparation runs wherever tasks of the job were.
            let before = job.nodes[node]
            if job.rules.hasRelease, before == nil || before?.phase == .released {
                let result = AttemptResult(.exited(0), at: job.record.creationTime)
                let attempt = (before?.attempt ?? 0) + 1
                setPhase(.prepared, of: job, on: node, attempt: attempt, result: result)
            }
            return true
        }
        switch job.nodes[node]?.phase {
        case .prepared: return true
        case .preparing: break
        case nil, .preparationFailed, .preparationLost, .releasing, .released:
            let attempt = (job.nodes[node]?.attempt ?? 0) + 1
            setPhase(.preparing, of: job, on: node, attempt: attempt, result: nil)
            let work = WorkID(kind: .jobPreparation, key: Int64(number), attempt: attempt)
            effects.append(.startWork(NodeHandle(index: node), work))
        }
        job.nodes[node]?.waiting.append(ordinal)
        return false
    }

    func waitsForPreparation(_ ordinal: UInt32, of job: JobEntry, on node: Int) -> Bool {
        job.nodes[node]?.waiting.contains(ordinal) ?? false
    }

    private mutating func setPhase(
        _ phase: NodeJobState.Phase, of job: JobEntry, on node: Int, attempt: Int32, result: AttemptResult?
    ) {
        job.nodes[node, default: NodeJobState(phase: phase, attempt: attempt)].phase = phase
        job.nodes[node]?.attempt = attempt
        nodes[node].jobs.insert(job.record.number)
        let isRelease =
            switch phase {
            case .releasing, .released: true
            case .preparing, .prepared, .preparationFailed, .preparationLost: false
            }
        let record = nodes[node].record
        writes.append(
            .putNodeJob(
                NodeJobRecord(
                    job: job.record.number, pool: record.pool, node: record.id, boot: record.boot,
                    isRelease: isRelease,
                    attempt: attempt, result: result)))
    }

    mutating func preparationExited(_ work: WorkID, on node: Int, _ result: AttemptResult, at now: Moment) {
        guard let (job, state) = current(work, .preparing, on: node) else { return }
        job.nodes[node]?.waiting = []
        setPhase(
            result.isSuccess ? .prepared : .preparationFailed, of: job, on: node, attempt: work.attempt,
            result: result)
        if result.isSuccess, nodes[node].startTrouble == nil {
            let isRequeued = { (ordinal: UInt32) in job.tasks[Int(ordinal)].flags.contains(.requeueing) }
            // Given back meanwhile, when the pool was deleted.
            for ordinal in state.waiting
            where nodes[node].tasks.contains(job.key(ordinal)) && !isRequeued(ordinal) {
                sendTask(ordinal, of: job, to: node)
            }
            takeBack(state.waiting.filter(isRequeued), of: job, from: node, at: now)
        } else {
            takeBack(state.waiting, of: job, from: node, at: now)
        }
        advance(job, at: now)
    }

    /// The node is of no use to these tasks, which waited for its preparation; another may be. Their attempts never
    /// ran, so they keep their numbers.
    private mutating func takeBack(_ waiting: [UInt32], of job: JobEntry, from node: Int, at now: Moment) {
        // Latest first, so that they are ready in their order.
        for ordinal in waiting.reversed() where nodes[node].tasks.contains(job.key(ordinal)) {
            takeBack(ordinal, of: job, from: node, at: now)
        }
    }

    /// The job that `work` prepares or releases, where that is what the engine believes it to be at. Everything else
    /// is an echo.
    private func current(
        _ work: WorkID, _ phase: NodeJobState.Phase, on node: Int
    ) -> (job: JobEntry, state: NodeJobState)? {
        guard let job = jobs[UInt32(truncatingIfNeeded: work.key)], let state = job.nodes[node],
            state.phase == phase, state.attempt == work.attempt, work.instance == 0
        else { return nil }
        return (job, state)
    }

    /// The job ends, and with it what prepares nodes for it: that would write among the files of a later job of the
    /// same id. True while any of it may be alive.
    mutating func endPreparations(of job: JobEntry) -> Bool {
        guard job.rules.hasPreparation else { return false }
        var isAny = false
        for node in job.nodes.keys.sorted() {
            guard let state = job.nodes[node], state.phase == .preparing, !nodes[node].isGone else {
                continue
            }
            let work = WorkID(
                kind: .jobPreparation, key: Int64(job.record.number), attempt: state.attempt)
            if nodes[node].returnedWork.remove(work) != nil {
                // It was given back, and its job has ended meanwhile.
                setPhase(
                    .preparationFailed, of: job, on: node, attempt: state.attempt,
                    result: AttemptResult(.endedByUser, at: now.wall))
                continue
            }
            isAny = true
            if state.isEnding { continue }
            job.nodes[node]?.isEnding = true
            effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
        }
        return isAny
    }

    /// True when no release is left to wait for; starts those that have not been started.
    mutating func releaseNodes(of job: JobEntry) -> Bool {
        guard job.rules.hasRelease else { return true }
        var isDone = true
        for node in job.nodes.keys.sorted() {
            guard let state = job.nodes[node], !nodes[node].isGone else { continue }
            switch state.phase {
            // A silent node may speak again, or be lost; both come back here.
            case .prepared where nodes[node].record.state.isSchedulable && nodes[node].silentSince != nil:
                isDone = false
            case .prepared where nodes[node].record.state.isSchedulable:
                let attempt = state.attempt + 1
                setPhase(.releasing, of: job, on: node, attempt: attempt, result: nil)
                let work = WorkID(kind: .jobRelease, key: Int64(job.record.number), attempt: attempt)
                effects.append(.startWork(NodeHandle(index: node), work))
                isDone = false
            case .releasing: isDone = false
            case .preparing, .prepared, .preparationFailed, .preparationLost, .released: break
            }
        }
        return isDone
    }

    /// The agent could not start it. A job does not wait for a release that cannot run; everything else is sent
    /// again when the node can.
    mutating func nodeWorkReturned(_ work: WorkID, on node: Int, at now: Moment) {
        guard work.kind == .jobRelease else {
            nodes[node].returnedWork.insert(work)
            if work.kind == .jobPreparation, let (job, state) = current(work, .preparing, on: node) {
                job.nodes[node]?.waiting = []
                takeBack(state.waiting, of: job, from: node, at: now)
                completeIfDone(job, at: now)
            }
            return
        }
        let reason = nodes[node].startTrouble?.reason ?? "it was given back"
        let outcome = Outcome.notStarted(
            .nodeCannotStartWork, "\(nodes[node].record.id) could not start it: \(reason)")
        releaseExited(work, on: node, AttemptResult(outcome, at: now.wall), at: now)
    }

    /// However a release ends, the job goes on to its own end.
    mutating func releaseExited(_ work: WorkID, on node: Int, _ result: AttemptResult, at now: Moment) {
        guard let (job, _) = current(work, .releasing, on: node) else { return }
        setPhase(.released, of: job, on: node, attempt: work.attempt, result: result)
        completeIfDone(job, at: now)
    }

    /// What runs beside it may not be what killed the node.
    func runsPreparation(_ node: Int) -> Bool {
        nodes[node].jobs.contains { jobs[$0]?.nodes[node]?.phase == .preparing }
    }

    /// The node is gone: a preparation that ran there runs anew when the job comes back, unless it has seen the node
    /// die too often, when it is taken for failed; a release is given up.
    mutating func loseNodeWork(of node: Int, blame: UInt8 = 0, at now: Moment) {
        for number in nodes[node].jobs.sorted() {
            // Its job may have ended by the loss of another's work.
            guard let job = jobs[number], let state = job.nodes[node] else { continue }
            switch state.phase {
            case .preparing:
                job.nodes[node]?.waiting = []
                job.nodes[node]?.blame = state.blame + blame
                let isGivenUp = state.blame + blame >= Limits.maximumBlame
                setPhase(
                    isGivenUp ? .preparationFailed : .preparationLost, of: job, on: node,
                    attempt: state.attempt,
                    result: AttemptResult(isGivenUp ? .lostByPreparation : .lostMeanwhile, at: now.wall))
            case .releasing:
                let result = AttemptResult(.lostMeanwhile, at: now.wall)
                setPhase(.released, of: job, on: node, attempt: state.attempt, result: result)
                completeIfDone(job, at: now)
            case .prepared, .preparationFailed, .preparationLost, .released: break
            }
        }
    }
}

extension Outcome {
    fileprivate static let lostMeanwhile = Outcome.nodeLost(
        .died, "the node was lost while the work ran there")
    /// Of a preparation that may be what kills its node.
    fileprivate static let lostByPreparation = Outcome.nodeLost(
        .diedOfPreparation,
        "the node was lost again and again while it ran, so it is not run there again")
}
