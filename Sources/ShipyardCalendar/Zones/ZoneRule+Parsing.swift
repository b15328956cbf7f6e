extension ZoneRule {
    /// Nil unless all of `text` is a rule.
    init?(_ text: some Sequence<UInt8>) {
        var reader = RuleReader(bytes: Array(text))
        guard let name = reader.abbreviation(), let offset = reader.offset() else { return nil }
        standard = LocalTimeKind(offset: -offset, isDaylightSaving: false, abbreviation: name)
        guard !reader.isAtEnd else {
            daylight = nil
            return
        }
        guard let daylight = reader.daylight(standardOffset: -offset), reader.isAtEnd else { return nil }
        self.daylight = daylight
    }
}

private struct RuleReader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func daylight(standardOffset: Int64) -> ZoneRule.Daylight? {
        guard let name = abbreviation() else { return nil }
        var offset = standardOffset + 3600
        if !isAtEnd, bytes[position] != UInt8(ascii: ",") {
            guard let written = self.offset() else { return nil }
            offset = -written
        }
        let kind = LocalTimeKind(offset: offset, isDaylightSaving: true, abbreviation: name)
        // POSIX leaves the days to the system where none are given; everybody takes those of the United States.
        if isAtEnd {
            return ZoneRule.Daylight(
                kind: kind, start: .init(day: .weekday(0, week: 2, month: 3), time: 7200),
                end: .init(day: .weekday(0, week: 1, month: 11), time: 7200))
        }
        guard skip(","), let start = yearlyMoment(), skip(","), let end = yearlyMoment() else { return nil }
        return ZoneRule.Daylight(kind: kind, start: start, end: end)
    }

    /// `CET` or `<+0330>`.
    mutating func abbreviation() -> String? {
        let isQuoted = skip("<")
        let start = position
        while !isAtEnd, isNameByte(bytes[position], isQuoted) { position += 1 }
        let name = bytes[start..<position]
        guard (3...32).contains(name.count), !isQuoted || skip(">") else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    private func isNameByte(_ byte: UInt8, _ isQuoted: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): isQuoted
        default: false
        }
    }

    /// Seconds west, as POSIX counts.
    mutating func offset() -> Int64? { time(upTo: 24) }

    private mutating func yearlyMoment() -> ZoneRule.YearlyMoment? {
        guard let day = day() else { return nil }
        guard skip("/") else { return .init(day: day, time: 7200) }
        return time(upTo: 167).map { .init(day: day, time: $0) }
    }

    private mutating func day() -> ZoneRule.YearlyMoment.Day? {
        if skip("J") { return number(in: 1...365).map { .withoutLeapDay($0) } }
        guard skip("M") else { return number(in: 0...365).map { .withLeapDay($0) } }
        guard let month = number(in: 1...12), skip("."), let week = number(in: 1...5), skip("."),
            let weekday = number(in: 0...6)
        else { return nil }
        return .weekday(weekday, week: week, month: month)
    }

    /// `[+-]h[:m[:s]]` in seconds.
    private mutating func time(upTo hours: Int64) -> Int64? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard var seconds = number(in: 0...hours).map({ $0 * 3600 }) else { return nil }
        if skip(":") {
            guard let minutes = number(in: 0...59) else { return nil }
            seconds += minutes * 60
            if skip(":") {
                guard let rest = number(in: 0...59) else { return nil }
                seconds += rest
            }
        }
        return isNegative ? -seconds : seconds
    }

    private mutating func number(in range: ClosedRange<Int64>) -> Int64? {
        let start = position
        var number: Int64 = 0
        while !isAtEnd, position - start < 3, (0x30...0x39).contains(bytes[position]) {
            number = number * 10 + Int64(bytes[position] - 0x30)
            position += 1
        }
        return position > start && range.contains(number) ? number : nil
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard !isAtEnd, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }
}
