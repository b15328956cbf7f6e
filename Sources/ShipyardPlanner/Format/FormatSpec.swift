/// A parsed format specification, `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
struct FormatSpec: Hashable, Sendable {
    enum Grouping: Hashable, Sendable {
        case none, comma, underscore
        /// `_` with `b`, `o`, `x`, `X`: every four digits.
        case underscoreOfFour

        var separator: UInt8? {
            switch self {
            case .none: nil
            case .comma: UInt8(ascii: ",")
            case .underscore, .underscoreOfFour: UInt8(ascii: "_")
            }
        }
        var size: Int { self == .underscoreOfFour ? 4 : 3 }
    }

    var fill: Unicode.Scalar = " "
    var align: Unicode.Scalar
    var sign: Unicode.Scalar?
    var coercesNegativeZero = false
    var isAlternate = false
    var width: Int?
    var grouping = Grouping.none
    var precision: Int?
    /// Nil where none is written.
    var type: Unicode.Scalar?

    /// Parses `text` for a value of `kind`; `typeName` only serves messages.
    init(_ text: ArraySlice<Unicode.Scalar>, for kind: Kind, typeName: String) throws(PythonError) {
        var rest = text
        align = kind == .str ? "<" : ">"
        var hasFill = false
        var hasAlign = false
        if let second = rest.dropFirst().first, Self.alignments.contains(second) {
            fill = rest[rest.startIndex]
            align = second
            (hasFill, hasAlign) = (true, true)
            rest = rest.dropFirst(2)
        } else if let first = rest.first, Self.alignments.contains(first) {
            align = first
            hasAlign = true
            rest = rest.dropFirst()
        }
        if let first = rest.first, first == "+" || first == "-" || first == " " {
            sign = first
            rest = rest.dropFirst()
        }
        coercesNegativeZero = Self.take("z", from: &rest)
        isAlternate = Self.take("#", from: &rest)
        if !hasFill, Self.take("0", from: &rest) {
            fill = "0"
            if !hasAlign, kind != .str { align = "=" }
        }
        width = try Self.takeNumber(from: &rest)
        try takeGrouping(from: &rest)
        if Self.take(".", from: &rest) {
            precision = try Self.takeNumber(from: &rest)
            guard precision != nil else {
                throw PythonError(.valueError, "Format specifier missing precision")
            }
        }
        guard rest.count <= 1 else {
            let written = String(String.UnicodeScalarView(text))
            throw PythonError(
                .valueError, "Invalid format specifier '\(written)' for object of type '\(typeName)'")
        }
        type = rest.first
        try checkGrouping(kind)
        try checkSize(kind)
    }

    enum Kind: Hashable, Sendable { case int, float, str }

    private static let alignments: Set<Unicode.Scalar> = ["<", ">", "=", "^"]

    private static func take(_ scalar: Unicode.Scalar, from rest: inout ArraySlice<Unicode.Scalar>) -> Bool {
        guard rest.first == scalar else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func takeNumber(from rest: inout ArraySlice<Unicode.Scalar>) throws(PythonError) -> Int? {
        let digits = rest.prefix { decimalDigit($0) != nil }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        return try decimalNumber(digits)
    }

    private mutating func takeGrouping(from rest: inout ArraySlice<Unicode.Scalar>) throws(PythonError) {
        let both = PythonError(.valueError, "Cannot specify both ',' and '_'.")
        if Self.take(",", from: &rest) { grouping = .comma }
        if rest.first == "_" {
            guard grouping == .none else { throw both }
            rest = rest.dropFirst()
            grouping = .underscore
        }
        if rest.first == ",", grouping == .underscore { throw both }
    }

    private mutating func checkGrouping(_ kind: Kind) throws(PythonError) {
        guard grouping != .none else { return }
        let shown: Unicode.Scalar? = type ?? (kind == .str ? "s" : kind == .int ? "d" : nil)
        guard let shown else { return }
        switch shown {
        case "d", "e", "f", "g", "E", "G", "%", "F": return
        case "b", "o", "x", "X":
            if grouping == .underscore {
                grouping = .underscoreOfFour
                return
            }
        default: break
        }
        let separator = grouping == .comma ? "," : "_"
        let name = (33..<128).contains(shown.value) ? String(shown) : "\\x" + String(shown.value, radix: 16)
        throw PythonError(.valueError, "Cannot specify '\(separator)' with '\(name)'.")
    }

    /// Python would try to make a text of any size. A command line cannot be that long, and a plan must not
    /// be a way to fill the memory.
    private func checkSize(_ kind: Kind) throws(PythonError) {
        let limit = PlanLimits.formattedFieldCharacters
        // Of a text a precision only takes away.
        if max(width ?? 0, kind == .str ? 0 : precision ?? 0) > limit {
            throw PythonError(.valueError, "field is wider than \(limit) characters")
        }
    }
}

/// The value of a decimal digit of any script, which is what Python accepts in a format string.
func decimalDigit(_ scalar: Unicode.Scalar) -> Int? {
    if ("0"..."9").contains(scalar) { return Int(scalar.value) - 48 }
    guard scalar.value > 127, scalar.properties.numericType == .decimal else { return nil }
    return scalar.properties.numericValue.map(Int.init)
}

/// The number that `digits`, all decimal, stand for.
func decimalNumber(_ digits: ArraySlice<Unicode.Scalar>) throws(PythonError) -> Int {
    var number = 0
    for digit in digits {
        let (product, overflow) = number.multipliedReportingOverflow(by: 10)
        let (sum, overflow2) = product.addingReportingOverflow(decimalDigit(digit) ?? 0)
        guard !overflow, !overflow2 else {
            throw PythonError(.valueError, "Too many decimal digits in format string")
        }
        number = sum
    }
    return number
}
