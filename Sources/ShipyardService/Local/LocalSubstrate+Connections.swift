import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardSystem

// One node's agent: reached, greeted, asked, lost. docs/adr/0010 has the rules.

extension LocalSubstrate {
    /// A launch that fails for want of something is tried again this often before the node is told lost.
    private static let launchAttempts = 6
    /// An agent that closes this many connections in a row without a word does not know our protocol: one of our
    /// own answers a hello. Some seconds, with the pauses between them.
    private static let wordlessEndLimit = 8

    // MARK: Steps

    func take(_ step: NodeLink.Step, for handle: NodeHandle) {
        guard let link = links[handle], !link.isBusy else { return }
        let root = link.root
        switch step {
        case .launch:
            let node = link.description
            var options = NodeAgentOptions(
                root: root, pool: node.pool.text, node: node.id.text, boot: node.boot,
                slots: node.slots, isDedicated: node.isDedicated, state: lives.state,
                life: lives.present)
            options.token = node.token?.token
            options.versions = settings.versions
            inBackground(for: handle) { [reach, options, transport = link.transport] in
                reach.launch(options, over: transport)
            }
        case .connect:
            inBackground(for: handle) { [reach, transport = link.transport, launched = link.launched] in
                reach.connect(to: root, over: transport, for: .zero, launched: launched)
            }
        }
    }

    func settle(_ outcome: AgentReach.Outcome, for node: NodeHandle) {
        guard let link = links[node] else {
            if case .connected(let stream, _) = outcome { close(stream) }
            return
        }
        link.isBusy = false
        switch outcome {
        case .connected(let stream, _): greet(node, stream)
        case .lost(let reason, let exits):
            log("node \(link.root) is lost: \(reason)")
            drop(node)
            tell(.nodeLost(node, reason: reason, exits: exits))
        case .notLaunched(let error):
            guard link.failures + 1 < Self.launchAttempts else {
                let reason = "its agent cannot be started: \(error)"
                return settle(.lost(reason: reason, exits: []), for: node)
            }
            retry(.launch, for: node, after: error)
        case .unreachable(let error, _): retry(.connect, for: node, after: error)
        case .strangerRemoved(let aside):
            if let aside { inBackground { _ = NodeTeardown.run(roots: [aside], grace: .zero) } }
            guard link.hasSpoken else { return take(.launch, for: node) }
            // What the state says of the node was true of what is gone: start task, job preparations, all.
            settle(.lost(reason: "its agent was not of this state", exits: []), for: node)
        }
    }

    private func retry(_ step: NodeLink.Step, for node: NodeHandle, after error: SystemError?) {
        guard let link = links[node] else { return }
        if let error, error != link.toldFailure {
            log("node \(link.root): \(error); tried again")
            link.toldFailure = error
        }
        let pause = NodeLink.pauseMicroseconds(afterFailures: link.failures)
        link.failures += 1
        link.retry = (step, SystemClock.monotonicMicroseconds() + pause)
        retrying.insert(node)
    }

    // MARK: Talking

    private func greet(_ node: NodeHandle, _ stream: AgentStream) {
        guard let link = links[node] else { return close(stream) }
        let connection = AgentConnection(
            owning: FileDescriptor(owning: stream.descriptor), speaking: settings.versions)
        link.connection = connection
        link.carrier = stream.carrier?.processID
        link.connectedAt = clock.milliseconds
        link.isGreeted = false
        handles[connection.fileDescriptor] = node
        poller.add(connection.fileDescriptor)
        connection.greet(lives.state, lives.present, isGreeting: link.wordlessEnds.isMultiple(of: 2))
        flush(node)
    }

    /// Reads what an agent has sent. Nothing when the descriptor is no agent's.
    func readable(_ fileDescriptor: Int32) {
        if let carrier = carriersByErrors[fileDescriptor] { return readErrors(of: carrier) }
        guard let node = handles[fileDescriptor], let connection = links[node]?.connection else { return }
        do throws(ConnectionError) {
            let (messages, isClosed) = try connection.readMessages()
            for message in messages where !receive(message, from: node) { return }
            if isClosed { return disconnected(node) }
            if connection.wantsToWrite { flush(node) }
        } catch {
            log("node \(links[node]?.root ?? "?"): \(error)")
            if case .wire(.unsupportedVersion) = error { return replaceForeign(node) }
            disconnected(node)
        }
    }

    /// False when the connection is of no more use.
    private func receive(_ message: AgentMessage, from node: NodeHandle) -> Bool {
        if case .welcome(let welcome) = message { return take(welcome, from: node) }
        heard(node)
        switch message {
        case .welcome, .pong: break
        case .started(let work, _):
            transfers.forget(work)
            tell(.workStarted(node, work))
        case .exited(let sequence, let work, let result):
            transfers.forget(work)
            tellExit(work, result, sequence, from: node)
        case .returned(let work):
            transfers.forget(work)
            tell(.workReturned(node, work))
        // No event: it is nobody's business but of those who look.
        case .transferring(let work, let progress): transfers.tell(progress, of: work, on: node)
        case .directoryRemoved(let id): tell(.filesRemoved(node, id))
        case .directoryNotRemoved(let id, let path, let reason):
            tell(.filesNotRemoved(node, id, RemovalFailure(path: path, reason: reason)))
        case .cannotStartWork(let reason): tell(.nodeCannotStartWork(node, reason: reason))
        case .canStartWork: tell(.nodeCanStartWork(node))
        }
        return true
    }

    private func take(_ welcome: Welcome, from node: NodeHandle) -> Bool {
        guard let link = links[node] else { return false }
        guard settings.versions.includes(welcome.version) else {
            replaceForeign(node)
            return false
        }
        link.connection?.version = welcome.version
        guard lives.know(welcome.life, of: welcome.state) else {
            removeStranger(node, whose(welcome))
            return false
        }
        // One that is older than tokens cannot tell.
        guard welcome.version == ProtocolVersions.beforeGreetings || isExpected(welcome.token, on: link)
        else {
            removeStranger(
                node, "another node or an earlier time: it is not the one that was started here last")
            return false
        }
        link.connection?.send(.accept)
        link.isGreeted = true
        link.hasSpoken = true
        link.toldFailure = nil
        link.wordlessEnds = 0
        link.launched = nil
        contexts.forget(node)
        unflushed.insert(node)
        heard(node)
        let isOutdated = welcome.version < settings.versions.newest
        if isOutdated { log("node \(link.root): its agent is of an older version; it gets no new work") }
        tell(
            .nodeConnected(
                node, running: welcome.running, queued: welcome.queued, isOutdated: isOutdated))
        return true
    }

    private func isExpected(_ token: AgentToken?, on link: NodeLink) -> Bool {
        link.description.token.map { $0.isDigest(of: token) } ?? (token == nil)
    }

    private func whose(_ welcome: Welcome) -> String {
        welcome.state == lives.state
            ? "this state as it was before an older copy was put back"
            : "the state \(welcome.state.text) and not to this one"
    }

    private func heard(_ node: NodeHandle) {
        guard let link = links[node] else { return }
        link.heardAt = clock.milliseconds
        link.failures = 0
        guard link.isSilent else { return }
        link.isSilent = false
        log("node \(link.root) answers again")
        tell(.nodeHeard(node))
    }

    /// The connection is gone. The agent mostly is, too; should it live, it is reached again.
    func disconnected(_ node: NodeHandle) {
        guard let link = links[node], link.connection != nil else { return }
        let (wasGreeted, carrier) = (link.isGreeted, link.carrier)
        hangUp(node)
        if wasGreeted { return take(.connect, for: node) }
        // Whether the agent has said nothing, or was not reached at all, is known when the process has ended.
        if let carrier { return link.endedCarrier = carrier }
        endedWithoutAWord(node)
    }

    func endedWithoutAWord(_ node: NodeHandle) {
        guard let link = links[node] else { return }
        link.wordlessEnds += 1
        if link.wordlessEnds >= Self.wordlessEndLimit { return replaceForeign(node) }
        retry(.connect, for: node, after: nil)
    }

    /// The agent was not reached: that says nothing about it.
    func wayFailed(_ node: NodeHandle) { retry(.connect, for: node, after: nil) }

    // MARK: Ends

    /// The agent outlived a service of another version and does not understand this one. Nothing can be asked of
    /// it, not even to leave, so it is ended with what it runs, and the node begins anew.
    private func replaceForeign(_ node: NodeHandle) {
        lose(node, "its agent is of another version of the program")
    }

    private func lose(_ node: NodeHandle, _ reason: String) {
        guard let root = links[node]?.root else { return }
        log("node \(root): \(reason); what it runs is ended")
        hangUp(node)
        inBackground(for: node) { [reach] in reach.lose(root, reason: reason) }
    }

    /// The node's directory has an agent of a state file that is not ours any more, or of ours as it went on before
    /// a copy of it was put back.
    private func removeStranger(_ node: NodeHandle, _ whose: String) {
        guard let link = links[node] else { return }
        log("node \(link.root): its agent belongs to \(whose); it is removed")
        link.connection?.send(.shutDown)
        flush(node)
        hangUp(node)
        let root = link.root
        inBackground(for: node) { AgentReach.removeStranger(root) }
    }

    // MARK: Time

    /// When `timePassed` has something to do, in monotonic microseconds.
    package var nextMoment: Int64? {
        let carriers = nextLookAfterCarriers ?? .max
        guard !links.isEmpty || carriers < .max else { return nil }
        return retrying.reduce(min(nextLook, carriers)) { min($0, links[$1]?.retry?.at ?? .max) }
    }

    /// Tries again what is due, asks agents, and looks who has not answered.
    func timePassed() {
        let now = SystemClock.monotonicMicroseconds()
        clock.look(at: now)
        lookAfterCarriers(at: now)
        for node in retrying {
            guard let retry = links[node]?.retry else {
                retrying.remove(node)
                continue
            }
            if retry.at <= now { take(retry.step, for: node) }
        }
        guard now >= nextLook else { return }
        nextLook = now + settings.silence.period.milliseconds * 1000
        for node in links.keys { lookAfter(node) }
    }

    private func lookAfter(_ node: NodeHandle) {
        guard let link = links[node] else { return }
        let quiet = clock.milliseconds - link.heardAt
        if quiet >= settings.silence.lost.milliseconds {
            // What a worker has begun for it is waited for: it ends soon, and then this comes again.
            guard !link.isBusy else { return }
            link.retry = nil
            return lose(node, "its agent has not answered for \(quiet / 1000) seconds")
        }
        if quiet >= settings.silence.silent.milliseconds, link.hasSpoken, !link.isSilent {
            link.isSilent = true
            log("node \(link.root) has not answered for \(quiet / 1000) seconds")
            tell(.nodeSilent(node))
        }
        if quiet >= settings.silence.silent.milliseconds { openAnother(link, node) }
        guard link.isGreeted, quiet >= settings.silence.period.milliseconds else { return }
        pingNumber += 1
        send(.ping(pingNumber), to: node)
        flush(node)
    }

    /// What carries the connection may be what hangs, and another one get through. Never so with the agent's own
    /// socket.
    private func openAnother(_ link: NodeLink, _ node: NodeHandle) {
        let age = clock.milliseconds - link.connectedAt
        guard link.carrier != nil, !link.isBusy, age >= settings.silence.silent.milliseconds else { return }
        hangUp(node)
        take(.connect, for: node)
    }
}
