import ShipyardModel

/// What a value of a CSV file may look like: the same for every database, whatever else some of them would take.
enum CSVValue {
    /// Nil where it is one.
    static func problem(_ bytes: UnsafeRawBufferPointer, _ type: ColumnType) -> String? {
        let isFine =
            switch type {
            case .text: true
            case .integer: integer(bytes) != nil
            case .real, .decimal: isNumber(bytes)
            case .boolean: boolean(bytes) != nil
            case .date: isDate(bytes)
            case .timestamp: isTimestamp(bytes)
            }
        return isFine ? nil : "\(shown(bytes)) is \(name(of: type))"
    }

    private static func name(of type: ColumnType) -> String {
        switch type {
        case .text: "no text"
        case .integer: "no integer of 64 bits"
        case .real: "no number"
        case .decimal: "no decimal number"
        case .boolean: "neither true nor false"
        case .date: "no date as 2026-11-26"
        case .timestamp: "no time as 2026-11-26T10:30:00Z"
        }
    }

    /// For a message: its beginning, on one line.
    static func shown(_ bytes: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: bytes.prefix(60), as: UTF8.self)
        let isWhole = bytes.count <= 60
        return "`\(text.replacing("\n", with: "\\n").replacing("\r", with: "\\r"))\(isWhole ? "" : "…")`"
    }

    static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        var index = 0
        var isNegative = false
        if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            index = 1
        }
        guard index < bytes.count else { return nil }
        // Downwards, since there is one negative number more.
        var value: Int64 = 0
        while index < bytes.count {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.subtractingReportingOverflow(Int64(digit))
            guard !overflows, !overflowsToo else { return nil }
            value = sum
            index += 1
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// Digits with a point and an exponent, as every database reads them: neither `NaN`, `Infinity` nor hexadecimal digits.
    static func isNumber(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = bytes.count
        var index = 0
        if count > 0, bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") { index = 1 }
        var digits = 0
        var hasPoint = false
        while index < count {
            let byte = bytes[index]
            if byte &- UInt8(ascii: "0") < 10 {
                digits += 1
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            index += 1
        }
        guard digits > 0 else { return false }
        guard index < count else { return true }
        return isExponent(UnsafeRawBufferPointer(rebasing: bytes[index...]))
    }

    private static func isExponent(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        guard rest.removeFirst() | 0x20 == UInt8(ascii: "e") else { return false }
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
        let digits = takeDigits(&rest)
        return digits > 0 && digits <= 4 && rest.isEmpty
    }

    private static func takeDigits(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Int {
        var count = 0
        while let byte = rest.first, byte &- UInt8(ascii: "0") < 10 {
            rest.removeFirst()
            count += 1
        }
        return count
    }

    /// How many digits say how large it is.
    static func significantDigits(_ bytes: UnsafeRawBufferPointer) -> Int {
        var (count, zeros) = (0, 0)
        for byte in bytes {
            if byte | 0x20 == UInt8(ascii: "e") { break }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10, digit > 0 || count > 0 else { continue }
            zeros = digit == 0 ? zeros + 1 : 0
            count += 1
        }
        return count - zeros
    }

    static func boolean(_ bytes: UnsafeRawBufferPointer) -> Bool? {
        guard !bytes.isEmpty, bytes.count <= 5 else { return nil }
        return switch String(decoding: bytes, as: UTF8.self).lowercased() {
        case "true", "t", "yes", "y", "on", "1": true
        case "false", "f", "no", "n", "off", "0": false
        default: nil
        }
    }

    static func isDate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let century = pair(bytes, 0), let years = pair(bytes, 2), let month = pair(bytes, 5),
            let day = pair(bytes, 8)
        else { return false }
        let year = century * 100 + years
        guard year >= 1, month >= 1, month <= 12, day >= 1 else { return false }
        if day <= 28 { return true }
        switch month {
        case 2: return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        case 4, 6, 9, 11: return day <= 30
        default: return day <= 31
        }
    }

    /// A date alone, or with hours and minutes behind `T` or a space, perhaps seconds, a fraction, and a zone.
    static func isTimestamp(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 10, isDate(UnsafeRawBufferPointer(rebasing: bytes[..<10])) else { return false }
        if bytes.count == 10 { return true }
        guard bytes.count >= 16, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), let hour = pair(bytes, 11), hour < 24,
            let minute = pair(bytes, 14), minute < 60
        else { return false }
        var rest = bytes[16...]
        if rest.first == UInt8(ascii: ":") {
            guard rest.count >= 3, let second = pair(bytes, 17), second < 60 else { return false }
            rest = bytes[19...]
            if rest.first == UInt8(ascii: ".") {
                rest.removeFirst()
                guard takeDigits(&rest) > 0 else { return false }
            }
        }
        return isZone(rest)
    }

    private static func isZone(_ rest: Slice<UnsafeRawBufferPointer>) -> Bool {
        let text = String(decoding: rest, as: UTF8.self)
        guard !text.isEmpty, text != "Z" else { return true }
        guard text.hasPrefix("+") || text.hasPrefix("-") else { return false }
        let digits = text.dropFirst().replacing(":", with: "", maxReplacements: 1)
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
        let isPair = text.count == 3 && digits.count == 2
        let isFour = digits.count == 4 && (text.count == 5 || text.dropFirst(3).first == ":")
        guard isPair || isFour, let hours = Int(digits.prefix(2)), hours <= 15 else { return false }
        return digits.count == 2 || (Int(digits.suffix(2)).map { $0 < 60 } ?? false)
    }

    /// Two digits.
    private static func pair(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int? {
        let (tens, ones) = (bytes[index] &- UInt8(ascii: "0"), bytes[index + 1] &- UInt8(ascii: "0"))
        return tens < 10 && ones < 10 ? Int(tens) * 10 + Int(ones) : nil
    }
}
