import ShipyardModel

extension Engine {
    mutating func setState(of node: Int, _ state: NodeState, at now: Moment) {
        guard nodes[node].record.state != state else { return }
        nodes[node].record.state = state
        nodes[node].record.stateTransitionTime = now.wall
        save(node)
        if state.isSchedulable { poolsToSchedule.insert(nodes[node].record.pool) }
    }

    /// Idle and running are told apart by the work given, in memory only: writing each change would cost a
    /// row for each task.
    mutating func updateOccupancy(of node: Int) {
        guard nodes[node].record.state.isSchedulable else { return }
        nodes[node].record.state = nodes[node].tasks.isEmpty ? .idle : .running
    }

    mutating func connect(
        _ handle: NodeHandle, _ running: [WorkID], _ queued: [WorkID], isOutdated: Bool, at now: Moment
    ) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        nodes[node].isConnected = true
        nodes[node].relaunch.diedWithTheMachine = false
        nodes[node].relaunch.connectedSince = now.steady
        forgetTrouble(of: node)
        setOutdated(node, isOutdated)
        askForRemovals(on: node)
        endUnknownWork(on: node, running + queued)
        switch nodes[node].record.state {
        case .creating, .starting, .rebooting, .waitingForStartTask, .startTaskFailed, .unknown, .offline,
            .unusable:
            // What an outdated agent has not begun is for the next one.
            if !isOutdated || startTaskIsUnderWay(on: node) { boot(node, at: now) }
        case .idle, .running, .leavingPool:
            resume(node, running, queued)
        case .preempted: break
        }
        if nodes[node].record.state == .leavingPool { removeIfDrained(node) }
        // It may not have heard it, and gets nothing to do until it has left.
        if nodes[node].relaunch.isAsked { effects.append(.shutDownNode(handle)) }
    }

    /// Starts the start task, or makes the node idle. Sending a start task that already runs does no harm:
    /// the agent knows its attempt and ignores the second order.
    private mutating func boot(_ node: Int, at now: Moment) {
        guard nodes[node].record.state != .startTaskFailed, let pool = pools[nodes[node].record.pool] else {
            return
        }
        guard pool.rules.hasStartTask else { return setState(of: node, .idle, at: now) }
        if nodes[node].record.startTaskResult?.isSuccess == true,
            nodes[node].record.state == .waitingForStartTask
        {
            return setState(of: node, .idle, at: now)
        }
        sendStartTask(to: node, isNew: nodes[node].record.state != .waitingForStartTask, at: now)
    }

    /// Its latest attempt.
    private func startTask(of node: Int) -> WorkID {
        WorkID(kind: .startTask, key: 0, attempt: nodes[node].record.startTaskAttempt)
    }

    private mutating func sendStartTask(to node: Int, isNew: Bool, at now: Moment) {
        if isNew {
            nodes[node].record.startTaskAttempt += 1
            nodes[node].record.startTaskResult = nil
        }
        let waits = pools[nodes[node].record.pool]?.rules.waitsForStartTask ?? true
        let work = startTask(of: node)
        setState(of: node, waits ? .waitingForStartTask : .idle, at: now)
        save(node)
        effects.append(.startWork(NodeHandle(index: node), work))
    }

    mutating func startTaskExited(_ work: WorkID, on node: Int, _ result: AttemptResult, at now: Moment) {
        guard work == startTask(of: node), nodes[node].record.startTaskResult == nil,
            let pool = pools[nodes[node].record.pool]
        else { return }
        nodes[node].record.startTaskResult = result
        save(node)
        guard nodes[node].record.state != .leavingPool else { return }
        if result.isSuccess {
            nodes[node].relaunch.goodNews()
            return setState(of: node, nodes[node].tasks.isEmpty ? .idle : .running, at: now)
        }
        let attempts = Int(nodes[node].record.startTaskAttempt)
        // What is not there was not waited for: without end, that would be a loop without a pause.
        switch result.outcome {
        case .notStarted(.secretMissing, _), .notStarted(.taskFilesMissing, _):
            if pool.rules.waitsForStartTask { setState(of: node, .startTaskFailed, at: now) }
            return
        default: break
        }
        if pool.rules.startTaskRetries < 0 || attempts <= pool.rules.startTaskRetries {
            return sendStartTask(to: node, isNew: true, at: now)
        }
        if pool.rules.rebootsOnStartTaskFailed, !nodes[node].hasRebootedForStartTask {
            nodes[node].hasRebootedForStartTask = true
            return sendStartTask(to: node, isNew: true, at: now)
        }
        if pool.rules.waitsForStartTask { setState(of: node, .startTaskFailed, at: now) }
    }

    /// The service came back to a living agent: whatever was given to the node and is not known there never
    /// arrived, and is sent again under the same number. An exit on its way is not disturbed by that, because
    /// the agent ignores orders for work whose exit is not acknowledged.
    private mutating func resume(_ node: Int, _ running: [WorkID], _ queued: [WorkID]) {
        let runs = Set(running)
        let waits = Set(queued)
        for key in nodes[node].tasks.sorted() {
            let job = entry(key.job)
            let work = work(of: key.ordinal, of: job)
            if runs.contains(work) {
                taskStarted(key.ordinal, of: job)
            } else if waits.contains(work), job.tasks[Int(key.ordinal)].state == .preparing {
                setQueued(key.ordinal, of: job, true)
            } else if !waits.contains(work), !waitsForPreparation(key.ordinal, of: job, on: node) {
                effects.append(.startWork(NodeHandle(index: node), work))
            }
            if !job.tasks[Int(key.ordinal)].flags.isDisjoint(with: [.ending, .requeueing]) {
                effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
            }
        }
        for (job, work) in nodeWork(of: node) {
            if !runs.contains(work), !waits.contains(work) {
                effects.append(.startWork(NodeHandle(index: node), work))
            }
            if job.nodes[node]?.isEnding == true {
                effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
            }
        }
        if nodes[node].record.startTaskAttempt > 0, nodes[node].record.startTaskResult == nil {
            let work = startTask(of: node)
            if !runs.contains(work) { effects.append(.startWork(NodeHandle(index: node), work)) }
        }
        poolsToSchedule.insert(nodes[node].record.pool)
    }

    /// What the agent has and was not given to this node, or has ended: work of a state that was not kept. Left alone
    /// it would hold its slots, and an order that gets its number would be taken for it.
    private mutating func endUnknownWork(on node: Int, _ present: [WorkID]) {
        guard !present.isEmpty else { return }
        var known = Set(nodeWork(of: node).map(\.1))
        for key in nodes[node].tasks { known.insert(work(of: key.ordinal, of: entry(key.job))) }
        if nodes[node].record.startTaskResult == nil {
            known.insert(startTask(of: node))
        }
        for work in present where !known.contains(work) {
            effects.append(.killWork(NodeHandle(index: node), work, .endedByUser))
        }
    }

    /// Job preparations and releases that should be running on a node.
    func nodeWork(of node: Int) -> [(JobEntry, WorkID)] {
        nodes[node].jobs.sorted().compactMap { number in
            let job = entry(number)
            guard let state = job.nodes[node] else { return nil }
            switch state.phase {
            case .preparing:
                return (job, WorkID(kind: .jobPreparation, key: Int64(number), attempt: state.attempt))
            case .releasing:
                return (job, WorkID(kind: .jobRelease, key: Int64(number), attempt: state.attempt))
            case .prepared, .preparationFailed, .preparationLost, .released: return nil
            }
        }
    }

    mutating func nodeLost(_ handle: NodeHandle, reason: String, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        dropOrders(for: handle)
        // Told twice: there was no agent to lose.
        guard timers[.nodeRelaunch(node)] == nil else { return }
        let blame = nodes[node].blameForLoss
        nodes[node].isConnected = false
        forgetTrouble(of: node)
        setOutdated(node, false)
        giveBackTasks(of: node, .died, reason: reason, blame: blame, at: now)
        loseNodeWork(of: node, blame: blame, at: now)
        if nodes[node].record.state == .leavingPool { return askForRemoval(ofNode: node) }
        planRelaunch(of: node, at: now)
        goOnWithJobs(on: node, at: now)
    }

    /// What was decided earlier in this turn for a node that is now lost must not reach its next agent, which
    /// would run it under a number that has ended.
    private mutating func dropOrders(for handle: NodeHandle) {
        effects.removeAll { effect in
            switch effect {
            case .startWork(let node, _), .killWork(let node, _, _), .removeFiles(let node, _, _),
                .forgetRemoval(let node, _), .shutDownNode(let node):
                node == handle
            case .launchNode, .removeNode, .verifyPoolRemoved, .findOldFiles, .startRun: false
            }
        }
    }

    mutating func nodeRemoved(_ handle: NodeHandle, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone else { return }
        dropOrders(for: handle)
        nodes[node].isGone = true
        nodes[node].removals = [:]
        timers.cancel(.nodeRelaunch(node))
        forgetTrouble(of: node)
        setOutdated(node, false)
        let pool = nodes[node].record.pool
        giveBackTasks(of: node, .left, reason: "the node left its pool", at: now)
        loseNodeWork(of: node, at: now)
        goOnWithJobs(on: node, at: now)
        pools[pool]?.nodes.removeAll { $0 == node }
        writes.append(.deleteNode(pool, nodes[node].record.id))
        updateAllocation(of: pool)
        writes.append(contentsOf: pools[pool].map { [.putPool($0.record)] } ?? [])
        askForRemoval(of: pool)
    }
}
