import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardService

/// Virtual time, fake agents and a ledger of what really ran. It outlives every service that uses it.
final class SimulatedWorld: World {
    /// What happens at some moment.
    enum Happening {
        case event(WorldEvent, connection: Int)
        case workEnds(PoolID, NodeID, WorkID, started: Instant)
        case agent(NodeName, boot: Int64, AgentAct)
        case user(Int)
    }

    static let state = StateID(String(repeating: "0", count: 32))!
    static let life = LifeID(String(repeating: "0", count: 32))!

    /// What an agent, or what is around it, does by itself.
    enum AgentAct {
        case returns(WorkID)
        case removalEnds(RemovalID)
        case troubleEnds
        /// The world has missed its answers.
        case silenceIsNoticed
        case resumes
        /// It was silent for too long: the world ends it with all that it had.
        case isGivenUp
    }

    /// True time, which nobody in the simulation reads but through `moment`.
    var now = Instant(milliseconds: 0)
    /// How wrong the wall clock goes.
    var traces = false
    var wallError = TimeSpan.zero
    var moment: Moment {
        Moment(wall: now + wallError, steady: SteadyTime(milliseconds: now.milliseconds))
    }
    var agents: [NodeName: FakeAgent] = [:]
    var ledger = Ledger()
    let scenario: Scenario

    struct NodeName: Hashable, Comparable {
        var pool: PoolID
        var node: NodeID
        static func < (left: NodeName, right: NodeName) -> Bool {
            (left.pool.text, left.node.text) < (right.pool.text, right.node.text)
        }
    }

    /// Agents that have said `welcome` on their present connection. Nothing comes from one before that.
    private var welcomed: Set<NodeName> = []
    private var queue: [(at: Instant, order: Int, what: Happening)] = []
    private var order = 0
    /// Which node a handle of the present service means, and the present connection of each.
    var names: [NodeHandle: NodeName] = [:]
    var handles: [NodeName: NodeHandle] = [:]
    /// Counts services; what was said to an earlier one is lost with it.
    private(set) var connection = 0
    var random: SeededRandom
    private var lastDelivery: [NodeHandle: Int64] = [:]

    /// Acts so far, and the one before which the service dies.
    private(set) var acts = 0
    var dieBeforeAct: Int?
    private(set) var isDead = false

    init(_ scenario: Scenario) {
        self.scenario = scenario
        random = SeededRandom(seed: scenario.seed ^ 0xABCD)
    }

    // MARK: Time

    func schedule(_ what: Happening, after milliseconds: Int64) {
        order += 1
        let at = now + TimeSpan(milliseconds: milliseconds)
        let index = queue.firstIndex { ($0.at, $0.order) > (at, order) } ?? queue.endIndex
        queue.insert((at, order, what), at: index)
    }

    func next(before time: SteadyTime?) -> Happening? {
        let deadline = time.map { Instant(milliseconds: $0.milliseconds) }
        guard let first = queue.first else {
            if let deadline { now = max(now, deadline) }
            return nil
        }
        if let deadline, deadline < first.at {
            now = max(now, deadline)
            return nil
        }
        now = max(now, first.at)
        return queue.removeFirst().what
    }

    var isQuiet: Bool { queue.isEmpty }

    /// The service is gone: so are its connections and all that was on its way to it.
    func serviceDied() {
        if traces { print(now.milliseconds, "--- service died") }
        connection += 1
        isDead = false
        names = [:]
        handles = [:]
        welcomed = []
        lastDelivery = [:]
    }

    private func mayAct() -> Bool {
        if isDead { return false }
        acts += 1
        if acts == dieBeforeAct {
            isDead = true
            return false
        }
        return true
    }

    func tell(_ event: WorldEvent, after milliseconds: Int64) {
        schedule(.event(event, connection: connection), after: milliseconds)
    }

    func delay(_ bound: Int) -> Int64 { Int64(random.below(bound)) }

    /// Which node each attempt ran on.
    var lives: [WorkID: Int] = [:]
    private var lifeCount = 0
    private func nextLife() -> Int {
        lifeCount += 1
        return lifeCount
    }

    // MARK: World

    func launch(_ node: NodeHandle, _ identity: NodeIdentity) {
        guard mayAct() else { return }
        let name = NodeName(pool: identity.pool, node: identity.id)
        if let agent = agents[name], agent.isAlive {
            // A launch that is told twice finds the first one's agent.
            ledger.expect(agent.boot == identity.boot, "\(name.node) was launched over a living agent")
        } else {
            var agent = FakeAgent(
                boot: identity.boot, slots: identity.slots, life: agents[name]?.life ?? nextLife())
            // Exits of an earlier boot stay in the journal.
            agent.exits = agents[name]?.exits ?? []
            agent.lastSequence = agents[name]?.lastSequence ?? 0
            agent.directories = agents[name]?.directories ?? [:]
            agent.removals = agents[name]?.removals ?? [:]
            agents[name] = agent
            goOnWithRemovals(on: name)
        }
        connect(node, name)
    }

    func reach(_ node: NodeHandle, _ identity: NodeIdentity) {
        let name = NodeName(pool: identity.pool, node: identity.id)
        if agents[name]?.isAlive == true { return mayAct() ? connect(node, name) : () }
        if !identity.mayHaveAgent { return launch(node, identity) }
        guard mayAct() else { return }
        names[node] = name
        tellLost(node, name, reason: "no agent lives there")
    }

    private func connect(_ node: NodeHandle, _ name: NodeName) {
        names[node] = name
        handles[name] = node
        welcomed.remove(name)
        if agents[name]?.isStopped == true { act(.silenceIsNoticed, on: name, after: 20) }
        let wait = 1 + delay(5)
        lastDelivery[node] = now.milliseconds + wait
        tell(
            .message(
                node,
                .welcome(state: Self.state, life: Self.life, boot: 0, processID: 0, running: [], queued: [])),
            after: wait)
    }

    func tellLost(_ node: NodeHandle, _ name: NodeName, reason: String) {
        let exits = (agents[name]?.exits ?? []).map { WorkExit($0.work, $0.result) }
        handles[name] = nil
        let at = max(now.milliseconds + 1 + delay(5), lastDelivery[node] ?? 0)
        tell(.nodeLost(node, reason: reason, exits: exits), after: at - now.milliseconds)
    }

    func send(_ messages: [ServiceMessage], to node: NodeHandle) {
        for message in messages {
            guard mayAct() else { return }
            guard let name = names[node], handles[name] == node, agents[name]?.isAlive == true else {
                continue
            }
            if agents[name]?.isStopped == true {
                agents[name]?.unheard.append(message)
            } else {
                deliver(message, to: name)
            }
        }
    }

    func deliver(_ message: ServiceMessage, to name: NodeName) {
        if traces { print(now.milliseconds, "   ", name.node, message) }
        switch message {
        case .hello, .accept, .ping: break
        case .shutDown: return killAgent(name, reason: "it was shut down")
        case .removeDirectory(let id, let path): removeDirectory(id, path, on: name)
        case .forgetRemoval(let id): forgetRemoval(id, on: name)
        case .context(let context): agents[name]?.contexts[context.number] = context.parentDirectory
        case .forgetContext(let number): agents[name]?.contexts[number] = nil
        case .start(let order):
            ledger.expect(
                agents[name]?.contexts[order.context] != nil,
                "order \(order.id) names an unknown context")
            take(order, on: name)
        case .kill(let work, let failure): kill(work, failure, on: name)
        case .recall(let work):
            guard let index = agents[name]?.queued.firstIndex(where: { $0.id == work }) else { return }
            agents[name]?.queued.remove(at: index)
            report(.returned(work), from: name)
        case .acknowledge(let sequence): agents[name]?.exits.removeAll { $0.sequence <= sequence }
        }
        startQueued(on: name)
    }

    private func kill(_ work: WorkID, _ outcome: Outcome, on name: NodeName) {
        if agents[name]?.running[work] != nil {
            agents[name]?.running[work]?.isKilled = outcome
            if let started = agents[name]?.running[work]?.started {
                schedule(.workEnds(name.pool, name.node, work, started: started), after: 1 + delay(5))
            }
        } else if agents[name].map({ ($0.queued + $0.held).contains { $0.id == work } }) == true {
            agents[name]?.queued.removeAll { $0.id == work }
            agents[name]?.held.removeAll { $0.id == work }
            exit(work, AttemptResult(outcome, at: moment.wall), on: name)
        }
    }

    func startQueued(on name: NodeName) {
        while let agent = agents[name], let order = agent.queued.first,
            order.needs == .none || agent.usedSlots + order.needs.slots <= agent.slots
        {
            agents[name]?.queued.removeFirst()
            makeDirectory(of: order, on: name)
            let length = ledger.began(order, on: name, scenario)
            agents[name]?.running[order.id] = FakeAgent.Running(
                order: order, started: now, ends: now + length)
            schedule(.workEnds(name.pool, name.node, order.id, started: now), after: length.milliseconds)
            report(.started(order.id, at: moment.wall), from: name)
        }
    }

    func report(_ message: AgentMessage, from name: NodeName) {
        guard let node = handles[name], welcomed.contains(name) else { return }
        // A socket keeps the order of what is written to it.
        let at = max(now.milliseconds + delay(4), lastDelivery[node] ?? 0)
        lastDelivery[node] = at
        tell(.message(node, message), after: at - now.milliseconds)
    }

    private func exit(_ work: WorkID, _ result: AttemptResult, on name: NodeName) {
        agents[name]?.lastSequence += 1
        let sequence = agents[name]?.lastSequence ?? 0
        agents[name]?.exits.append((sequence, work, result))
        report(.exited(sequence: sequence, work, result), from: name)
    }

    func remove(_ node: NodeHandle, _ identity: NodeIdentity) {
        guard mayAct() else { return }
        let name = NodeName(pool: identity.pool, node: identity.id)
        ledger.ended(everythingOn: name, agents[name])
        ledger.removed(name, agents[name])
        agents[name] = nil
        handles[name] = nil
        tell(.nodeRemoved(node, NodeRemoval()), after: 1 + delay(10))
    }

    func verifyRemoved(_ pool: PoolID) {
        guard mayAct() else { return }
        ledger.expect(
            !agents.contains { $0.key.pool == pool && $0.value.isAlive }, "pool \(pool) has living agents")
        tell(.poolVerified(pool, PoolVerification(checks: ["processes: none"])), after: 1)
    }

    // MARK: What happens by itself

    /// Answers what the service is to be told, if anything.
    func happen(_ what: Happening) -> WorldEvent? {
        if traces { print(now.milliseconds, what) }
        switch what {
        case .event(let event, let connection):
            guard connection == self.connection else { return nil }
            return welcomeNow(event)
        case .workEnds(let pool, let node, let work, let started):
            let name = NodeName(pool: pool, node: node)
            if agents[name]?.isStopped == true {
                agents[name]?.unseenEnds.append((work, started))
            } else {
                end(work, on: name, started: started)
            }
            return nil
        case .agent(let name, let boot, let act):
            if agents[name]?.boot == boot, agents[name]?.isAlive == true { happen(act, on: name) }
            return nil
        case .user: return nil
        }
    }

    /// A welcome says what is true when it arrives, and the unacknowledged exits follow it.
    private func welcomeNow(_ event: WorldEvent) -> WorldEvent? {
        guard case .message(let node, .welcome) = event else { return event }
        guard let name = names[node], let agent = agents[name], agent.isAlive, handles[name] == node else {
            return nil
        }
        // It says so itself when it goes on.
        if agent.isStopped || !welcomed.insert(name).inserted { return nil }
        if let trouble = agent.trouble { report(.cannotStartWork(reason: trouble), from: name) }
        for (id, removal) in agent.removals.sorted(by: { $0.key < $1.key }) {
            answer(id, removal, from: name)
        }
        for exit in agent.exits {
            report(.exited(sequence: exit.sequence, exit.work, exit.result), from: name)
        }
        return .message(
            node,
            .welcome(
                state: Self.state, life: Self.life, boot: agent.boot, processID: 1,
                running: agent.running.keys.sorted { $0.key < $1.key },
                queued: (agent.queued + agent.held).map(\.id)))
    }

    func end(_ work: WorkID, on name: NodeName, started: Instant) {
        guard let running = agents[name]?.running[work], running.started == started else { return }
        agents[name]?.running[work] = nil
        let code = ledger.ended(running.order, on: name, scenario, killed: running.isKilled != nil)
        let usage = ResourceUsage(wall: (now - running.started).milliseconds * 1000)
        exit(
            work,
            AttemptResult(
                running.isKilled ?? .exited(code),
                startTime: running.started + wallError, endTime: moment.wall, usage: usage), on: name)
        startQueued(on: name)
    }

    /// kill -9 of an agent: the node's work dies with it, its journal stays.
    func killAnAgent() {
        guard
            let name = agents.keys.sorted().filter({ agents[$0]?.isAlive == true }).randomElement(
                using: &random)
        else { return }
        killAgent(name, reason: "its agent was killed")
    }

    func killAgent(_ name: NodeName, reason: String) {
        ledger.ended(everythingOn: name, agents[name])
        agents[name]?.die()
        guard let node = handles[name] else { return }
        tellLost(node, name, reason: reason)
    }
}

extension Moment {
    /// By both clocks.
    init(milliseconds: Int64) {
        self.init(
            wall: Instant(milliseconds: milliseconds), steady: SteadyTime(milliseconds: milliseconds))
    }
}
