import CLinux
import Glibc
import ShipyardModel
import ShipyardSystem

/// One thread that waits for the service, for signals and for time, and does what they ask for.
///
/// A turn starts the next work first and writes afterwards: the processors have something to do while the
/// journal and the socket are served. Whatever a turn has to say is journaled before it is said.
final class AgentLoop {
    let options: NodeAgentOptions
    let node: NodeEnvironment
    let spawner: ProcessSpawner
    let tree = ProcessTree()
    let directory: FileDescriptor
    let lock: FileDescriptor
    let journal: AgentJournal
    private let signals: FileDescriptor
    private let listener: FileDescriptor

    private var stream: MessageStream<ServiceMessage, AgentMessage>?
    /// How far the service has come on this connection.
    private(set) var trust = Trust.unknown
    /// What is to be said once the agent is accepted. No more than its work comes to: it takes none until then.
    private var held: [AgentMessage] = []
    private var reportedJournalFailure: SystemError?

    var contexts: [UInt32: ContextState] = [:]
    /// By path relative to the root. Few jobs are active on a node at a time.
    var parents: [String: ParentDirectory] = [:]
    var queue = WorkQueue()
    var attempts: [Attempt] = []
    var stock: ResourceStock
    let removals: Removals
    var hindrance: Hindrance?
    /// How long until the next trial of a node that cannot start work; monotonic microseconds.
    var trialPause = AgentLoop.firstTrialMicroseconds
    var isLeaving = false
    /// Monotonic microseconds.
    var nextRootCheck: Int64 = 0

    // Used again for each task.
    var lastCommand = (text: "true", words: ["true"])
    var environment = StringBlock()
    var arguments = StringBlock()

    init(
        _ options: NodeAgentOptions, node: NodeEnvironment, signals: consuming FileDescriptor,
        listener: consuming FileDescriptor, spawner: consuming ProcessSpawner,
        directory: consuming FileDescriptor, lock: consuming FileDescriptor, journal: AgentJournal,
        removals: Removals
    ) {
        self.removals = removals
        self.options = options
        self.node = node
        self.signals = signals
        self.listener = listener
        self.spawner = spawner
        self.directory = directory
        self.lock = lock
        self.journal = journal
        stock = ResourceStock(Resources(slots: options.slots))
    }

    /// Until the agent is told to go and its last process has ended.
    func run() -> Int32 {
        NodeAgent.complain("node \(options.node) of pool \(options.pool), boot \(options.boot): ready")
        while !(isLeaving && attempts.isEmpty) {
            let ready = wait()
            if ready.signals { readSignals() }
            if !queue.isEmpty { dispatch() }
            if ready.service { readMessages() }
            if ready.listener { accept() }
            checkTimes()
            checkRoot()
            checkHindrance()
            dispatch()
            stepRemovals()
            flush()
        }
        journal.flush()
        return 0
    }

    enum Trust: Equatable {
        /// It has not said hello, or is of another state: it is told nothing, and may only tell the agent to go.
        case unknown
        /// It has said hello in this life and decides whether the agent's work is its own.
        case deciding(LifeID)
        case accepted
    }

    private struct Ready {
        var signals = false
        var service = false
        var listener = false
    }

    private func wait() -> Ready {
        let wantsToWrite = (stream?.unsentBytes ?? 0) > 0
        var descriptors = [
            pollfd(fd: signals.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0),
            // A negative number is skipped by the kernel.
            pollfd(
                fd: stream?.fileDescriptor ?? -1, events: Int16(POLLIN) | (wantsToWrite ? Int16(POLLOUT) : 0),
                revents: 0),
        ]
        guard poll(&descriptors, 3, timeoutMilliseconds()) > 0 else { return Ready() }
        return Ready(
            signals: descriptors[0].revents != 0, service: descriptors[2].revents != 0,
            listener: descriptors[1].revents != 0)
    }

    private func timeoutMilliseconds() -> Int32 {
        if removals.isWorking { return 0 }
        let next = min(
            nextTime() ?? .max, nextRootCheck, removals.nextTime ?? .max, hindrance?.nextTrial ?? .max)
        let wait = next - SystemClock.monotonicMicroseconds()
        // Rounded up: a turn that comes too early would come again at once.
        return wait <= 0 ? 0 : Int32(min(wait / 1000 + 1, 3_600_000))
    }

    private func readSignals() {
        while true {
            switch shipyard_signalfd_read(signals.number) {
            case 0: return reap()
            case SIGCHLD: continue
            default: leave()
            }
        }
    }

    // MARK: the service

    private func accept() {
        let number = shipyard_accept(listener.number)
        guard number >= 0 else { return }
        let socket = FileDescriptor(owning: number)
        // Another user's, if the modes of the directories above let it come so far: nothing of it is heard.
        guard PeerCredentials.isTrusted(socket.number) else { return }
        // A newer connection comes from a newer service, or from one that has given up the older.
        stream = MessageStream(owning: socket, speaking: options.versions)
        forgetCaller()
    }

    private func readMessages() {
        guard let stream else { return }
        do throws(ConnectionError) {
            let (messages, isClosed) = try stream.receive()
            for message in messages { handle(message) }
            if isClosed { close() }
        } catch {
            NodeAgent.complain("connection dropped: \(error)")
            close()
        }
    }

    private func close() {
        stream = nil
        forgetCaller()
    }

    private func forgetCaller() {
        trust = .unknown
        held = []
    }

    /// Tells what is alive, and keeps ready which exits are not acknowledged and which removals not forgotten. The
    /// service of another state never hears those: its numbers name other work. Nor does one that has gone back to
    /// an earlier state of its own, which it knows by the life that the agent has heard last.
    func welcome(_ offer: ProtocolVersions, _ state: StateID, _ life: LifeID) {
        forgetCaller()
        let version = options.versions.newest(with: offer)
        stream?.version =
            version == ProtocolVersions.beforeGreetings ? ProtocolVersions.beforeGreetings : Frame.greeting
        stream?.send(
            .welcome(
                Welcome(
                    version: version ?? Frame.greeting, token: options.token, state: options.state,
                    life: journal.state.boot?.life ?? options.life, boot: options.boot, processID: getpid(),
                    running: attempts.map(\.order.id), queued: queue.ids)))
        guard let version else {
            return NodeAgent.complain(
                "the service speaks versions \(offer.oldest) to \(offer.newest) of the protocol, none of which is known"
            )
        }
        stream?.version = version
        guard state == options.state else { return }
        trust = .deciding(life)
        for exit in journal.state.unacknowledged {
            send(.exited(sequence: exit.sequence, exit.id, exit.result))
        }
        for (id, answer) in removals.kept { send(id, answer) }
        if let hindrance { send(.cannotStartWork(reason: hindrance.reason)) }
    }

    /// From now on the service is obeyed, and hears what there was to say since its hello, in order.
    func beAccepted() {
        guard case .deciding(let life) = trust else { return }
        trust = .accepted
        if life != journal.state.boot?.life { journal.append(.heard(life)) }
        for message in held { send(message) }
        held = []
    }

    func send(_ message: AgentMessage) {
        switch trust {
        case .unknown: break
        case .deciding: held.append(message)
        case .accepted: stream?.send(message)
        }
    }

    // A service that reads nothing any more must not fill the agent's memory: it connects again when it can. Outputs
    // have a bound of their own, and all that wait are sent on each connection.
    private static let maximumUnsentBytes = 64 << 20

    private func flush() {
        journal.flush()
        if let failure = journal.failure, failure != reportedJournalFailure {
            NodeAgent.complain("journal: \(failure)")
        }
        reportedJournalFailure = journal.failure
        guard let stream, stream.unsentBytes > 0 else { return }
        let isOut = try? stream.flush()
        if isOut == nil || stream.unsentBytes > Self.maximumUnsentBytes + journal.state.outputBytes {
            NodeAgent.complain("connection dropped: the service has gone or does not read")
            close()
        }
    }
}
