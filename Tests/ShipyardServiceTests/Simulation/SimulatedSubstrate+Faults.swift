import ShipyardEngine
import ShipyardModel
import ShipyardService

// What goes wrong on nodes, and what they do about directories.

extension SimulatedSubstrate {
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
            report(.workReturned(handle(of: name), work), from: name)
        case .removalEnds(let id):
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            endRemoval(id, on: name)
        case .troubleEnds:
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            guard agents[name]?.trouble != nil else { return }
            agents[name]?.trouble = nil
            report(.nodeCanStartWork(handle(of: name)), from: name)
        case .silenceIsNoticed:
            guard agents[name]?.isStopped == true, let node = handles[name] else { return }
            tell(.nodeSilent(node), after: 0)
        case .resumes: resume(name)
        case .isGivenUp:
            if agents[name]?.isStopped == true { killAgent(name, reason: "it was silent for too long") }
        case .timeIsOver(let work):
            if agents[name]?.isStopped == true { return self.act(act, on: name, after: 5) }
            guard let running = agents[name]?.running[work], running.ending == nil,
                !running.isUploading
            else { return }
            agents[name]?.running[work]?.ending = .overWallTime(running.work.template.maxWallTime ?? .zero)
            end(work, on: name, started: running.started)
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
        agents[name]?.unread = []
        agents[name]?.unseenEnds = []
        if let node = handles[name] {
            tell(.nodeHeard(node), after: 0)
            // For a connection that was made meanwhile and had no answer.
            tell(.nodeConnected(node, running: [], queued: []), after: 1)
        }
        for order in agent.unread where agents[name]?.isAlive == true { obey(order, on: name) }
        for (work, started) in agent.unseenEnds { end(work, on: name, started: started) }
    }

    // MARK: Work that is not started

    func take(_ work: WorkAssignment, on name: NodeName) {
        guard let agent = agents[name], !agent.knows(work.id) else { return }
        if agent.trouble != nil {
            agents[name]?.held.append(work)
            return act(.returns(work.id), on: name, after: 0)
        }
        if work.id.kind == .task, random.chance(scenario.returnPercent) {
            agents[name]?.held.append(work)
            return act(.returns(work.id), on: name, after: delay(20))
        }
        agents[name]?.queued.append(work)
    }

    /// Its files cannot be put in place, so its command never begins.
    func failsStaging(_ work: WorkAssignment, on name: NodeName) -> Bool {
        guard work.id.kind == .task, random.chance(scenario.stagingFailurePercent) else { return false }
        ledger.failedBeforeItBegan(work.id)
        let now = moment.wall
        let outcome = Outcome.stagingFailed(.unknown, "a file to put in place is not there")
        exit(work.id, AttemptResult(outcome, at: now), on: name)
        return true
    }

    func troubleAnAgent(for milliseconds: Int64) {
        guard let name = someLivingAgent(), agents[name]?.trouble == nil else { return }
        agents[name]?.trouble = "the disk is full"
        report(.nodeCannotStartWork(handle(of: name), reason: "the disk is full"), from: name)
        for work in agents[name]?.queued ?? [] {
            agents[name]?.held.append(work)
            act(.returns(work.id), on: name, after: 0)
        }
        agents[name]?.queued = []
        act(.troubleEnds, on: name, after: milliseconds)
    }

    // MARK: Directories

    func makeDirectory(of work: WorkAssignment, on name: NodeName) {
        guard work.id.kind == .task else { return }
        let path = "\(work.template.job?.text ?? "?")/\(work.task ?? "?")"
        let key = TaskKey(rawValue: work.id.key)
        if let owner = agents[name]?.directories[path] {
            ledger.expect(owner == key, "task \(key) finds files of task \(owner) in \(path)")
        }
        agents[name]?.directories[path] = key
        lives[work.id] = agents[name]?.life
    }

    func removeFiles(_ id: RemovalID, _ owner: FilesOwner, on name: NodeName) {
        let path = owner.task.map { "\(owner.job)/\($0)" } ?? owner.job.text
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
        case .removed: report(.filesRemoved(handle(of: name), id), from: name)
        case .failed:
            let failure = RemovalFailure(path: "/x", reason: "Operation not permitted")
            report(.filesNotRemoved(handle(of: name), id, failure), from: name)
        }
    }

    func forgetRemoval(_ id: RemovalID, on name: NodeName) {
        if case .underWay = agents[name]?.removals[id] {
            ledger.expect(false, "\(id) is forgotten before it was answered")
        }
        agents[name]?.removals[id] = nil
    }
}
