import ShipyardCalendar
import ShipyardModel

/// A moment as specs write it: the forms of ISO 8601 that everybody reads alike. Batch Shipyard guesses at
/// far more (`Jan 2 2030 3pm`, `03:04`); a guess is no basis for a schedule.
package enum SpecDate {
    /// The forms that are accepted, for messages.
    package static let forms = "2030-01-02, 2030-01-02 03:04[:05[.678]] or 2030-01-02T03:04:05[Z|+02:00]"

    /// Nil unless `text` is one of the forms and a day of the calendar. Without a zone it is UTC.
    package static func instant(_ text: String) -> Instant? {
        moment(text).map { Instant(milliseconds: $0.milliseconds) }
    }

    /// Without a zone in the text it is what clocks of `zone` show: the first moment at which they show that or later.
    package static func instant(_ text: String, in zone: Zone) -> Instant? {
        guard let (milliseconds, isZoned) = moment(text) else { return nil }
        guard !isZoned else { return Instant(milliseconds: milliseconds) }
        let (seconds, rest) = milliseconds.flooredDivision(by: 1000)
        return zone.firstInstant(showing: CivilTime(seconds: seconds)) + TimeSpan(milliseconds: rest)
    }

    private static func moment(_ text: String) -> (milliseconds: Int64, isZoned: Bool)? {
        var scanner = DateScanner(text)
        guard let year = scanner.number(4), year > 0 else { return nil }
        let separated = scanner.take("-")
        guard let month = scanner.number(2), !separated || scanner.take("-"), let day = scanner.number(2),
            (1...12).contains(month), (1...daysIn(month, year)).contains(day)
        else { return nil }
        var milliseconds = daysSinceEpoch(year, month, day) * 86_400_000
        guard !scanner.isAtEnd else { return (milliseconds, false) }
        guard scanner.take("T") || scanner.take("t") || scanner.take(" ") else { return nil }
        guard let time = timeOfDay(&scanner) else { return nil }
        milliseconds += time
        let isZoned = !scanner.isAtEnd
        guard let offset = zone(&scanner), scanner.isAtEnd else { return nil }
        return (milliseconds - offset, isZoned)
    }

    private static func timeOfDay(_ scanner: inout DateScanner) -> Int64? {
        guard let hour = scanner.number(2), hour < 24 else { return nil }
        let separated = scanner.take(":")
        guard let minute = scanner.number(2), minute < 60 else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        if separated ? scanner.take(":") : scanner.isAtDigit {
            guard let second = scanner.number(2), second < 60 else { return nil }
            milliseconds += second * 1000
            if scanner.take(".") || scanner.take(",") {
                guard let fraction = scanner.thousandths() else { return nil }
                milliseconds += fraction
            }
        }
        return milliseconds
    }

    /// Milliseconds east of UTC.
    private static func zone(_ scanner: inout DateScanner) -> Int64? {
        guard !scanner.isAtEnd else { return 0 }
        if scanner.take("Z") || scanner.take("z") { return 0 }
        _ = scanner.take(" ")
        let sign: Int64
        if scanner.take("+") { sign = 1 } else if scanner.take("-") { sign = -1 } else { return nil }
        guard let hours = scanner.number(2), hours < 24 else { return nil }
        guard !scanner.isAtEnd else { return sign * hours * 3_600_000 }
        _ = scanner.take(":")
        guard let minutes = scanner.number(2), minutes < 60 else { return nil }
        return sign * (hours * 60 + minutes) * 60_000
    }

    private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// After Howard Hinnant's `days_from_civil`, the inverse of `CivilDate`.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

private struct DateScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }
    var isAtDigit: Bool { rest.first.map { (0x30...0x39).contains($0) } ?? false }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Exactly so many digits.
    mutating func number(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard isAtDigit, let byte = rest.first else { return nil }
            value = value * 10 + Int64(byte - 0x30)
            rest = rest.dropFirst()
        }
        return value
    }

    /// A fraction of a second, cut to milliseconds.
    mutating func thousandths() -> Int64? {
        guard isAtDigit else { return nil }
        var (value, unit): (Int64, Int64) = (0, 100)
        while isAtDigit, let byte = rest.first {
            value += Int64(byte - 0x30) * unit
            unit /= 10
            rest = rest.dropFirst()
        }
        return value
    }
}
