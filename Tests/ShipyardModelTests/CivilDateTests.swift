import ShipyardModel
import Testing

@Suite struct CivilDateTests {
    /// Every day of 800 years, around the epoch and across centuries that have no leap day.
    @Test func everyDayComesBack() {
        var lost: [Int64] = []
        var expected = CivilDate(daysSinceEpoch: -146_097)
        for day in -146_097...146_097 as ClosedRange<Int64> {
            let date = CivilDate(daysSinceEpoch: day)
            if date.daysSinceEpoch != day || date != expected { lost.append(day) }
            expected.day += 1
            if expected.day > CivilDate.dayCount(ofMonth: expected.month, year: expected.year) {
                (expected.month, expected.day) = (expected.month + 1, 1)
            }
            if expected.month > 12 { (expected.year, expected.month) = (expected.year + 1, 1) }
        }
        #expect(lost.isEmpty, "\(lost.count), such as \(lost.first ?? 0)")
    }

    @Test(arguments: [
        (2023, 2, 29), (1900, 2, 29), (2024, 2, 30), (2024, 4, 31), (2024, 13, 1), (2024, 0, 1), (2024, 1, 0),
    ])
    func daysThatDoNotExistAreNone(_ year: Int64, _ month: Int64, _ day: Int64) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }

    @Test func yearsOfNoClockSaturate() {
        let last = CivilDate(year: .max, month: 12, day: 31)?.daysSinceEpoch ?? 0
        #expect(last == CivilDate(year: 1_000_000_000, month: 12, day: 31)?.daysSinceEpoch)
        #expect(CivilDate(year: 2000, month: 2, day: 29)?.daysSinceEpoch == 11_016)
    }
}
