import Foundation
import ShipyardModel
import Synchronization
import TestSupport
import Testing

@testable import ShipyardService

/// The service's thread, in a home of its own, without anything in front of it.
@Suite(.blocking) struct LoopTests {
    /// A home and its loop. `begun` runs when the door opens, and has to let the loop stop.
    private func run(
        end: @escaping @Sendable () -> Void = {}, _ begun: @escaping @Sendable (ServiceLoop, String) -> Void
    ) throws -> ServiceLoop.Outcome {
        let home = "/tmp/shipyard-loop-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let layout = HomeLayout(home)
        let lock = open(layout.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        let loop = try ServiceLoop(
            homeGuard: #require(HomeGuard(layout, lock: lock)), layout: layout, idleLimit: .seconds(60),
            log: { _ in })
        return try loop.run(
            on: { lives, wakeup in
                try LocalSubstrate(
                    layout: layout, lives: lives, settings: LocalSettings(executable: "/bin/false"),
                    wakeup: wakeup, log: { _ in })
            },
            begin: { begun(loop, home) }, keep: { _ in }, startRun: { _ in }, end: { _ in end() })
    }

    @Test func commandsBehindAStopAreAnswered() throws {
        let answers = Mutex(0)
        let done = DispatchGroup()
        let outcome = try run { loop, _ in
            // All of it lies in the mailbox before the loop takes its first request.
            loop.stop()
            for _ in 0..<8 {
                done.enter()
                Thread.detachNewThread {
                    if (try? loop.perform { _, _ in 1 }) == 1 { answers.withLock { $0 += 1 } }
                    done.leave()
                }
            }
            usleep(200_000)
        }
        guard case .stopped = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(done.wait(timeout: .now() + 10) == .success)
        #expect(answers.withLock { $0 } == 8)
    }

    /// The front waits for a request that does not end. After ten seconds nobody waits for the front.
    @Test func aStopIsNotHeldByWhatDoesNotEnd() throws {
        let released = DispatchSemaphore(value: 0)
        let outcome = try run(end: { _ = released.wait(timeout: .now() + 60) }) { loop, _ in loop.stop() }
        released.signal()
        guard case .cutOff = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test func lossOfTheHomeIsToldInsteadOfASuccess() throws {
        let told = Mutex<[String]>([])
        let outcome = try run { loop, home in
            unlink(home + "/shipyard.db")
            for _ in 0..<2 {
                Thread.detachNewThread {
                    do throws(Refusal) {
                        try loop.perform { _, _ in }
                        told.withLock { $0.append("done") }
                    } catch {
                        told.withLock { $0.append(error.code) }
                    }
                }
            }
            usleep(200_000)
        }
        guard case .homeLost(let loss) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(loss.contains("shipyard.db was deleted"))
        while told.withLock({ $0.count }) < 2 { usleep(1000) }
        #expect(told.withLock { $0 } == ["HomeLost", "HomeLost"])
    }

    @Test func silenceIsCountedWhileTheServiceListens() {
        var limits = SilenceLimits()
        limits.silent = .seconds(20)
        var clock = ListeningClock(limits)
        var now: Int64 = 5_000_000_000
        for _ in 0..<20 {
            clock.look(at: now)
            now += 1_000_000
        }
        #expect(clock.milliseconds == 19_000)
        // An hour without a look counts as two periods.
        clock.look(at: now + 3_600_000_000)
        #expect(clock.milliseconds == 29_000)
    }

    @Test(arguments: ["", "1", "1,", "2,1", "0,5", "a,b", "1,2,3", "-1,4"])
    func oddSilenceLimitsAreNone(_ text: String) {
        #expect(SilenceLimits(text) == nil)
    }

    @Test func homeGuardKnowsWhatWasReplaced() throws {
        let home = "/tmp/shipyard-guard-\(UInt32.random(in: 0...UInt32.max))"
        defer { try? FileManager.default.removeItem(atPath: home) }
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        let layout = HomeLayout(home)
        let lock = open(layout.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        let sound = try #require(HomeGuard(layout, lock: lock))
        #expect(sound.loss == nil)
        try Data().write(to: URL(filePath: layout.lock + ".new"))
        rename(layout.lock + ".new", layout.lock)
        #expect(sound.loss?.contains("is not the one") == true)
        // A lock that is no longer the home's is no lock.
        #expect(HomeGuard(layout, lock: lock) == nil)
    }
}
