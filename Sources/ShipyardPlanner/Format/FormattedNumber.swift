/// A number taken apart into what Python's formatting treats differently: only `digits` are grouped and
/// zero-filled, `tail` (point, fraction, exponent, `%`, or a whole character) is copied.
struct FormattedNumber {
    var isNegative = false
    var prefix: [UInt8] = []
    var digits: [UInt8] = []
    var tail: [UInt8] = []
    /// How many characters `tail` counts as; its bytes are UTF-8.
    var tailCharacters: Int

    init(isNegative: Bool, prefix: [UInt8] = [], digits: [UInt8], tail: [UInt8] = []) {
        self.isNegative = isNegative
        self.prefix = prefix
        self.digits = digits
        self.tail = tail
        tailCharacters = tail.count
    }

    /// A `c` format: one character and no digits.
    init(character: Unicode.Scalar) {
        tail = Array(String(character).utf8)
        tailCharacters = 1
    }

    func append(to output: inout [UInt8], _ spec: FormatSpec) {
        let sign = signByte(spec.sign)
        let fixedCount = (sign == nil ? 0 : 1) + prefix.count + tailCharacters
        let fillsWithZeros = spec.fill == "0" && spec.align == "="
        let minimum = fillsWithZeros ? (spec.width ?? 0) - fixedCount : 0
        let grouped = digits.isEmpty ? [] : groupedDigits(spec.grouping, minimum: minimum)

        let padding = max(0, (spec.width ?? 0) - fixedCount - grouped.count)
        let before =
            switch spec.align {
            case "<", "=": 0
            case "^": padding / 2
            default: padding
            }
        let inside = spec.align == "=" ? padding : 0
        appendFill(spec.fill, before, to: &output)
        if let sign { output.append(sign) }
        output += prefix
        appendFill(spec.fill, inside, to: &output)
        output += grouped
        output += tail
        appendFill(spec.fill, padding - before - inside, to: &output)
    }

    private func signByte(_ sign: Unicode.Scalar?) -> UInt8? {
        if isNegative { return UInt8(ascii: "-") }
        return sign == "+" ? UInt8(ascii: "+") : sign == " " ? UInt8(ascii: " ") : nil
    }

    /// The digits with separators, filled with zeros (which are grouped too) up to at least `minimum`
    /// characters. A separator never stands first, so the result may be one character longer.
    private func groupedDigits(_ grouping: FormatSpec.Grouping, minimum: Int) -> [UInt8] {
        let zero = UInt8(ascii: "0")
        guard let separator = grouping.separator else {
            return [UInt8](repeating: zero, count: max(0, minimum - digits.count)) + digits
        }
        var reversed: [UInt8] = []
        var remaining = digits[...]
        var missing = minimum
        while true {
            let size = min(grouping.size, max(remaining.count, missing, 1))
            let group = remaining.suffix(size)
            reversed += group.reversed()
            reversed += [UInt8](repeating: zero, count: size - group.count)
            remaining = remaining.dropLast(group.count)
            missing -= size
            if remaining.isEmpty, missing <= 0 { return reversed.reversed() }
            reversed.append(separator)
            missing -= 1
        }
    }
}

func appendFill(_ fill: Unicode.Scalar, _ count: Int, to output: inout [UInt8]) {
    guard count > 0 else { return }
    if fill.isASCII {
        output.append(contentsOf: repeatElement(UInt8(fill.value), count: count))
    } else {
        let bytes = Array(String(fill).utf8)
        for _ in 0..<count { output += bytes }
    }
}

/// Appends `value` in decimal.
@inline(__always) func appendDecimal(_ value: Int, to output: inout [UInt8]) {
    if value >= 0, value < 10 {
        output.append(UInt8(ascii: "0") + UInt8(value))
        return
    }
    if value < 0 { output.append(UInt8(ascii: "-")) }
    appendDigits(value.magnitude, width: 0, to: &output)
}

/// Appends `value` in decimal with zeros in front up to `width` digits.
@inline(__always) func appendDigits(_ value: UInt, width: Int, to output: inout [UInt8]) {
    var count = 1
    var power: UInt = 10
    while value >= power {
        count += 1
        if count == 20 { break }
        power &*= 10
    }
    for _ in 0..<max(0, width - count) { output.append(UInt8(ascii: "0")) }
    let start = output.count
    for _ in 0..<count { output.append(UInt8(ascii: "0")) }
    var rest = value
    var position = start + count - 1
    repeat {
        output[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
        position -= 1
    } while rest != 0
}
