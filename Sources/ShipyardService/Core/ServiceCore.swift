import ShipyardCalendar
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

/// The service without threads, sockets or a clock: events and commands in, one commit, then orders.
///
/// A turn is any number of `receive` and command calls and then `endTurn`. When a turn throws, this value is
/// of no more use: make a new one from the same store, which is exactly what happens after a crash, so that
/// there is one way back and it is tested all the time.
package final class ServiceCore {
    var engine = Engine()
    let store: StoreWriter
    let substrate: any Substrate
    let secrets: any SecretSource
    let handedSecrets: HandedSecrets
    package let storageKeys: StorageKeyRing
    /// Nil where tasks are given none.
    let tokensOfTasks: TaskTokens?

    /// Called once the turn is committed, or with the error that undid it.
    var replies: [(StoreError?) -> Void] = []
    /// Whether one of `replies` promises something: then the commit must survive a power cut.
    private var promises = false
    var workTemplates = WorkTemplates()
    /// Of nodes' present agents.
    var tokens: [NodeHandle: KnownToken] = [:]
    var removals: [PoolID: PoolRemoval] = [:]
    /// Of every job that has not ended and can be read, without their templates.
    var plans: [UInt32: JobPlan] = [:]
    /// Of every pool that can be read.
    var specs: [PoolID: PoolSpec] = [:]
    var submissions: [UInt32: Submission] = [:]
    var submittingJobs: Set<JobID> = []
    /// Of jobs whose work has said something.
    var secretsOfJobs: [UInt32: SecretsOfJob] = [:]
    /// What could not be read while something was received: the turn comes to nothing.
    var failedRead: StoreError?
    /// All of whose versions are among those that are masked.
    var noticedSecrets: Set<SecretReference> = []
    /// Jobs whose refused tasks are marked for removal in this turn.
    var discardedJobs: Set<UInt32> = []
    var watchers: [JobWatcher] = []
    var triggerTurn = TriggerTurn()
    var triggers = TriggerWishes()
    var metadataTurn = MetadataTurn()
    /// A search for old files that is to begin.
    var sweep: RetentionSweep?
    /// Runs whose jobs are to be made.
    var runStarts: [RunStart] = []
    var zones = KnownZones(ZoneFiles())
    /// Work that could not be sent, and never can.
    var unsent: [(node: NodeHandle, work: WorkID, outcome: Outcome)] = []

    /// Opens where the last service stopped.
    ///
    /// - Parameter isNewLife: the machine, or the container, was started since.
    package init(
        store: StoreWriter, substrate: any Substrate, secrets: (any SecretSource)? = nil,
        handedSecrets: HandedSecrets = HandedSecrets(), storageKeys: StorageKeyRing = StorageKeyRing(),
        tokensOfTasks: TaskTokens? = nil, now: Moment, isNewLife: Bool = false
    ) throws(StoreError) {
        self.store = store
        self.substrate = substrate
        self.secrets = secrets ?? NoSecrets()
        self.handedSecrets = handedSecrets
        self.storageKeys = storageKeys
        self.tokensOfTasks = tokensOfTasks
        try restore(at: now, isNewLife)
    }

    package var nextDeadline: SteadyTime? {
        unsent.isEmpty && sweep == nil && runStarts.isEmpty && !triggers.hasChanged
            ? engine.nextDeadline : SteadyTime(milliseconds: 0)
    }
    package var isBusy: Bool { engine.isBusy || !submissions.isEmpty }

    package func receive(_ event: SubstrateEvent, at now: Moment) {
        switch event {
        case .nodeConnected(let node, let running, let queued, let isOutdated):
            let event = Event.nodeConnected(node, running: running, queued: queued, isOutdated: isOutdated)
            apply(event, from: node, at: now)
        case .nodeLost(let node, let reason, let exits):
            for exit in exits { engine.apply(.workExited(node, exit.work, masked(exit.result, of: exit.work, on: node)), at: now) }
            engine.apply(.nodeLost(node, reason: reason), at: now)
        case .nodeSilent(let node): engine.apply(.nodeSilent(node), at: now)
        case .nodeHeard(let node): engine.apply(.nodeHeard(node), at: now)
        case .nodeCannotStartWork(let node, let reason):
            apply(.nodeCannotStartWork(node, reason: reason), from: node, at: now)
        case .nodeCanStartWork(let node): apply(.nodeCanStartWork(node), from: node, at: now)
        case .nodeReleased(let node, let removal):
            let pool = engine.nodeRecord(node).pool
            removals[pool, default: PoolRemoval()].nodes += 1
            removals[pool]?.processesEnded += removal.processesEnded
            removals[pool]?.checks += maskedByAll(removal.problems)
            tokens[node] = nil
            engine.apply(.nodeRemoved(node), at: now)
        case .workStarted(let node, let work): apply(.workStarted(node, work), from: node, at: now)
        case .workExited(let node, let work, let result):
            apply(.workExited(node, work, masked(result, of: work, on: node)), from: node, at: now)
        case .workReturned(let node, let work): apply(.workReturned(node, work), from: node, at: now)
        case .filesRemoved(let node, let id): apply(.filesRemoved(node, id), from: node, at: now)
        case .filesNotRemoved(let node, let id, let failure):
            apply(.filesNotRemoved(node, id, masked(failure)), from: node, at: now)
        case .poolVerified(let pool, var verification):
            verification.remains = maskedByAll(verification.remains)
            poolVerified(pool, verification, at: now)
        }
    }

    /// What a node says that has been released meanwhile concerns nobody.
    private func apply(_ event: Event, from node: NodeHandle, at now: Moment) {
        guard !engine.isGone(node) else { return }
        engine.apply(event, at: now)
    }

    private func poolVerified(_ pool: PoolID, _ verification: PoolVerification, at now: Moment) {
        var removal = removals.removeValue(forKey: pool) ?? PoolRemoval()
        removal.checks = verification.checks + verification.remains.map { "left: \($0)" } + removal.checks
        removal.isComplete = verification.remains.isEmpty
        specs[pool] = nil
        workTemplates.forgetAll()
        engine.apply(.poolRemoved(pool, removal: jsonText(removal)), at: now)
    }

    /// Decides, commits, orders, answers: in this order and no other.
    package func endTurn(at now: Moment) throws(StoreError) {
        if let failedRead { throw failedRead }
        engine.apply(.timePassed, at: now)
        if engine.isBehind(now.wall) {
            engine.apply(.clockSetBack(try store.dueTimesOfRuns(after: now.wall)), at: now)
        }
        endUnsentWork(at: now)
        var turn = engine.takeTurn(at: now)
        turn.writes += newTokens(turn.effects)
        do {
            try store.commit(turn.writes, durably: promises || !turn.writes.allSatisfy(\.isProgress))
        } catch {
            answer(error)
            throw error
        }
        discardedJobs = []
        triggerTurn.end()
        metadataTurn.end()
        triggers.follow(turn.writes)
        let found: [TaskKey: TaskDefinition]
        let late: LateValues
        do {
            found = try definitions(for: turn.effects)
            late = try lateValues(for: found.values)
        } catch {
            // What was asked for is done; only the orders that follow from it must come from the next core.
            answer(nil)
            throw error
        }
        give(turn.effects, found, late)
        forgetEndedJobs(turn.writes)
        substrate.turnCommitted()
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

    private func forgetEndedJobs(_ writes: [StoreWrite]) {
        for write in writes {
            switch write {
            // Unless it went on in the same turn.
            case .putJob(let job) where job.state == .completed && engine.job(job.number)?.state == .completed:
                forget(job: job.number)
            case .deleteJob(let number): forget(job: number)
            default: break
            }
        }
    }

    /// What can never run must not be waited for.
    private func endUnsentWork(at now: Moment) {
        for item in unsent {
            engine.apply(
                .workExited(item.node, item.work, AttemptResult(item.outcome, at: now.wall)), at: now)
        }
        unsent = []
    }

    private func forget(job: UInt32) {
        plans[job] = nil
        workTemplates.forget(job: job)
        secretsOfJobs[job] = nil
        substrate.jobEnded(job)
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
