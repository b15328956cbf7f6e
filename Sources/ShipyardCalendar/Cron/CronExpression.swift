import ShipyardModel

/// When something is due, as five fields: `30 2 * * mon`. docs/spec/cron.md is the language.
///
/// It says which readings of a clock are due; a zone says when a clock shows them (`CronExpression+Firings`).
package struct CronExpression: Hashable, Sendable {
    /// As it was written.
    package let text: String
    /// Bits 0 to 59.
    let minutes: UInt64
    /// Bits 0 to 23.
    let hours: UInt64
    /// Bits 1 to 12.
    let months: UInt64
    let days: CronDays

    /// Nothing is due outside these years of the clock: beyond them nobody knows any zone, and a search has an end.
    package static let years: ClosedRange<Int64> = 1970...2100

    package init(_ text: String) throws(CronError) {
        var parser = CronParser(text)
        let fields = try parser.fields()
        self.text = text
        (minutes, hours, months, days) = (fields.minutes, fields.hours, fields.months, fields.days)
        isHourly = hours == CronField.hour.allBits
        let epoch = CivilDate.firstDay(ofMonth: 1, year: Self.years.lowerBound) * 86_400
        var readings = DueReadings(self, notBefore: epoch)
        guard readings.next() != nil else { throw parser.neverFires() }
    }

    /// Whether every hour of a day is due. Such an expression counts elapsed time: it fires whenever a clock shows
    /// a due reading, also when it shows it again, and leaves out what is skipped. All others name times of the
    /// day, each of which fires exactly once (docs/spec/cron.md).
    package let isHourly: Bool

    func dayBits(year: Int64, month: Int64, firstDay: Int64) -> UInt64 {
        guard months & 1 << UInt64(month) != 0 else { return 0 }
        return days.bits(
            monthOfLength: Int(CivilDate.dayCount(ofMonth: month, year: year)),
            beginningOn: Int(weekdayNumber(ofDay: firstDay)))
    }
}
