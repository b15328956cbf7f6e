import ShipyardModel
import ShipyardStore

/// How a run of the loop came to its end.
enum LoopEnd {
    case stopped
    case idle
    /// `LoopLimit.deadline` has passed.
    case outOfTime
    /// The home is not ours any more: a sentence that says why.
    case homeLost(String)
}

/// What ends a run besides a stop.
struct LoopLimit {
    var idle: TimeSpan?
    /// Monotonic microseconds.
    var deadline: Int64?
}

/// The loop's mailbox, as the runner needs it. Both answer how many commands there were, and whether to stop.
struct LoopMail {
    /// Lets everybody who has posted do what they came for.
    var take: (ServiceCore, Moment) -> (commands: Int, stop: Bool)
    /// Tells everybody who has posted that there is no state to work on.
    var refuse: (Refusal) -> (commands: Int, stop: Bool)
}

enum LoopPace {
    /// Under load one commit serves all exits of this long. Nodes have work waiting for longer than that.
    static let turn = TimeSpan(milliseconds: 5)
    /// Waits that are shorter are not worth their calls.
    static let shortestPauseMicroseconds: Int64 = 500
    static let longestRetryPause = TimeSpan.seconds(5)
    /// While the state file cannot be used, a stop is looked for this often.
    static let retrySlice = TimeSpan(milliseconds: 50)
    /// Before an inspection that found no state is tried again.
    static let inspectionPause = TimeSpan(milliseconds: 50)
}

/// Turns of the core, at their pace: at once for a command, every 5 ms under a stream of exits.
///
/// Whatever a turn has taken is committed within the pace, whether anybody asks or not: the loop waits for
/// news only while it holds none.
///
/// Knows neither what nodes are made of nor what time it really is: the simulation runs this very loop.
struct LoopRunner<Place: Substrate, Time: ServiceTime> {
    let store: StoreWriter
    private var time: Time
    let substrate: Place
    private let secrets: (any SecretSource)?
    private let handedSecrets: HandedSecrets
    /// Outlives cores.
    private let storageKeys: StorageKeyRing
    private let tokensOfTasks: TaskTokens?
    /// Why the home is not ours any more; nil as long as it is.
    let homeLoss: () -> String?
    let log: (String) -> Void

    private var core: ServiceCore?
    private var lastTurn: Int64 = 0
    private var quietSince: Int64?
    /// A stop was taken in this run: its turn may have failed, and it is heard only once.
    private var hasStop = false
    /// True for the first core of a new boot: agents cannot have died of what their tasks did.
    private var isNewLife: Bool

    init(
        store: StoreWriter, time: Time, substrate: Place, secrets: (any SecretSource)? = nil,
        handedSecrets: HandedSecrets = HandedSecrets(), storageKeys: StorageKeyRing = StorageKeyRing(),
        tokensOfTasks: TaskTokens? = nil, homeLoss: @escaping () -> String?, log: @escaping (String) -> Void
    ) {
        self.tokensOfTasks = tokensOfTasks
        self.store = store
        self.time = time
        isNewLife = time.isNewLife
        self.substrate = substrate
        self.secrets = secrets
        self.handedSecrets = handedSecrets
        self.storageKeys = storageKeys
        self.homeLoss = homeLoss
        self.log = log
    }

    /// Restores the state. Its failure is final; later ones are not, but for damage.
    mutating func prepare() throws(StoreError) { core = try restoredCore() }

    /// Everybody who waits for a job to change hears that it has not.
    func answerWatchers() { core?.giveUpWatchers() }

    private mutating func restoredCore() throws(StoreError) -> ServiceCore {
        let core = try ServiceCore(
            store: store, substrate: substrate, secrets: secrets, handedSecrets: handedSecrets,
            storageKeys: storageKeys, tokensOfTasks: tokensOfTasks, now: time.now(), isNewLife: isNewLife)
        isNewLife = false
        quietSince = nil
        try endTurn(core)
        return core
    }

    /// Throws where the state file is damaged.
    mutating func run(_ limit: LoopLimit, _ mail: LoopMail) throws(StoreError) -> LoopEnd {
        var retryPause = TimeSpan(milliseconds: 50)
        hasStop = false
        while true {
            let failure: StoreError
            do throws(StoreError) {
                let end = try turns(limit, mail)
                syncAtEnd(end)
                return end
            } catch {
                failure = error
            }
            log("the turn was given up: \(failure)")
            core?.abandon(failure)
            core = nil
            substrate.reset()
            guard failure.kind != .corrupt else { throw failure }
            if let end = rest(retryPause, limit, mail, failure) { return end }
            retryPause = min(LoopPace.longestRetryPause, TimeSpan(milliseconds: retryPause.milliseconds * 2))
        }
    }

    /// Lets time pass before the state is restored again. Nobody waits for longer than that: they are told.
    private func rest(
        _ pause: TimeSpan, _ limit: LoopLimit, _ mail: LoopMail, _ failure: StoreError
    ) -> LoopEnd? {
        let end = time.monotonicMicroseconds() + pause.microseconds
        while true {
            if let loss = homeLoss() { return .homeLost(loss) }
            if mail.refuse(Refusal(failure)).stop || hasStop { return .stopped }
            let now = time.monotonicMicroseconds()
            if let deadline = limit.deadline, now >= deadline { return .outOfTime }
            guard now < end else { return nil }
            time.sleep(microseconds: min(end - now, LoopPace.retrySlice.microseconds))
        }
    }

    private mutating func turns(_ limit: LoopLimit, _ mail: LoopMail) throws(StoreError) -> LoopEnd {
        let isNew = core == nil
        let core = if let core { core } else { try restoredCore() }
        self.core = core
        quietSince = nil
        if isNew, try answerQuestions(core, mail) { return .stopped }
        while true {
            substrate.wait(until: nextMoment(core, limit), for: .anything)
            if let loss = homeLoss() { return .homeLost(loss) }
            var taken = collect(core, mail)
            if taken.commands == 0, !taken.stop, pause() {
                // A command has come, or more exits have: they join this turn.
                substrate.wait(until: time.monotonicMicroseconds(), for: .anything)
                if let loss = homeLoss() { return .homeLost(loss) }
                taken = collect(core, mail)
            }
            try endTurn(core)
            if taken.stop { return .stopped }
            if let deadline = limit.deadline, time.monotonicMicroseconds() >= deadline {
                return .outOfTime
            }
            if store.hasRowsToPurge { try store.purgeJobRows(limit: 2000) }
            if taken.commands > 0 {
                quietSince = nil
            } else if isTooLongIdle(core, limit) {
                return .idle
            }
        }
    }

    /// Before anything comes that is to be stored: on a full disk it ends the next turn as it has ended the last, and
    /// those who only ask would never be answered. True when a stop has come.
    private mutating func answerQuestions(_ core: ServiceCore, _ mail: LoopMail) throws(StoreError) -> Bool {
        // Long enough for all who were refused meanwhile to ask again.
        time.sleep(microseconds: 2 * LoopPace.inspectionPause.microseconds)
        let taken = mail.take(core, time.now())
        if taken.stop { hasStop = true }
        try endTurn(core)
        return taken.stop
    }

    /// Takes into the turn what has come from other threads and from nodes.
    private mutating func collect(_ core: ServiceCore, _ mail: LoopMail) -> (commands: Int, stop: Bool) {
        let taken = mail.take(core, time.now())
        if taken.stop { hasStop = true }
        for event in substrate.takeEvents() { core.receive(event, at: time.now()) }
        return taken
    }

    private mutating func endTurn(_ core: ServiceCore) throws(StoreError) {
        let now = time.now()
        if let write = time.takeNewAnchor(at: now) { core.addWrite(write) }
        try core.endTurn(at: now)
        lastTurn = time.monotonicMicroseconds()
        // Last: nodes have their orders, and may work while the disk does.
        try store.syncIfDue(at: lastTurn / 1000)
    }

    /// Nodes go on while nobody is here to sync.
    private func syncAtEnd(_ end: LoopEnd) {
        if case .homeLost = end { return }
        do throws(StoreError) {
            try store.sync()
        } catch {
            log("the state could not be synced: \(error)")
        }
    }

    /// Waits for the rest of the pace, so that more exits come into the turn. True when there was a wait.
    private func pause() -> Bool {
        let end = lastTurn + LoopPace.turn.microseconds
        guard end - time.monotonicMicroseconds() > LoopPace.shortestPauseMicroseconds else { return false }
        substrate.wait(until: end, for: .calls)
        return true
    }

    /// Until when to wait for something to happen, in monotonic microseconds.
    private func nextMoment(_ core: ServiceCore, _ limit: LoopLimit) -> Int64 {
        let monotonic = time.monotonicMicroseconds()
        if store.hasRowsToPurge || substrate.hasEvents { return monotonic }
        let now = time.now().steady
        var next = monotonic + HomeGuard.pause.microseconds
        for due in [core.nextDeadline, core.nextWatcherDeadline] {
            // A moment of the steady clock has passed when the next millisecond begins.
            guard let due else { continue }
            let rest = due + TimeSpan(milliseconds: 1) - now
            next = min(next, saturatingSum(monotonic, rest.microseconds))
        }
        if let sync = store.nextSync { next = min(next, (sync + 1) * 1000) }
        if let moment = substrate.nextMoment { next = min(next, moment) }
        if let deadline = limit.deadline { next = min(next, deadline) }
        if let idle = limit.idle {
            if let quietSince {
                next = min(next, quietSince + idle.microseconds)
            } else if !core.isBusy {
                next = monotonic
            }
        }
        return next
    }

    private mutating func isTooLongIdle(_ core: ServiceCore, _ limit: LoopLimit) -> Bool {
        guard let idle = limit.idle, !core.isBusy else {
            quietSince = nil
            return false
        }
        let now = time.monotonicMicroseconds()
        guard let since = quietSince else {
            quietSince = now
            return false
        }
        return now - since >= idle.microseconds
    }
}
