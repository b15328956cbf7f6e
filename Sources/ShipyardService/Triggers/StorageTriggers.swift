import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Watches containers of the embedded store on a thread of its own, from the first subscription on, and has those of other stores
/// looked at.
package final class StorageTriggers: Sendable {
    private enum Request: Sendable {
        case follow([StorageSubscription], polled: Set<UInt32>)
        case explain(ContainerPlace, BytePath, @Sendable ([FileExplanation]) -> Void)
        case stop
    }

    private struct Mail {
        var requests: [Request] = []
        var hasThread = false
        var isStopped = false
    }

    private let layout: HomeLayout
    private let ledger: any TriggerLedger
    private let log: @Sendable (String) -> Void
    private let mail = Mutex(Mail())
    private let wakeup: Wakeup
    private let polls: StorePolls

    /// - Parameter open: opens other stores, with their keys.
    package init(
        layout: HomeLayout, ledger: any TriggerLedger,
        open: @escaping StoreOpener = StorageTriggers.opensNothing,
        log: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        polls = StorePolls(ledger: ledger, open: open, log: log)
        self.layout = layout
        self.ledger = ledger
        self.log = log
        wakeup = try Wakeup()
    }

    /// For those who have the embedded store alone.
    package static let opensNothing: StoreOpener = { account, _ throws(FileStoreError) in
        throw FileStoreError(.unsupported, "\(account.place) is not looked at here")
    }

    /// From now on, these and no others. Does not wait.
    package func follow(_ all: [StorageSubscription]) {
        polls.follow(all.filter { $0.store != nil })
        let polled = Set(all.filter { $0.store != nil }.map(\.schedule))
        let subscriptions = all.filter { $0.store == nil }
        let mustStart = mail.withLock { mail in
            // Without a thread there is nothing to end.
            guard !mail.isStopped, mail.hasThread || !subscriptions.isEmpty else { return false }
            mail.requests.append(.follow(subscriptions, polled: polled))
            defer { mail.hasThread = true }
            return !mail.hasThread
        }
        if mustStart { start() }
        wakeup.signal()
    }

    /// What each subscription to a container makes of a path. Empty where nobody wants its files, and where the
    /// watcher has no time for an answer now.
    package func explain(_ place: ContainerPlace, _ path: BytePath) -> [FileExplanation] {
        let box = ExplanationBox()
        let isPolled = polls.explain(place, path) { box.give($0) }
        if isPolled { return box.wait(milliseconds: 2000) }
        let isAsked = mail.withLock { mail in
            guard mail.hasThread, !mail.isStopped else { return false }
            mail.requests.append(.explain(place, path) { box.give($0) })
            return true
        }
        guard isAsked else { return [] }
        wakeup.signal()
        return box.wait(milliseconds: 2000)
    }

    /// Does not wait: what the thread has begun it ends, and tells the ledger or not.
    package func stop() {
        polls.stop()
        mail.withLock { mail in
            mail.requests.append(.stop)
            mail.isStopped = true
        }
        wakeup.signal()
    }

    /// Containers of other stores whose files cannot be seen now.
    package var troubles: [StoreTrouble] { polls.troubles }

    private func start() {
        do throws(SystemError) {
            try startThread { [self] in run() }
        } catch {
            mail.withLock { $0.hasThread = false }
            log("storage triggers are not watched: \(error)")
        }
    }

    // MARK: The thread

    private func run() {
        let watcher = TriggerWatcher(layout: layout, ledger: ledger, clock: Self.now, log: { self.log($0) })
        while true {
            for request in takeRequests() {
                switch request {
                case .follow(let subscriptions, let polled):
                    watcher.polled = polled
                    watcher.follow(subscriptions)
                case .explain(let place, let path, let give): give(watcher.explain(path, in: place))
                case .stop: return
                }
            }
            watcher.takeEvents()
            watcher.work()
            wait(for: watcher)
        }
    }

    private func takeRequests() -> [Request] {
        wakeup.clear()
        return mail.withLock { mail in
            defer { mail.requests = [] }
            return mail.requests
        }
    }

    private func wait(for watcher: TriggerWatcher) {
        var pause: Int64 = -1
        if let moment = watcher.nextMoment {
            // A moment has passed when the next millisecond begins.
            pause = max(0, (moment - Self.now().steady).milliseconds + 1)
        }
        var watched = [pollfd(fd: wakeup.fileDescriptor, events: Int16(POLLIN), revents: 0)]
        if let queue = watcher.fileDescriptor {
            watched.append(pollfd(fd: queue, events: Int16(POLLIN), revents: 0))
        }
        poll(&watched, nfds_t(watched.count), Int32(clamping: pause))
    }

    static func now() -> Moment {
        Moment(
            wall: SystemClock.now(),
            steady: SteadyTime(milliseconds: SystemClock.monotonicMicroseconds() / 1000))
    }
}

/// An answer on its way from the watcher's thread.
private final class ExplanationBox: Sendable {
    private let answer = Mutex<[FileExplanation]?>(nil)

    func give(_ value: [FileExplanation]) { answer.withLock { $0 = value } }

    func wait(milliseconds: Int) -> [FileExplanation] {
        for _ in 0..<milliseconds / 2 {
            if let answer = answer.withLock({ $0 }) { return answer }
            usleep(2000)
        }
        return []
    }
}
