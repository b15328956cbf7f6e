import ShipyardModel

// Job preparation and release: one each for a job and a node.

extension Engine {
    /// True when the job's tasks may be sent to the node now. Starts the preparation where there is one to run.
    mutating func prepareJob(_ number: UInt32, on node: Int, for ordinal: UInt32) -> Bool {
        guard let job = jobs[number] else { return false }
        guard job.rules.hasPreparation else {
            // A release without a preparation runs wherever tasks of the job were.
            if job.rules.hasRelease, job.nodes[node] == nil {
                let result = AttemptResult(
                    exit: .exited(0), failure: nil, startTime: job.record.creationTime,
                    endTime: job.record.creationTime)
                setPhase(.prepared, of: number, on: node, attempt: 1, result: result)
            }
            return true
        }
        switch job.nodes[node]?.phase {
        case .prepared: return true
        case .preparing: break
        case nil, .preparationFailed, .preparationLost, .releasing, .released:
            let attempt = (job.nodes[node]?.attempt ?? 0) + 1
            setPhase(.preparing, of: number, on: node, attempt: attempt, result: nil)
            let work = WorkID(kind: .jobPreparation, key: Int64(number), attempt: attempt)
            effects.append(.startWork(NodeHandle(index: node), work))
        }
        jobs[number]?.nodes[node]?.waiting.append(ordinal)
        return false
    }

    func waitsForPreparation(_ key: TaskKey, on node: Int) -> Bool {
        jobs[key.job]?.nodes[node]?.waiting.contains(key.ordinal) ?? false
    }

    private mutating func setPhase(
        _ phase: NodeJobState.Phase, of number: UInt32, on node: Int, attempt: Int32, result: AttemptResult?
    ) {
        jobs[number]?.nodes[node, default: NodeJobState(phase: phase, attempt: attempt)].phase = phase
        jobs[number]?.nodes[node]?.attempt = attempt
        nodes[node].jobs.insert(number)
        let isRelease =
            switch phase {
            case .releasing, .released: true
            case .preparing, .prepared, .preparationFailed, .preparationLost: false
            }
        let record = nodes[node].record
        writes.append(
            .putNodeJob(
                NodeJobRecord(
                    job: number, pool: record.pool, node: record.id, boot: record.boot, isRelease: isRelease,
                    attempt: attempt, result: result)))
    }

    mutating func preparationExited(_ work: WorkID, on node: Int, _ result: AttemptResult, at now: Moment) {
        let number = UInt32(truncatingIfNeeded: work.key)
        guard let state = jobs[number]?.nodes[node], state.phase == .preparing, state.attempt == work.attempt
        else { return }
        jobs[number]?.nodes[node]?.waiting = []
        setPhase(
            result.isSuccess ? .prepared : .preparationFailed, of: number, on: node, attempt: work.attempt,
            result: result)
        for ordinal in result.isSuccess ? state.waiting : state.waiting.reversed() {
            let key = TaskKey(job: number, ordinal: ordinal)
            // Given back meanwhile, when the pool was deleted.
            guard nodes[node].tasks.contains(key) else { continue }
            if result.isSuccess, jobs[number]?.tasks[Int(ordinal)].flags.contains(.requeueing) == false {
                sendTask(key, to: node)
            } else {
                // The node is of no use to this job; another may be. The attempt never ran, so it keeps its number.
                takeBack(key, from: node, at: now)
            }
        }
        finishDisabling(number, at: now)
        completeIfDone(number, at: now)
    }

    /// The job ends, and with it what prepares nodes for it: that would write among the files of a later job of the
    /// same id. True while any of it may be alive.
    mutating func endPreparations(of number: UInt32) -> Bool {
        guard let job = jobs[number], job.rules.hasPreparation else { return false }
        var isAny = false
        for node in job.nodes.keys.sorted() {
            guard let state = job.nodes[node], state.phase == .preparing, !nodes[node].isGone else {
                continue
            }
            let work = WorkID(kind: .jobPreparation, key: Int64(number), attempt: state.attempt)
            if nodes[node].returnedWork.remove(work) != nil {
                givePreparationUp(work, on: node)
                continue
            }
            isAny = true
            if state.isEnding { continue }
            job.nodes[node]?.isEnding = true
            effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
        }
        return isAny
    }

    /// It was given back, and its job has ended meanwhile.
    private mutating func givePreparationUp(_ work: WorkID, on node: Int) {
        let number = UInt32(truncatingIfNeeded: work.key)
        let result = AttemptResult(exit: .none, failure: .endedByUser, startTime: now.wall, endTime: now.wall)
        setPhase(.preparationFailed, of: number, on: node, attempt: work.attempt, result: result)
    }

    /// True when no release is left to wait for; starts those that have not been started.
    mutating func releaseNodes(of number: UInt32) -> Bool {
        guard let job = jobs[number], job.rules.hasRelease else { return true }
        var isDone = true
        for node in job.nodes.keys.sorted() {
            guard let state = job.nodes[node], !nodes[node].isGone else { continue }
            switch state.phase {
            // A silent node may speak again, or be lost; both come back here.
            case .prepared where nodes[node].record.state.isSchedulable && nodes[node].silentSince != nil:
                isDone = false
            case .prepared where nodes[node].record.state.isSchedulable:
                setPhase(.releasing, of: number, on: node, attempt: 1, result: nil)
                let work = WorkID(kind: .jobRelease, key: Int64(number), attempt: 1)
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
            if work.kind == .jobPreparation {
                completeIfDone(UInt32(truncatingIfNeeded: work.key), at: now)
            }
            return
        }
        let reason = nodes[node].startTrouble?.reason ?? "it was given back"
        let failure = FailureInfo(
            category: .serverError, code: "NodeCannotStartWork",
            message: "\(nodes[node].record.id) could not start it: \(reason)")
        releaseExited(
            work, on: node,
            AttemptResult(exit: .none, failure: failure, startTime: now.wall, endTime: now.wall), at: now)
    }

    /// However a release ends, the job goes on to its own end.
    mutating func releaseExited(_ work: WorkID, on node: Int, _ result: AttemptResult, at now: Moment) {
        let number = UInt32(truncatingIfNeeded: work.key)
        guard let state = jobs[number]?.nodes[node], state.phase == .releasing, state.attempt == work.attempt
        else { return }
        setPhase(.released, of: number, on: node, attempt: work.attempt, result: result)
        completeIfDone(number, at: now)
    }

    /// What runs beside it may not be what killed the node.
    func runsPreparation(_ node: Int) -> Bool {
        nodes[node].jobs.contains { jobs[$0]?.nodes[node]?.phase == .preparing }
    }

    /// The node is gone: a preparation that ran there runs anew when the job comes back, unless it has seen the node
    /// die too often, when it is taken for failed; a release is given up.
    mutating func loseNodeWork(of node: Int, blame: UInt8 = 0, at now: Moment) {
        for number in nodes[node].jobs.sorted() {
            guard let state = jobs[number]?.nodes[node] else { continue }
            let result = AttemptResult(
                exit: .none, failure: .nodeLost, startTime: now.wall, endTime: now.wall)
            switch state.phase {
            case .preparing:
                jobs[number]?.nodes[node]?.waiting = []
                jobs[number]?.nodes[node]?.blame = state.blame + blame
                let isGivenUp = state.blame + blame >= Limits.maximumBlame
                setPhase(
                    isGivenUp ? .preparationFailed : .preparationLost, of: number, on: node,
                    attempt: state.attempt, result: isGivenUp ? .losingNodes(at: now) : result)
            case .releasing:
                setPhase(.released, of: number, on: node, attempt: state.attempt, result: result)
                completeIfDone(number, at: now)
            case .prepared, .preparationFailed, .preparationLost, .released: break
            }
        }
    }
}

extension AttemptResult {
    /// Of a preparation that may be what kills its node.
    fileprivate static func losingNodes(at now: Moment) -> AttemptResult {
        let failure = FailureInfo(
            category: .serverError, code: "PreparationLosesNodes",
            message: "the node was lost again and again while it ran, so it is not run there again")
        return AttemptResult(exit: .none, failure: failure, startTime: now.wall, endTime: now.wall)
    }
}
