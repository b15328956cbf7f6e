import ShipyardModel

extension CronExpression {
    /// In plain English, for whoever reads a list of schedules: `at 02:30 on Mondays`. Made of what the expression
    /// means, not of how it is written.
    package var sentence: String {
        let months = CronSet(months, in: .month)
        let month = months.isAll ? nil : (months.isOneRun ? "from " : "in ") + months.list(months.title)
        let day = dayPhrase ?? (month == nil && namesFewTimes ? "every day" : nil)
        return [timePhrase, day, month].compactMap(\.self).joined(separator: " ")
    }

    private var namesFewTimes: Bool { !isHourly && minutes.nonzeroBitCount * hours.nonzeroBitCount <= 6 }

    private var timePhrase: String {
        let minutes = CronSet(self.minutes, in: .minute)
        let hours = CronSet(self.hours, in: .hour)
        if hours.isAll { return minutes.everyPhrase("minute") ?? minutePhrase(minutes, "every hour") }
        if namesFewTimes {
            return "at " + joined(hours.values.flatMap { hour in minutes.values.map { clock(hour, $0) } })
        }
        if minutes.values == [0], let every = hours.everyPhrase("hour") { return every }
        let isUnbroken = hours.last - hours.first == hours.values.count - 1
        let place =
            isUnbroken
            ? "between \(clock(hours.first, minutes.first)) and \(clock(hours.last, minutes.last))"
            : "of the hours " + hours.list { "\($0)" }
        if isUnbroken, minutes.values.count == 1 { return "every hour \(place)" }
        if let every = minutes.everyPhrase("minute") { return "\(every) \(place)" }
        let list = hours.list { "\($0)" }
        return minutePhrase(minutes, hours.values.count == 1 ? "hour \(list)" : "the hours \(list)")
    }

    /// `at minutes 5 and 35 of every hour`
    private func minutePhrase(_ minutes: CronSet, _ hours: String) -> String {
        if minutes.values == [0], hours == "every hour" { return hours }
        return "at minute\(minutes.values.count == 1 ? "" : "s") " + minutes.list { "\($0)" } + " of \(hours)"
    }

    private func clock(_ hour: Int, _ minute: Int) -> String { "\(padded(hour, 2)):\(padded(minute, 2))" }

    /// Nil for every day.
    private var dayPhrase: String? {
        let byMonth = days.monthPhrase
        let byWeek = days.weekPhrase
        if days.eitherIsEnough {
            guard let byMonth, let byWeek else { return nil }
            return "\(byMonth) and \(byWeek)"
        }
        guard let byMonth, let byWeek else { return byMonth ?? byWeek }
        return "\(byMonth), but only \(byWeek)"
    }
}

extension CronDays {
    /// Nil for every day of the month.
    fileprivate var monthPhrase: String? {
        let numbers = CronSet(ofMonth, in: .dayOfMonth)
        if numbers.isAll { return nil }
        var parts: [String] = []
        if !numbers.values.isEmpty {
            parts.append("day\(numbers.values.count == 1 ? "" : "s") " + numbers.list { "\($0)" })
        }
        forEachBit(nearestWorkday) { parts.append("the weekday nearest to day \($0)") }
        forEachBit(beforeLast) {
            parts.append($0 == 0 ? "the last day" : "the day \($0) day\($0 == 1 ? "" : "s") before the last")
        }
        if isLastWorkday { parts.append("the last weekday") }
        return "on " + joined(parts) + " of the month"
    }

    /// Nil for every day of the week.
    fileprivate var weekPhrase: String? {
        // People's weeks begin on Monday.
        let weekdays = CronSet(ofWeek & 1 == 0 ? ofWeek : ofWeek ^ 1 | 1 << 7, in: .dayOfWeek)
        if weekdays.isAll { return nil }
        var parts: [String] = []
        if weekdays.isOneRun {
            parts.append("from " + weekdays.list(weekdays.title))
        } else if !weekdays.values.isEmpty {
            parts.append("on " + joined(weekdays.values.map { weekdays.title($0) + "s" }))
        }
        var special: [String] = []
        forEachBit(nthOfWeek) {
            special.append(
                "the " + ["first", "second", "third", "fourth", "fifth"][$0 / 8] + " "
                    + weekdays.title($0 % 8))
        }
        forEachBit(lastOfWeek) { special.append("the last " + weekdays.title($0)) }
        if !special.isEmpty { parts.append("on " + joined(special) + " of the month") }
        return parts.joined(separator: " and ")
    }
}

/// The values that a field allows, for words.
private struct CronSet {
    let field: CronField
    let values: [Int]

    init(_ bits: UInt64, in field: CronField) {
        self.field = field
        values = (0..<64).filter { bits & 1 << UInt64($0) != 0 }
    }

    var isAll: Bool { values.count == field.values.count }
    var first: Int { values.first ?? 0 }
    var last: Int { values.last ?? 0 }
    /// Three or more in a row, and nothing else.
    var isOneRun: Bool { values.count > 2 && last - first == values.count - 1 }

    /// `every 15 minutes`, where that is true around the clock.
    func everyPhrase(_ unit: String) -> String? {
        if isAll { return "every \(unit)" }
        guard values.count > 1, values[0] == 0, field.values.count % values.count == 0 else { return nil }
        let step = field.values.count / values.count
        return values == Array(stride(from: 0, to: field.values.count, by: step))
            ? "every \(step) \(unit)s" : nil
    }

    /// `1 to 5, 7 and 9`
    func list(_ word: (Int) -> String) -> String {
        var parts: [String] = []
        var index = 0
        while index < values.count {
            var end = index
            while end + 1 < values.count, values[end + 1] == values[end] + 1 { end += 1 }
            if end - index >= 2 {
                parts.append("\(word(values[index])) to \(word(values[end]))")
            } else {
                parts += values[index...end].map(word)
            }
            index = end + 1
        }
        return joined(parts)
    }

    func title(_ value: Int) -> String {
        switch field {
        case .month:
            [
                "January", "February", "March", "April", "May", "June", "July", "August", "September",
                "October",
                "November", "December",
            ][value - 1]
        case .dayOfWeek:
            ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"][value % 7]
        case .minute, .hour, .dayOfMonth: "\(value)"
        }
    }
}

/// `a, b and c`
private func joined(_ parts: [String]) -> String {
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
}
