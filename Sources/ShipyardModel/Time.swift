/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
package struct Instant: Hashable, Sendable, Codable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.milliseconds < right.milliseconds }
    package static func + (instant: Instant, span: TimeSpan) -> Instant {
        Instant(milliseconds: saturatingSum(instant.milliseconds, span.milliseconds))
    }
    package static func - (instant: Instant, span: TimeSpan) -> Instant {
        Instant(milliseconds: saturatingDifference(instant.milliseconds, span.milliseconds))
    }
    package static func - (left: Instant, right: Instant) -> TimeSpan {
        TimeSpan(milliseconds: saturatingDifference(left.milliseconds, right.milliseconds))
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

/// A length of time in milliseconds. Specs count in seconds; the engine needs finer grain.
package struct TimeSpan: Hashable, Sendable, Codable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package static func seconds(_ count: Int64) -> TimeSpan {
        TimeSpan(milliseconds: saturatingProduct(count, 1000))
    }
    package static let zero = TimeSpan(milliseconds: 0)

    package var microseconds: Int64 { saturatingProduct(milliseconds, 1000) }

    package static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.milliseconds < right.milliseconds }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

// Lengths of time come from specs and over sockets. A sum that no clock can show is as good as the largest that
// one can: what waits for it waits for ever, and nothing ends because of a number.

package func saturatingSum(_ left: Int64, _ right: Int64) -> Int64 {
    let (sum, overflows) = left.addingReportingOverflow(right)
    return overflows ? (right < 0 ? .min : .max) : sum
}

package func saturatingDifference(_ left: Int64, _ right: Int64) -> Int64 {
    let (difference, overflows) = left.subtractingReportingOverflow(right)
    return overflows ? (right < 0 ? .max : .min) : difference
}

package func saturatingProduct(_ left: Int64, _ right: Int64) -> Int64 {
    let (product, overflows) = left.multipliedReportingOverflow(by: right)
    return overflows ? ((left < 0) != (right < 0) ? .min : .max) : product
}

extension Instant {
    /// ISO 8601 in UTC, as the REST API of Azure Batch writes it: `2020-01-02T03:04:05.678Z`; without a
    /// fraction where it is zero.
    package var iso8601: String {
        var bytes: [UInt8] = []
        appendISO8601(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Listings have millions.
    package func appendISO8601(to bytes: inout [UInt8]) {
        let (days, rest) = milliseconds.flooredDivision(by: 86_400_000)
        let date = CivilDate(daysSinceEpoch: days)
        let (seconds, fraction) = rest.flooredDivision(by: 1000)
        appendDecimal(date.year, to: &bytes)
        for part in [date.month, date.day] {
            bytes.append(UInt8(ascii: "-"))
            appendDecimal(part, width: 2, to: &bytes)
        }
        var separator = UInt8(ascii: "T")
        for part in [seconds / 3600, seconds / 60 % 60, seconds % 60] {
            bytes.append(separator)
            appendDecimal(part, width: 2, to: &bytes)
            separator = UInt8(ascii: ":")
        }
        if fraction != 0 {
            bytes.append(UInt8(ascii: "."))
            appendDecimal(fraction, width: 3, to: &bytes)
        }
        bytes.append(UInt8(ascii: "Z"))
    }
}

/// `number` in decimal, with zeros in front up to `width` digits.
package func appendDecimal(_ number: Int64, width: Int = 1, to bytes: inout [UInt8]) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
        var rest = number.magnitude
        var first = digits.count
        while rest > 0 || first > digits.count - width {
            first -= 1
            digits.initializeElement(at: first, to: UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        }
        bytes.append(contentsOf: digits[first...])
    }
}

/// A day of the proleptic Gregorian calendar, after Howard Hinnant's `civil_from_days`.
package struct CivilDate: Hashable, Sendable {
    package var year: Int64
    package var month: Int64
    package var day: Int64

    package init(daysSinceEpoch: Int64) {
        let (era, dayOfEra) = (daysSinceEpoch + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Nil unless the month has that day.
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (1...12).contains(month), day >= 1, day <= Self.dayCount(ofMonth: month, year: year) else {
            return nil
        }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// The way back, after his `days_from_civil`; saturates for years that no clock shows.
    package var daysSinceEpoch: Int64 {
        let bounded = min(max(year, -1_000_000_000), 1_000_000_000)
        let (era, yearOfEra) = (month <= 2 ? bounded - 1 : bounded).flooredDivision(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// How many days the month (1 to 12) has.
    package static func dayCount(ofMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    /// Quotient rounded towards negative infinity and the remainder, which is never negative.
    package func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// `number` in decimal with zeros in front up to `width` digits.
package func padded(_ number: some BinaryInteger, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// A moment as clocks that nobody sets count it: milliseconds on a line that begins with the state file, goes on
/// while the machine sleeps or the service is away, and never goes back. Durations are measured on it.
///
/// Where the line began it agreed with the wall clock, so a wall time from before that is as good.
package struct SteadyTime: Hashable, Sendable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: SteadyTime, right: SteadyTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
    package static func + (time: SteadyTime, span: TimeSpan) -> SteadyTime {
        SteadyTime(milliseconds: saturatingSum(time.milliseconds, span.milliseconds))
    }
    package static func - (time: SteadyTime, span: TimeSpan) -> SteadyTime {
        SteadyTime(milliseconds: saturatingDifference(time.milliseconds, span.milliseconds))
    }
    package static func - (left: SteadyTime, right: SteadyTime) -> TimeSpan {
        TimeSpan(milliseconds: saturatingDifference(left.milliseconds, right.milliseconds))
    }
}

/// Now, twice: what a user's watch says, which goes into records, and the time by which things are due. The wall
/// clock may be set by hours at any moment, and nothing must end or wait for that.
package struct Moment: Hashable, Sendable {
    package var wall: Instant
    package var steady: SteadyTime

    package init(wall: Instant, steady: SteadyTime) {
        self.wall = wall
        self.steady = steady
    }

    package static func + (moment: Moment, span: TimeSpan) -> Moment {
        Moment(wall: moment.wall + span, steady: moment.steady + span)
    }
}
