import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode

/// This machine as the world: a node is a directory and an agent process.
///
/// Belongs to the loop thread. What blocks runs on `Workers` and comes back through `post`.
final class LocalWorld: World {
    private let layout: HomeLayout
    private let executable: String
    private let state: StateID
    private let workers = Workers(count: 4)
    private let poller: Poller
    /// Hands a step back to the loop thread.
    private let post: @Sendable (@escaping @Sendable (LocalWorld) -> Void) -> Void
    private let log: @Sendable (String) -> Void

    private var connections: [NodeHandle: AgentConnection] = [:]
    private var nodes: [Int32: NodeHandle] = [:]
    private var roots: [NodeHandle: String] = [:]
    /// Nodes with messages that have not left yet, and those of them whose socket takes no more now.
    private var unflushed: Set<NodeHandle> = []
    private var blocked: Set<NodeHandle> = []
    private var arrived: [WorldEvent] = []
    private var removals: [(node: NodeHandle, root: String)] = []
    /// Roots of nodes that left, by pool: looked for again when the pool goes.
    private var removedRoots: [PoolID: [String]] = [:]
    private var launched: Set<Int32> = []
    /// Counts cores: what comes back for an earlier one is dropped.
    private var generation = 0

    init(
        layout: HomeLayout, state: StateID, executable: String, poller: Poller,
        log: @escaping @Sendable (String) -> Void,
        post: @escaping @Sendable (@escaping @Sendable (LocalWorld) -> Void) -> Void
    ) {
        self.layout = layout
        self.state = state
        self.executable = executable
        self.poller = poller
        self.log = log
        self.post = post
    }

    /// Forgets the nodes of the last core. Their agents live on and are reached for again.
    func reset() {
        generation += 1
        for connection in connections.values { poller.remove(connection.fileDescriptor) }
        connections = [:]
        nodes = [:]
        roots = [:]
        unflushed = []
        blocked = []
        arrived = []
        removals = []
    }

    // MARK: World

    func launch(_ node: NodeHandle, _ identity: NodeIdentity) {
        let root = layout.nodeRoot(identity.id, of: identity.pool)
        roots[node] = root
        let options = NodeAgentOptions(
            root: root, pool: identity.pool.text, node: identity.id.text, boot: identity.boot,
            slots: identity.slots,
            isDedicated: identity.isDedicated, state: state)
        inBackground(for: node) { [executable] in
            do {
                let processID = try AgentLauncher.launch(executable: executable, options: options)
                return LocalWorld.connect(to: root, for: .seconds(20), launched: processID)
            } catch {
                return .failed("its agent cannot be started: \(error)")
            }
        }
    }

    func reach(_ node: NodeHandle, _ identity: NodeIdentity) {
        let root = layout.nodeRoot(identity.id, of: identity.pool)
        roots[node] = root
        guard identity.mayHaveAgent else { return launch(node, identity) }
        inBackground(for: node) { LocalWorld.connect(to: root, for: .zero, launched: nil) }
    }

    func send(_ messages: [ServiceMessage], to node: NodeHandle) {
        guard let connection = connections[node] else { return }
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
            let verification = LocalWorld.verify(nodeRoots: roots, directory: directory)
            PackageSweep(layout).run(without: pool)
            post { $0.receive(.poolVerified(pool, verification), of: generation) }
        }
    }

    // MARK: The loop's side

    /// What has arrived since the last call.
    func takeEvents() -> [WorldEvent] {
        defer { arrived = [] }
        return arrived
    }

    /// After the acts of a turn: sends what is buffered and starts the removals that were asked for together.
    func flush() {
        for node in unflushed {
            if let connection = connections[node] { flush(connection, of: node) }
        }
        guard !removals.isEmpty else { return }
        let batch = removals
        let generation = generation
        removals = []
        workers.run { [post] in
            let reports = NodeTeardown.run(roots: batch.map(\.root))
            for (item, report) in zip(batch, reports) {
                let problems = LocalWorld.problems(of: report)
                // The agent itself is a process of the node, and no news.
                let removal = NodeRemoval(processesEnded: max(0, report.ended - 1), problems: problems)
                post { $0.receive(.nodeRemoved(item.node, removal), of: generation) }
            }
            post { $0.reapAgents() }
        }
    }

    private func flush(_ connection: AgentConnection, of node: NodeHandle) {
        do {
            let isDone = try connection.flush()
            if isDone { unflushed.remove(node) } else { unflushed.insert(node) }
            let hasChanged = isDone ? blocked.remove(node) != nil : blocked.insert(node).inserted
            if hasChanged { poller.watchWriting(connection.fileDescriptor, !isDone) }
        } catch {
            disconnected(node)
        }
    }

    /// Reads what an agent has sent. Nothing when the descriptor is no agent's.
    func readable(_ fileDescriptor: Int32) {
        guard let node = nodes[fileDescriptor], let connection = connections[node] else { return }
        do {
            let (messages, isClosed) = try connection.readMessages()
            for message in messages { arrived.append(.message(node, message)) }
            if isClosed { return disconnected(node) }
            if connection.wantsToWrite { flush(connection, of: node) }
        } catch {
            log("node \(roots[node] ?? "?"): \(error)")
            disconnected(node)
        }
    }

    // MARK: Connections

    private enum Outcome: @unchecked Sendable {
        case connected(AgentConnection, launched: Int32?)
        /// No agent lives there.
        case lost(reason: String, exits: [WorkExit])
        case failed(String)
    }

    private func inBackground(for node: NodeHandle, _ work: @escaping @Sendable () -> Outcome) {
        let generation = generation
        workers.run { [post] in
            let outcome = work()
            post { $0.settle(outcome, for: node, of: generation) }
        }
    }

    private func settle(_ outcome: Outcome, for node: NodeHandle, of generation: Int) {
        guard generation == self.generation else { return }
        switch outcome {
        case .connected(let connection, let processID):
            if let processID { launched.insert(processID) }
            guard roots[node] != nil else { return }
            connections[node] = connection
            nodes[connection.fileDescriptor] = node
            poller.add(connection.fileDescriptor)
            connection.send(.hello(state))
            flush(connection, of: node)
        case .lost(let reason, let exits): arrived.append(.nodeLost(node, reason: reason, exits: exits))
        case .failed(let reason):
            log("node \(roots[node] ?? "?"): \(reason)")
            arrived.append(.nodeLost(node, reason: reason, exits: []))
        }
        reapAgents()
    }

    private func receive(_ event: WorldEvent, of generation: Int) {
        if generation == self.generation { arrived.append(event) }
    }

    private func drop(_ node: NodeHandle) {
        roots[node] = nil
        guard let connection = connections.removeValue(forKey: node) else { return }
        nodes[connection.fileDescriptor] = nil
        poller.remove(connection.fileDescriptor)
        unflushed.remove(node)
        blocked.remove(node)
    }

    /// The connection is gone. The agent mostly is, too; should it live, it is reached again.
    private func disconnected(_ node: NodeHandle) {
        guard let root = roots[node] else { return }
        drop(node)
        roots[node] = root
        inBackground(for: node) { LocalWorld.connect(to: root, for: .zero, launched: nil) }
    }

    private func reapAgents() {
        for processID in launched where AgentLauncher.reap(processID) { launched.remove(processID) }
    }

    /// Blocks until the agent answers, its process has ended, or `patience` is over.
    private static func connect(to root: String, for patience: TimeSpan, launched: Int32?) -> Outcome {
        let end = WallClock.monotonicMicroseconds() + patience.milliseconds * 1000
        while true {
            // Asked before the attempt: an agent that found another one alive has ended, and that one answers.
            let hasEnded = launched.map(AgentLauncher.reap) ?? false
            if let connection = try? AgentConnection(root: root) {
                return .connected(connection, launched: launched)
            }
            if hasEnded || WallClock.monotonicMicroseconds() >= end { break }
            usleep(1000)
        }
        return lose(
            root, reason: launched == nil ? "its agent is not there any more" : "its agent did not come up")
    }

    /// What a dead agent has left is ended before its tasks may run elsewhere.
    private static func lose(_ root: String, reason: String) -> Outcome {
        do {
            let journal = try JournalReader.read(root: root)
            NodeTeardown.endProcesses(root: root, journal: journal)
            // Once more: what was still alive a moment ago may have written its exit.
            let last = try JournalReader.read(root: root)
            return .lost(reason: reason, exits: last.unacknowledged.map { WorkExit($0.id, $0.result) })
        } catch {
            // Its exits are lost, so its tasks run again: not while they still run here.
            NodeTeardown.endProcesses(root: root, journal: JournalState())
            return .failed("\(reason), and its journal cannot be read: \(error)")
        }
    }

    // MARK: Proof

    private static func problems(of report: TeardownReport) -> [String] {
        report.remaining.map { "process \($0.processID) (\($0.command)) does not end" }
            + report.remainingMounts.map { "mount \($0)" }
            + (report.isDirectoryGone
                ? [] : ["directory \(report.root): \(report.failure.map(\.reason) ?? "still there")"])
    }

    private static func verify(nodeRoots: [String], directory: String) -> PoolVerification {
        let reports = NodeTeardown.run(roots: nodeRoots + [directory], grace: .zero)
        var verification = PoolVerification()
        verification.remains = reports.flatMap(problems)
        let processes = reports.reduce(0) { $0 + $1.remaining.count }
        let mounts = reports.reduce(0) { $0 + $1.remainingMounts.count }
        let nodes = nodeRoots.count
        verification.checks = [
            "processes: \(processes == 0 ? "none" : "\(processes)") left of \(nodes) node\(nodes == 1 ? "" : "s")"
                + " (\(TeardownReport.means(of: reports)))",
            "mounts: \(mounts == 0 ? "none" : "\(mounts)") left",
            "sockets: \(access(directory, F_OK) != 0 ? "none" : "see the directory") left",
            "directory: \(directory) \(access(directory, F_OK) != 0 ? "is gone" : "is still there")",
        ]
        return verification
    }
}
