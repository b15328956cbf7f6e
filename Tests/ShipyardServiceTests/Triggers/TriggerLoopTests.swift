import Foundation
import ShipyardEngine
import ShipyardModel
import ShipyardSystem
import Synchronization
import TestSupport
import Testing

@testable import ShipyardService
@testable import ShipyardSpecs
@testable import ShipyardStore

/// From a schedule to the run that a file starts, with all threads of the service.
@Suite(.blocking) struct TriggerLoopTests {
    @Test(.timeLimit(.minutes(15))) func aFileStartsARunOfItsSchedule() throws {
        let home = "/tmp/shipyard-triggers-\(randomSuffix())"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let layout = HomeLayout(home)
        let starts = RunStarts()
        // The second service finds what came between them.
        try serve(layout, starts) { loop in
            _ = try loop.perform { core, now throws(Refusal) in try core.putSchedule(Self.offer, at: now) }
            try Self.write("a.done", layout)
            try Self.write("b.txt", layout)
            for _ in 0..<12_000 where starts.all.isEmpty { usleep(10_000) }
        }
        try Self.write("c.done", layout)
        try serve(layout, starts) { _ in
            for _ in 0..<12_000 where Set(starts.all.map(\.key)).count < 2 { usleep(10_000) }
        }
        let readers = StoreReaderPool(path: layout.database)
        let events = try readers.read { reader throws(StoreError) in
            try reader.triggerEvents(after: 0, limit: 9)
        }
        #expect(events.map(\.file.path.description) == ["a.done", "c.done"])
        #expect(events.map(\.run) == [1, 2])
        let causes = Dictionary(starts.all.map { ($0.key.number, $0.cause) }, uniquingKeysWith: { $1 })
        #expect(causes == [1: .event(1), 2: .event(2)])
    }

    private static var offer: ScheduleOffer {
        var definition = ScheduleDefinition()
        definition.policy.hasTrigger = true
        definition.policy.overlap = .parallel
        definition.storageEvent = ScheduleDefinition.StorageEvent(
            storageAccountSettings: "main", account: StorageAccount(.embedded, alias: "main", name: "store"),
            container: "in", pathBeginsWith: "",
            pathEndsWith: ".done", quietPeriod: .zero, hasManifest: false)
        return ScheduleOffer(
            id: ScheduleID("t")!, isRecurrence: false, definition: definition, bundle: "{}", digest: "d")
    }

    private static func write(_ name: String, _ layout: HomeLayout) throws {
        let container = layout.storage + "/store/in"
        try FileManager.default.createDirectory(atPath: container, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: "\(container)/\(name)"))
    }

    private func serve(
        _ layout: HomeLayout, _ starts: RunStarts,
        _ body: @escaping @Sendable (ServiceLoop) throws -> Void
    ) throws {
        let lock = open(layout.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        let loop = try ServiceLoop(
            homeGuard: #require(HomeGuard(layout, lock: lock)), layout: layout, idleLimit: .seconds(60),
            log: { _ in })
        let triggers = try StorageTriggers(
            layout: layout, ledger: StoredLedger(loop: loop, readers: StoreReaderPool(path: layout.database)),
            log: { _ in })
        let failure = Mutex<(any Error)?>(nil)
        _ = try loop.run(
            on: { lives, wakeup in
                try LocalSubstrate(
                    layout: layout, lives: lives, settings: LocalSettings(executable: "/bin/false"),
                    wakeup: wakeup, log: { _ in })
            },
            begin: {
                Thread.detachNewThread {
                    do { try body(loop) } catch { failure.withLock { $0 = error } }
                    loop.stop()
                }
            },
            keep: { _ in }, startRun: { starts.add($0.run) },
            watch: { triggers.follow($0) }, end: { _ in triggers.stop() })
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

/// A run that is not started comes again with the next service.
private final class RunStarts: Sendable {
    private let runs = Mutex<[RunRecord]>([])

    var all: [RunRecord] { runs.withLock { $0 } }
    func add(_ run: RunRecord) { runs.withLock { $0.append(run) } }
}
