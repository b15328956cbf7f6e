import Glibc
import ShipyardModel
import ShipyardStore

/// Turns of the core, at their pace: at once for a command, every 5 ms under a stream of exits.
struct LoopRunner {
    /// Under load one commit serves all exits of this long. Agents have work waiting for longer than that.
    private static let paceMicroseconds: Int64 = 5000
    private static let longestRetryPause: TimeSpan = .seconds(5)

    let store: StoreWriter
    private var clock: ServiceClock
    let world: LocalWorld
    let poller: Poller
    let wakeup: Wakeup
    let home: String
    let log: @Sendable (String) -> Void

    private var core: ServiceCore?
    private var lastTurn: Int64 = 0
    private var quietSince: Int64?
    /// True for the first core of a new boot: agents cannot have died of what their tasks did.
    private var isNewLife: Bool

    init(
        store: StoreWriter, clock: ServiceClock, world: LocalWorld, poller: Poller, wakeup: Wakeup,
        home: String,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.clock = clock
        isNewLife = clock.isNewLife
        self.world = world
        self.poller = poller
        self.wakeup = wakeup
        self.home = home
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
                + " copy of both back")
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

    mutating func run(
        idleLimit: TimeSpan, takeLetters: (ServiceCore, Moment) -> (commands: Int, stop: Bool)
    ) throws(ServiceFailure) {
        var retryPause = TimeSpan(milliseconds: 50)
        while true {
            do throws(StoreError) {
                try turns(idleLimit: idleLimit, takeLetters: takeLetters)
                return
            } catch {
                log("the turn was given up: \(error)")
                core?.abandon(error)
                core = nil
                world.reset()
                guard error.kind != .corrupt else { throw failure(error) }
                usleep(UInt32(clamping: retryPause.milliseconds * 1000))
                retryPause = min(Self.longestRetryPause, TimeSpan(milliseconds: retryPause.milliseconds * 2))
            }
        }
    }

    private mutating func turns(
        idleLimit: TimeSpan, takeLetters: (ServiceCore, Moment) -> (commands: Int, stop: Bool)
    ) throws(StoreError) {
        let core = if let core { core } else { try restoredCore() }
        self.core = core
        quietSince = nil
        while true {
            for ready in poller.wait(milliseconds: patience(core, idleLimit)) {
                if ready == wakeup.fileDescriptor { wakeup.clear() } else { world.readable(ready) }
            }
            let (commands, isStopped) = takeLetters(core, clock.now())
            if isStopped { return syncAtEnd() }
            for event in world.takeEvents() { core.receive(event, at: clock.now()) }
            if commands > 0 {
                quietSince = nil
            } else if isTooLongIdle(core, idleLimit) {
                return syncAtEnd()
            } else if pause() {
                // A command has come, or more exits have: they join this turn.
                continue
            }
            try endTurn(core)
            if store.hasRowsToPurge { try store.purgeJobRows(limit: 2000) }
        }
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
    private func syncAtEnd() {
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

    /// How long to wait for something to happen, in milliseconds; nil is for ever.
    private func patience(_ core: ServiceCore, _ idleLimit: TimeSpan) -> Int64? {
        if store.hasRowsToPurge { return 0 }
        let now = clock.now()
        var moments = [core.nextDeadline, core.nextWatcherDeadline, core.nextSweep].compactMap {
            $0.map { ($0 + TimeSpan(milliseconds: 1) - now.steady).milliseconds }
        }
        if let sync = store.nextSync { moments.append(sync - WallClock.monotonicMicroseconds() / 1000 + 1) }
        if let quietSince {
            let left = quietSince + idleLimit.milliseconds * 1000 - WallClock.monotonicMicroseconds()
            moments.append(left / 1000 + 1)
        } else if !core.isBusy {
            moments.append(0)
        }
        return moments.min().map { max(0, $0) }
    }

    private mutating func isTooLongIdle(_ core: ServiceCore, _ idleLimit: TimeSpan) -> Bool {
        guard !core.isBusy else {
            quietSince = nil
            return false
        }
        let now = WallClock.monotonicMicroseconds()
        guard let since = quietSince else {
            quietSince = now
            return false
        }
        return now - since >= idleLimit.milliseconds * 1000
    }
}
