extension RandomFactorySpec {
    /// The seed that a YAML integer stands for, however long: decimal with optional sign and `_` between
    /// digits, or `0x`, `0o`, `0b`. The sign is dropped, as Python's `seed` does. Nil when it is no integer.
    package static func seed(integer text: String) -> Seed? {
        var digits = text.utf8.filter { $0 != UInt8(ascii: "_") }[...]
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits = digits.dropFirst()
        }
        let radix: UInt64 =
            switch digits.prefix(2).map({ $0 | 0x20 }) {
            case Array("0x".utf8): 16
            case Array("0o".utf8): 8
            case Array("0b".utf8): 2
            default: 10
            }
        if radix != 10 { digits = digits.dropFirst(2) }
        guard !digits.isEmpty else { return nil }

        var words: [UInt32] = [0]
        for byte in digits {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, digit < radix else { return nil }
            var carry = UInt64(digit)
            for index in words.indices {
                let product = UInt64(words[index]) * radix + carry
                words[index] = UInt32(truncatingIfNeeded: product)
                carry = product >> 32
            }
            if carry != 0 { words.append(UInt32(carry)) }
        }
        return .magnitude(words)
    }

    package static func seed(_ value: Int) -> Seed {
        let magnitude = UInt64(value.magnitude)
        let high = UInt32(magnitude >> 32)
        let low = UInt32(truncatingIfNeeded: magnitude)
        return .magnitude(high == 0 ? [low] : [low, high])
    }
}
