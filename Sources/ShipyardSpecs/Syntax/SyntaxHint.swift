import ShipyardDiagnostics

/// What a person sees at once in a text that cannot be read, and a parser only as something that it did not expect.
enum SyntaxHint {
    /// A line that git has put in where two versions of the file did not fit together.
    static func conflict(in source: SourceText) -> Diagnostic? {
        let markers = conflictMarkers(in: source.bytes).map { SourceRange(source, $0, $0 + 7) }
        guard let first = markers.first else { return nil }
        var diagnostic = Diagnostic(
            code: .syntaxError, message: "the file has an unresolved conflict of git",
            primary: Label(at: first, "a mark of git's"))
        diagnostic.others = markers.dropFirst().prefix(2).map { Label(at: $0, "another") }
        diagnostic.help = "keep one of the two versions, and remove these lines"
        return diagnostic
    }

    /// Where each of these lines begins.
    static func conflictMarkers(in bytes: [UInt8]) -> [Int] {
        bytes.withUnsafeBufferPointer { bytes in
            var markers: [Int] = []
            var lower = 0
            while lower < bytes.count {
                let upper = bytes[lower...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
                if isConflictMarker(bytes[lower..<upper]) { markers.append(lower) }
                lower = upper + 1
            }
            return markers
        }
    }

    private static func isConflictMarker(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard line.count >= 7, let mark = line.first, "<=>|".utf8.contains(mark),
            line.prefix(7).allSatisfy({ $0 == mark })
        else { return false }
        let next = line.dropFirst(7).first
        return next == nil || next == UInt8(ascii: " ") || next == UInt8(ascii: "\r")
    }

    /// Text behind a value that has an end of its own, as in `command: {0} run` and `command: "a b" c`; or a quote that was
    /// forgotten, so that the next one closes what it should open.
    static func textBehind(_ value: SyntaxNode, _ failure: YAMLFailure) -> Diagnostic? {
        let source = value.source
        guard value.upper > value.lower, value.upper <= failure.offset, failure.offset < source.bytes.count,
            !source.bytes[value.upper..<failure.offset].contains(UInt8(ascii: "\n"))
        else { return nil }
        let opening = source.bytes[value.lower]
        let isQuote = opening == UInt8(ascii: "\"") || opening == UInt8(ascii: "'")
        let isBracket = opening == UInt8(ascii: "{") || opening == UInt8(ascii: "[")
        guard isQuote || isBracket else { return nil }
        let behind = SourceRange(source, failure.offset, failure.offset + 1)
        let start = SourceRange(source, value.lower, value.lower + 1)
        let isLong = source.position(of: value.lower).line != source.position(of: value.upper).line
        var diagnostic: Diagnostic
        if isLong, isQuote {
            diagnostic = Diagnostic(
                code: .syntaxError, message: "text follows the end of a text in quotes",
                primary: Label(at: behind, "the quotes are closed before this"))
            diagnostic.help = "close the quotes on the line where they were opened"
        } else {
            diagnostic = Diagnostic(
                code: .syntaxError,
                message: isQuote
                    ? "what begins with a quote ends with the next one"
                    : "what begins with `\(Character(UnicodeScalar(opening)))` is no text",
                primary: Label(at: behind, isQuote ? "text follows the quotes" : "text follows the brackets"))
            diagnostic.putInQuotes(from: value.lower)
        }
        diagnostic.others = [Label(at: start, "opened here")]
        return diagnostic
    }
}

extension Diagnostic {
    /// Proposes to quote what stands from `lower` to the end of its line.
    mutating func putInQuotes(from lower: Int) {
        guard let source = primary?.range.source else { return }
        let bytes = source.bytes
        let line = bytes[lower...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        // A comment needs a space before it.
        let comment = bytes[lower..<line].indices.dropFirst().first {
            bytes[$0] == UInt8(ascii: "#") && (bytes[$0 - 1] == 0x20 || bytes[$0 - 1] == 0x09)
        }
        let range = SourceRange(source, lower, source.trimmedEnd(lower, comment ?? line))
        putInQuotes(range)
    }

    mutating func putInQuotes(_ range: SourceRange) {
        help = "put all of it in quotes"
        guard !range.source.isSecret, !range.isMasked, !range.text.contains("\n") else { return }
        let quoted = "'" + range.text.replacing("'", with: "''") + "'"
        edit = TextEdit(replacing: range, with: quoted)
        if quoted.count <= 2 * SpecLimits.quotedCharacters { help = "put all of it in quotes: \(quoted)" }
    }
}
