import ShipyardModel

// Nodes that are silent, that cannot start work, or whose agents die.

extension Engine {
    /// Its tasks are left to it: they may well run, and must not run twice. The substrate says before long that the
    /// node was heard of, or that it is lost and nothing of it is alive.
    mutating func nodeSilent(_ handle: NodeHandle, at now: Moment) {
        // Also where no agent was reached: it may live all the same.
        guard !nodes[handle.index].isGone, timers[.nodeRelaunch(handle.index)] == nil else { return }
        nodes[handle.index].silentSince = nodes[handle.index].silentSince ?? now.wall
    }

    mutating func nodeHeard(_ handle: NodeHandle, at now: Moment) {
        let node = handle.index
        guard nodes[node].silentSince != nil else { return }
        nodes[node].silentSince = nil
        poolsToSchedule.insert(nodes[node].record.pool)
        goOnWithJobs(on: node, at: now)
    }

    /// Jobs that end may have waited for what this node does about their release.
    mutating func goOnWithJobs(on node: Int, at now: Moment) {
        for number in nodes[node].jobs.sorted() {
            // The end of one may delete a pool, and with it the node's part in another.
            if let job = jobs[number] { completeIfDone(job, at: now) }
        }
    }

    mutating func nodeCannotStartWork(_ handle: NodeHandle, _ reason: String, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone, nodes[node].isConnected else { return }
        guard nodes[node].startTrouble == nil else {
            nodes[node].startTrouble?.reason = reason
            return
        }
        nodes[node].startTrouble = StartTrouble(reason: reason)
        timers.set(.nodeTroubleLasting(node), at: now.steady + Limits.lastingTrouble)
    }

    mutating func nodeCanStartWork(_ handle: NodeHandle) {
        let node = handle.index
        guard nodes[node].startTrouble != nil else { return }
        endTrouble(of: node)
        let returned = nodes[node].returnedWork.sorted {
            ($0.kind.rawValue, $0.key) < ($1.kind.rawValue, $1.key)
        }
        nodes[node].returnedWork = []
        for work in returned { effects.append(.startWork(handle, work)) }
        poolsToSchedule.insert(nodes[node].record.pool)
    }

    /// A new connection tells all of it anew.
    mutating func forgetTrouble(of node: Int) {
        nodes[node].silentSince = nil
        nodes[node].returnedWork = []
        endTrouble(of: node)
    }

    private mutating func endTrouble(of node: Int) {
        timers.cancel(.nodeTroubleLasting(node))
        nodes[node].startTrouble = nil
    }

    /// A user's cure for whatever it is: the agent is ended with its work, which runs again, and a new one comes
    /// at once, also where the pause before it was long.
    mutating func rebootNode(_ handle: NodeHandle, at now: Moment) {
        let node = handle.index
        guard !nodes[node].isGone, nodes[node].record.state != .leavingPool else { return }
        if timers[.nodeRelaunch(node)] != nil {
            nodes[node].relaunch.goodNews()
            timers.cancel(.nodeRelaunch(node))
            launch(node)
        } else if nodes[node].isConnected {
            nodes[node].relaunch.isAsked = true
            effects.append(.shutDownNode(handle))
        }
    }

    // MARK: Outdated agents

    mutating func setOutdated(_ node: Int, _ isOutdated: Bool) {
        nodes[node].isOutdated = isOutdated
        if isOutdated { outdatedNodes.insert(node) } else { outdatedNodes.remove(node) }
    }

    func startTaskIsUnderWay(on node: Int) -> Bool {
        let record = nodes[node].record
        guard record.startTaskAttempt > 0, record.startTaskResult == nil else { return false }
        return record.state == .waitingForStartTask || record.state.isSchedulable
    }

    /// Those that have nothing left are started anew, as a user would reboot them.
    mutating func replaceOutdatedNodes() {
        for node in outdatedNodes.sorted() {
            let entry = nodes[node]
            guard entry.isConnected, !entry.relaunch.isAsked, entry.record.state != .leavingPool,
                entry.tasks.isEmpty, nodeWork(of: node).isEmpty, !startTaskIsUnderWay(on: node)
            else { continue }
            nodes[node].relaunch.isAsked = true
            effects.append(.shutDownNode(NodeHandle(index: node)))
        }
    }

    /// After a loss: the next agent, at once or after a pause.
    mutating func planRelaunch(of node: Int, at now: Moment) {
        let pause = nodes[node].relaunch.lost(at: now.steady)
        nodes[node].record.boot += 1
        nodes[node].record.startTaskResult = nil
        setState(of: node, nodes[node].relaunch.isUnusable(at: now.steady) ? .unusable : .rebooting, at: now)
        save(node)
        guard pause > .zero else { return effects.append(.launchNode(NodeHandle(index: node))) }
        timers.set(.nodeRelaunch(node), at: now.steady + pause)
    }

    mutating func launch(_ node: Int) {
        guard !nodes[node].isGone, nodes[node].record.state != .leavingPool else { return }
        effects.append(.launchNode(NodeHandle(index: node)))
    }
}
