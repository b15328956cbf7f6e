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
        for part in [name, ":", value] {
            var rest = part.utf8[...]
            while let first = rest.first {
                // The bytes of one character stay on one line; a line that goes on begins with a space.
                let count = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
                if length + count > 75 {
                    bytes += [0x0D, 0x0A, 0x20]
                    length = 1
                }
                bytes += rest.prefix(count)
                rest = rest.dropFirst(count)
                length += count
            }
        }
        bytes += [0x0D, 0x0A]
    }

    /// Control characters have no place in a calendar, and no escape.
    static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || "\\;,".utf8.contains($0) }) else {
            return text
        }
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: ";"), UInt8(ascii: ","):
                escaped += [UInt8(ascii: "\\"), byte]
            case 0x0A: escaped += "\\n".utf8
            case 0..<0x20, 0x7F: continue
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    /// `20240331T013000Z`; a fraction of a second is cut.
    static func time(_ instant: Instant) -> String {
        let whole = Instant(milliseconds: instant.milliseconds.flooredDivision(by: 1000).0 * 1000)
        let text = whole.iso8601.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") }
        return String(decoding: text, as: UTF8.self)
    }
}
