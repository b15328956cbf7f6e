import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

/// The service without threads, sockets or a clock: events and commands in, one commit, then acts.
///
/// A turn is any number of `receive` and command calls and then `endTurn`. When a turn throws, this value is
/// of no more use: make a new one from the same store, which is exactly what happens after a crash, so that
/// there is one way back and it is tested all the time.
package final class ServiceCore {
    var engine = Engine()
    let store: StoreWriter
    let world: any World
    let home: String

    /// Called once the turn is committed, or with the error that undid it.
    var replies: [(StoreError?) -> Void] = []
    /// Whether one of `replies` promises something: then the commit must survive a power cut.
    private var promises = false
    /// The highest exit of each agent in this turn, acknowledged after the commit.
    var acknowledgements: [NodeHandle: UInt64] = [:]
    var contexts: ContextBook
    var removals: [PoolID: PoolRemoval] = [:]
    var plans: [UInt32: JobPlan] = [:]
    var specs: [PoolID: PoolSpec] = [:]
    var submissions: [UInt32: Submission] = [:]
    var submittingJobs: Set<JobID> = []
    /// Jobs whose refused tasks are marked for removal in this turn.
    var discardedJobs: Set<UInt32> = []
    var watchers: [JobWatcher] = []
    /// A search for old files that is to begin.
    var sweep: RetentionSweep?
    /// Orders for tasks that the database does not know any more.
    var missingRows: [(NodeHandle, WorkID)] = []

    /// Opens where the last service stopped.
    ///
    /// - Parameter isNewLife: the machine, or the container, was started since.
    package init(
        store: StoreWriter, world: any World, home: String, now: Moment, isNewLife: Bool = false
    ) throws(StoreError) {
        self.store = store
        self.world = world
        self.home = home
        // Agents outlive the service and keep contexts by number: a later service must not use a number again.
        contexts = ContextBook(firstNumber: UInt32(truncatingIfNeeded: now.steady.milliseconds / 10))
        try restore(at: now, isNewLife)
    }

    package var nextDeadline: SteadyTime? {
        missingRows.isEmpty && sweep == nil ? engine.nextDeadline : SteadyTime(milliseconds: 0)
    }
    package var isBusy: Bool { engine.isBusy || !submissions.isEmpty }

    package func receive(_ event: WorldEvent, at now: Moment) {
        switch event {
        case .message(let node, let message):
            guard !engine.isGone(node) else { return }
            receive(message, from: node, at: now)
        case .nodeLost(let node, let reason, let exits):
            for exit in exits { engine.apply(.workExited(node, exit.work, exit.result), at: now) }
            contexts.forget(node)
            engine.apply(.nodeLost(node, reason: reason), at: now)
        case .nodeSilent(let node): engine.apply(.nodeSilent(node), at: now)
        case .nodeHeard(let node): engine.apply(.nodeHeard(node), at: now)
        case .nodeRemoved(let node, let removal):
            let pool = engine.nodeRecord(node).pool
            removals[pool, default: PoolRemoval()].nodes += 1
            removals[pool]?.processesEnded += removal.processesEnded
            removals[pool]?.checks += removal.problems
            contexts.forget(node)
            engine.apply(.nodeRemoved(node), at: now)
        case .poolVerified(let pool, let verification): poolVerified(pool, verification, at: now)
        }
    }

    private func receive(_ message: AgentMessage, from node: NodeHandle, at now: Moment) {
        switch message {
        case .welcome(_, _, _, _, let running, let queued):
            contexts.forget(node)
            engine.apply(.nodeConnected(node, running: running, queued: queued), at: now)
        case .started(let work, _): engine.apply(.workStarted(node, work), at: now)
        case .exited(let sequence, let work, let result):
            acknowledgements[node] = max(acknowledgements[node] ?? 0, sequence)
            engine.apply(.workExited(node, work, result), at: now)
        case .returned(let work): engine.apply(.workReturned(node, work), at: now)
        case .directoryRemoved(let id): engine.apply(.directoryRemoved(node, id), at: now)
        case .directoryNotRemoved(let id, let path, let reason):
            let failure = RemovalFailure(path: path, reason: reason)
            engine.apply(.directoryNotRemoved(node, id, failure), at: now)
        case .cannotStartWork(let reason):
            engine.apply(.nodeCannotStartWork(node, reason: reason), at: now)
        case .canStartWork: engine.apply(.nodeCanStartWork(node), at: now)
        case .pong: break
        }
    }

    private func poolVerified(_ pool: PoolID, _ verification: PoolVerification, at now: Moment) {
        var removal = removals.removeValue(forKey: pool) ?? PoolRemoval()
        removal.checks = verification.checks + verification.remains.map { "left: \($0)" } + removal.checks
        removal.isComplete = verification.remains.isEmpty
        specs[pool] = nil
        engine.apply(.poolRemoved(pool, removal: jsonText(removal)), at: now)
    }

    /// Decides, commits, acts, answers: in this order and no other.
    package func endTurn(at now: Moment) throws(StoreError) {
        engine.apply(.timePassed, at: now)
        endTasksWithoutRows(at: now)
        let turn = engine.takeTurn(at: now)
        do {
            try store.commit(turn.writes, durably: promises || !turn.writes.allSatisfy(\.isProgress))
        } catch {
            answer(error)
            throw error
        }
        discardedJobs = []
        let found: [TaskKey: TaskDefinition]
        do {
            found = try definitions(for: turn.effects)
        } catch {
            // What was asked for is done; only the orders that follow from it must come from the next core.
            answer(nil)
            throw error
        }
        act(on: turn.effects, found)
        forgetEndedJobs(turn.writes)
        acknowledge()
        answer(nil)
        answerWatchers(at: now)
    }

    /// Gives up the turn: everybody who waits for it is told that it came to nothing.
    package func abandon(_ error: StoreError) {
        answer(error)
        giveUpWatchers()
    }

    /// Everybody who waits for a job to change hears that there is nothing to wait for here.
    package func giveUpWatchers() {
        for watcher in watchers { watcher.give(nil) }
        watchers = []
    }

    /// A row that concerns no decision: it goes with the turn.
    package func addWrite(_ write: StoreWrite) { engine.addWrites([write]) }

    private func acknowledge() {
        // In the order of nodes: a simulation must see the same acts for the same seed.
        for (node, sequence) in acknowledgements.sorted(by: { $0.key.index < $1.key.index }) {
            world.send([.acknowledge(sequence)], to: node)
        }
        acknowledgements = [:]
    }

    private func forgetEndedJobs(_ writes: [StoreWrite]) {
        for write in writes {
            switch write {
            case .putJob(let job) where job.state == .completed: forget(job: job.number)
            case .deleteJob(let number): forget(job: number)
            default: break
            }
        }
    }

    /// A task whose row is gone can never run, and must not be waited for.
    private func endTasksWithoutRows(at now: Moment) {
        let outcome = Outcome.notStarted(
            .rowMissing, "what the state file has of the task cannot be read")
        let result = AttemptResult(outcome, at: now.wall)
        for (node, work) in missingRows { engine.apply(.workExited(node, work, result), at: now) }
        missingRows = []
    }

    private func forget(job: UInt32) {
        plans[job] = nil
        for (node, number) in contexts.forget(job: job) { world.send([.forgetContext(number)], to: node) }
    }

    private func answer(_ error: StoreError?) {
        let waiting = replies
        replies = []
        promises = false
        for reply in waiting { reply(error) }
    }

    /// Calls `body` once this turn is committed, with nil, or with the error that undid it.
    ///
    /// - Parameter isPromise: whether who hears it may rely on the turn even after a power cut.
    package func afterCommit(isPromise: Bool, _ body: @escaping (StoreError?) -> Void) {
        replies.append(body)
        if isPromise { promises = true }
    }
}

/// JSON of a value of ours. Encoding our own plain types cannot fail.
func jsonText(_ value: some Encodable) -> String {
    do {
        return String(decoding: try JSONCoding.encode(value), as: UTF8.self)
    } catch {
        invariantFailure("cannot encode \(type(of: value)): \(error)")
    }
}
