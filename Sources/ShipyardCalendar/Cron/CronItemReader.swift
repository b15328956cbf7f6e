import ShipyardDiagnostics

/// Reads one item of a field: `*`, a value, a range, each with a step, or what only days have.
struct CronItemReader {
    let bytes: [UInt8]
    let field: CronField
    let range: Range<Int>
    private var position: Int

    init(bytes: [UInt8], field: CronField, range: Range<Int>) {
        (self.bytes, self.field, self.range) = (bytes, field, range)
        position = range.lowerBound
    }

    /// A bit for each value.
    mutating func values() throws(CronError) -> UInt64 {
        if skip("*") || skip("?") {
            return try stepped(from: field.values.lowerBound, count: field.values.count)
        }
        return try values(from: try value())
    }

    mutating func readDayOfMonth(into days: inout CronDays) throws(CronError) {
        if skip("L") {
            try readLastDay(into: &days)
            return try expectEnd()
        }
        guard let byte = peek(), isDigit(byte) else {
            days.ofMonth |= try values()
            return
        }
        let day = try value()
        guard skip("W") else {
            days.ofMonth |= try values(from: day)
            return
        }
        days.nearestWorkday |= 1 << UInt64(day)
        try expectEnd()
    }

    /// After the `L`: `L`, `LW` or `L-3`.
    private mutating func readLastDay(into days: inout CronDays) throws(CronError) {
        if skip("W") {
            days.isLastWorkday = true
        } else if skip("-") {
            let start = position
            let (number, text) = try number()
            guard (1...30).contains(number) else { throw failure(.outOfRange(text), start..<position) }
            days.beforeLast |= 1 << UInt64(number)
        } else {
            days.beforeLast |= 1
        }
    }

    mutating func readDayOfWeek(into days: inout CronDays) throws(CronError) {
        if range.count == 1, skip("L") { throw failure(.lastOfWhat, range) }
        guard let byte = peek(), byte != UInt8(ascii: "*"), byte != UInt8(ascii: "?") else {
            days.ofWeek |= try values()
            return
        }
        let weekday = try value()
        if skip("L") {
            days.lastOfWeek |= 1 << UInt64(weekday % 7)
            try expectEnd()
        } else if skip("#") {
            let start = position
            let (nth, text) = try number()
            guard (1...5).contains(nth) else { throw failure(.badOccurrence(text), start - 1..<position) }
            days.nthOfWeek |= 1 << UInt64(8 * (nth - 1) + weekday % 7)
            try expectEnd()
        } else {
            days.ofWeek |= try values(from: weekday)
        }
    }

    /// After a first value: a range, a step, or nothing.
    private mutating func values(from first: Int) throws(CronError) -> UInt64 {
        let lowest = field.values.lowerBound
        let size = field.values.count
        // Sunday as 7 is 0, unless a range ends with it.
        let start = field == .dayOfWeek ? first % 7 : first
        if skip("-") {
            var end = try value()
            if field == .dayOfWeek, end == 7, first == 7 { end = 0 }
            // `fri-mon` goes on past the end of the week, `22-2` past midnight.
            return try stepped(from: start, count: end >= start ? end - start + 1 : size - start + end + 1)
        }
        if peek() == UInt8(ascii: "/") { return try stepped(from: start, count: lowest + size - start) }
        return try stepped(from: start, count: 1)
    }

    /// `count` values from `start` on, around the end of the field, all or those that a step leaves.
    private mutating func stepped(from start: Int, count: Int) throws(CronError) -> UInt64 {
        var step = 1
        if skip("/") {
            let place = position
            let (number, text) = try number()
            guard (1...field.values.count).contains(number) else {
                throw failure(.badStep(text), place..<position)
            }
            step = number
        }
        try expectEnd()
        let lowest = field.values.lowerBound
        return stride(from: 0, to: count, by: step).reduce(0) {
            $0 | 1 << UInt64(lowest + (start - lowest + $1) % field.values.count)
        }
    }

    /// A number or a name, as a number; 7 for a Sunday stays one.
    private mutating func value() throws(CronError) -> Int {
        let start = position
        guard let byte = peek() else { throw failure(.missingValue, range) }
        if isDigit(byte) {
            let (number, text) = try number()
            guard field.numbers.contains(number) else {
                throw failure(.outOfRange(text), start..<position)
            }
            return number
        }
        guard isLetter(byte) else { throw unexpected() }
        return try name()
    }

    private mutating func name() throws(CronError) -> Int {
        let start = position
        while let byte = peek(), isLetter(byte) { position += 1 }
        let word = String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
        if let index = field.names.firstIndex(of: word) { return field.values.lowerBound + index }
        // `friL`
        if field == .dayOfWeek, word.hasSuffix("l"),
            let index = field.names.firstIndex(of: String(word.dropLast()))
        {
            position -= 1
            return index
        }
        if ["l", "w", "lw"].contains(word) { throw failure(.notHere(word.uppercased()), start..<position) }
        // `monday`
        let near = field.names.first { word.hasPrefix($0) } ?? closestMatch(to: word, in: field.names)
        throw failure(.unknownWord(word), start..<position, suggestion: near)
    }

    /// With its digits. Too large for any field once it has five.
    private mutating func number() throws(CronError) -> (Int, String) {
        let start = position
        var number = 0
        while let byte = peek(), isDigit(byte) {
            number = min(number * 10 + Int(byte - 0x30), 10_000)
            position += 1
        }
        guard position > start else { throw peek() == nil ? failure(.missingValue, range) : unexpected() }
        return (number, String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private func expectEnd() throws(CronError) {
        guard position == range.upperBound else { throw unexpected() }
    }

    /// The character at hand means nothing here, or nothing in this field.
    private func unexpected() -> CronError {
        let rest = String(decoding: bytes[position..<range.upperBound], as: UTF8.self)
        let character = String(rest.prefix(1))
        let place = position..<min(range.upperBound, position + character.utf8.count)
        return failure(
            ["L", "W", "#"].contains(character.uppercased()) ? .notHere(character) : .unexpected(character),
            place)
    }

    private func failure(_ problem: CronError.Problem, _ place: Range<Int>, suggestion: String? = nil)
        -> CronError
    {
        CronError(field: field, range: place, problem: problem, suggestion: suggestion)
    }

    private func peek() -> UInt8? { position < range.upperBound ? bytes[position] : nil }

    /// In any case.
    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard let byte = peek(),
            byte == UInt8(ascii: character) || (isLetter(byte) && byte & 0xDF == UInt8(ascii: character))
        else { return false }
        position += 1
        return true
    }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte & 0xDF) }
}
