import ShipyardDiagnostics

/// Reads the text of an expression: macros and fields. `CronItemReader` reads what is between commas.
struct CronParser {
    /// Every minute, hour and day by name in a list need 500 bytes; the limit is for what was never an expression.
    static let greatestLength = 1024

    struct Fields {
        var minutes: UInt64 = 0
        var hours: UInt64 = 0
        var months: UInt64 = 0
        var days = CronDays()
    }

    static let macros: [(name: String, meaning: String)] = [
        ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"), ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ]

    private let text: String
    private let length: Int
    private var bytes: [UInt8] = []

    init(_ text: String) {
        self.text = text
        length = text.utf8.count
    }

    mutating func fields() throws(CronError) -> Fields {
        // Nothing looks at what is too long.
        guard length <= Self.greatestLength else { throw failure(.tooLong, 0..<length) }
        bytes = Array(text.utf8)
        let words = words()
        guard let first = words.first, let last = words.last else { throw failure(.empty, 0..<length) }
        if bytes[first.lowerBound] == UInt8(ascii: "@") {
            return try macro(first.lowerBound..<last.upperBound)
        }
        let start = String(decoding: bytes[first], as: UTF8.self).uppercased()
        if start.hasPrefix("TZ=") || start.hasPrefix("CRON_TZ=") { throw failure(.zoneInside, first) }
        guard words.count == 5 else {
            let place = words.count > 5 ? words[5].lowerBound : first.lowerBound
            throw failure(.fieldCount(words.count), place..<last.upperBound)
        }
        return try fields(in: words)
    }

    private func fields(in words: [Range<Int>]) throws(CronError) -> Fields {
        var fields = Fields()
        for (field, range) in zip(CronField.allCases, words) {
            try read(field, in: range, into: &fields)
        }
        let isOpen = [words[2], words[4]].map {
            [UInt8(ascii: "*"), UInt8(ascii: "?")].contains(bytes[$0.lowerBound])
        }
        fields.days.eitherIsEnough = isOpen == [false, false]
        return fields
    }

    private func read(_ field: CronField, in range: Range<Int>, into fields: inout Fields) throws(CronError) {
        if bytes[range].contains(UInt8(ascii: "?")) {
            guard field == .dayOfMonth || field == .dayOfWeek else {
                throw CronError(field: field, range: range, problem: .notHere("?"), suggestion: "*")
            }
            guard range.count == 1 else {
                throw CronError(field: field, range: range, problem: .questionMarkInside, suggestion: nil)
            }
        }
        var start = range.lowerBound
        while start <= range.upperBound {
            let end = bytes[start..<range.upperBound].firstIndex(of: UInt8(ascii: ",")) ?? range.upperBound
            var reader = CronItemReader(bytes: bytes, field: field, range: start..<end)
            switch field {
            case .minute: fields.minutes |= try reader.values()
            case .hour: fields.hours |= try reader.values()
            case .month: fields.months |= try reader.values()
            case .dayOfMonth: try reader.readDayOfMonth(into: &fields.days)
            case .dayOfWeek: try reader.readDayOfWeek(into: &fields.days)
            }
            start = end + 1
        }
    }

    private func macro(_ range: Range<Int>) throws(CronError) -> Fields {
        let word = String(decoding: bytes[range], as: UTF8.self).lowercased()
        if let macro = Self.macros.first(where: { $0.name == word }) {
            var parser = CronParser(macro.meaning)
            return try parser.fields()
        }
        let near = closestMatch(to: word, in: Self.macros.map(\.name))
        throw failure(.unknownMacro(word), range, suggestion: near)
    }

    /// The stretches between spaces. Line breaks count as such: a folded text in YAML ends with one.
    private func words() -> [Range<Int>] {
        bytes.indices.split { [0x20, 0x09, 0x0A, 0x0D].contains(bytes[$0]) }
            .map { $0.startIndex..<$0.endIndex }
    }

    /// Asked for once the fields are known to be good.
    func neverFires() -> CronError {
        let words = words()
        guard words.count == 5 else { return failure(.neverFires, 0..<length) }
        return CronError(
            field: .dayOfMonth, range: words[2].lowerBound..<words[4].upperBound, problem: .neverFires,
            suggestion: nil)
    }

    private func failure(_ problem: CronError.Problem, _ range: Range<Int>, suggestion: String? = nil)
        -> CronError
    {
        CronError(field: nil, range: range, problem: problem, suggestion: suggestion)
    }
}
