import ShipyardEngine
import ShipyardModel
import ShipyardService
import TestSupport

/// Virtual time, fake agents and a ledger of what really ran. It outlives every service that uses it.
final class SimulatedSubstrate: Substrate {
    /// What happens at some moment.
    enum Happening {
        case event(SubstrateEvent, exit: UInt64?, connection: Int)
        case workEnds(PoolID, NodeID, WorkID, started: Instant)
        case agent(NodeName, boot: Int64, AgentAct)
        case user(Int)
    }

    /// What an agent, or what is around it, does by itself.
    enum AgentAct {
        case returns(WorkID)
        case removalEnds(RemovalID)
        case troubleEnds
        /// Its answers are missed.
        case silenceIsNoticed
        case resumes
        /// It was silent for too long: it is ended with all that it had.
        case isGivenUp
        /// The wall time of what it runs has passed.
        case timeIsOver(WorkID)
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

    /// What is said to the service and not taken yet, and the exits among that.
    private var arrived: [SubstrateEvent] = []
    private var arrivedExits: [NodeHandle: UInt64] = [:]
    private var exitsInTurn: [NodeHandle: UInt64] = [:]
    /// Users whose time has come.
    var dueUsers: [Int] = []
    /// Nodes that give no sign, as far as the service has been told before this turn and with it.
    private var silentBefore: Set<NodeHandle> = []
    private var silent: Set<NodeHandle> = []
    /// As `silent`, of nodes that have said that they cannot start work.
    private var troubledBefore: Set<NodeHandle> = []
    private var troubled: Set<NodeHandle> = []
    /// Nodes that the service was told are lost, and has not launched again.
    private var lost: Set<NodeHandle> = []
    /// Something was taken since the last commit.
    private(set) var isInTurn = false
    /// What happens when the service gives a core up, and after each commit.
    var whenGivenUp: () -> Void = {}
    var whenCommitted: () -> Void = {}

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

    /// What comes next, up to `end`; time passes until then.
    private func next(until end: Instant) -> Happening? {
        guard let first = queue.first, first.at <= end else {
            now = max(now, end)
            return nil
        }
        now = max(now, first.at)
        return queue.removeFirst().what
    }

    private func end(of microseconds: Int64) -> Instant { Instant(milliseconds: (microseconds + 999) / 1000) }

    func wait(until moment: Int64, for news: AwaitedNews) {
        if isDead { return }
        switch news {
        // Mostly somebody calls at once: so there are turns of a single event, too.
        case .calls: if random.chance(34) { now = max(now, end(of: moment)) }
        case .anything:
            guard let first = next(until: end(of: moment)) else { return }
            take(first)
            while let more = queue.first, more.at <= now, random.chance(50) { take(queue.removeFirst().what) }
        }
    }

    /// Nobody listens meanwhile.
    func sleep(until moment: Int64) {
        while let what = next(until: end(of: moment)) { take(what) }
    }

    private func take(_ what: Happening) {
        if case .user(let number) = what { dueUsers.append(number) }
        happen(what)
    }

    var hasEvents: Bool { !arrived.isEmpty }
    var nextMoment: Int64? { queue.first.map { $0.at.milliseconds * 1000 } }

    func takeEvents() -> [SubstrateEvent] {
        exitsInTurn.merge(arrivedExits, uniquingKeysWith: max)
        arrivedExits = [:]
        if !arrived.isEmpty { isInTurn = true }
        for event in arrived {
            switch event {
            case .nodeSilent(let node): silent.insert(node)
            case .nodeHeard(let node): silent.remove(node)
            case .nodeCannotStartWork(let node, _): troubled.insert(node)
            case .nodeCanStartWork(let node): troubled.remove(node)
            case .nodeConnected(let node, _, _, _):
                silent.remove(node)
                troubled.remove(node)
            case .nodeLost(let node, _, _):
                silent.remove(node)
                troubled.remove(node)
                lost.insert(node)
            default: break
            }
            // What it said in between, in this turn, counts as well.
            silentBefore.formIntersection(silent)
            troubledBefore.formIntersection(troubled)
        }
        defer { arrived = [] }
        return arrived
    }

    func takeUsers() -> [Int] {
        if !dueUsers.isEmpty { isInTurn = true }
        defer { dueUsers = [] }
        return dueUsers
    }

    func turnCommitted() {
        for (node, sequence) in exitsInTurn.sorted(by: { $0.key.index < $1.key.index }) {
            order(.acknowledge(sequence), to: node)
        }
        exitsInTurn = [:]
        isInTurn = false
        (silentBefore, troubledBefore) = (silent, troubled)
        if !isDead { whenCommitted() }
    }

    func jobEnded(_ job: UInt32) {}

    func reset() {
        serviceDied()
        if scenario.upgrades { version += 1 }
        whenGivenUp()
    }

    var files: any FilesOfNodes { invariantFailure("nobody looks at files here") }

    /// Of the program, and so of the agents that it starts.
    private(set) var version = 1

    /// Agents of an older program drain, and are to be replaced.
    var hasOutdatedAgents: Bool { agents.values.contains { $0.isAlive && $0.version < version } }

    var isQuiet: Bool { queue.isEmpty }

    /// The service is gone: so are its connections and all that was on its way to it.
    func serviceDied() {
        if traces { print(now.milliseconds, "--- service died") }
        connection += 1
        isDead = false
        isInTurn = false
        arrived = []
        (arrivedExits, exitsInTurn) = ([:], [:])
        names = [:]
        handles = [:]
        welcomed = []
        (silent, silentBefore, lost) = ([], [], [])
        (troubled, troubledBefore) = ([], [])
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

    /// - Parameter exit: its number, where it is one that is acknowledged.
    func tell(_ event: SubstrateEvent, exit: UInt64? = nil, after milliseconds: Int64) {
        schedule(.event(event, exit: exit, connection: connection), after: milliseconds)
    }

    func delay(_ bound: Int) -> Int64 { Int64(random.below(bound)) }

    /// Which node each attempt ran on.
    var lives: [WorkID: Int] = [:]
    private var lifeCount = 0
    private func nextLife() -> Int {
        lifeCount += 1
        return lifeCount
    }

    // MARK: Orders

    func allocate(_ node: NodeHandle, _ description: NodeDescription) {
        lost.remove(node)
        guard mayAct() else { return }
        let name = NodeName(pool: description.pool, node: description.id)
        if let agent = agents[name], agent.isAlive {
            // A launch that is told twice finds the first one's agent.
            ledger.expect(agent.boot == description.boot, "\(name.node) was launched over a living agent")
        } else {
            var agent = FakeAgent(
                boot: description.boot, slots: description.slots, life: agents[name]?.life ?? nextLife(),
                version: version)
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

    func recover(_ node: NodeHandle, _ description: NodeDescription) {
        let name = NodeName(pool: description.pool, node: description.id)
        if agents[name]?.isAlive == true { return mayAct() ? connect(node, name) : () }
        if !description.mayExist { return allocate(node, description) }
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
        tell(.nodeConnected(node, running: [], queued: []), after: wait)
    }

    func tellLost(_ node: NodeHandle, _ name: NodeName, reason: String) {
        let exits = (agents[name]?.exits ?? []).map { WorkExit($0.work, $0.result) }
        handles[name] = nil
        let at = max(now.milliseconds + 1 + delay(5), lastDelivery[node] ?? 0)
        tell(.nodeLost(node, reason: reason, exits: exits), after: at - now.milliseconds)
    }

    func start(_ work: WorkAssignment, on node: NodeHandle) {
        // What is due on the node itself is sent again when it is back.
        ledger.expect(
            work.id.kind != .task || !lost.contains(node),
            "\(work.id) is ordered of the node \(node.index), which is lost")
        ledger.expect(
            work.id.kind != .task || !silentBefore.contains(node),
            "\(work.id) is ordered of the node \(node.index), which is silent")
        ledger.expect(
            work.id.kind != .task || !troubledBefore.contains(node),
            "\(work.id) is ordered of the node \(node.index), which cannot start work")
        order(.start(work), to: node)
    }

    func cancel(_ work: WorkID, _ outcome: Outcome, on node: NodeHandle) {
        order(.cancel(work, outcome), to: node)
    }

    func removeFiles(_ id: RemovalID, of owner: FilesOwner, on node: NodeHandle) {
        order(.removeFiles(id, owner), to: node)
    }

    func forgetRemoval(_ id: RemovalID, on node: NodeHandle) { order(.forgetRemoval(id), to: node) }

    func reboot(_ node: NodeHandle) { order(.reboot, to: node) }

    private func order(_ order: FakeAgent.Order, to node: NodeHandle) {
        guard mayAct() else { return }
        guard let name = names[node], handles[name] == node, agents[name]?.isAlive == true else { return }
        if agents[name]?.isStopped == true {
            agents[name]?.unread.append(order)
        } else {
            obey(order, on: name)
        }
    }

    func obey(_ order: FakeAgent.Order, on name: NodeName) {
        if traces { print(now.milliseconds, "   ", name.node, order) }
        switch order {
        case .start(let work): take(work, on: name)
        case .cancel(let work, let outcome): kill(work, outcome, on: name)
        case .removeFiles(let id, let owner): removeFiles(id, owner, on: name)
        case .forgetRemoval(let id): forgetRemoval(id, on: name)
        case .acknowledge(let sequence): agents[name]?.exits.removeAll { $0.sequence <= sequence }
        case .reboot:
            // Unless a user wants it, nobody's work is ended for it.
            let isInTheWay = (agents[name]?.running ?? [:]).keys.contains { $0.kind != .jobPreparation }
            ledger.expect(
                !isInTheWay || !scenario.reboots.isEmpty, "\(name.node) is started anew over its work")
            return killAgent(name, reason: "it was shut down")
        }
        startQueued(on: name)
    }

    private func kill(_ work: WorkID, _ outcome: Outcome, on name: NodeName) {
        if agents[name]?.running[work] != nil {
            agents[name]?.running[work]?.ending = outcome
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
        while let agent = agents[name], let work = agent.queued.first,
            work.needs == .none || agent.usedSlots + work.needs.slots <= agent.slots
        {
            agents[name]?.queued.removeFirst()
            makeDirectory(of: work, on: name)
            if failsStaging(work, on: name) { continue }
            let length = ledger.began(work, on: name, scenario)
            agents[name]?.running[work.id] = FakeAgent.Running(work: work, started: now, ends: now + length)
            schedule(.workEnds(name.pool, name.node, work.id, started: now), after: length.milliseconds)
            if let limit = work.template.maxWallTime, limit < length {
                schedule(.agent(name, boot: agent.boot, .timeIsOver(work.id)), after: limit.milliseconds)
            }
            report(.workStarted(handle(of: name), work.id), from: name)
        }
    }

    /// - Parameter event: made for the node's handle of the present service.
    func report(_ event: SubstrateEvent, exit: UInt64? = nil, from name: NodeName) {
        guard let node = handles[name], welcomed.contains(name) else { return }
        // A stream keeps the order of what is written to it.
        let at = max(now.milliseconds + delay(4), lastDelivery[node] ?? 0)
        lastDelivery[node] = at
        tell(event, exit: exit, after: at - now.milliseconds)
    }

    /// One that nobody has where the service knows no such node: then nothing of it is reported.
    func handle(of name: NodeName) -> NodeHandle { handles[name] ?? NodeHandle(index: -1) }

    func exit(_ work: WorkID, _ result: AttemptResult, on name: NodeName) {
        agents[name]?.lastSequence += 1
        let sequence = agents[name]?.lastSequence ?? 0
        agents[name]?.exits.append((sequence, work, result))
        report(.workExited(handle(of: name), work, result), exit: sequence, from: name)
    }

    func release(_ node: NodeHandle, _ description: NodeDescription) {
        guard mayAct() else { return }
        let name = NodeName(pool: description.pool, node: description.id)
        ledger.ended(everythingOn: name, agents[name])
        ledger.removed(name, agents[name])
        agents[name] = nil
        handles[name] = nil
        tell(.nodeReleased(node, NodeRemoval()), after: 1 + delay(10))
    }

    func verifyReleased(_ pool: PoolID) {
        guard mayAct() else { return }
        ledger.expect(
            !agents.contains { $0.key.pool == pool && $0.value.isAlive }, "pool \(pool) has living agents")
        tell(.poolVerified(pool, PoolVerification(checks: ["processes: none"])), after: 1)
    }

    // MARK: What happens by itself

    private func happen(_ what: Happening) {
        if traces { print(now.milliseconds, what) }
        switch what {
        case .event(let event, let exit, let connection):
            guard connection == self.connection, let event = connectNow(event) else { return }
            if let exit, case .workExited(let node, _, _) = event { arrivedExits[node] = exit }
            arrived.append(event)
        case .workEnds(let pool, let node, let work, let started):
            let name = NodeName(pool: pool, node: node)
            if agents[name]?.isStopped == true {
                agents[name]?.unseenEnds.append((work, started))
            } else {
                end(work, on: name, started: started)
            }
        case .agent(let name, let boot, let act):
            if agents[name]?.boot == boot, agents[name]?.isAlive == true { happen(act, on: name) }
        case .user: break
        }
    }

    /// A connection says what is true when it arrives, and what the agent keeps for the service follows it.
    private func connectNow(_ event: SubstrateEvent) -> SubstrateEvent? {
        guard case .nodeConnected(let node, _, _, _) = event else { return event }
        guard let name = names[node], let agent = agents[name], agent.isAlive, handles[name] == node else {
            return nil
        }
        // It says so itself when it goes on.
        if agent.isStopped || !welcomed.insert(name).inserted { return nil }
        if let trouble = agent.trouble { report(.nodeCannotStartWork(node, reason: trouble), from: name) }
        for (id, removal) in agent.removals.sorted(by: { $0.key < $1.key }) {
            answer(id, removal, from: name)
        }
        for exit in agent.exits {
            report(.workExited(node, exit.work, exit.result), exit: exit.sequence, from: name)
        }
        return .nodeConnected(
            node, running: agent.running.keys.sorted { $0.key < $1.key },
            queued: (agent.queued + agent.held).map(\.id), isOutdated: agent.version < version)
    }

    func end(_ work: WorkID, on name: NodeName, started: Instant) {
        guard let running = agents[name]?.running[work], running.started == started else { return }
        if running.ending == nil, ledger.part(work, scenario)?.killsItsAgent == true {
            ledger.killedItsAgent(work)
            return killAgent(name, reason: "it died")
        }
        // Its command has ended, and its agent has not said so: the files come first.
        if work.kind == .task, !running.isUploading, running.ending == nil,
            random.chance(scenario.uploadPercent)
        {
            agents[name]?.running[work]?.isUploading = true
            return schedule(.workEnds(name.pool, name.node, work, started: started), after: 1 + delay(30))
        }
        agents[name]?.running[work] = nil
        let code = ledger.ended(running.work, on: name, scenario, killed: running.ending != nil)
        if running.isUploading, running.ending == nil, random.chance(33) {
            return uploadFails(running, code, on: name)
        }
        let usage = ResourceUsage(wall: (now - running.started).milliseconds * 1000)
        var result = AttemptResult(
            running.ending ?? .exited(code),
            startTime: running.started + wallError, endTime: moment.wall, usage: usage)
        if work.kind == .task, result.isSuccess { result.output = Ledger.output(of: work) }
        exit(work, result, on: name)
        startQueued(on: name)
    }

    private func uploadFails(_ running: FakeAgent.Running, _ code: Int32, on name: NodeName) {
        let work = running.work.id
        var result = AttemptResult(
            .exited(code), startTime: running.started + wallError, endTime: moment.wall,
            usage: ResourceUsage(wall: (now - running.started).milliseconds * 1000))
        if code == 0 {
            ledger.uploadFailed(work)
            result.outcome = .uploadFailed(.accessDenied, "the key is wrong")
        } else {
            result.uploadFailure = UploadFailure(.accessDenied, "the key is wrong")
        }
        exit(work, result, on: name)
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

/// The clocks of the simulation: nothing passes but by waiting.
struct SimulatedTime: ServiceTime {
    let substrate: SimulatedSubstrate

    var isNewLife: Bool { false }
    func now() -> Moment { substrate.moment }
    func takeNewAnchor(at now: Moment) -> StoreWrite? { nil }
    func monotonicMicroseconds() -> Int64 { substrate.now.milliseconds * 1000 }
    func sleep(microseconds: Int64) { substrate.sleep(until: monotonicMicroseconds() + microseconds) }
}

extension Moment {
    /// By both clocks.
    init(milliseconds: Int64) {
        self.init(
            wall: Instant(milliseconds: milliseconds), steady: SteadyTime(milliseconds: milliseconds))
    }
}
