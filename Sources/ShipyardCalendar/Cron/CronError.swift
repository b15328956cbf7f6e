/// What is wrong with a cron expression, and where.
package struct CronError: Error, Hashable, Sendable {
    /// Nil where no single field is meant.
    package let field: CronField?
    /// Where in the text, counted in bytes of UTF-8.
    package let range: Range<Int>
    package let problem: Problem
    /// What could stand in `range` instead.
    package let suggestion: String?

    package enum Problem: Hashable, Sendable {
        case empty
        case tooLong
        case fieldCount(Int)
        /// `TZ=…` in front, as some crontabs have it.
        case zoneInside
        case unknownMacro(String)
        /// Nothing between commas or around an operator.
        case missingValue
        case unknownWord(String)
        case outOfRange(String)
        case badStep(String)
        /// What this field does not know, such as `L` in the hours.
        case notHere(String)
        /// `?` together with anything else.
        case questionMarkInside
        /// `L` alone in the day of week.
        case lastOfWhat
        case badOccurrence(String)
        case unexpected(String)
        case neverFires
    }

    /// The fact, in lower case, without a full stop.
    package var message: String {
        let place = field.map { "the \($0.title)" } ?? "the expression"
        switch problem {
        case .empty: return "the expression is empty"
        case .tooLong: return "the expression is longer than \(CronParser.greatestLength) bytes"
        case .fieldCount(let count):
            return "the expression has \(count) field\(count == 1 ? "" : "s") instead of 5"
        case .zoneInside: return "a time zone is not part of an expression"
        case .unknownMacro(let word): return "`\(word)` is no known abbreviation of an expression"
        case .missingValue: return "a value is missing in \(place)"
        case .unknownWord(let word): return "`\(word)` is no value of \(place)"
        case .outOfRange(let number): return "\(number) is outside of \(place), \(values)"
        case .badStep(let step): return "`\(step)` is no step of \(place), which has \(valueCount) values"
        case .notHere(let text): return "`\(text)` has no meaning at this place in \(place)"
        case .questionMarkInside: return "`?` stands alone in its field"
        case .lastOfWhat: return "`L` needs a weekday in \(place)"
        case .badOccurrence(let text): return "`#\(text)` is no occurrence in a month, 1 to 5"
        case .unexpected(let text): return "`\(text)` is not expected in \(place)"
        case .neverFires: return "the expression never fires: no month has such a day"
        }
    }

    package var help: String? {
        switch problem {
        case .empty, .fieldCount: "write minute, hour, day of month, month and day of week: `30 2 * * mon`"
        case .tooLong, .missingValue, .badOccurrence, .neverFires: nil
        case .zoneInside: "remove it, and give the zone beside the expression"
        case .unknownMacro(let word) where word == "@reboot": "only times are expressions; a start is none"
        case .unknownMacro(let word) where word.hasPrefix("@every"): "an interval is not an expression"
        case .badStep: "longer steps are intervals"
        case .questionMarkInside: "write `*`, or remove it"
        case .lastOfWhat: "`5L` is the last Friday of the month"
        case .notHere, .unexpected, .unknownMacro, .unknownWord, .outOfRange:
            suggestion.map { "did you mean `\($0)`?" }
        }
    }

    private var values: String {
        field.map { "\($0.numbers.lowerBound) to \($0.numbers.upperBound)" } ?? ""
    }
    private var valueCount: Int { field?.values.count ?? 0 }
}
