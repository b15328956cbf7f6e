import Foundation
import ShipyardFileStore
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// A container of a service that is as unkind as services are. For one thread.
private final class UnkindContainer {
    struct Entry {
        var content: [UInt8]
        var tag: String
        var modified: Instant
    }

    var files: [BytePath: Entry] = [:]
    /// What listings still show of what is gone or was another.
    var stale: [BytePath: Entry] = [:]
    /// Names that no listing has yet.
    var hidden: Set<BytePath> = []
    /// Answers to the next calls, in their order; nil for no error.
    var faults: [FileStoreError.Code?] = []
    var isMissing = false
    var page = 3
    private(set) var calls: [String] = []

    func takeCalls() -> [String] {
        defer { calls = [] }
        return calls
    }

    func call(_ name: String) throws(FileStoreError) {
        calls.append(name)
        if isMissing { throw FileStoreError(.containerNotFound, "there is no container") }
        guard !faults.isEmpty, let code = faults.removeFirst() else { return }
        throw FileStoreError(code, "the store says \(code.rawValue)")
    }
}

private final class UnkindStore: FileStore {
    let account = StorageAccount(.s3, alias: "far", name: "far")
    let rules = StoreRules(largestWhole: 1, partBytes: 1, mostParts: 1, connections: 1)
    private let container: UnkindContainer

    init(_ container: UnkindContainer) { self.container = container }

    func list(
        _ name: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        try container.call("list \(prefix) \(after?.description ?? "")")
        let shown = container.files.filter { !container.hidden.contains($0.key) }
            .merging(container.stale) { $1 }
        let names = shown.keys.filter { $0.bytes.starts(with: prefix.bytes) }
        let sorted = names.filter { name in after.map { $0 < name } ?? true }.sorted()
        let page = sorted.prefix(container.page)
        return FilePage(
            files: page.compactMap { name in shown[name].map { file(name, $0) } },
            next: page.count < sorted.count ? page.last : nil)
    }

    func stat(_ path: StorePath) throws(FileStoreError) -> StoredFile? {
        try container.call("stat \(path.name)")
        return container.files[path.name].map { file(path.name, $0) }
    }

    private func file(_ name: BytePath, _ entry: UnkindContainer.Entry) -> StoredFile {
        StoredFile(
            name: name, size: Int64(entry.content.count), modified: entry.modified, identity: entry.tag)
    }

    func read(
        _ path: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        try container.call("read \(path.name)")
        guard let entry = container.files[path.name], case .receiver(let take) = target else {
            throw FileStoreError(.blobNotFound, "there is none")
        }
        guard identity == nil || identity == entry.tag else {
            throw FileStoreError(.conditionNotMet, "it is another")
        }
        _ = entry.content.withUnsafeBytes { take($0) }
    }

    func containers() throws(FileStoreError) -> [String] { throw never }
    func makeContainer(_ container: String) throws(FileStoreError) { throw never }
    func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile { throw never }
    func beginParts(_ file: StorePath, _ attributes: FileAttributes) throws(FileStoreError) -> PartialFile {
        throw never
    }
    func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? { throw never }
    func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart { throw never }
    func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile { throw never }
    func abandon(_ file: PartialFile) throws(FileStoreError) { throw never }
    func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile { throw never }
    func remove(_ file: StorePath, identity: String?) throws(FileStoreError) { throw never }
    func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) { throw never }
    private var never: FileStoreError { FileStoreError(.unsupported, "nobody who watches does that") }
}

/// A watcher of one container, with a real core and ledger and a clock that the test sets.
private final class StoreBench {
    let ledger: CoreLedger
    let container = UnkindContainer()
    private(set) var watcher: StoreWatcher
    private(set) var log: [String] = []
    private(set) var now = Moment(
        wall: Instant(milliseconds: 1_700_000_000_000), steady: SteadyTime(milliseconds: 1_000_000))
    private var tags = 0

    init() throws {
        ledger = try CoreLedger()
        let place = PolledPlace(store: StorageAccount(.s3, alias: "far", name: "far"), container: "in")
        watcher = StoreWatcher(
            place, ledger: ledger, clock: { fatalError() },
            open: { () throws(FileStoreError) in throw FileStoreError(.unsupported, "") }, log: { _ in })
        restart()
    }

    /// As after `kill -9`.
    func restart() {
        watcher = StoreWatcher(
            watcher.place, ledger: ledger, clock: { [unowned self] in now },
            open: { [unowned self] () throws(FileStoreError) in UnkindStore(container) },
            log: { [unowned self] in log.append($0) })
    }

    func subscription(
        _ schedule: UInt32 = 1, begin: String = "", end: String = ".done", quiet: Int64 = 0,
        manifest: Bool = false
    ) -> StorageSubscription {
        var subscription = StorageSubscription(
            schedule: schedule, place: ContainerPlace(account: "far", container: "in"), pathBeginsWith: begin,
            pathEndsWith: end, quietPeriod: .seconds(quiet), hasManifest: manifest, since: now.wall)
        subscription.store = watcher.place.store
        return subscription
    }

    func put(_ name: String, _ text: String = "", tag: String? = nil) {
        tags += 1
        container.files[BytePath(name)] = UnkindContainer.Entry(
            content: Array(text.utf8), tag: tag ?? "t\(tags)",
            // As services tell it.
            modified: Instant(milliseconds: now.wall.milliseconds / 1000 * 1000))
    }

    func pass(_ seconds: Double) {
        var rest = Int64(seconds * 1000)
        settle()
        while rest > 0 {
            let step = min(
                rest, max(1, watcher.nextMoment.map { ($0 - now.steady).milliseconds + 1 } ?? .max))
            now.wall = now.wall + TimeSpan(milliseconds: step)
            now.steady = now.steady + TimeSpan(milliseconds: step)
            rest -= step
            settle()
        }
    }

    private func settle() {
        for _ in 0..<100_000 {
            guard let next = watcher.nextMoment, next <= now.steady else { return }
            watcher.work()
        }
    }

    func events() throws -> [String] {
        try ledger.store.triggerEvents(after: 0, limit: 200_000).map {
            "\($0.file.path) \($0.state.rawValue)"
        }
    }
}

struct StoreWatcherTests {
    @Test func aFileIsAnEventOnceAndAgainWhenItIsWrittenAnew() throws {
        let bench = try StoreBench()
        bench.put("old.done")
        bench.pass(5)
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        for name in ["a.done", "b.done", "c.txt", "d/e.done", "f.done", "g.done"] {
            bench.put(name, tag: "empty")
        }
        bench.pass(60)
        // Two files without content have one ETag and are two events all the same.
        var expected = [
            "a.done started", "b.done started", "d/e.done started", "f.done started", "g.done started",
            "old.done existing",
        ]
        #expect(try bench.events().sorted() == expected)
        bench.put("a.done", "more")
        bench.put("b.done", tag: "empty")
        bench.pass(30)
        expected += ["a.done started", "b.done started"]
        #expect(try bench.events().sorted() == expected.sorted())
        bench.restart()
        bench.watcher.follow(
            [bench.subscription()].map { subscription in
                var subscription = subscription
                subscription.since = Instant(milliseconds: 1_700_000_005_000)
                return subscription
            })
        bench.pass(60)
        #expect(try bench.events().count == 8)
        #expect(bench.ledger.runs.count == 7)
    }

    @Test func aKnownContainerCostsItsListingAlone() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription(begin: "x/")])
        bench.pass(2)
        for number in 0..<7 { bench.put("x/\(number).done") }
        bench.put("y.done")
        bench.pass(20)
        _ = bench.container.takeCalls()
        bench.pass(14.9)
        #expect(bench.container.takeCalls() == ["list x/ ", "list x/ x/2.done", "list x/ x/5.done"])
        #expect(try bench.events().count == 7)
    }

    @Test func listingThatIsOldStartsNothing() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        bench.put("gone.done", "x")
        bench.put("new.done", "x")
        let (gone, new) = (
            bench.container.files[BytePath("gone.done")], bench.container.files[BytePath("new.done")]
        )
        bench.container.files[BytePath("gone.done")] = nil
        bench.put("new.done", "xx")
        // It shows what is gone, and a version of before.
        bench.container.stale = [BytePath("gone.done"): gone!, BytePath("new.done"): new!]
        bench.put("late.done")
        bench.container.hidden = [BytePath("late.done")]
        bench.pass(60)
        #expect(try bench.events() == ["new.done started"])
        let row = try #require(try bench.ledger.store.triggerEvents(after: 0, limit: 9).first)
        #expect(row.file.version.size == 2)
        bench.container.stale = [:]
        bench.container.hidden = []
        bench.pass(20)
        #expect(try bench.events() == ["new.done started", "late.done started"])
    }

    @Test func storeThatCannotBeReachedIsToldOnceAndLosesNothing() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        for number in 0..<10 { bench.put("\(number).done") }
        bench.container.faults = [nil] + Array(repeating: .unreachable, count: 8)
        bench.pass(20)
        let trouble = try #require(bench.watcher.trouble)
        #expect(
            trouble.account == "far" && trouble.container == "in"
                && trouble.reason == "the store says Unreachable")
        _ = bench.container.takeCalls()
        bench.pass(100)
        // After 15, 30 and 60 seconds; no file is asked for in between.
        #expect(bench.container.takeCalls().count <= 4)
        #expect(bench.log.count == 1)
        bench.pass(3600)
        #expect(try bench.events().sorted() == (0..<10).map { "\($0).done started" })
        #expect(bench.watcher.trouble == nil)
        // While a file is asked for.
        bench.put("x.done")
        bench.container.page = 100
        bench.container.faults = [nil, .internalError]
        bench.pass(100)
        #expect(try bench.events().sorted().last == "x.done started")
        #expect(try bench.events().count == 11)
        let seen = "files that come into far/in can be seen again"
        #expect(
            bench.log == [
                "files that come into far/in cannot be seen: the store says Unreachable; tried again with growing pauses",
                seen,
                "files that come into far/in cannot be seen: the store says InternalError; tried again with growing pauses",
                seen,
            ])
    }

    @Test func brokenListingGoesOnWhereItEnded() throws {
        let bench = try StoreBench()
        for number in 0..<9 { bench.put("\(number).done") }
        bench.pass(5)
        bench.watcher.follow([bench.subscription()])
        bench.container.faults = [nil, nil, .serverBusy]
        bench.pass(40)
        #expect(
            bench.container.takeCalls().prefix(4) == [
                "list  ", "list  2.done", "list  5.done", "list  5.done",
            ])
        #expect(try bench.events() == (0..<9).map { "\($0).done existing" })
    }

    @Test func nothingIsBasedOnHalfAListing() throws {
        let bench = try StoreBench()
        for number in 0..<9 { bench.put("\(number).done") }
        bench.pass(5)
        let subscription = bench.subscription()
        bench.watcher.follow([subscription])
        bench.container.faults = [nil] + Array(repeating: .unreachable, count: 3)
        bench.pass(20)
        bench.restart()
        bench.container.faults = []
        bench.watcher.follow([subscription])
        bench.pass(40)
        #expect(try bench.events() == (0..<9).map { "\($0).done existing" })
    }

    @Test func quietPeriodBeginsAnewWithEachWrite() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription(quiet: 30)])
        bench.pass(1)
        for _ in 0..<6 {
            bench.put("a.done", "x")
            bench.pass(20)
        }
        #expect(try bench.events().isEmpty)
        bench.pass(16)
        #expect(try bench.events() == ["a.done started"])
        // Of a service whose clock is ahead, what was seen counts.
        bench.put("b.done")
        bench.container.files[BytePath("b.done")]?.modified = bench.now.wall + .seconds(100_000)
        bench.pass(60)
        #expect(try bench.events() == ["a.done started", "b.done started"])
    }

    @Test func manifestWaitsForItsFilesAndAsksForEachOnce() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription(end: ".list", manifest: true)])
        bench.pass(1)
        bench.put("x/m.list", "one\ntwo\n/three\n")
        bench.put("x/one")
        bench.pass(20)
        bench.put("x/two")
        bench.pass(40)
        #expect(try bench.events().isEmpty)
        let explained = try #require(bench.watcher.explain(BytePath("x/m.list")).first)
        #expect(
            explained.waiting
                == .manifest(MissingFile(path: BytePath("three"), present: 2, total: 3, isUnsettled: false)))
        _ = bench.container.takeCalls()
        bench.put("three")
        bench.pass(20)
        #expect(try bench.events() == ["x/m.list started"])
        #expect(bench.container.takeCalls().filter { $0 == "stat x/one" }.isEmpty)
        bench.put("bad.list", "../up\n")
        bench.pass(20)
        #expect(try bench.events().last == "bad.list filtered")
    }

    @Test func containerThatIsMissingIsNoError() throws {
        let bench = try StoreBench()
        bench.container.isMissing = true
        bench.watcher.follow([bench.subscription()])
        bench.pass(100)
        #expect(bench.log.isEmpty && bench.watcher.trouble == nil && !bench.watcher.hasContainer)
        bench.container.isMissing = false
        bench.put("a.done")
        bench.pass(20)
        #expect(try bench.events() == ["a.done started"])
    }

    @Test func oneFileThatNobodyMayAskForHoldsUpNoOther() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        bench.put("a.done")
        bench.put("b.done")
        bench.container.page = 10
        bench.container.faults = [nil, .authorizationFailure]
        bench.pass(20)
        #expect(try bench.events().count == 1)
        bench.pass(80)
        #expect(try bench.events().count == 2)
        #expect(bench.log.isEmpty)
    }

    @Test func ledgerThatRefusesIsToldAgain() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        for number in 0..<5 { bench.put("\(number).done") }
        var refusals = 3
        bench.ledger.store.faultInjection = { _ in
            refusals -= 1
            return refusals >= 0
        }
        bench.pass(60)
        #expect(refusals < 0)
        #expect(try Set(bench.events()) == Set((0..<5).map { "\($0).done started" }))
        #expect(try bench.events().count == 5)
    }

    @Test func rowsOfFilesThatAreGoneGoAfterAWeek() throws {
        let bench = try StoreBench()
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        bench.put("a.done")
        bench.put("b.done")
        bench.pass(20)
        bench.container.files[BytePath("a.done")] = nil
        bench.pass(2 * 86_400)
        let rows = try bench.ledger.store.triggerEvents(after: 0, limit: 9)
        #expect(rows.map { $0.gone != nil } == [true, false])
        bench.pass(9 * 86_400)
        #expect(try bench.events() == ["b.done started"])
        bench.pass(86_400)
        #expect(bench.ledger.runs.count <= 2)
    }

    @Test func manyNamesTakeBoundedMemory() throws {
        let bench = try StoreBench()
        bench.container.page = 1000
        bench.watcher.mostKnown = 500
        bench.watcher.candidates.limit = 300
        bench.watcher.follow([bench.subscription()])
        bench.pass(1)
        for number in 0..<3000 { bench.put("\(number).done") }
        for _ in 0..<40 {
            bench.pass(15)
            #expect(bench.watcher.candidates.count <= 300)
        }
        #expect(try bench.events().count == 3000)
        #expect(bench.ledger.runs.count == 3000)
    }
}
