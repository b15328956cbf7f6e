import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardService

// What goes wrong on nodes, and what they do about directories.

extension SimulatedWorld {
    func act(_ act: AgentAct, on name: NodeName, after milliseconds: Int64) {
        guard let boot = agents[name]?.boot else { return }
        schedule(.agent(name, boot: boot, act), after: milliseconds)
    }

    func happen(_ act: AgentAct, on name: NodeName) {
        switch act {
        case .returns(let work):
            guard agents[name]?.held.contains(where: { $0.id == work }) == true else { return }
            // A stopped agent does it when it goes on.
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            agents[name]?.held.removeAll { $0.id == work }
            report(.returned(work), from: name)
        case .removalEnds(let id):
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            endRemoval(id, on: name)
        case .troubleEnds:
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            guard agents[name]?.trouble != nil else { return }
            agents[name]?.trouble = nil
            report(.canStartWork, from: name)
        case .silenceIsNoticed:
            guard agents[name]?.isStopped == true, let node = handles[name] else { return }
            tell(.nodeSilent(node), after: 0)
        case .resumes: resume(name)
        case .isGivenUp:
            if agents[name]?.isStopped == true { killAgent(name, reason: "it was silent for too long") }
        }
    }

    private func someLivingAgent() -> NodeName? {
        let living = agents.keys.sorted().filter {
            agents[$0]?.isAlive == true && agents[$0]?.isStopped == false
        }
        return living.randomElement(using: &random)
    }

    // MARK: Silence

    func stopAnAgent(for milliseconds: Int64, isGivenUp: Bool) {
        guard let name = someLivingAgent() else { return }
        agents[name]?.isStopped = true
        act(.silenceIsNoticed, on: name, after: 20)
        act(isGivenUp ? .isGivenUp : .resumes, on: name, after: milliseconds)
    }

    private func resume(_ name: NodeName) {
        guard let agent = agents[name], agent.isStopped else { return }
        agents[name]?.isStopped = false
        agents[name]?.unheard = []
        agents[name]?.unseenEnds = []
        if let node = handles[name] {
            tell(.nodeHeard(node), after: 0)
            // For a connection that was made meanwhile and had no answer.
            tell(
                .message(
                    node,
                    .welcome(
                        state: Self.state, life: Self.life, boot: 0, processID: 0, running: [], queued: [])),
                after: 1)
        }
        for message in agent.unheard where agents[name]?.isAlive == true { deliver(message, to: name) }
        for (work, started) in agent.unseenEnds { end(work, on: name, started: started) }
    }

    // MARK: Work that is not started

    func take(_ order: WorkOrder, on name: NodeName) {
        guard let agent = agents[name], !agent.knows(order.id) else { return }
        if agent.trouble != nil {
            agents[name]?.held.append(order)
            return act(.returns(order.id), on: name, after: 0)
        }
        if order.id.kind == .task, random.chance(scenario.returnPercent) {
            agents[name]?.held.append(order)
            return act(.returns(order.id), on: name, after: delay(20))
        }
        agents[name]?.queued.append(order)
    }

    func troubleAnAgent(for milliseconds: Int64) {
        guard let name = someLivingAgent(), agents[name]?.trouble == nil else { return }
        agents[name]?.trouble = "the disk is full"
        report(.cannotStartWork(reason: "the disk is full"), from: name)
        for order in agents[name]?.queued ?? [] {
            agents[name]?.held.append(order)
            act(.returns(order.id), on: name, after: 0)
        }
        agents[name]?.queued = []
        act(.troubleEnds, on: name, after: milliseconds)
    }

    // MARK: Directories

    private func path(of order: WorkOrder, on name: NodeName) -> String {
        (agents[name]?.contexts[order.context] ?? "?") + "/" + order.name
    }

    func makeDirectory(of order: WorkOrder, on name: NodeName) {
        guard order.id.kind == .task else { return }
        let (path, key) = (path(of: order, on: name), TaskKey(rawValue: order.id.key))
        if let owner = agents[name]?.directories[path] {
            ledger.expect(owner == key, "task \(key) finds files of task \(owner) in \(path)")
        }
        agents[name]?.directories[path] = key
        lives[order.id] = agents[name]?.life
    }

    func removeDirectory(_ id: RemovalID, _ path: String, on name: NodeName) {
        if let known = agents[name]?.removals[id] { return answer(id, known, from: name) }
        let moved = (agents[name]?.directories ?? [:]).filter {
            $0.key == path || $0.key.hasPrefix(path + "/")
        }
        for (directory, key) in moved {
            ledger.expect(
                id == RemovalID(key) || id == RemovalID(job: key.job),
                "\(id) takes \(directory) of task \(key)")
            agents[name]?.directories[directory] = nil
        }
        agents[name]?.removals[id] = .underWay
        act(.removalEnds(id), on: name, after: delay(30))
    }

    func goOnWithRemovals(on name: NodeName) {
        for (id, removal) in (agents[name]?.removals ?? [:]).sorted(by: { $0.key < $1.key }) {
            if case .underWay = removal { act(.removalEnds(id), on: name, after: delay(30)) }
        }
    }

    private func endRemoval(_ id: RemovalID, on name: NodeName) {
        guard case .underWay = agents[name]?.removals[id] else { return }
        let removal: FakeAgent.Removal = random.chance(scenario.removalFailurePercent) ? .failed : .removed
        agents[name]?.removals[id] = removal
        answer(id, removal, from: name)
        // Now and then it says so twice.
        if random.chance(20) { answer(id, removal, from: name) }
    }

    func answer(_ id: RemovalID, _ removal: FakeAgent.Removal, from name: NodeName) {
        switch removal {
        case .underWay: break
        case .removed: report(.directoryRemoved(id), from: name)
        case .failed:
            report(.directoryNotRemoved(id, path: "/x", reason: "Operation not permitted"), from: name)
        }
    }

    func forgetRemoval(_ id: RemovalID, on name: NodeName) {
        if case .underWay = agents[name]?.removals[id] {
            ledger.expect(false, "\(id) is forgotten before it was answered")
        }
        agents[name]?.removals[id] = nil
    }
}
