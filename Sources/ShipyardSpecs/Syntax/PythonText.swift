/// How Python's `str()` writes a value: the text that an environment variable gets from a YAML scalar.
package enum PythonText {
    /// Nil for lists and mappings, which have no such text here.
    package static func of(_ content: SyntaxNode.Content) -> String? {
        switch content {
        case .null: "None"
        case .bool(let value): value ? "True" : "False"
        case .integer(let value): String(value)
        case .bigInteger(let digits): digits
        case .float(let value): float(value)
        case .string(let text), .date(let text): text
        case .sequence, .mapping: nil
        }
    }

    /// The shortest digits that read back as the same number; an exponent below -4 and from 16 on.
    package static func float(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        let sign = value.sign == .minus ? "-" : ""
        guard value != 0 else { return sign + "0.0" }
        // Swift's description holds the shortest digits too, but changes to exponents at other numbers.
        let (digits, point) = shortestDigits(value.magnitude)
        let exponent = point - 1
        if exponent < -4 || exponent >= 16 {
            let mantissa = digits.count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            let size = String(exponent.magnitude)
            return "\(sign)\(mantissa)e\(exponent < 0 ? "-" : "+")\(size.count < 2 ? "0" + size : size)"
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        if point >= digits.count {
            return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
        }
        return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }

    /// The significant digits and where the decimal point stands among them: `1.5` is ("15", 1).
    private static func shortestDigits(_ value: Double) -> (digits: String, point: Int) {
        let text = value.description
        let parts = text.split(separator: "e", maxSplits: 1)
        let halves = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = String(halves[0])
        let fraction = halves.count > 1 ? String(halves[1]) : ""
        var point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = (whole + fraction)[...]
        while digits.count > 1, digits.first == "0" {
            digits = digits.dropFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == "0" { digits = digits.dropLast() }
        return (String(digits), point)
    }
}
