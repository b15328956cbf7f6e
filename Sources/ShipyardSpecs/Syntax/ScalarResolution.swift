/// What an unquoted YAML scalar means: the rules of YAML 1.2 as ruamel.yaml 0.16 applies them, which is how
/// Batch Shipyard reads its files. So `yes` and `02:00:00` are text, `010` is ten and `2030-01-02` is a date.
enum ScalarResolution {
    static func resolve(plain text: String) -> SyntaxNode.Content {
        // Only few bytes can begin anything but text; this is the way of nearly every scalar of a large file.
        guard let first = text.utf8.first else { return .null }
        switch first {
        case UInt8(ascii: "~"): return text == "~" ? .null : .string(text)
        case UInt8(ascii: "n"), UInt8(ascii: "N"):
            return text == "null" || text == "Null" || text == "NULL" ? .null : .string(text)
        case UInt8(ascii: "t"), UInt8(ascii: "T"):
            return text == "true" || text == "True" || text == "TRUE" ? .bool(true) : .string(text)
        case UInt8(ascii: "f"), UInt8(ascii: "F"):
            return text == "false" || text == "False" || text == "FALSE" ? .bool(false) : .string(text)
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            return number(text) ?? .string(text)
        default: return .string(text)
        }
    }

    static func number(_ text: String) -> SyntaxNode.Content? {
        integer(text) ?? float(text) ?? (isDate(Array(text.utf8)) ? .date(text) : nil)
    }

    static func integer(_ text: String) -> SyntaxNode.Content? {
        var digits = Array(text.utf8)[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        var radix = 10
        if digits.first == UInt8(ascii: "0"), let mark = digits.dropFirst().first {
            switch mark {
            case UInt8(ascii: "b"): radix = 2
            case UInt8(ascii: "o"): radix = 8
            case UInt8(ascii: "x"): radix = 16
            default: break
            }
            if radix != 10 { digits = digits.dropFirst(2) }
        }
        let significant = digits.filter { $0 != UInt8(ascii: "_") }
        guard !significant.isEmpty, significant.allSatisfy({ isDigit($0, radix: radix) }) else { return nil }
        let sign = isNegative ? "-" : ""
        let plain = sign + String(decoding: significant, as: UTF8.self)
        if let value = Int(plain, radix: radix) { return .integer(value) }
        return .bigInteger(sign + decimal(significant, radix: radix))
    }

    private static func isDigit(_ byte: UInt8, radix: Int) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0")) < radix
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): radix == 16
        default: false
        }
    }

    /// The decimal digits of a number of any size. Quadratic, and only for numbers beyond `Int`; beyond the
    /// stated length the digits are kept as they were written, with their mark in front.
    private static func decimal(_ digits: [UInt8], radix: Int) -> String {
        let trimmed = digits.drop { $0 == UInt8(ascii: "0") }
        let text = String(decoding: trimmed, as: UTF8.self)
        guard radix != 10 else { return text }
        guard trimmed.count <= 1000 else { return (radix == 16 ? "0x" : radix == 8 ? "0o" : "0b") + text }
        var result: [Int] = [0]
        for byte in trimmed {
            var carry = Int(String(UnicodeScalar(byte)), radix: radix) ?? 0
            for index in result.indices {
                let value = result[index] * radix + carry
                result[index] = value % 10
                carry = value / 10
            }
            while carry > 0 {
                result.append(carry % 10)
                carry /= 10
            }
        }
        return result.reversed().map(String.init).joined()
    }

    static func float(_ text: String) -> SyntaxNode.Content? {
        var bytes = Array(text.utf8)
        let sign: Double = bytes.first == UInt8(ascii: "-") ? -1 : 1
        let hasSign = bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+")
        if hasSign { bytes.removeFirst() }
        let body = String(decoding: bytes, as: UTF8.self)
        if body == ".inf" || body == ".Inf" || body == ".INF" { return .float(sign * .infinity) }
        if !hasSign, body == ".nan" || body == ".NaN" || body == ".NAN" { return .float(.nan) }
        guard isFloat(bytes), let value = Double(body.filter { $0 != "_" }) else { return nil }
        return .float(sign * value)
    }

    /// Digits, then a point with more digits, an exponent, or both; or a point and digits, where an exponent
    /// needs a sign.
    private static func isFloat(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        func isDigitOrUnderscore(_ byte: UInt8) -> Bool {
            isDigit(byte, radix: 10) || byte == UInt8(ascii: "_")
        }
        let whole = rest.prefix(while: isDigitOrUnderscore)
        rest = rest.dropFirst(whole.count)
        if let first = whole.first, first == UInt8(ascii: "_") { return false }
        let hasPoint = rest.first == UInt8(ascii: ".")
        var fraction: ArraySlice<UInt8> = []
        if hasPoint {
            rest = rest.dropFirst()
            fraction = rest.prefix(while: isDigitOrUnderscore)
            rest = rest.dropFirst(fraction.count)
        }
        if whole.isEmpty, !fraction.contains(where: { isDigit($0, radix: 10) }) { return false }
        guard let mark = rest.first else { return hasPoint }
        guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") else { return false }
        rest = rest.dropFirst()
        let hasSign = rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-")
        if hasSign { rest = rest.dropFirst() }
        if whole.isEmpty, !hasSign { return false }
        return !rest.isEmpty && rest.allSatisfy { isDigit($0, radix: 10) }
    }

    /// `2030-01-02`, or a date of looser form followed by a time.
    static func isDate(_ bytes: [UInt8]) -> Bool {
        var scanner = DateShape(bytes[...])
        guard scanner.digits(4...4), scanner.take("-") else { return false }
        var exact = scanner
        if exact.digits(2...2), exact.take("-"), exact.digits(2...2), exact.isAtEnd { return true }
        guard scanner.digits(1...2), scanner.take("-"), scanner.digits(1...2) else { return false }
        guard scanner.take("T") || scanner.take("t") || scanner.spaces() else { return false }
        guard scanner.digits(1...2), scanner.take(":"), scanner.digits(2...2), scanner.take(":"),
            scanner.digits(2...2)
        else { return false }
        if scanner.take(".") { _ = scanner.digits(0...Int.max) }
        if scanner.isAtEnd { return true }
        _ = scanner.spaces()
        if scanner.take("Z") { return scanner.isAtEnd }
        guard scanner.take("+") || scanner.take("-"), scanner.digits(1...2) else { return false }
        if scanner.take(":"), !scanner.digits(2...2) { return false }
        return scanner.isAtEnd
    }
}

private struct DateShape {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest = rest.dropFirst()
        return true
    }
    mutating func digits(_ count: ClosedRange<Int>) -> Bool {
        let found = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.prefix(
            count.upperBound)
        rest = rest.dropFirst(found.count)
        return count.contains(found.count)
    }
    mutating func spaces() -> Bool {
        let found = rest.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        rest = rest.dropFirst(found.count)
        return !found.isEmpty
    }
}
