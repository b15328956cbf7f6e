import Glibc
import ShipyardModel
import ShipyardStore

/// Turns of the core, at their pace: at once for a command, every 5 ms under a stream of exits.
///
/// Whatever a turn has taken is committed within the pace, whether anybody asks or not: the loop waits for
/// news only while it holds none.
struct LoopRunner {
    /// Under load one commit serves all exits of this long. Agents have work waiting for longer than that.
    private static let paceMicroseconds: Int64 = 5000
    static let longestRetryPause: TimeSpan = .seconds(5)
    /// While the state file cannot be used, a stop is looked for this often.
    private static let retrySlice = TimeSpan(milliseconds: 50)

    enum End {
        case stopped
        case idle
        /// `Limit.deadline` has passed.
        case outOfTime
        /// The home is not ours any more: a sentence that says why.
        case homeLost(String)
    }

    /// What ends a run besides a stop.
    struct Limit {
        var idle: TimeSpan?
        /// Monotonic microseconds.
        var deadline: Int64?
    }

    /// The loop's mailbox, as the runner needs it. Both answer how many commands there were, and whether to stop.
    struct Mail {
        /// Lets everybody who has posted do what they came for.
        var take: (ServiceCore, Moment) -> (commands: Int, stop: Bool)
        /// Tells everybody who has posted that there is no state to work on.
        var refuse: (Refusal) -> (commands: Int, stop: Bool)
    }

    let store: StoreWriter
    private var clock: ServiceClock
    let world: LocalWorld
    let poller: Poller
    let wakeup: Wakeup
    let home: String
    let homeGuard: HomeGuard
    let log: @Sendable (String) -> Void

    private var core: ServiceCore?
    private var lastTurn: Int64 = 0
    private var quietSince: Int64?
    /// A stop was taken in this run: its turn may have failed, and it is heard only once.
    private var hasStop = false
    /// True for the first core of a new boot: agents cannot have died of what their tasks did.
    private var isNewLife: Bool

    init(
        store: StoreWriter, clock: ServiceClock, world: LocalWorld, poller: Poller, wakeup: Wakeup,
        home: String, homeGuard: HomeGuard, log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.clock = clock
        isNewLife = clock.isNewLife
        self.world = world
        self.poller = poller
        self.wakeup = wakeup
        self.home = home
        self.homeGuard = homeGuard
        self.log = log
    }

    /// Restores the state. Its failure is final; later ones are not.
    mutating func prepare() throws(ServiceFailure) {
        do throws(StoreError) {
            core = try restoredCore()
        } catch {
            throw failure(error)
        }
    }

    /// Which file it is, and what can be done: the statement that has found it means nothing to a user.
    private func failure(_ error: StoreError) -> ServiceFailure {
        guard error.kind == .corrupt else { return ServiceFailure("\(error)") }
        let file = HomeLayout(home).database
        return ServiceFailure(
            "the state file \(file) is damaged: \(error.message); move it and \(file)-wal away to begin anew, or put a"
                + " copy of both back; nodes that have gone on since the copy are begun anew, without their files"
        )
    }

    /// Everybody who waits for a job to change hears that it has not.
    func answerWatchers() { core?.giveUpWatchers() }

    private mutating func restoredCore() throws(StoreError) -> ServiceCore {
        let core = try ServiceCore(
            store: store, world: world, home: home, now: clock.now(), isNewLife: isNewLife)
        isNewLife = false
        quietSince = nil
        try endTurn(core)
        return core
    }

    mutating func run(_ limit: Limit, _ mail: Mail) throws(ServiceFailure) -> End {
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
            world.reset()
            guard failure.kind != .corrupt else { throw self.failure(failure) }
            if let end = rest(retryPause, limit, mail, failure) { return end }
            retryPause = min(Self.longestRetryPause, TimeSpan(milliseconds: retryPause.milliseconds * 2))
        }
    }

    /// Lets time pass before the state is restored again. Nobody waits for longer than that: they are told.
    private func rest(_ pause: TimeSpan, _ limit: Limit, _ mail: Mail, _ failure: StoreError) -> End? {
        let end = WallClock.monotonicMicroseconds() + pause.milliseconds * 1000
        while true {
            if let loss = homeGuard.loss { return .homeLost(loss) }
            if mail.refuse(Refusal(failure)).stop || hasStop { return .stopped }
            let now = WallClock.monotonicMicroseconds()
            if let deadline = limit.deadline, now >= deadline { return .outOfTime }
            guard now < end else { return nil }
            usleep(UInt32(min(end - now, Self.retrySlice.milliseconds * 1000)))
        }
    }

    private mutating func turns(_ limit: Limit, _ mail: Mail) throws(StoreError) -> End {
        let isNew = core == nil
        let core = if let core { core } else { try restoredCore() }
        self.core = core
        quietSince = nil
        if isNew, try answerQuestions(core, mail) { return .stopped }
        while true {
            wait(milliseconds: patience(core, limit))
            if let loss = homeGuard.loss { return .homeLost(loss) }
            var taken = collect(core, mail)
            if taken.commands == 0, !taken.stop, pause() {
                // A command has come, or more exits have: they join this turn.
                wait(milliseconds: 0)
                if let loss = homeGuard.loss { return .homeLost(loss) }
                taken = collect(core, mail)
            }
            try endTurn(core)
            if taken.stop { return .stopped }
            if let deadline = limit.deadline, WallClock.monotonicMicroseconds() >= deadline {
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
    private mutating func answerQuestions(_ core: ServiceCore, _ mail: Mail) throws(StoreError) -> Bool {
        // Long enough for all who were refused meanwhile to ask again.
        usleep(2 * ServiceLoop.inspectionPause)
        let taken = mail.take(core, clock.now())
        if taken.stop { hasStop = true }
        try endTurn(core)
        return taken.stop
    }

    private func wait(milliseconds: Int64?) {
        for ready in poller.wait(milliseconds: milliseconds) {
            if ready == wakeup.fileDescriptor { wakeup.clear() } else { world.readable(ready) }
        }
        world.timePassed()
    }

    /// Takes into the turn what has come from other threads and from nodes.
    private mutating func collect(_ core: ServiceCore, _ mail: Mail) -> (commands: Int, stop: Bool) {
        let taken = mail.take(core, clock.now())
        if taken.stop { hasStop = true }
        for event in world.takeEvents() { core.receive(event, at: clock.now()) }
        return taken
    }

    private mutating func endTurn(_ core: ServiceCore) throws(StoreError) {
        let now = clock.now()
        if let write = clock.takeNewAnchor(at: now) { core.addWrite(write) }
        try core.endTurn(at: now)
        world.flush()
        lastTurn = WallClock.monotonicMicroseconds()
        // Last: agents have their orders, and may work while the disk does.
        try store.syncIfDue(at: lastTurn / 1000)
    }

    /// Agents go on while nobody is here to sync.
    private func syncAtEnd(_ end: End) {
        if case .homeLost = end { return }
        do throws(StoreError) {
            try store.sync()
        } catch {
            log("the state could not be synced: \(error)")
        }
    }

    /// Waits for the rest of the pace, so that more exits come into the turn. True when there was a wait.
    private func pause() -> Bool {
        let rest = lastTurn + Self.paceMicroseconds - WallClock.monotonicMicroseconds()
        guard rest > 500 else { return false }
        var watched = pollfd(fd: wakeup.fileDescriptor, events: Int16(POLLIN), revents: 0)
        poll(&watched, 1, Int32((rest + 999) / 1000))
        return true
    }

    /// How long to wait for something to happen, in milliseconds.
    private func patience(_ core: ServiceCore, _ limit: Limit) -> Int64 {
        if store.hasRowsToPurge || world.hasEvents { return 0 }
        let now = clock.now()
        let monotonic = WallClock.monotonicMicroseconds()
        var moments = [core.nextDeadline, core.nextWatcherDeadline].compactMap {
            $0.map { ($0 + TimeSpan(milliseconds: 1) - now.steady).milliseconds }
        }
        moments.append(HomeGuard.pause.milliseconds)
        if let sync = store.nextSync { moments.append(sync - monotonic / 1000 + 1) }
        for moment in [world.nextMoment, limit.deadline].compactMap({ $0 }) {
            moments.append((moment - monotonic) / 1000 + 1)
        }
        if let idle = limit.idle {
            if let quietSince {
                moments.append((quietSince + idle.milliseconds * 1000 - monotonic) / 1000 + 1)
            } else if !core.isBusy {
                moments.append(0)
            }
        }
        return max(0, moments.min() ?? 0)
    }

    private mutating func isTooLongIdle(_ core: ServiceCore, _ limit: Limit) -> Bool {
        guard let idle = limit.idle, !core.isBusy else {
            quietSince = nil
            return false
        }
        let now = WallClock.monotonicMicroseconds()
        guard let since = quietSince else {
            quietSince = now
            return false
        }
        return now - since >= idle.milliseconds * 1000
    }
}
