import Foundation
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission
import Synchronization

@testable import ShipyardAPI

/// The routes on a service's loop without a socket.
enum RouteLoop {
    /// Runs `body` on a thread beside the loop, in a home of its own.
    static func run(_ body: @escaping @Sendable (Router, ServiceLoop, HomeLayout) throws -> Void) throws {
        let home = "/tmp/shipyard-routes-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let layout = HomeLayout(home)
        let lock = open(layout.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        guard let homeGuard = HomeGuard(layout, lock: lock) else { throw ServiceFailure("no home") }
        let loop = try ServiceLoop(
            homeGuard: homeGuard, layout: layout, idleLimit: .seconds(60), log: { _ in })
        let failure = Mutex<(any Error)?>(nil)
        _ = try loop.run(
            on: { lives, wakeup in
                try LocalSubstrate(
                    layout: layout, lives: lives, settings: LocalSettings(executable: "/bin/false"),
                    wakeup: wakeup,
                    log: { _ in })
            },
            begin: {
                Thread.detachNewThread {
                    do {
                        let readers = StoreReaderPool(path: layout.database)
                        let triggers = try StorageTriggers(
                            layout: layout, ledger: StoredLedger(loop: loop, readers: readers), log: { _ in })
                        defer { triggers.stop() }
                        let router = APIRoutes(
                            loop: loop, readers: readers, layout: layout,
                            submissions: Submissions(turns: loop, readers: readers, layout: layout),
                            triggers: triggers,
                            identity: .init(version: "1", processID: 1, startTime: Instant(milliseconds: 0))
                        ).router()
                        try body(router, loop, layout)
                    } catch {
                        failure.withLock { $0 = error }
                    }
                    loop.stop()
                }
            }, keep: { _ in }, startRun: { _ in }, end: { _ in })
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
