import ShipyardModel
import ShipyardStore
import Testing

@testable import ShipyardService

/// Durations are measured on a line that nobody can set.
struct ClockTests {
    private func reading(_ boot: String, _ milliseconds: Int64, wall: Int64) -> ServiceClock.Reading {
        ServiceClock.Reading(
            boot: boot, life: boot, bootMilliseconds: milliseconds, wall: Instant(milliseconds: wall))
    }

    @Test func lineBeginsAsTheWallClockAndIsNotSetWithIt() {
        let anchor = ServiceClock.anchor(after: nil, reading: reading("a", 1000, wall: 50_000))
        #expect(anchor.now.steady == SteadyTime(milliseconds: 50_000))
        for wall: Int64 in [51_000, 7_000_000, 0] {
            let now = ServiceClock.now(reading("a", 2000, wall: wall), from: anchor)
            #expect(now.steady == SteadyTime(milliseconds: 51_000))
            #expect(now.wall == Instant(milliseconds: wall))
        }
    }

    /// Exact in the same boot, whatever the wall clock says; after another boot the wall clock is all there is,
    /// and time does not run backwards by it.
    @Test(
        arguments: [
            ("a", 1000, 9_999_999, 50_000), ("a", 4000, 0, 53_000), ("a", 4000, 9_999_999, 53_000),
            ("b", 10, 60_000, 60_000), ("b", 900_000, 60_000, 60_000), ("b", 10, 20_000, 50_000),
            // The same boot by name, in another time namespace.
            ("a", 500, 60_000, 60_000), ("", 4000, 60_000, 60_000),
        ] as [(String, Int64, Int64, Int64)])
    func lineGoesOnInTheNextService(_ boot: String, milliseconds: Int64, wall: Int64, steady: Int64) {
        let known = ServiceClock.anchor(after: nil, reading: reading("a", 1000, wall: 50_000))
        let next = ServiceClock.anchor(after: known, reading: reading(boot, milliseconds, wall: wall))
        #expect(next.now.steady == SteadyTime(milliseconds: steady))
    }

    /// A row that no boot can have written says nothing of how much time has passed.
    @Test func lineDoesNotLeapByARowThatMakesNoSense() {
        var known = ServiceClock.anchor(after: nil, reading: reading("a", 1000, wall: 50_000))
        known.bootMilliseconds = .min
        let next = ServiceClock.anchor(after: known, reading: reading("a", 4000, wall: 53_000))
        #expect(next.now.steady == SteadyTime(milliseconds: 53_000))
        #expect(ServiceClock.now(reading("a", 4000, wall: 0), from: known).steady >= known.now.steady)
        let last = Moment(wall: Instant(milliseconds: .min), steady: SteadyTime(milliseconds: .max))
        #expect(ServiceClock.movedAnchor(known, to: last) != nil)
    }

    @Test func anchorMovesWithTimeAndWithTheWallClock() throws {
        let anchor = ServiceClock.anchor(after: nil, reading: reading("a", 1000, wall: 50_000))
        func moved(_ milliseconds: Int64, wall: Int64) -> ClockAnchor? {
            ServiceClock.movedAnchor(
                anchor, to: ServiceClock.now(reading("a", milliseconds, wall: wall), from: anchor))
        }
        #expect(moved(31_000, wall: 80_000) == nil)
        #expect(moved(61_000, wall: 110_000) != nil)
        let stepped = try #require(moved(2000, wall: 7_251_000))
        // The same line, seen from later on.
        let later = reading("a", 5000, wall: 7_254_000)
        #expect(ServiceClock.now(later, from: stepped) == ServiceClock.now(later, from: anchor))
    }

    @Test func clockOfThisMachineGoesOnInTheSameStore() throws {
        let store = try StoreWriter(path: ":memory:")
        let first = try ServiceClock(store: store)
        let second = try ServiceClock(store: store)
        #expect(!first.isNewLife && !second.isNewLife)
        #expect(second.now().steady >= first.anchor.now.steady)
        #expect(try store.clock() == second.anchor)
    }
}
