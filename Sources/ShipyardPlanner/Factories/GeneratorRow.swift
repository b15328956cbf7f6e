/// The values of one row of a generator as a line of text, which its Python writes.
///
/// Tabs stand between values. Each begins with the letter of its type; tabs, line breaks and backslashes in it are
/// escaped.
package enum GeneratorRow {
    /// Nil for a line that is none.
    package static func values(_ line: ArraySlice<UInt8>) -> [PythonValue]? {
        var values: [PythonValue] = []
        guard !line.isEmpty else { return values }
        for field in line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false) {
            guard let value = value(field) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func value(_ field: ArraySlice<UInt8>) -> PythonValue? {
        let text = unescaped(field.dropFirst())
        switch field.first {
        case UInt8(ascii: "i"):
            return Int(text).map(PythonValue.int) ?? BigInteger(decimal: text).map(PythonValue.bigInt)
        case UInt8(ascii: "f"): return Double(text).map(PythonValue.float)
        case UInt8(ascii: "s"): return .str(text)
        case UInt8(ascii: "b"): return .bool(text == "1")
        case UInt8(ascii: "n"): return PythonValue.none
        case UInt8(ascii: "o"):
            let parts = field.dropFirst().split(separator: 0x1F, omittingEmptySubsequences: false).map(
                unescaped)
            guard parts.count == 3 || parts.count == 4 else { return nil }
            // Escaped as a part, and as a value before that.
            let base = parts.count == 4 ? value(Array(parts[3].utf8)[...]) : nil
            if parts.count == 4, base == nil { return nil }
            return .object(
                PythonObject(typeName: parts[0], text: parts[1], representation: parts[2], base: base))
        default: return nil
        }
    }

    package static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let letter = rest.popFirst() else {
                result.append(byte)
                continue
            }
            switch letter {
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "f"): result.append(0x1F)
            default: result.append(letter)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
