import Glibc
import ShipyardModel
import ShipyardSystem

/// Finds files that came into containers and hands each to the ledger once it is at rest. One thread at a time.
///
/// What it knows is only a hint of where to look: a look at the file decides, and the ledger knows what was dealt with.
/// So events that are lost, doubled or late cost time and nothing else, and a scan makes good for all of them.
final class TriggerWatcher {
    enum Pace {
        /// Between two looks at what cannot be watched; longer where a look takes long.
        static let polling = TimeSpan.seconds(5)
        /// Of the time of this machine, a look may take one part in so many.
        static let pollingShare: Int64 = 20
        /// Until something is told again that could not be recorded.
        static let retry = TimeSpan.seconds(1)
        /// As many arrivals as one turn of the service takes.
        static let slice = 500
        /// A manifest is looked at again this often, whatever was heard.
        static let manifest = TimeSpan.seconds(60)
    }

    let layout: HomeLayout
    let ledger: any TriggerLedger
    let clock: () -> Moment
    let log: (String) -> Void

    private(set) var subscriptions: [UInt32: StorageSubscription] = [:]
    var byPlace: [ContainerPlace: [StorageSubscription]] = [:]
    var containers: [ContainerPlace: WatchedContainer] = [:]
    var candidates = TriggerCandidates()
    /// On its way into the ledger.
    var arrivals: [FileArrival] = []
    /// When to look through containers again where something could not be told, or was too much.
    var rescans: [ContainerPlace: SteadyTime] = [:]
    /// Containers of which not all candidates could be kept.
    var crowded: Set<ContainerPlace> = []
    /// Schedules whose files of before are in the ledger.
    var based: Set<UInt32> = []
    var upkeep = LedgerUpkeepTimes()
    /// Schedules whose containers are in other stores.
    var polled: Set<UInt32> = []

    /// Answers whether a directory may be watched. For tests.
    var mayWatch: () -> Bool = { true }
    var watch: DirectoryWatch?
    var table = WatchTable()
    /// The store or an account cannot be watched.
    var isBlind = false
    private var nextPoll: SteadyTime?
    private var said: Set<String> = []

    init(
        layout: HomeLayout, ledger: any TriggerLedger, clock: @escaping () -> Moment,
        log: @escaping (String) -> Void
    ) {
        self.layout = layout
        self.ledger = ledger
        self.clock = clock
        self.log = log
    }

    /// Nil while there is nothing to hear.
    var fileDescriptor: Int32? { watch?.fileDescriptor }

    // MARK: Subscriptions

    func follow(_ wanted: [StorageSubscription]) {
        let wanted = Dictionary(wanted.map { ($0.schedule, $0) }, uniquingKeysWith: { $1 })
        let changed = Set(subscriptions.keys).union(wanted.keys).filter { subscriptions[$0] != wanted[$0] }
        guard !changed.isEmpty else { return }
        candidates.removeAll { changed.contains($0.schedule) }
        for container in containers.values { container.stopWaiting { changed.contains($0.schedule) } }
        based.subtract(changed)
        subscriptions = wanted
        byPlace = Dictionary(grouping: wanted.values, by: \.place)
        for place in containers.keys where byPlace[place] == nil { drop(place) }
        guard !wanted.isEmpty else { return rest() }
        resync(scanning: Set(changed.compactMap { wanted[$0]?.place }))
    }

    /// Nothing to watch: nothing is kept.
    private func rest() {
        watch = nil
        table = WatchTable()
        containers = [:]
        rescans = [:]
        crowded = []
        nextPoll = nil
    }

    // MARK: Time

    /// When `work` has something to do; nil when only news bring something.
    var nextMoment: SteadyTime? {
        ([candidates.next, nextPoll, upkeep.next(isIdle: subscriptions.isEmpty)] + rescans.values.map { $0 })
            .compactMap { $0 }.min()
    }

    /// Does what is due.
    func work() {
        let now = clock().steady
        if let poll = nextPoll, poll <= now {
            nextPoll = nil
            resync(scanning: [])
            lookThrough(containers.values.filter(\.isBlind).map(\.place))
        }
        lookThrough(rescans.filter { $0.value <= now }.map(\.key))
        settleDue()
        if !crowded.isEmpty, candidates.count < candidates.limit / 2 {
            lookThrough(Array(crowded))
        }
        if upkeep.isDue(at: now), !subscriptions.isEmpty { keepUp() }
        planPoll(after: clock().steady - now)
    }

    /// - Parameter spent: how long the last look took, with everything else.
    private func planPoll(after spent: TimeSpan) {
        guard isBlind || containers.values.contains(where: \.isBlind) else {
            nextPoll = nil
            return
        }
        let pause = max(Pace.polling, TimeSpan(milliseconds: spent.milliseconds * Pace.pollingShare))
        if nextPoll == nil { nextPoll = clock().steady + pause }
    }

    func lookThrough(_ places: [ContainerPlace]) {
        for place in places {
            rescans[place] = nil
            crowded.remove(place)
            if let container = containers[place] { scan(container) }
            finishBaselines(of: place)
        }
    }

    func sayOnce(_ text: String) {
        if said.insert(text).inserted { log(text) }
    }

    // MARK: News

    func takeEvents() {
        // Not for ever: what is due must not wait for whoever writes without a pause.
        for _ in 0..<16 {
            let events = watch?.read() ?? []
            if events.isEmpty { return }
            take(events)
        }
    }

    func take(_ events: [DirectoryWatch.Event]) {
        var mustResync = false
        var isOverflown = false
        for event in events {
            if event.kinds.contains(.overflow) {
                isOverflown = true
                continue
            }
            if table.ancestors.contains(event.watch) { mustResync = true }
            let directories = table.directories(of: event.watch)
            if event.kinds.contains(.ended) {
                for directory in directories {
                    containers[directory.place]?.watches[directory.path] = nil
                    if directory.path.isEmpty { mustResync = true }
                }
                table.forget(event.watch)
                continue
            }
            for directory in directories {
                guard let container = containers[directory.place] else { continue }
                if event.name.isEmpty {
                    if directory.path.isEmpty { mustResync = true }
                } else {
                    take(event.kinds, at: directory.path / event.name, in: container)
                }
            }
        }
        if isOverflown {
            candidates.doubt(at: clock().steady)
            resync(scanning: Set(byPlace.keys))
        } else if mustResync {
            resync(scanning: [])
        }
    }

    private func take(_ kinds: DirectoryWatch.Kinds, at path: BytePath, in container: WatchedContainer) {
        if kinds.contains(.ofDirectory) {
            if !kinds.isDisjoint(with: [.movedOut, .deleted]) {
                forgetWatches(below: path, of: container)
            } else if !kinds.isDisjoint(with: [.created, .movedIn]) || container.watches[path] == nil {
                scan(container, from: path)
            }
        } else if !kinds.isDisjoint(with: [.written, .movedIn]) {
            note(path, .closed, in: container)
        } else if kinds.contains(.created) {
            note(path, .created, in: container)
        } else if kinds.contains(.touched) {
            note(path, .found, in: container)
        }
    }
}
