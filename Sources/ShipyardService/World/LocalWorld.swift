import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode

/// This machine as the world: a node is a directory and an agent process.
///
/// Belongs to the loop thread. What blocks runs on `Workers` and comes back through `post`.
final class LocalWorld: World {
    let layout: HomeLayout
    let executable: String
    let lives: StateLives
    let silence: SilenceLimits
    let poller: Poller
    let log: @Sendable (String) -> Void
    private let workers: Workers
    /// Hands a step back to the loop thread.
    private let post: @Sendable (@escaping @Sendable (LocalWorld) -> Void) -> Void

    var links: [NodeHandle: NodeLink] = [:]
    var handles: [Int32: NodeHandle] = [:]
    /// Nodes whose next step waits for its time.
    var retrying: Set<NodeHandle> = []
    /// Nodes with messages that have not left yet, and those of them whose socket takes no more now.
    private var unflushed: Set<NodeHandle> = []
    private var blocked: Set<NodeHandle> = []
    private var arrived: [WorldEvent] = []
    private var removals: [(node: NodeHandle, root: String)] = []
    /// Roots of nodes that left, by pool: looked for again when the pool goes.
    private var removedRoots: [PoolID: [String]] = [:]
    private var launched: Set<Int32> = []
    var clock: ListeningClock
    /// When silence is looked at next, in monotonic microseconds.
    var nextLook: Int64 = 0
    var pingNumber: UInt64 = 0
    /// Counts cores: what comes back for an earlier one is dropped.
    private var generation = 0

    init(
        layout: HomeLayout, lives: StateLives, executable: String, silence: SilenceLimits, poller: Poller,
        log: @escaping @Sendable (String) -> Void,
        post: @escaping @Sendable (@escaping @Sendable (LocalWorld) -> Void) -> Void
    ) throws(SystemError) {
        self.layout = layout
        self.lives = lives
        self.executable = executable
        self.silence = silence
        self.poller = poller
        self.log = log
        self.post = post
        clock = ListeningClock(silence)
        workers = try Workers(count: 4)
    }

    /// Forgets the nodes of the last core. Their agents live on and are reached for again.
    func reset() {
        generation += 1
        for link in links.values {
            if let connection = link.connection { poller.remove(connection.fileDescriptor) }
        }
        links = [:]
        handles = [:]
        retrying = []
        unflushed = []
        blocked = []
        arrived = []
        removals = []
    }

    // MARK: World

    func launch(_ node: NodeHandle, _ identity: NodeIdentity) { add(node, identity, .launch) }

    func reach(_ node: NodeHandle, _ identity: NodeIdentity) {
        add(node, identity, identity.mayHaveAgent ? .connect(launched: nil) : .launch)
    }

    private func add(_ node: NodeHandle, _ identity: NodeIdentity, _ step: NodeLink.Step) {
        drop(node)
        var hasSpoken = false
        if case .connect = step { hasSpoken = true }
        links[node] = NodeLink(
            identity, root: layout.nodeRoot(identity.id, of: identity.pool), hasSpoken: hasSpoken,
            at: clock.milliseconds)
        take(step, for: node)
    }

    func send(_ messages: [ServiceMessage], to node: NodeHandle) {
        guard let link = links[node], link.isGreeted, let connection = link.connection else { return }
        for message in messages { connection.send(message) }
        unflushed.insert(node)
    }

    func remove(_ node: NodeHandle, _ identity: NodeIdentity) {
        let root = layout.nodeRoot(identity.id, of: identity.pool)
        removedRoots[identity.pool, default: []].append(root)
        drop(node)
        removals.append((node, root))
    }

    func verifyRemoved(_ pool: PoolID) {
        let roots = removedRoots.removeValue(forKey: pool) ?? []
        let directory = layout.poolRoot(pool)
        let generation = generation
        workers.run { [post, layout] in
            let verification = RemovalProof.verify(nodeRoots: roots, directory: directory)
            PackageSweep(layout).run(without: pool)
            post { $0.receive(.poolVerified(pool, verification), of: generation) }
        }
    }

    // MARK: The loop's side

    var hasEvents: Bool { !arrived.isEmpty }

    /// What has arrived since the last call.
    func takeEvents() -> [WorldEvent] {
        defer { arrived = [] }
        return arrived
    }

    func tell(_ event: WorldEvent) { arrived.append(event) }

    /// After the acts of a turn: sends what is buffered and starts the removals that were asked for together.
    func flush() {
        for node in unflushed { flush(node) }
        guard !removals.isEmpty else { return }
        let batch = removals
        let generation = generation
        removals = []
        workers.run { [post] in
            let reports = NodeTeardown.run(roots: batch.map(\.root))
            for (item, report) in zip(batch, reports) {
                let problems = RemovalProof.problems(of: report)
                // The agent itself is a process of the node, and no news.
                let removal = NodeRemoval(processesEnded: max(0, report.ended - 1), problems: problems)
                post { $0.receive(.nodeRemoved(item.node, removal), of: generation) }
            }
            post { $0.reapAgents() }
        }
    }

    func flush(_ node: NodeHandle) {
        guard let connection = links[node]?.connection else { return }
        do {
            let isDone = try connection.flush()
            if isDone { unflushed.remove(node) } else { unflushed.insert(node) }
            let hasChanged = isDone ? blocked.remove(node) != nil : blocked.insert(node).inserted
            if hasChanged { poller.watchWriting(connection.fileDescriptor, !isDone) }
        } catch {
            disconnected(node)
        }
    }

    private func receive(_ event: WorldEvent, of generation: Int) {
        if generation == self.generation { arrived.append(event) }
    }

    // MARK: Links

    /// Runs `work` on a worker; what comes of it is settled on the loop's thread.
    func inBackground(for node: NodeHandle, _ work: @escaping @Sendable () -> AgentReach.Outcome) {
        let generation = generation
        links[node]?.isBusy = true
        links[node]?.retry = nil
        workers.run { [post] in
            let outcome = work()
            post { world in
                if case .connected(_, let process?) = outcome { world.launched.insert(process) }
                if case .unreachable(_, let process?) = outcome { world.launched.insert(process) }
                if generation == world.generation { world.settle(outcome, for: node) }
                world.reapAgents()
            }
        }
    }

    /// Runs `work` on a worker, for nobody.
    func inBackground(_ work: @escaping @Sendable () -> Void) { workers.run(work) }

    /// Forgets the connection, if there is one; the agent is not told.
    func hangUp(_ node: NodeHandle) {
        guard let connection = links[node]?.connection else { return }
        links[node]?.connection = nil
        links[node]?.isGreeted = false
        handles[connection.fileDescriptor] = nil
        poller.remove(connection.fileDescriptor)
        unflushed.remove(node)
        blocked.remove(node)
    }

    func drop(_ node: NodeHandle) {
        hangUp(node)
        links[node] = nil
    }

    private func reapAgents() {
        var hasOneEnded = false
        for processID in launched where AgentLauncher.reap(processID) {
            launched.remove(processID)
            hasOneEnded = true
        }
        // What it left came to us. Some of it may end later, and is reaped with the next agent's.
        if hasOneEnded { workers.run { OwnProcess.reapOrphans() } }
    }
}
