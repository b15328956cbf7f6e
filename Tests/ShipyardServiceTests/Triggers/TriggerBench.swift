import Foundation
import ShipyardEngine
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem
import Synchronization
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// A home with a watcher over real directories, a real core and ledger, and a clock that the test sets. One thread.
final class TriggerBench {
    let home: String
    let layout: HomeLayout
    let ledger: CoreLedger
    private(set) var watcher: TriggerWatcher
    private(set) var log: [String] = []
    /// How far the test's time is ahead of the machine's; the wall clock by `set` more.
    private var ahead: Int64 = 0
    private var set: Int64 = 0

    init() throws {
        home = "/tmp/shipyard-triggers-\(randomSuffix())"
        layout = HomeLayout(home)
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        ledger = try CoreLedger()
        watcher = TriggerWatcher(layout: layout, ledger: ledger, clock: { fatalError() }, log: { _ in })
        restart()
    }

    deinit { try? FileManager.default.removeItem(atPath: home) }

    var now: Moment {
        let steady = SteadyTime(milliseconds: SystemClock.monotonicMicroseconds() / 1000 + ahead)
        let wall = Instant(milliseconds: SystemClock.now().milliseconds + ahead + set)
        return Moment(wall: wall, steady: steady)
    }

    /// As after `kill -9`: nothing is known but what the ledger has.
    func restart() {
        watcher = TriggerWatcher(
            layout: layout, ledger: ledger, clock: { [unowned self] in now },
            log: { [unowned self] in log.append($0) })
    }

    func setClock(by seconds: Int64) { set += seconds * 1000 }

    /// Lets time pass, in steps, as a watcher that is woken when it wants to be.
    func pass(_ seconds: Double) {
        look()
        let end = ahead + Int64(seconds * 1000)
        while ahead < end {
            let rest = watcher.nextMoment.map { ($0 - now.steady).milliseconds + 1 } ?? .max
            ahead += max(1, min(end - ahead, rest))
            look()
        }
    }

    func look() {
        watcher.takeEvents()
        watcher.work()
    }

    func subscribe(_ subscription: StorageSubscription) { follow([subscription]) }

    func follow(_ subscriptions: [StorageSubscription]) {
        watcher.follow(subscriptions)
        look()
    }

    /// A trigger on all `.done` files that is added now.
    func subscription(
        _ schedule: UInt32 = 1, begin: String = "", end: String = ".done", quiet: Int64 = 0,
        manifest: Bool = false, container: String = "in"
    ) -> StorageSubscription {
        StorageSubscription(
            schedule: schedule, place: ContainerPlace(account: "store", container: container),
            pathBeginsWith: begin, pathEndsWith: end, quietPeriod: .seconds(quiet), hasManifest: manifest,
            since: now.wall)
    }

    // MARK: Files

    var container: String { layout.storage + "/store/in" }
    func path(_ name: String) -> String { "\(container)/\(name)" }

    func makeDirectory(_ name: String = "") throws {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }

    func write(_ name: String, _ text: String = "") throws {
        let file = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard file >= 0 else { throw SystemError("open", path: name, errno: errno) }
        _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
        close(file)
    }

    /// Somewhere that nobody watches, on the same file system.
    func outside(_ name: String) -> String { "\(home)/\(name)" }

    // MARK: What came of it

    /// `in/a.done started 1`, in order of their numbers.
    var events: [String] {
        get throws {
            try ledger.store.triggerEvents(after: 0, limit: 100_000).map { row in
                "\(row.file.path) \(row.state.rawValue)"
            }
        }
    }
    func started() throws -> [String] {
        try ledger.store.triggerEvents(after: 0, limit: 100_000).filter { $0.state == .started }
            .map(\.file.path.description)
    }
}

/// The ledger of a core that is used by the test's own thread. Schedules 1 and 2 take any number of runs at once, 3 only
/// one, and nothing ever starts any of them.
final class CoreLedger: TriggerLedger, @unchecked Sendable {
    let store: StoreWriter
    private(set) var core: ServiceCore
    private let substrate = SimulatedSubstrate(Scenario(seed: 0))
    private let moment = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))

    init() throws {
        store = try StoreWriter(path: ":memory:")
        core = try ServiceCore(store: store, substrate: substrate, now: moment)
        for number in 1...3 {
            var definition = ScheduleDefinition()
            definition.policy.overlap = number == 3 ? .skip : .parallel
            definition.policy.maxActiveRuns = 1_000_000
            try core.putSchedule(
                ScheduleOffer(
                    id: ScheduleID("s\(number)")!, isRecurrence: false, definition: definition, bundle: "{}",
                    digest: "d"), at: moment)
        }
        try core.endTurn(at: moment)
    }

    /// By the numbers of their events; a second run for one is no schedule's.
    var runs: [Int64: UInt32] {
        let all = (1...3).flatMap { (try? store.runs(of: $0, limit: 100_000)) ?? [] }
        let pairs = all.filter { $0.state != .skipped }.compactMap { run in
            if case .event(let number) = run.cause { (number, run.key.schedule) } else { nil }
        }
        return Dictionary(pairs, uniquingKeysWith: { _, _ in .max })
    }

    func turn(_ body: (ServiceCore) throws(Refusal) -> Void) throws(Refusal) {
        try body(core)
        do throws(StoreError) {
            try core.endTurn(at: moment)
        } catch {
            core.abandon(error)
            restart()
            throw Refusal(error)
        }
    }

    /// The next core reads until it can.
    func restart() {
        let (writes, reads) = (store.faultInjection, store.readFaultInjection)
        (store.faultInjection, store.readFaultInjection) = (nil, nil)
        defer { (store.faultInjection, store.readFaultInjection) = (writes, reads) }
        do {
            core = try ServiceCore(store: store, substrate: substrate, now: moment)
        } catch {
            fatalError("\(error)")
        }
    }

    @discardableResult
    func tell(_ file: FileEvent, _ schedule: UInt32, _ kind: ArrivalKind = .new, again: Bool = false)
        throws(Refusal) -> [FileVerdict]
    {
        var verdicts: [FileVerdict] = []
        try turn { core throws(Refusal) in
            for _ in 0..<(again ? 2 : 1) {
                verdicts.append(try core.fileArrived(file, schedule: schedule, as: kind, at: moment))
            }
        }
        return verdicts
    }

    func isKnown(_ file: FileEvent, to schedule: UInt32) throws(Refusal) -> Bool {
        try read { () throws(StoreError) in
            try store.triggerEvents(of: schedule, about: file.version).contains { $0.file == file }
        }
    }

    func record(_ arrivals: [FileArrival]) throws(Refusal) {
        try turn { core throws(Refusal) in
            for arrival in arrivals {
                try core.fileArrived(arrival.file, schedule: arrival.schedule, as: arrival.kind, at: moment)
            }
        }
    }

    func baseline(of schedule: UInt32) throws(Refusal) -> Instant? {
        try read { () throws(StoreError) in try store.triggerBaseline(of: schedule) }
    }

    func recordBaseline(of schedule: UInt32, since: Instant) throws(Refusal) {
        try turn { core in core.addWrite(.putTriggerBaseline(schedule: schedule, since: since)) }
    }

    func rows(after number: Int64, limit: Int) throws(Refusal) -> [TriggerEventRecord] {
        try read { () throws(StoreError) in try store.triggerEvents(after: number, limit: limit) }
    }

    func upkeep(_ changes: [LedgerUpkeep]) throws(Refusal) {
        try turn { core in
            for change in changes {
                switch change {
                case .mark(let number, let gone): core.addWrite(.markTriggerEvent(number, gone: gone))
                case .delete(let number): core.addWrite(.deleteTriggerEvent(number))
                }
            }
        }
    }

    private func read<Answer>(_ body: () throws(StoreError) -> Answer) throws(Refusal) -> Answer {
        do throws(StoreError) {
            return try body()
        } catch {
            throw Refusal(error)
        }
    }
}
