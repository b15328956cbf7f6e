import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

/// A container of a store that tells of nothing by itself.
struct PolledPlace: Hashable, Sendable {
    var store: StorageAccount
    var container: String
}

/// Looks through one container now and then, and hands files to the ledger as `TriggerWatcher` does. One thread at a time.
///
/// A listing only says where to look, and may be old: what is new in it is asked for by its name before it counts. One that
/// breaks off goes on where it ended (`cursor`), and what was not told is found again by the next.
final class StoreWatcher {
    enum Pace {
        /// Names that are asked for at once.
        static let page = 1000
        /// Files that are asked for by their names before anything else has its turn.
        static let stats = 200
        /// As many arrivals as one turn of the service takes.
        static let slice = 500
        /// Between two attempts at a store that does not answer, at most.
        static let longestPause = TimeSpan.seconds(600)
        /// Until something is told again that could not be recorded.
        static let retry = TimeSpan.seconds(1)
    }

    let place: PolledPlace
    let ledger: any TriggerLedger
    let clock: () -> Moment
    private let open: () throws(FileStoreError) -> any FileStore
    private let log: (String) -> Void
    /// Of files that the ledger knows; each has some hundred bytes. What is more is asked of the ledger each time.
    var mostKnown = 250_000

    private(set) var subscriptions: [UInt32: StorageSubscription] = [:]
    var candidates = TriggerCandidates()
    /// On its way into the ledger.
    var arrivals: [FileArrival] = []
    /// Schedules whose files of before are in the ledger.
    var based: Set<UInt32> = []
    var upkeep = LedgerUpkeepTimes()
    /// What manifests have been found to list, up to the first file that is missing.
    var manifests: [CandidateKey: ManifestProgress] = [:]
    private(set) var hasContainer = true

    private var store: (any FileStore)?
    private var listing: Listing?
    private var nextPoll: SteadyTime?
    private var known: Set<KnownFile> = []
    private var failures = 0
    private(set) var trouble: StoreTrouble?

    struct ManifestProgress {
        var version: FileVersion
        var present: Int
    }

    private struct KnownFile: Hashable {
        var schedule: UInt32
        var version: FileVersion
    }

    /// One look through the container.
    private struct Listing {
        let prefix: BytePath
        /// The name after which it goes on.
        var cursor: BytePath?
        /// Of those it has passed, what the ledger knows.
        var known: Set<KnownFile> = []
        /// How long the store has been asked.
        var spent = TimeSpan.zero
        /// Not every file could be kept in mind.
        var isCrowded = false
        /// The ledger would not take everything.
        var hasRefusal = false
    }

    init(
        _ place: PolledPlace, ledger: any TriggerLedger, clock: @escaping () -> Moment,
        open: @escaping () throws(FileStoreError) -> any FileStore, log: @escaping (String) -> Void
    ) {
        self.place = place
        self.ledger = ledger
        self.clock = clock
        self.open = open
        self.log = log
    }

    var name: String { "\(place.store.name)/\(place.container)" }

    // MARK: Subscriptions

    func follow(_ wanted: [StorageSubscription]) {
        let wanted = Dictionary(wanted.map { ($0.schedule, $0) }, uniquingKeysWith: { $1 })
        let changed = Set(subscriptions.keys).union(wanted.keys).filter { subscriptions[$0] != wanted[$0] }
        guard !changed.isEmpty else { return }
        candidates.removeAll { changed.contains($0.schedule) }
        manifests = manifests.filter { !changed.contains($0.key.schedule) }
        based.subtract(changed)
        known = known.filter { !changed.contains($0.schedule) }
        subscriptions = wanted
        listing = nil
        nextPoll = clock().steady
        // Somebody may have mended what was wrong.
        store = nil
        failures = 0
    }

    private var interval: TimeSpan {
        max(.seconds(1), subscriptions.values.map(\.pollInterval).min() ?? .seconds(15))
    }

    /// What the names of all files begin with that anybody wants.
    private var commonPrefix: BytePath {
        let prefixes = subscriptions.values.map { Array($0.pathBeginsWith.utf8) }
        guard var common = prefixes.first else { return BytePath("") }
        for prefix in prefixes.dropFirst() {
            common = Array(zip(common, prefix).prefix { $0 == $1 }.map(\.0))
        }
        return BytePath(bytes: common)
    }

    // MARK: Time

    /// When `work` has something to do.
    var nextMoment: SteadyTime? {
        if subscriptions.isEmpty { return nil }
        return [candidates.next, nextPoll].compactMap { $0 }.min()
    }

    /// Does a part of what is due, so that whoever asks something need not wait for all of it.
    func work() {
        guard !subscriptions.isEmpty else { return }
        let now = clock()
        do throws(FileStoreError) {
            try settleDue()
            guard let next = nextPoll, next <= now.steady else { return }
            try look()
            if failures > 0 { sayMended() }
        } catch {
            if error.code == .containerNotFound { return missesContainer() }
            fail(error)
        }
    }

    private func opened() throws(FileStoreError) -> any FileStore {
        if let store { return store }
        let opened = try open()
        store = opened
        return opened
    }

    func stat(_ path: BytePath) throws(FileStoreError) -> StoredFile? {
        try opened().stat(StorePath(place.container, path))
    }

    func contents(_ path: BytePath, _ identity: String, limit: Int) throws(FileStoreError) -> [UInt8]? {
        var bytes: [UInt8] = []
        do throws(FileStoreError) {
            try opened().read(
                StorePath(place.container, path), range: 0..<Int64(limit + 1), identity: identity,
                to: .receiver { piece in
                    bytes += piece
                    return true
                })
        } catch {
            // It is another one by now, or none, and will be looked at again.
            if error.code == .conditionNotMet || error.code == .blobNotFound { return nil }
            throw error
        }
        return bytes
    }

    private func fail(_ error: FileStoreError) {
        // What it was opened with may be what is wrong.
        store = nil
        failures += 1
        let doubled = saturatingProduct(interval.milliseconds, Int64(1) << Int64(min(failures - 1, 20)))
        let pause = max(interval, min(Pace.longestPause, TimeSpan(milliseconds: doubled)))
        let now = clock()
        nextPoll = now.steady + pause
        candidates.postpone(until: now.steady + pause)
        if trouble == nil {
            log(
                "files that come into \(name) cannot be seen: \(error.message); tried again with growing pauses"
            )
        }
        trouble = StoreTrouble(
            account: place.store.name, container: place.container, reason: error.message,
            since: trouble?.since ?? now.wall, next: now.wall + pause)
    }

    private func sayMended() {
        failures = 0
        if trouble != nil { log("files that come into \(name) can be seen again") }
        trouble = nil
    }

    /// No error: whoever writes the first file makes it.
    private func missesContainer() {
        hasContainer = false
        store = nil
        candidates.removeAll { _ in true }
        manifests = [:]
        if failures > 0 { sayMended() }
        finish(Listing(prefix: commonPrefix))
    }

    // MARK: Looking through

    /// One page.
    private func look() throws(FileStoreError) {
        var current = listing ?? Listing(prefix: commonPrefix)
        listing = current
        let start = clock().steady
        let page = try opened().list(
            place.container, prefix: current.prefix, after: current.cursor, limit: Pace.page)
        current.spent = TimeSpan(
            milliseconds: current.spent.milliseconds + (clock().steady - start).milliseconds)
        hasContainer = true
        for file in page.files {
            for subscription in subscriptions.values where subscription.matches(file.name) {
                take(file, subscription, &current)
            }
        }
        if let next = page.next, let cursor = current.cursor, next <= cursor {
            // It would be asked for, for ever.
            throw FileStoreError(.internalError, "the listing of \(name) does not go on behind `\(cursor)`")
        }
        current.cursor = page.next
        listing = current
        flush()
        if current.cursor == nil, let ended = listing { finish(ended) }
    }

    private func take(_ file: StoredFile, _ subscription: StorageSubscription, _ listing: inout Listing) {
        guard let version = FileVersion(file) else { return }
        let mark = KnownFile(schedule: subscription.schedule, version: version)
        if known.contains(mark) { return keep(mark, &listing) }
        let key = CandidateKey(schedule: subscription.schedule, path: file.name)
        if let candidate = candidates[key], candidate.seen?.status.version == version { return }
        do throws(Refusal) {
            if try ledger.isKnown(event(file.name, version), to: subscription.schedule) {
                return keep(mark, &listing)
            }
            let status = FileStatus(stored: file, version)
            if try !isBased(subscription), Existence.isBefore(subscription.since, changed: status.changed) {
                return arrive(file.name, version, subscription, .existing)
            }
            note(key, status, subscription)
        } catch {
            listing.hasRefusal = true
        }
    }

    private func keep(_ mark: KnownFile, _ listing: inout Listing) {
        guard listing.known.count < mostKnown else {
            listing.isCrowded = true
            return
        }
        listing.known.insert(mark)
    }

    /// It is looked at by its name when it has rested.
    private func note(_ key: CandidateKey, _ status: FileStatus, _ subscription: StorageSubscription) {
        // The next look finds it again.
        guard candidates[key] != nil || candidates.count < candidates.limit else { return }
        let now = clock()
        let rest = Settling.remaining(
            of: Self.rest(subscription), changed: status.changed, unchangedSince: now.steady, at: now)
        candidates.set(
            key, Candidate(sighting: .closed, seen: (status, now.steady), due: now.steady + (rest ?? .zero)))
    }

    /// A file of a store is whole when it is there.
    static func rest(_ subscription: StorageSubscription) -> TimeSpan { subscription.quietPeriod }

    func isBased(_ subscription: StorageSubscription) throws(Refusal) -> Bool {
        if based.contains(subscription.schedule) { return true }
        guard try ledger.baseline(of: subscription.schedule) == subscription.since else { return false }
        based.insert(subscription.schedule)
        return true
    }

    private func finish(_ ended: Listing) {
        listing = nil
        let now = clock()
        let isRefused = ended.hasRefusal || !arrivals.isEmpty || flushFailed
        flushFailed = false
        if !isRefused {
            // What the next look need not ask the ledger for. Files that are gone are forgotten.
            known = ended.known
            finishBaselines()
            if upkeep.isDue(at: now.steady), !ended.isCrowded { keepUp() }
        }
        // A container that takes long to look through is looked at as long as it is not.
        nextPoll = now.steady + (isRefused ? Pace.retry : max(interval, ended.spent))
    }

    private func finishBaselines() {
        for subscription in subscriptions.values {
            do throws(Refusal) {
                if try isBased(subscription) { continue }
                try ledger.recordBaseline(of: subscription.schedule, since: subscription.since)
                based.insert(subscription.schedule)
            } catch {
                continue
            }
        }
    }

    // MARK: The ledger

    private var flushFailed = false

    func event(_ path: BytePath, _ version: FileVersion) -> FileEvent {
        FileEvent(account: place.store.name, container: place.container, path: path, version: version)
    }

    func arrive(
        _ path: BytePath, _ version: FileVersion, _ subscription: StorageSubscription, _ kind: ArrivalKind
    ) {
        forget(CandidateKey(schedule: subscription.schedule, path: path))
        arrivals.append(FileArrival(schedule: subscription.schedule, file: event(path, version), kind: kind))
        if arrivals.count >= Pace.slice { flush() }
    }

    func forget(_ key: CandidateKey) {
        candidates.remove(key)
        manifests[key] = nil
    }

    /// What cannot be recorded is found again.
    func flush() {
        guard !arrivals.isEmpty else { return }
        let told = arrivals
        arrivals = []
        do throws(Refusal) {
            try ledger.record(told)
            upkeep.recorded(told.count)
            for arrival in told where known.count < mostKnown {
                let mark = KnownFile(schedule: arrival.schedule, version: arrival.file.version)
                known.insert(mark)
                if listing != nil, listing?.known.count ?? 0 < mostKnown { listing?.known.insert(mark) }
            }
        } catch {
            flushFailed = true
            if listing == nil { nextPoll = clock().steady + Pace.retry }
        }
    }

    /// Marks rows whose files were not in the look that has just ended, and deletes those that have been gone for long.
    private func keepUp() {
        do throws(Refusal) {
            let count = try LedgerComparison(ledger, now: clock().wall).run(
                isMine: { subscriptions[$0.schedule] != nil }, isThere: { isThere($0) })
            upkeep.done(rows: count, at: clock().steady)
        } catch {
            upkeep.failed(at: clock().steady)
        }
    }

    private func isThere(_ row: TriggerEventRecord) -> Bool {
        row.file.account == place.store.name && row.file.container == place.container
            && known.contains(KnownFile(schedule: row.schedule, version: row.file.version))
    }
}

/// Why files of a container cannot be seen.
package struct StoreTrouble: Hashable, Sendable {
    package var account: String
    package var container: String
    package var reason: String
    package var since: Instant
    /// When it is tried again.
    package var next: Instant
}

extension FileVersion {
    /// Of a stored file: its name is a part of it, as two markers without content have one ETag, and its time, as one that is written
    /// again with the same content has. Nil where the machine has no library for that; then it has none for stores either.
    init?(_ file: StoredFile) {
        // To the second: listings and single answers differ in what is below.
        let seconds = file.modified.milliseconds.flooredDivision(by: 1000).0
        let text = file.name.bytes + [0] + Array("\(file.identity)\0\(file.size)\0\(seconds)".utf8)
        guard let hash = try? Digest.of(text, .sha256), hash.count >= 16 else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { hash[range].reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(
            inode: number(0..<8), birth: Int64(bitPattern: number(8..<16)), size: file.size,
            modified: saturatingProduct(seconds, 1_000_000_000))
    }
}

extension FileStatus {
    init(stored file: StoredFile, _ version: FileVersion) {
        // The end of the second that the store tells: a file must not look older than it is.
        self.init(version: version, changed: saturatingSum(version.modified, 999_000_000))
    }
}
