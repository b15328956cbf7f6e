/// One line of a source as it is shown, and the carets below it.
struct SourceExcerpt {
    // A window of 160 characters shows a whole line of any sane spec, and keeps a one-line JSON file of
    // megabytes from flooding the terminal.
    private static let windowLength = 160
    private static let windowLead = 60

    let text: String
    private let source: SourceText
    /// The bytes that `text` shows.
    private let shown: Range<Int>
    private let prefix: String

    init(of source: SourceText, line: Int, around range: SourceRange) {
        self.source = source
        let whole = source.lineRange(line)
        let caret = min(max(range.lower, whole.lowerBound), whole.upperBound)
        var (lower, upper) = (whole.lowerBound, whole.upperBound)
        if caret - lower > Self.windowLength { lower = caret - Self.windowLead }
        if upper - lower > 2 * Self.windowLength { upper = lower + 2 * Self.windowLength }
        // A window may not begin or end inside a character of several bytes.
        while lower > whole.lowerBound, lower < source.bytes.count, source.bytes[lower] & 0xC0 == 0x80 {
            lower -= 1
        }
        while upper < whole.upperBound, source.bytes[upper] & 0xC0 == 0x80 { upper += 1 }
        shown = lower..<max(lower, upper)
        prefix = lower > whole.lowerBound ? "…" : ""
        let suffix = upper < whole.upperBound ? "…" : ""
        var window = source.text(lower, upper)
        switch Self.secrecy(of: line, in: source) {
        case .none: break
        // A window that was cut may begin inside a value.
        case .value where prefix.isEmpty: window = Redaction.masked(window)
        case .value, .whole: window = Redaction.stars(window[...])
        }
        text = prefix + DisplayText.printable(window) + suffix
    }

    private enum Secrecy { case none, value, whole }

    /// What of the line is masked: nothing, what stands behind its first key, or all.
    private static func secrecy(of line: Int, in source: SourceText) -> Secrecy {
        let range = source.lineRange(line)
        let start = source.startOfSecret(in: range)
        if start.map({ $0 < range.lowerBound }) ?? isBelowSecret(line, of: source) { return .whole }
        return start != nil || source.isSecret || saysSecret(line, of: source) ? .value : .none
    }

    private static func saysSecret(_ line: Int, of source: SourceText) -> Bool {
        source.remembered(line: line) { Redaction.holdsSecret(source.bytes[source.lineRange(line)]) }
    }

    static func isMasked(_ line: Int, of source: SourceText) -> Bool {
        secrecy(of: line, in: source) != .none
    }

    // No secret is longer, and the file may have millions of lines.
    private static let linesLookedBack = 200

    /// Whether the line is a part of what stands below a key that says secret. By indentation: a file that cannot be read
    /// has no tree to ask.
    private static func isBelowSecret(_ line: Int, of source: SourceText) -> Bool {
        guard var depth = source.depth(ofLine: line) else { return false }
        for above in stride(from: line - 1, through: max(1, line - linesLookedBack), by: -1) where depth > 0 {
            guard let own = source.depth(ofLine: above), own < depth else { continue }
            let range = source.lineRange(above)
            // A comment is above nothing.
            if source.bytes[range.lowerBound + own] == UInt8(ascii: "#") { continue }
            if saysSecret(above, of: source) { return true }
            depth = own
        }
        return false
    }

    /// Spaces up to the range and marks below it: at least one, and none beyond the end of the line.
    func underline(_ range: SourceRange, with mark: String) -> (indent: String, marks: String) {
        let lower = min(max(range.lower, shown.lowerBound), shown.upperBound)
        let upper = min(max(range.upper, lower), shown.upperBound)
        let before = DisplayText.width(prefix + DisplayText.printable(source.text(shown.lowerBound, lower)))
        let length = DisplayText.width(DisplayText.printable(source.text(lower, upper)))
        return (String(repeating: " ", count: before), String(repeating: mark, count: max(1, length)))
    }
}

extension SourceText {
    /// The column in which a line's content begins, behind the dashes of list items; nil for an empty line.
    fileprivate func depth(ofLine line: Int) -> Int? {
        let range = lineRange(line)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let isDash =
                bytes[offset] == UInt8(ascii: "-") && offset + 1 < range.upperBound
                && bytes[offset + 1] == UInt8(ascii: " ")
            guard isDash || bytes[offset] == UInt8(ascii: " ") || bytes[offset] == UInt8(ascii: "\t") else {
                return offset - range.lowerBound
            }
            offset += 1
        }
        return nil
    }
}
