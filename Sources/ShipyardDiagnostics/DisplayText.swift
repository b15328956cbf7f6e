/// Text made fit for one line of a terminal.
///
/// Spec files, and what tasks write, are other people's text: an escape sequence in one of them must not reach
/// the terminal of who reads the complaint about it.
package enum DisplayText {
    /// A tab is shown as this many spaces, so that the caret stands where it belongs.
    static let tabWidth = 4

    /// `text` with tabs widened and control characters replaced.
    package static func printable(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09: result += String(repeating: " ", count: tabWidth)
            case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF:
                result.unicodeScalars.append("\u{FFFD}")
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The same for a text of several lines: its line breaks stay, with `indent` after each.
    package static func printableLines(_ text: String, indent: String = "") -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { printable($0) }
            .joined(separator: "\n" + indent)
    }

    /// The beginning of a text, ended by `…` where that is not all of it: so many visible characters, and no more bytes
    /// than said, since one letter may have a million accents.
    package static func cut(_ text: String, characters: Int = .max, bytes: Int) -> String {
        guard text.utf8.count > min(characters, bytes) else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytes, limitedBy: text.endIndex) ?? text.endIndex
        while end > text.startIndex, end < text.endIndex, text.utf8[end] & 0xC0 == 0x80 {
            end = text.utf8.index(before: end)
        }
        let head = text[..<end]
        let shown = head.prefix(characters)
        return shown.endIndex < text.endIndex ? shown + "…" : text
    }

    /// How many terminal cells printable text takes: East Asian wide characters and emoji take two.
    static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            guard let scalar = character.unicodeScalars.first?.value else { return sum }
            return sum + (isWide(scalar) ? 2 : 1)
        }
    }

    private static func isWide(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
