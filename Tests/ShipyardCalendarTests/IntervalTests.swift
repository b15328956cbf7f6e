import ShipyardCalendar
import ShipyardModel
import Testing

@Suite struct IntervalTests {
    private func milliseconds(_ number: Int64) -> SteadyTime { SteadyTime(milliseconds: number) }

    /// All small cases against counting.
    @Test func intervalsAreCountedFromTheirAnchor() throws {
        for length in 1...4 as ClosedRange<Int64> {
            for anchor in -3...3 as ClosedRange<Int64> {
                let interval = try #require(
                    Interval(every: TimeSpan(milliseconds: length), from: milliseconds(anchor)))
                let moments = (0..<40).map { anchor + $0 * length }
                for time in -10...10 as ClosedRange<Int64> {
                    #expect(
                        interval.next(after: milliseconds(time))?.milliseconds == moments.first { $0 > time })
                    #expect(
                        interval.previous(before: milliseconds(time))?.milliseconds
                            == moments.last { $0 < time })
                    let count = moments.count { $0 >= time && $0 < 11 }
                    #expect(interval.count(in: milliseconds(time)..<milliseconds(11)) == count)
                }
            }
        }
    }

    @Test func theEndsOfTimeAreNoTrouble() throws {
        let all = try #require(Interval(every: TimeSpan(milliseconds: 1), from: Instant(milliseconds: .min)))
        #expect(all.next(after: Instant(milliseconds: .max)) == nil)
        #expect(all.previous(before: Instant(milliseconds: .max))?.milliseconds == Int64.max - 1)
        #expect(all.previous(before: Instant(milliseconds: .min)) == nil)
        #expect(all.count(in: Instant(milliseconds: .min)..<Instant(milliseconds: .max)) == UInt64.max)
        let rare = try #require(
            Interval(every: TimeSpan(milliseconds: .max), from: Instant(milliseconds: -5)))
        #expect(rare.next(after: Instant(milliseconds: 0))?.milliseconds == Int64.max - 5)
        #expect(rare.next(after: Instant(milliseconds: .max - 5)) == nil)
        #expect(Interval(every: .zero, from: Instant(milliseconds: 0)) == nil)
        #expect(Interval(every: TimeSpan(milliseconds: -1), from: Instant(milliseconds: 0)) == nil)
    }

    @Test func aDayOfTwentyFiveHoursMovesTheTime() throws {
        let berlin = try caseZones.zone(named: "Europe/Berlin")
        let daily = try #require(Interval(every: .seconds(86_400), from: utc("2024-10-26T00:00")))
        let moments = [utc("2024-10-26T00:00"), daily.next(after: utc("2024-10-26T12:00"))].compactMap(\.self)
        #expect(
            moments.map { shown($0, berlin) } == ["2024-10-26T02:00:00+7200", "2024-10-27T02:00:00+7200"])
        #expect(daily.next(after: moments[1]).map { shown($0, berlin) } == "2024-10-28T01:00:00+3600")
    }
}
