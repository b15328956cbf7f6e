import ShipyardCalendar
import ShipyardModel

/// The `%Y-%m-%d` of `@{schedule.time:%Y-%m-%d}`: the directives of `strftime` that mean the same everywhere.
/// Names of days and months are English, whatever the machine speaks.
struct TimeFormat {
    enum Failure: Error, Hashable {
        /// With where it stands, in bytes.
        case unknown(Character, at: Int)
        case incomplete(at: Int)
    }

    /// For messages.
    static let directives = "%Y %m %d %H %M %S %j %y %b %B %a %A %e %u %w %G %V %F %T %z %Z %s %%"

    private let format: [UInt8]

    init(_ format: String) { self.format = Array(format.utf8) }

    func text(of time: ZonedTime) throws(Failure) -> String {
        let reading = time.reading
        var text: [UInt8] = []
        var index = 0
        while index < format.count {
            guard format[index] == UInt8(ascii: "%") else {
                text.append(format[index])
                index += 1
                continue
            }
            guard index + 1 < format.count else { throw .incomplete(at: index) }
            let letter = Unicode.Scalar(format[index + 1])
            guard append(letter, reading, time, to: &text) else {
                throw .unknown(Character(letter), at: index)
            }
            index += 2
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func append(
        _ letter: Unicode.Scalar, _ reading: CivilTime, _ time: ZonedTime, to text: inout [UInt8]
    ) -> Bool {
        let date = reading.date
        let day = date.daysSinceEpoch
        // 1970-01-01 was a Thursday; Monday is 0.
        let weekday = (day + 3).flooredDivision(by: 7).1
        func number(_ value: Int64, _ width: Int) { appendDecimal(value, width: width, to: &text) }
        func word(_ word: String) { text += Array(word.utf8) }
        switch letter {
        case "Y": number(date.year, 4)
        case "y": number(date.year % 100, 2)
        case "m": number(date.month, 2)
        case "d": number(date.day, 2)
        case "e": word(date.day < 10 ? " \(date.day)" : "\(date.day)")
        case "H": number(reading.hour, 2)
        case "M": number(reading.minute, 2)
        case "S": number(reading.second, 2)
        case "j": number(day - Self.firstDay(of: date.year) + 1, 3)
        case "b": word(String(Self.months[Int(date.month) - 1].prefix(3)))
        case "B": word(Self.months[Int(date.month) - 1])
        case "a": word(String(Self.days[Int(weekday)].prefix(3)))
        case "A": word(Self.days[Int(weekday)])
        case "u": number(weekday + 1, 1)
        case "w": number((weekday + 1) % 7, 1)
        case "G": number(Self.week(ofDay: day, weekday).year, 4)
        case "V": number(Self.week(ofDay: day, weekday).number, 2)
        case "F": word(String("\(reading)".prefix { $0 != "T" }))
        case "T": word(String("\(reading)".drop { $0 != "T" }.dropFirst()))
        case "z": word(time.offsetText(separator: ""))
        case "Z": word(time.abbreviation)
        case "s": number(time.instant.flooredSeconds, 1)
        case "%": text.append(UInt8(ascii: "%"))
        default: return false
        }
        return true
    }

    /// By ISO 8601 a week belongs to the year that its Thursday is in.
    private static func week(ofDay day: Int64, _ weekday: Int64) -> (year: Int64, number: Int64) {
        let thursday = day - weekday + 3
        let year = CivilDate(daysSinceEpoch: thursday).year
        return (year, (thursday - firstDay(of: year)) / 7 + 1)
    }

    private static func firstDay(of year: Int64) -> Int64 {
        CivilDate(year: year, month: 1, day: 1)?.daysSinceEpoch ?? 0
    }

    private static let days = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]
}
