import ShipyardModel

/// Standard time, and daylight-saving time between two days of every year: what POSIX lets `TZ` say, such as
/// `CET-1CEST,M3.5.0,M10.5.0/3`. The last line of a zone file is one.
struct ZoneRule: Hashable, Sendable {
    let standard: LocalTimeKind
    let daylight: Daylight?

    struct Daylight: Hashable, Sendable {
        let kind: LocalTimeKind
        let start: YearlyMoment
        let end: YearlyMoment
    }

    /// A time of a day of each year.
    struct YearlyMoment: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// 1 to 365; the 29th of February has no number.
            case withoutLeapDay(Int64)
            /// 0 to 365.
            case withLeapDay(Int64)
            /// `week` 5 is the last; weekday 0 is Sunday.
            case weekday(Int64, week: Int64, month: Int64)
        }
        let day: Day
        /// Seconds after midnight; a week before or after is allowed.
        let time: Int64
    }

    var kinds: [LocalTimeKind] { daylight.map { [standard, $0.kind] } ?? [standard] }

    struct Span {
        var start: Int64
        var end: Int64
        var isDaylightSaving: Bool
    }

    /// The stretch between two changes in which `moment` is.
    func span(at moment: Int64) -> Span {
        var span = Span(start: -ZoneTable.farthest, end: ZoneTable.farthest, isDaylightSaving: false)
        guard let daylight else { return span }
        let year = CivilTime(seconds: moment + standard.offset).date.year
        for year in year - 1...year + 1 {
            // The end before the start: where one year's end is the next one's start, daylight saving goes on.
            let end = daylight.end.reading(in: year) - daylight.kind.offset
            if end <= moment, end >= span.start { (span.start, span.isDaylightSaving) = (end, false) }
            if end > moment { span.end = min(span.end, end) }
            let start = daylight.start.reading(in: year) - standard.offset
            if start <= moment, start >= span.start { (span.start, span.isDaylightSaving) = (start, true) }
            if start > moment { span.end = min(span.end, start) }
        }
        return span
    }
}

extension ZoneRule.YearlyMoment {
    /// What a clock that is not set at that moment shows then.
    func reading(in year: Int64) -> Int64 {
        let newYear = CivilDate.firstDay(ofMonth: 1, year: year)
        let dayNumber =
            switch day {
            case .withLeapDay(let number): newYear + number
            case .withoutLeapDay(let number):
                newYear + number - 1
                    + (number >= 60 && CivilDate.dayCount(ofMonth: 2, year: year) == 29 ? 1 : 0)
            case .weekday(let weekday, let week, let month): dayNumber(of: weekday, week, month, in: year)
            }
        return dayNumber * 86_400 + time
    }

    private func dayNumber(of weekday: Int64, _ week: Int64, _ month: Int64, in year: Int64) -> Int64 {
        let first = CivilDate.firstDay(ofMonth: month, year: year)
        let ahead = (weekday - weekdayNumber(ofDay: first) + 7) % 7
        let length = CivilDate.dayCount(ofMonth: month, year: year)
        let day = ahead + (week - 1) * 7
        return first + (day < length ? day : day - 7)
    }
}

extension CivilDate {
    /// Days since 1970-01-01.
    static func firstDay(ofMonth month: Int64, year: Int64) -> Int64 {
        CivilDate(year: year, month: month, day: 1)?.daysSinceEpoch ?? 0
    }
}

/// 0 for a Sunday. `day` counts from 1970-01-01, a Thursday.
func weekdayNumber(ofDay day: Int64) -> Int64 { (day + 4).flooredDivision(by: 7).1 }
