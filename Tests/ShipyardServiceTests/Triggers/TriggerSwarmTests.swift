import Foundation
import ShipyardModel
import ShipyardSystem
import Synchronization
import TestSupport
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// Many files, and anything that may happen to them.
@Suite(.blocking) struct TriggerSwarmTests {
    /// Written, renamed, replaced, linked, deleted, with directories that come and go; the watcher dies, loses events and
    /// has a store that fails. In the end each file that is there is in the ledger under its name, and has started one run.
    @Test(arguments: 1...25) func whateverHappensEachFileStartsOneRun(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let bench = try TriggerBench()
        if Bool.random(using: &random) { try bench.makeDirectory() }
        let subscriptions = [
            bench.subscription(1), bench.subscription(2, begin: "a", end: "", quiet: 20),
        ]
        bench.follow(subscriptions)
        let names = [
            "a.done", "b.done", "a/x.done", "a/b/y.done", "c/z.done", "c/z.tmp", "a/b", "a", "c", "d/e",
        ]
        func path(_ name: String) -> String { bench.path(name) }
        for _ in 0..<120 {
            let (name, other) = (names.randomElement(using: &random)!, names.randomElement(using: &random)!)
            switch Int.random(in: 0..<16, using: &random) {
            case 0..<5:
                try? bench.makeDirectory(BytePath(name).parent.description)
                try? bench.write(name, String(repeating: "x", count: .random(in: 0..<3, using: &random)))
            case 5..<7: rename(path(name), path(other))
            case 7: link(path(name), path(other))
            case 8: try? FileManager.default.removeItem(atPath: path(name))
            case 9: chmod(path(name), 0o755)
            case 10: rename(path(name), bench.outside("aside-\(Int.random(in: 0..<3, using: &random))"))
            case 11: rename(bench.outside("aside-\(Int.random(in: 0..<3, using: &random))"), path(name))
            case 12: bench.pass(.random(in: 0..<30, using: &random))
            case 13:
                bench.restart()
                bench.follow(subscriptions)
            case 14:
                if let queue = bench.watcher.fileDescriptor {
                    var bytes = [UInt8](repeating: 0, count: 65_536)
                    _ = read(queue, &bytes, bytes.count)
                }
                bench.watcher.take([.init(watch: -1, kinds: .overflow, name: BytePath(""))])
            default:
                let failing = bench.ledger.store.writeCount + .random(in: 1..<4, using: &random)
                bench.ledger.store.faultInjection = { $0 == failing }
                if Int.random(in: 0..<8, using: &random) == 0 {
                    rename(bench.container, bench.outside("container"))
                } else {
                    rename(bench.outside("container"), bench.container)
                }
            }
            if Bool.random(using: &random) { bench.look() }
        }
        bench.pass(100)
        let rows = try bench.ledger.store.triggerEvents(after: 0, limit: 100_000)
        for subscription in subscriptions {
            let own = rows.filter { $0.schedule == subscription.schedule }
            for (path, version) in try files(bench) where subscription.matches(path) {
                #expect(own.count { $0.file.path == path && $0.file.version == version } == 1, "\(path)")
            }
            let byVersion = Dictionary(grouping: own, by: \.file.version)
            #expect(byVersion.values.allSatisfy { $0.count { $0.state == .started } == 1 })
            #expect(Set(own.map(\.state)).isSubset(of: [.started, .duplicate]))
        }
        #expect(bench.ledger.runs.count == rows.count { $0.state == .started })
        #expect(!bench.ledger.runs.values.contains(.max))
    }

    private func files(_ bench: TriggerBench) throws -> [(BytePath, FileVersion)] {
        guard let container = FileDescriptor(opening: bench.container, O_RDONLY | O_DIRECTORY) else {
            return []
        }
        let opener = TreeOpener(container)
        let names =
            FileManager.default.enumerator(atPath: bench.container)?.compactMap { $0 as? String } ?? []
        return names.compactMap { name in
            guard let status = opener.status(BytePath(name)), status.isRegular else { return nil }
            return (BytePath(name), status.version)
        }
    }

    /// With the thread and the pace of the service, while others write: by renaming, in place, and with new directories.
    @Test(.timeLimit(.minutes(15))) func tenThousandFilesAtOnceStartOneRunEach() throws {
        let bench = try TriggerBench()
        try bench.makeDirectory()
        let ledger = LockedLedger(bench.ledger)
        let triggers = try StorageTriggers(layout: bench.layout, ledger: ledger, log: { _ in })
        triggers.follow([bench.subscription()])
        let done = Mutex(0)
        for writer in 0..<4 {
            try startThread { [container = bench.container] in
                for number in 0..<2500 {
                    let directory = "\(container)/\(writer)-\(number / 100)"
                    mkdir(directory, 0o755)
                    let name = "\(directory)/\(number).done"
                    let written = writer % 2 == 0 ? name : name + ".tmp"
                    close(open(written, O_WRONLY | O_CREAT, 0o644))
                    if written != name { rename(written, name) }
                }
                done.withLock { $0 += 1 }
            }
        }
        while done.withLock({ $0 }) < 4 { usleep(10_000) }
        for _ in 0..<2000 where ledger.count < 10_000 { usleep(100_000) }
        // For whatever may come twice.
        usleep(500_000)
        triggers.stop()
        let runs = ledger.runs
        #expect(ledger.count == 10_000 && runs.count == 10_000 && !runs.values.contains(.max))
        #expect(ledger.names.count == 10_000)
    }

    /// What the thread knows is told to others.
    @Test func theThreadExplainsAndRests() throws {
        let bench = try TriggerBench()
        try bench.makeDirectory()
        let ledger = LockedLedger(bench.ledger)
        let triggers = try StorageTriggers(layout: bench.layout, ledger: ledger, log: { _ in })
        defer { triggers.stop() }
        let place = ContainerPlace(account: "store", container: "in")
        #expect(triggers.explain(place, BytePath("a.done")).isEmpty)
        triggers.follow([])
        triggers.follow([bench.subscription(quiet: 3600)])
        try bench.write("a.done")
        for _ in 0..<300 where triggers.explain(place, BytePath("a.done")).first?.waiting == nil {
            usleep(10_000)
        }
        let explanation = try #require(triggers.explain(place, BytePath("a.done")).first)
        guard case .quiet(let rest) = explanation.waiting else {
            Issue.record("it does not wait")
            return
        }
        #expect(rest > .seconds(3500) && explanation.hasContainer && explanation.version != nil)
        triggers.follow([])
        #expect(triggers.explain(place, BytePath("a.done")).isEmpty)
    }
}

/// A ledger of one thread for many.
private final class LockedLedger: TriggerLedger {
    private let ledger: Mutex<CoreLedger>

    init(_ ledger: CoreLedger) { self.ledger = Mutex(ledger) }

    var count: Int { ledger.withLock { Int((try? $0.store.lastTriggerEvent()) ?? 0) } }
    var runs: [Int64: UInt32] { ledger.withLock { $0.runs } }
    var names: Set<String> {
        ledger.withLock { ledger in
            Set(((try? ledger.rows(after: 0, limit: 100_000)) ?? []).map(\.file.path.description))
        }
    }

    func isKnown(_ file: FileEvent, to schedule: UInt32) throws(Refusal) -> Bool {
        try ledger.withLock { ledger throws(Refusal) in try ledger.isKnown(file, to: schedule) }
    }
    func record(_ arrivals: [FileArrival]) throws(Refusal) {
        try ledger.withLock { ledger throws(Refusal) in try ledger.record(arrivals) }
    }
    func baseline(of schedule: UInt32) throws(Refusal) -> Instant? {
        try ledger.withLock { ledger throws(Refusal) in try ledger.baseline(of: schedule) }
    }
    func recordBaseline(of schedule: UInt32, since: Instant) throws(Refusal) {
        try ledger.withLock { ledger throws(Refusal) in
            try ledger.recordBaseline(of: schedule, since: since)
        }
    }
    func rows(after number: Int64, limit: Int) throws(Refusal) -> [TriggerEventRecord] {
        try ledger.withLock { ledger throws(Refusal) in try ledger.rows(after: number, limit: limit) }
    }
    func upkeep(_ changes: [LedgerUpkeep]) throws(Refusal) {
        try ledger.withLock { ledger throws(Refusal) in try ledger.upkeep(changes) }
    }
}
