import ShipyardDiagnostics

/// Reads JSON (RFC 8259) into the same tree as YAML.
///
/// A reader of its own, because libyaml is not a superset of JSON in practice: it refuses tabs between
/// tokens, does not know `\/`, and takes the two halves of a surrogate pair for two broken characters.
struct JSONReader {
    private struct Failure: Error { var diagnostic: Diagnostic }

    private let source: SourceText
    private let bytes: [UInt8]
    private var index: Int
    private var depth = 0
    private var diagnostics = Diagnostics()

    static func read(_ source: SourceText, _ diagnostics: inout Diagnostics) -> SyntaxNode? {
        var reader = JSONReader(source)
        defer { diagnostics.report(reader.diagnostics) }
        do throws(Failure) {
            let root = try reader.value()
            reader.skipSpace()
            guard reader.index == reader.bytes.count else {
                throw reader.failure("something follows the end of the JSON value", "not expected here")
            }
            return root
        } catch {
            reader.diagnostics.report(SyntaxHint.conflict(in: source) ?? error.diagnostic)
            return nil
        }
    }

    private init(_ source: SourceText) {
        self.source = source
        bytes = source.bytes
        index = SourceText.byteOrderMarkLength(of: bytes)
    }

    private func failure(_ message: String, _ label: String, at offset: Int? = nil) -> Failure {
        let place = min(offset ?? index, bytes.count)
        let range = SourceRange(source, place, min(place + 1, bytes.count))
        return Failure(diagnostic: .syntax(message, label: label, at: range))
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(Failure) -> SyntaxNode {
        skipSpace()
        guard index < bytes.count else {
            throw failure("the file ends where a value should stand", "a value is missing")
        }
        let lower = index
        switch bytes[index] {
        case UInt8(ascii: "{"): return try object(from: lower)
        case UInt8(ascii: "["): return try array(from: lower)
        case UInt8(ascii: "\""):
            let text = try string()
            return SyntaxNode(.string(text), in: source, lower, index)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: return try word()
        }
    }

    private mutating func enter() throws(Failure) {
        depth += 1
        guard depth <= SpecLimits.nestingDepth else {
            throw Failure(diagnostic: .tooDeep(at: SourceRange(source, index, index + 1)))
        }
    }

    private mutating func object(from lower: Int) throws(Failure) -> SyntaxNode {
        try enter()
        index += 1
        var nodes: [SyntaxNode] = []
        if !take("}") {
            repeat {
                skipSpace()
                let keyStart = index
                guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                    throw failure("a key in double quotes should stand here", "not a key")
                }
                let key = try string()
                nodes.append(SyntaxNode(.string(key), in: source, keyStart, index))
                guard take(":") else { throw failure("a `:` should follow the key", "no `:`") }
                nodes.append(try value())
            } while take(",")
            guard take("}") else { throw failure("a `,` or `}` should follow here", "neither `,` nor `}`") }
        }
        depth -= 1
        var merged = 0
        let entries = MappingBuilder.entries(of: nodes, mergeKeys: [], mergedCount: &merged, &diagnostics)
        return SyntaxNode(.mapping(entries), in: source, lower, index)
    }

    private mutating func array(from lower: Int) throws(Failure) -> SyntaxNode {
        try enter()
        index += 1
        var nodes: [SyntaxNode] = []
        if !take("]") {
            repeat { nodes.append(try value()) } while take(",")
            guard take("]") else { throw failure("a `,` or `]` should follow here", "neither `,` nor `]`") }
        }
        depth -= 1
        return SyntaxNode(.sequence(nodes), in: source, lower, index)
    }

    private mutating func word() throws(Failure) -> SyntaxNode {
        let lower = index
        for (word, content) in [
            ("null", SyntaxNode.Content.null), ("true", .bool(true)), ("false", .bool(false)),
        ]
        where bytes[index...].starts(with: word.utf8) {
            index += word.utf8.count
            return SyntaxNode(content, in: source, lower, index)
        }
        throw failure("this is not a JSON value", "not a JSON value")
    }

    private mutating func digits() throws(Failure) {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
            index += 1
        }
        guard index > start else { throw failure("a digit should stand here", "not a digit") }
    }

    private mutating func number() throws(Failure) -> SyntaxNode {
        let lower = index
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        let first = index
        try digits()
        guard bytes[first] != UInt8(ascii: "0") || index == first + 1 else {
            throw failure("a JSON number does not begin with zeros", "a leading zero", at: first)
        }
        var isInteger = true
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            isInteger = false
            index += 1
            try digits()
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            index += 1
            if index < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[index]) {
                index += 1
            }
            try digits()
        }
        let text = String(decoding: bytes[lower..<index], as: UTF8.self)
        let content = isInteger ? ScalarResolution.integer(text) : Double(text).map { .float($0) }
        return SyntaxNode(content ?? .string(text), in: source, lower, index)
    }
}

// MARK: Strings

extension JSONReader {
    private mutating func string() throws(Failure) -> String {
        let start = index
        index += 1
        var text: [UInt8] = []
        while true {
            guard index < bytes.count else {
                throw failure("this text is never closed", "the text begins here", at: start)
            }
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20:
                throw failure(
                    "JSON text holds no line breaks, tabs or control characters", "write it as an escape",
                    at: index - 1)
            default: text.append(byte)
            }
        }
    }

    private mutating func escape() throws(Failure) -> [UInt8] {
        let start = index - 1
        guard index < bytes.count else { throw failure("this escape is not complete", "cut off", at: start) }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try unicodeEscape(from: start))).utf8)
        default: throw failure("JSON knows no such escape", "unknown escape", at: start)
        }
    }

    /// Reads the digits after `\u`, and the second half where they are the first half of a pair.
    private mutating func unicodeEscape(from start: Int) throws(Failure) -> Unicode.Scalar {
        let first = try codeUnit(from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        let isPair =
            (0xD800..<0xDC00).contains(first)
            && bytes[index...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")])
        if isPair {
            let afterFirst = index
            index += 2
            let second = try codeUnit(from: start)
            if (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
            index = afterFirst
        }
        // Half a pair is grammatical JSON that stands for no character; every reader replaces it.
        return "\u{FFFD}"
    }

    private mutating func codeUnit(from start: Int) throws(Failure) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Character(UnicodeScalar(bytes[index])).hexDigitValue else {
                throw failure("four hexadecimal digits should follow `\\u`", "not complete", at: start)
            }
            unit = unit << 4 + UInt32(digit)
            index += 1
        }
        return unit
    }
}
