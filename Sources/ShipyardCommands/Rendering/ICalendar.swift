import ShipyardModel

/// Events as RFC 5545 has them: lines of at most 75 bytes with CR LF, times in UTC, text with escapes.
struct ICalendar {
    private(set) var bytes: [UInt8] = []

    init() {
        line("BEGIN", "VCALENDAR")
        line("VERSION", "2.0")
        line("PRODID", "-//shipyard-swift//schedules//EN")
        line("CALSCALE", "GREGORIAN")
    }

    /// An event that takes no time. The same thing gets the same `id` in every file, so that a calendar program
    /// replaces it and does not show it twice.
    mutating func addEvent(
        id: String, at instant: Instant, summary: String, description: String, stamp: Instant
    ) {
        line("BEGIN", "VEVENT")
        line("UID", Self.escaped(id))
        line("DTSTAMP", Self.time(stamp))
        line("DTSTART", Self.time(instant))
        line("SUMMARY", Self.escaped(summary))
        line("DESCRIPTION", Self.escaped(description))
        line("TRANSP", "TRANSPARENT")
        line("END", "VEVENT")
    }

    mutating func end() { line("END", "VCALENDAR") }

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    private mutating func line(_ name: String, _ value: String) {
        var length = 0
        for character in (name + ":" + value).unicodeScalars {
            let text = String(character).utf8
            // A line that goes on begins with a space, and no character is cut.
            if length + text.count > 75 {
                bytes += "\r\n ".utf8
                length = 1
            }
            bytes += text
            length += text.count
        }
        bytes += "\r\n".utf8
    }

    /// Control characters have no place in a calendar, and no escape.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\", ";", ",": escaped += "\\" + String(character)
            case "\n": escaped += "\\n"
            case _ where character.value < 0x20 || character.value == 0x7F: continue
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    /// `20240331T013000Z`; a fraction of a second is cut.
    static func time(_ instant: Instant) -> String {
        let whole = Instant(milliseconds: instant.milliseconds.flooredDivision(by: 1000).0 * 1000)
        return String(whole.iso8601.filter { $0 != "-" && $0 != ":" })
    }
}
