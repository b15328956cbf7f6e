import Glibc

/// An integer beyond a machine word. Only what formatting needs: text in a radix and the nearest `Double`.
package struct BigInteger: Hashable, Sendable {
    package private(set) var isNegative: Bool
    /// 32-bit words, low word first, without leading zeros.
    private var words: [UInt32]

    /// Nil unless `text` is decimal digits with an optional sign.
    package init?(decimal text: String) {
        var digits = text.utf8[...]
        isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty else { return nil }
        words = []
        for byte in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            multiplyAdd(10, UInt32(byte - UInt8(ascii: "0")))
        }
    }

    package init(_ value: Int) {
        isNegative = value < 0
        let magnitude = UInt64(value.magnitude)
        words = [UInt32(truncatingIfNeeded: magnitude), UInt32(magnitude >> 32)]
        while words.last == 0 { words.removeLast() }
    }

    private mutating func multiplyAdd(_ factor: UInt32, _ summand: UInt32) {
        var carry = UInt64(summand)
        for index in words.indices {
            let product = UInt64(words[index]) * UInt64(factor) + carry
            words[index] = UInt32(truncatingIfNeeded: product)
            carry = product >> 32
        }
        if carry != 0 { words.append(UInt32(carry)) }
    }

    /// The digits of the magnitude in lower case.
    package func digits(radix: UInt32) -> [UInt8] {
        var rest = words
        var reversed: [UInt8] = []
        while !rest.isEmpty {
            var remainder: UInt64 = 0
            for index in rest.indices.reversed() {
                let dividend = remainder << 32 | UInt64(rest[index])
                rest[index] = UInt32(dividend / UInt64(radix))
                remainder = dividend % UInt64(radix)
            }
            reversed.append(hexDigit(UInt8(remainder)))
            while rest.last == 0 { rest.removeLast() }
        }
        return reversed.isEmpty ? [UInt8(ascii: "0")] : reversed.reversed()
    }

    /// The nearest double, ties to even; infinite where Python would raise an OverflowError.
    package var nearestDouble: Double {
        // The C library rounds decimal text correctly, so it is the shortest way to a correct answer.
        let text = (isNegative ? "-" : "") + String(decoding: digits(radix: 10), as: UTF8.self)
        return strtod(text, nil)
    }
}

/// The digit `value`, 0 to 15, in lower case.
@inlinable func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
