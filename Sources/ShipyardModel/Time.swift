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
}

extension Int64 {
    /// Quotient rounded towards negative infinity and the remainder, which is never negative.
    fileprivate func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// `number` in decimal with zeros in front up to `width` digits.
package func padded(_ number: some BinaryInteger, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
