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
        if Redaction.holdsSecret(
            source.text(whole.lowerBound, whole.upperBound), inSecretFile: source.isSecret)
        {
            // A window that was cut may begin inside a value.
            window = prefix.isEmpty ? Redaction.masked(window) : Redaction.stars(window[...])
        }
        text = prefix + DisplayText.printable(window) + suffix
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
