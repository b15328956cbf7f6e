import Glibc

extension PythonValue {
    /// Appends `str(self)`, which is also what an empty format specification prints.
    @inline(__always) func appendText(to output: inout [UInt8]) {
        switch self {
        case .int(let value): appendDecimal(value, to: &output)
        case .str(let text): output.append(contentsOf: text.utf8)
        case .float(let value): output += FloatText.representation(value)
        case .bigInt, .bool, .none, .type, .object: output += Array(text.utf8)
        }
    }

    /// `str(self)`
    package var text: String {
        switch self {
        case .int(let value): String(value)
        case .bigInt(let value):
            (value.isNegative ? "-" : "") + String(decoding: value.digits(radix: 10), as: UTF8.self)
        case .float(let value): String(decoding: FloatText.representation(value), as: UTF8.self)
        case .str(let text): text
        case .bool(let value): value ? "True" : "False"
        case .none: "None"
        case .type(let name): "<class '\(name)'>"
        case .object(let object): object.text
        }
    }

    /// `repr(self)`
    package var representation: String {
        switch self {
        case .str(let text): PythonText.quoted(text)
        case .object(let object): object.representation
        case .int, .bigInt, .float, .bool, .none, .type: text
        }
    }

    /// `ascii(self)`
    var asciiRepresentation: String {
        if case .str(let text) = self { return PythonText.quoted(text, escapesNonASCII: true) }
        return PythonText.escapingNonASCII(representation)
    }

    /// Appends `format(self, specification)`.
    func append(
        formattedBy specification: ArraySlice<Unicode.Scalar>, to output: inout [UInt8]
    ) throws(PythonError) {
        guard !specification.isEmpty else { return appendText(to: &output) }
        switch self {
        case .int, .bigInt, .bool:
            let spec = try FormatSpec(specification, for: .int, typeName: typeName)
            try appendInteger(spec, to: &output)
        case .float(let value):
            let spec = try FormatSpec(specification, for: .float, typeName: typeName)
            try Self.appendFloat(value, spec, typeName: typeName, to: &output)
        case .str(let text):
            let spec = try FormatSpec(specification, for: .str, typeName: typeName)
            try Self.appendString(text, spec, to: &output)
        case .object(let object):
            guard let base = object.base else {
                throw PythonError(.typeError, "unsupported format string passed to \(typeName).__format__")
            }
            try base.append(formattedBy: specification, to: &output)
        case .none, .type:
            throw PythonError(.typeError, "unsupported format string passed to \(typeName).__format__")
        }
    }

    private static func unknownCode(_ type: Unicode.Scalar, _ typeName: String) -> PythonError {
        let name = (33..<128).contains(type.value) ? String(type) : "\\x" + String(type.value, radix: 16)
        return PythonError(.valueError, "Unknown format code '\(name)' for object of type '\(typeName)'")
    }

    // MARK: - Integers

    private var bigValue: BigInteger {
        switch self {
        case .bigInt(let value): value
        case .int(let value): BigInteger(value)
        case .bool(let value): BigInteger(value ? 1 : 0)
        case .float, .str, .none, .type, .object: BigInteger(0)
        }
    }

    private func appendInteger(_ spec: FormatSpec, to output: inout [UInt8]) throws(PythonError) {
        let type = spec.type ?? "d"
        let radix: UInt32
        switch type {
        case "d", "n": radix = 10
        case "b": radix = 2
        case "o": radix = 8
        case "x", "X": radix = 16
        case "c": return try appendCharacter(spec, to: &output)
        case "e", "E", "f", "F", "g", "G", "%":
            let value = bigValue.nearestDouble
            guard value.isFinite else {
                throw PythonError(.overflowError, "int too large to convert to float")
            }
            return try Self.appendFloat(value, spec, typeName: typeName, to: &output)
        default: throw Self.unknownCode(type, typeName)
        }
        try checkInteger(spec)
        let value = bigValue
        var digits = value.digits(radix: radix)
        var prefix = spec.isAlternate && radix != 10 ? Array("0\(type)".utf8) : []
        if type == "X" {
            digits = digits.map { $0 >= UInt8(ascii: "a") ? $0 - 32 : $0 }
            if spec.isAlternate { prefix = Array("0X".utf8) }
        }
        FormattedNumber(isNegative: value.isNegative, prefix: prefix, digits: digits).append(
            to: &output, spec)
    }

    private func checkInteger(_ spec: FormatSpec) throws(PythonError) {
        if spec.precision != nil {
            throw PythonError(.valueError, "Precision not allowed in integer format specifier")
        }
        if spec.coercesNegativeZero {
            throw PythonError(
                .valueError, "Negative zero coercion (z) not allowed in integer format specifier")
        }
    }

    private func appendCharacter(_ spec: FormatSpec, to output: inout [UInt8]) throws(PythonError) {
        try checkInteger(spec)
        if spec.sign != nil {
            throw PythonError(.valueError, "Sign not allowed with integer format specifier 'c'")
        }
        if spec.isAlternate {
            throw PythonError(.valueError, "Alternate form (#) not allowed with integer format specifier 'c'")
        }
        let value: Int
        switch self {
        case .int(let number): value = number
        case .bool(let flag): value = flag ? 1 : 0
        default: throw PythonError(.overflowError, "Python int too large to convert to C long")
        }
        guard (0...0x10FFFF).contains(value) else {
            throw PythonError(.overflowError, "%c arg not in range(0x110000)")
        }
        guard let scalar = Unicode.Scalar(UInt32(value)) else {
            // Python makes a lone surrogate, and fails later when the command becomes UTF-8.
            throw PythonError(.valueError, "surrogates not allowed in a command line")
        }
        FormattedNumber(character: scalar).append(to: &output, spec)
    }

    // MARK: - Floats

    private static func appendFloat(
        _ value: Double, _ spec: FormatSpec, typeName: String, to output: inout [UInt8]
    ) throws(PythonError) {
        var text = FloatText(
            form: .general, precision: spec.precision ?? 6, isAlternate: spec.isAlternate,
            coercesNegativeZero: spec.coercesNegativeZero)
        var isPercent = false
        switch spec.type {
        case nil:
            text.addsPointZero = true
            if spec.precision == nil { text.form = .shortest }
        case "e", "E": text.form = .exponent
        case "f", "F": text.form = .fixed
        case "%":
            text.form = .fixed
            isPercent = true
        case "g", "G", "n": text.form = .general
        case .some(let type): throw unknownCode(type, typeName)
        }
        var bytes = text.bytes(isPercent ? value * 100 : value)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes = bytes.dropFirst() }
        if spec.type == "E" || spec.type == "F" || spec.type == "G" {
            bytes = ArraySlice(bytes.map { (97...122).contains($0) ? $0 - 32 : $0 })
        }
        let digits = bytes.prefix { (48...57).contains($0) }
        var tail = Array(bytes.dropFirst(digits.count))
        if isPercent { tail.append(UInt8(ascii: "%")) }
        FormattedNumber(isNegative: isNegative, digits: Array(digits), tail: tail).append(to: &output, spec)
    }

    // MARK: - Strings

    private static func appendString(
        _ text: String, _ spec: FormatSpec, to output: inout [UInt8]
    ) throws(PythonError) {
        if let type = spec.type, type != "s" { throw unknownCode(type, "str") }
        if let sign = spec.sign {
            let word = sign == " " ? "Space" : "Sign"
            throw PythonError(.valueError, "\(word) not allowed in string format specifier")
        }
        if spec.coercesNegativeZero {
            throw PythonError(
                .valueError, "Negative zero coercion (z) not allowed in string format specifier")
        }
        if spec.isAlternate {
            throw PythonError(.valueError, "Alternate form (#) not allowed in string format specifier")
        }
        if spec.align == "=" {
            throw PythonError(.valueError, "'=' alignment not allowed in string format specifier")
        }
        var shown = text
        var count = text.unicodeScalars.count
        if let precision = spec.precision, precision < count {
            shown = String(String.UnicodeScalarView(text.unicodeScalars.prefix(precision)))
            count = precision
        }
        let padding = max(0, (spec.width ?? 0) - count)
        let before = spec.align == ">" ? padding : spec.align == "^" ? padding / 2 : 0
        appendFill(spec.fill, before, to: &output)
        output.append(contentsOf: shown.utf8)
        appendFill(spec.fill, padding - before, to: &output)
    }
}
