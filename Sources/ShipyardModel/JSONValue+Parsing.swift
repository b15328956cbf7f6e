extension JSONValue {
    /// A hostile text of a million brackets must not end the program by exhausting its stack.
    package static let maximumDepth = 200

    /// Reads one JSON text (RFC 8259) with nothing but space after it.
    ///
    /// - Parameter isStrict: refuses what the standard leaves to each reader, so that two of them see the same: a name twice in one
    ///   object, and half of a surrogate pair.
    package init(parsing bytes: [UInt8], isStrict: Bool = false) throws(JSONError) {
        var parser = JSONParser(bytes, isStrict: isStrict)
        self = try parser.parseDocument()
    }

    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }
}

private struct JSONParser {
    private let bytes: [UInt8]
    private let isStrict: Bool
    private var position = 0

    init(_ bytes: [UInt8], isStrict: Bool) { (self.bytes, self.isStrict) = (bytes, isStrict) }

    mutating func parseDocument() throws(JSONError) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        skipSpace()
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure("unexpected text after the value") }
        return value
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= JSONValue.maximumDepth else {
            throw failure("nested deeper than \(JSONValue.maximumDepth) levels")
        }
        guard let byte = peek else { throw failure("the text ends where a value should stand") }
        switch byte {
        case UInt8(ascii: "{"): return try parseObject(depth)
        case UInt8(ascii: "["): return try parseArray(depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw failure("a value cannot start with this character")
        }
    }

    private mutating func parseObject(_ depth: Int) throws(JSONError) -> JSONValue {
        var members: [JSONValue.Member] = []
        // By their bytes: Swift takes two ways to write an umlaut for one.
        var names: Set<BytePath> = []
        position += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            guard peek == UInt8(ascii: "\"") else { throw failure("a name in quotes must stand here") }
            let start = position
            let name = try parseString()
            if isStrict, !names.insert(BytePath(name)).inserted {
                throw failure("an object has the name `\(name)` twice", at: start)
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("`:` must follow a name") }
            skipSpace()
            members.append(JSONValue.Member(name, try parseValue(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw failure("`,` or `}` must stand here") }
            skipSpace()
        }
    }

    private mutating func parseArray(_ depth: Int) throws(JSONError) -> JSONValue {
        var items: [JSONValue] = []
        position += 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        while true {
            items.append(try parseValue(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(items) }
            guard take(UInt8(ascii: ",")) else { throw failure("`,` or `]` must stand here") }
            skipSpace()
        }
    }

    private mutating func parseString() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            position += 1
        }
        if peek == UInt8(ascii: "\"") {
            let text = try decodedText(bytes[start..<position])
            position += 1
            return text
        }
        return try parseEscapedString(start)
    }

    /// The slow way, for the few strings that hold an escape.
    private mutating func parseEscapedString(_ start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                let decoded = try decodedText(text[...])
                position += 1
                return decoded
            case UInt8(ascii: "\\"): try parseEscape(into: &text)
            case 0..<0x20: throw failure("a control character must be written as an escape")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure("the text ends within quotes")
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(JSONError) {
        position += 1
        guard let byte = peek else { throw failure("the text ends within quotes") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += Array(String(Character(try parseUnicodeEscape())).utf8)
        default:
            position -= 1
            throw failure("unknown escape")
        }
    }

    /// After `\u`. Half of a surrogate pair stands for nothing, and becomes U+FFFD.
    private mutating func parseUnicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position - 2
        let first = try parseFourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let restart = position
        if first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
            let second = try parseFourDigits()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        guard !isStrict else { throw failure("half of a surrogate pair is no character", at: start) }
        position = restart
        return "\u{FFFD}"
    }

    private mutating func parseFourDigits() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw failure("four hexadecimal digits must follow `\\u`") }
        var number: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits must follow `\\u`")
            }
            number = number << 4 | UInt32(digit)
        }
        position += 4
        return number
    }

    private mutating func parseNumber() throws(JSONError) -> JSONValue {
        let start = position
        _ = take(UInt8(ascii: "-"))
        let hasLeadingZero = peek == UInt8(ascii: "0")
        let whole = takeDigits()
        guard whole > 0, whole == 1 || !hasLeadingZero else { throw failure("not a number", at: start) }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            guard takeDigits() > 0 else { throw failure("not a number", at: start) }
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            guard takeDigits() > 0 else { throw failure("not a number", at: start) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw failure("number too large", at: start) }
        return .number(number)
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func parseWord(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else {
            throw failure("a value cannot start with this character")
        }
        position += word.utf8.count
        return value
    }

    private func decodedText(_ slice: ArraySlice<UInt8>) throws(JSONError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else { throw failure("not valid UTF-8") }
        return text
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func failure(_ message: String, at place: Int? = nil) -> JSONError {
        let before = bytes[..<min(place ?? position, bytes.count)]
        let line = before.count { $0 == 0x0A } + 1
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = String(decoding: before[lineStart...], as: UTF8.self).count + 1
        return JSONError(place: "line \(line), column \(column)", message: message)
    }
}
