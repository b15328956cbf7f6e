import Glibc
import ShipyardModel

/// A double as text, the way Python's formatting asks for it.
struct FloatText {
    enum Form { case shortest, exponent, fixed, general }

    var form: Form
    var precision = 6
    var isAlternate = false
    var addsPointZero = false
    var coercesNegativeZero = false

    /// `repr(value)`.
    static func representation(_ value: Double) -> [UInt8] {
        FloatText(form: .shortest, addsPointZero: true).bytes(value)
    }

    /// ASCII with a leading `-` where negative; `inf` and `nan` in lower case.
    func bytes(_ value: Double) -> [UInt8] {
        if value.isNaN { return Array("nan".utf8) }
        if value.isInfinite { return Array((value < 0 ? "-inf" : "inf").utf8) }
        let digits = decimal(value.magnitude)
        var isNegative = value.sign == .minus
        if coercesNegativeZero, digits.bytes.allSatisfy({ $0 == UInt8(ascii: "0") }) { isNegative = false }
        var text: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
        layOut(digits, into: &text)
        return text
    }

    private struct Decimal {
        /// Significant digits, without zeros in front.
        var bytes: [UInt8]
        /// Where the point stands: before the digit of this index.
        var point: Int
    }

    private func decimal(_ value: Double) -> Decimal {
        switch form {
        case .shortest: Self.split(Array(value.description.utf8))
        case .exponent: Self.split(Self.exact("%.*e", precision, value), keepsZeros: true)
        case .general: Self.split(Self.exact("%.*e", max(precision, 1) - 1, value))
        case .fixed: Self.fixed(Self.exact("%.*f", precision, value))
        }
    }

    /// glibc rounds half to even on the exact binary value, as Python does.
    private static func exact(_ format: String, _ precision: Int, _ value: Double) -> [UInt8] {
        // 310 digits before the point at most, then the point, the exponent and the final zero.
        var buffer = [CChar](repeating: 0, count: precision + 330)
        let length = withVaList([Int32(precision), value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return buffer.prefix(Int(length)).map { UInt8(bitPattern: $0) }
    }

    /// Digits and point of a text such as `1.5e-07` or `120.0`.
    private static func split(_ text: [UInt8], keepsZeros: Bool = false) -> Decimal {
        var result = Decimal(bytes: [], point: 0)
        var sawPoint = false
        var rest = text[...]
        while let byte = rest.first, byte != UInt8(ascii: "e") {
            rest = rest.dropFirst()
            if byte == UInt8(ascii: ".") {
                sawPoint = true
            } else {
                if !result.bytes.isEmpty || byte != UInt8(ascii: "0") || keepsZeros {
                    result.bytes.append(byte)
                }
                if !sawPoint, !result.bytes.isEmpty { result.point += 1 }
                if sawPoint, result.bytes.isEmpty { result.point -= 1 }
            }
        }
        result.point += Int(String(decoding: rest.dropFirst(), as: UTF8.self)) ?? 0
        if !keepsZeros {
            while result.bytes.last == UInt8(ascii: "0") { result.bytes.removeLast() }
            if result.bytes.isEmpty { result = Decimal(bytes: [UInt8(ascii: "0")], point: 1) }
        }
        return result
    }

    private static func fixed(_ text: [UInt8]) -> Decimal {
        let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.count
        return Decimal(bytes: text.filter { $0 != UInt8(ascii: ".") }, point: point)
    }

    private func layOut(_ digits: Decimal, into text: inout [UInt8]) {
        var point = digits.point
        var end = digits.bytes.count
        let general = max(precision, 1)
        let usesExponent: Bool
        switch form {
        case .shortest: usesExponent = point <= -4 || point > 16
        case .general:
            usesExponent = point <= -4 || point > general - (addsPointZero ? 1 : 0)
            if isAlternate { end = general }
        case .exponent: usesExponent = true
        case .fixed: usesExponent = false
        }
        let exponent = point - 1
        if usesExponent { point = 1 }
        end = max(end, !usesExponent && addsPointZero ? point + 1 : point)

        for position in (point <= 0 ? point - 1 : 0)..<end {
            if position == point { text.append(UInt8(ascii: ".")) }
            text.append(digits.bytes.indices.contains(position) ? digits.bytes[position] : UInt8(ascii: "0"))
        }
        if end == point, isAlternate { text.append(UInt8(ascii: ".")) }
        guard usesExponent else { return }
        text.append(UInt8(ascii: "e"))
        text.append(UInt8(ascii: exponent < 0 ? "-" : "+"))
        text += Array(padded(exponent.magnitude, 2).utf8)
    }
}
