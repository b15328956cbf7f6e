import Glibc
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Synchronization

/// Opens a store for the threads that look at it.
package typealias StoreOpener =
    @Sendable (StorageAccount, TransferGauge) throws(FileStoreError) -> any FileStore

/// Looks at containers of other stores, on threads of its own: one store that hangs holds up few others, and never the
/// embedded one.
final class StorePolls: Sendable {
    /// Containers beyond so many share a thread.
    private static let mostLanes = 16

    private struct State {
        var lanes: [StoreLane] = []
        var places: [PolledPlace: Int] = [:]
        var isStopped = false
    }

    private let ledger: any TriggerLedger
    private let open: StoreOpener
    private let log: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(
        ledger: any TriggerLedger, open: @escaping StoreOpener, log: @escaping @Sendable (String) -> Void
    ) {
        self.ledger = ledger
        self.open = open
        self.log = log
    }

    /// From now on, these and no others. Does not wait.
    func follow(_ subscriptions: [StorageSubscription]) {
        var wanted: [PolledPlace: [StorageSubscription]] = [:]
        for subscription in subscriptions {
            guard let store = subscription.store else { continue }
            wanted[PolledPlace(store: store, container: subscription.place.container), default: []].append(
                subscription)
        }
        state.withLock { state in
            guard !state.isStopped else { return }
            for place in state.places.keys where wanted[place] == nil { state.places[place] = nil }
            for place in wanted.keys where state.places[place] == nil {
                if let lane = freeLane(&state) { state.places[place] = lane }
            }
            for (index, lane) in state.lanes.enumerated() {
                lane.tell(.follow(wanted.filter { state.places[$0.key] == index }))
            }
        }
    }

    /// The one with the fewest containers; a new one while there are few.
    private func freeLane(_ state: inout State) -> Int? {
        let loads = state.lanes.indices.map { lane in state.places.values.count { $0 == lane } }
        if let idle = loads.firstIndex(of: 0) { return idle }
        if state.lanes.count < Self.mostLanes {
            do throws(SystemError) {
                let lane = try StoreLane(ledger: ledger, open: open, log: log)
                try startThread { lane.run() }
                state.lanes.append(lane)
                return state.lanes.count - 1
            } catch {
                log("containers of other stores are not all looked at: \(error)")
            }
        }
        return loads.min().flatMap { loads.firstIndex(of: $0) }
    }

    /// False where nobody looks at such a container.
    func explain(
        _ place: ContainerPlace, _ path: BytePath, _ give: @escaping @Sendable ([FileExplanation]) -> Void
    ) -> Bool {
        state.withLock { state in
            let found = state.places.first {
                $0.key.store.name == place.account && $0.key.container == place.container
            }
            guard let found else { return false }
            state.lanes[found.value].tell(.explain(found.key, path, give))
            return true
        }
    }

    var troubles: [StoreTrouble] {
        state.withLock { $0.lanes.flatMap(\.troubles) }.sorted {
            ($0.account, $0.container) < ($1.account, $1.container)
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            for lane in state.lanes { lane.stop() }
        }
    }
}

/// A thread with its containers.
private final class StoreLane: Sendable {
    enum Request: Sendable {
        case follow([PolledPlace: [StorageSubscription]])
        case explain(PolledPlace, BytePath, @Sendable ([FileExplanation]) -> Void)
        case stop
    }

    private struct Mail {
        var requests: [Request] = []
        var troubles: [StoreTrouble] = []
    }

    private let ledger: any TriggerLedger
    private let open: StoreOpener
    private let log: @Sendable (String) -> Void
    private let mail = Mutex(Mail())
    private let wakeup: Wakeup
    private let gauge = TransferGauge()

    init(
        ledger: any TriggerLedger, open: @escaping StoreOpener, log: @escaping @Sendable (String) -> Void
    ) throws(SystemError) {
        self.ledger = ledger
        self.open = open
        self.log = log
        wakeup = try Wakeup()
    }

    func tell(_ request: Request) {
        mail.withLock { $0.requests.append(request) }
        wakeup.signal()
    }

    func stop() {
        // What waits for a store waits no longer.
        gauge.cancel()
        tell(.stop)
    }

    var troubles: [StoreTrouble] { mail.withLock { $0.troubles } }

    func run() {
        var watchers: [PolledPlace: StoreWatcher] = [:]
        while true {
            for request in takeRequests() {
                switch request {
                case .follow(let wanted):
                    for place in watchers.keys where wanted[place] == nil { watchers[place] = nil }
                    for (place, subscriptions) in wanted {
                        let watcher = watchers[place] ?? watcher(place)
                        watchers[place] = watcher
                        watcher.follow(subscriptions)
                    }
                case .explain(let place, let path, let give): give(watchers[place]?.explain(path) ?? [])
                case .stop: return
                }
            }
            for watcher in watchers.values { watcher.work() }
            let troubles = watchers.values.compactMap(\.trouble)
            mail.withLock { $0.troubles = troubles }
            let next = watchers.values.compactMap(\.nextMoment).min()
            // A moment has passed when the next millisecond begins.
            wakeup.wait(
                milliseconds: next.map { max(0, ($0 - StorageTriggers.now().steady).milliseconds + 1) } ?? -1)
        }
    }

    private func watcher(_ place: PolledPlace) -> StoreWatcher {
        let (open, gauge) = (open, gauge)
        return StoreWatcher(
            place, ledger: ledger, clock: StorageTriggers.now,
            open: { () throws(FileStoreError) in try open(place.store, gauge) }, log: log)
    }

    private func takeRequests() -> [Request] {
        wakeup.clear()
        return mail.withLock { mail in
            defer { mail.requests = [] }
            return mail.requests
        }
    }
}
