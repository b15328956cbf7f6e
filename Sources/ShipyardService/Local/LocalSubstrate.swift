import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardSystem
import Synchronization

/// This machine: a node is a directory and an agent process.
///
/// What blocks runs on `Workers` and comes back to the loop's thread as a step. The protocol's messages, contexts,
/// acknowledgements and attempts to reach an agent are known from here on and nowhere above.
package final class LocalSubstrate: Substrate {
    let layout: HomeLayout
    let settings: LocalSettings
    let lives: StateLives
    let reach: AgentReach
    let poller = Poller()
    let log: @Sendable (String) -> Void
    private let wakeup: Wakeup
    private let workers: Workers
    private let steps = Steps()

    var links: [NodeHandle: NodeLink] = [:]
    var handles: [Int32: NodeHandle] = [:]
    /// Nodes whose next step waits for its time.
    var retrying: Set<NodeHandle> = []
    /// Nodes with messages that have not left yet, and those of them whose socket takes no more now.
    var unflushed: Set<NodeHandle> = []
    private var blocked: Set<NodeHandle> = []
    private var arrived: [SubstrateEvent] = []
    /// The highest exit of each agent among `arrived`, and among what was handed out since the last commit.
    private var arrivedExits: [NodeHandle: UInt64] = [:]
    private var exitsInTurn: [NodeHandle: UInt64] = [:]
    var contexts: WorkContexts
    private var removals: [(node: NodeHandle, root: String, pool: PoolID)] = []
    private let removed = RemovedFiles()
    package let transfers = TransferBoard()
    /// Roots of nodes that left, by pool: looked for again when the pool goes.
    private var removedRoots: [PoolID: [String]] = [:]
    private var launched: Set<Int32> = []
    /// Processes that carry connections, and those that are about to end.
    var carriers: [Int32: CarrierProcess] = [:]
    var leavingCarriers: Set<Int32> = []
    var carriersByErrors: [Int32: Int32] = [:]
    var clock: ListeningClock
    /// When silence is looked at next, in monotonic microseconds.
    var nextLook: Int64 = 0
    var pingNumber: UInt64 = 0
    /// Counts cores: what comes back for an earlier one is dropped.
    private var generation = 0

    package init(
        layout: HomeLayout, lives: StateLives, settings: LocalSettings, wakeup: Wakeup,
        log: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        self.layout = layout
        self.lives = lives
        self.settings = settings
        reach = AgentReach(launcher: settings.launcher, lives: lives)
        self.wakeup = wakeup
        self.log = log
        clock = ListeningClock(settings.silence)
        contexts = WorkContexts(after: .random(in: 0...UInt32.max))
        workers = try Workers(count: 4)
        poller.add(wakeup.fileDescriptor)
    }

    /// What workers have for the loop's thread.
    private final class Steps: Sendable {
        private let waiting = Mutex<[@Sendable (LocalSubstrate) -> Void]>([])

        func add(_ step: @escaping @Sendable (LocalSubstrate) -> Void) {
            waiting.withLock { $0.append(step) }
        }

        func take() -> [@Sendable (LocalSubstrate) -> Void] {
            waiting.withLock { steps in
                defer { steps = [] }
                return steps
            }
        }
    }

    /// Hands a step back to the loop's thread.
    private var post: @Sendable (@escaping @Sendable (LocalSubstrate) -> Void) -> Void {
        { [steps, wakeup] step in
            steps.add(step)
            wakeup.signal()
        }
    }

    /// Forgets the nodes of the last core. Their agents live on and are reached for again.
    package func reset() {
        generation += 1
        for link in links.values {
            if let connection = link.connection { poller.remove(connection.fileDescriptor) }
            if let carrier = link.carrier { letGo(carrier) }
        }
        links = [:]
        handles = [:]
        retrying = []
        unflushed = []
        blocked = []
        arrived = []
        (arrivedExits, exitsInTurn) = ([:], [:])
        contexts.forgetAll()
        transfers.forgetAll()
        removals = []
    }

    // MARK: Nodes

    package func allocate(_ node: NodeHandle, _ description: NodeDescription) {
        add(node, description, .launch)
    }

    package func recover(_ node: NodeHandle, _ description: NodeDescription) {
        add(node, description, description.mayExist ? .connect : .launch)
    }

    private func add(_ node: NodeHandle, _ description: NodeDescription, _ step: NodeLink.Step) {
        drop(node)
        var hasSpoken = false
        if case .connect = step { hasSpoken = true }
        links[node] = NodeLink(
            description, root: layout.nodeRoot(description.id, of: description.pool),
            transport: settings.transport(description), hasSpoken: hasSpoken, at: clock.milliseconds)
        take(step, for: node)
    }

    package func release(_ node: NodeHandle, _ description: NodeDescription) {
        let root = layout.nodeRoot(description.id, of: description.pool)
        removedRoots[description.pool, default: []].append(root)
        drop(node)
        removals.append((node, root, description.pool))
    }

    package func verifyReleased(_ pool: PoolID) {
        let roots = removedRoots.removeValue(forKey: pool) ?? []
        let directory = layout.poolRoot(pool)
        let generation = generation
        workers.run { [post, layout, removed] in
            let verification = RemovalProof.verify(nodeRoots: roots, directory: directory)
            PackageSweep(layout).run(without: pool)
            removed.forget(pool)
            post { $0.receive(.poolVerified(pool, verification), of: generation) }
        }
    }

    package var files: any FilesOfNodes { LocalFiles(layout, removed) }

    // MARK: The loop's side

    package var hasEvents: Bool { !arrived.isEmpty }

    package func takeEvents() -> [SubstrateEvent] {
        exitsInTurn.merge(arrivedExits, uniquingKeysWith: max)
        arrivedExits = [:]
        defer { arrived = [] }
        return arrived
    }

    func tell(_ event: SubstrateEvent) { arrived.append(event) }

    /// - Parameter sequence: acknowledged with the turn that has it.
    func tellExit(_ work: WorkID, _ result: AttemptResult, _ sequence: UInt64, from node: NodeHandle) {
        arrivedExits[node] = max(arrivedExits[node] ?? 0, sequence)
        arrived.append(.workExited(node, work, result))
    }

    package func wait(until moment: Int64, for news: AwaitedNews) {
        let rest = max(0, moment - SystemClock.monotonicMicroseconds())
        // Rounded up: a wait that ends too early would come again at once.
        let milliseconds = (rest + 999) / 1000
        switch news {
        case .calls: wakeup.wait(milliseconds: milliseconds)
        case .anything:
            for ready in poller.wait(milliseconds: milliseconds) {
                if ready == wakeup.fileDescriptor { wakeup.clear() } else { readable(ready) }
            }
            for step in steps.take() { step(self) }
            timePassed()
        }
    }

    /// Sends what is buffered and starts the removals that were asked for together.
    package func turnCommitted() {
        for (node, sequence) in exitsInTurn { send(.acknowledge(sequence), to: node) }
        exitsInTurn = [:]
        for node in unflushed { flush(node) }
        guard !removals.isEmpty else { return }
        let batch = removals
        let generation = generation
        removals = []
        workers.run { [post, removed] in
            let reports = NodeTeardown.run(roots: batch.map(\.root)) { removed.add($1, of: batch[$0].pool) }
            for (item, report) in zip(batch, reports) {
                let problems = RemovalProof.problems(of: report)
                // The agent itself is a process of the node, and no news.
                let removal = NodeRemoval(processesEnded: max(0, report.ended - 1), problems: problems)
                post { $0.receive(.nodeReleased(item.node, removal), of: generation) }
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

    private func receive(_ event: SubstrateEvent, of generation: Int) {
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
            post { substrate in
                let isCurrent = generation == substrate.generation
                switch outcome {
                case .connected(let stream, let process):
                    substrate.keepTrack(ofAgent: process, of: isCurrent ? node : nil)
                    substrate.keepTrack(ofCarrier: stream.carrier, of: node)
                    if !isCurrent { substrate.close(stream) }
                case .unreachable(_, let process):
                    substrate.keepTrack(ofAgent: process, of: isCurrent ? node : nil)
                case .lost, .notLaunched, .strangerRemoved: break
                }
                if isCurrent { substrate.settle(outcome, for: node) }
                substrate.reapAgents()
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
        if let carrier = links[node]?.carrier { letGo(carrier) }
        links[node]?.carrier = nil
    }

    private func keepTrack(ofAgent process: Int32?, of node: NodeHandle?) {
        guard let process else { return }
        launched.insert(process)
        if let node { links[node]?.launched = process }
    }

    func drop(_ node: NodeHandle) {
        hangUp(node)
        contexts.forget(node)
        transfers.forget(node)
        links[node] = nil
    }

    private func reapAgents() {
        var hasOneEnded = false
        for processID in launched where AgentLauncher.reap(processID) {
            launched.remove(processID)
            for link in links.values where link.launched == processID { link.launched = nil }
            hasOneEnded = true
        }
        // What it left came to us. Some of it may end later, and is reaped with the next agent's.
        if hasOneEnded { workers.run { OwnProcess.reapOrphans() } }
    }
}
