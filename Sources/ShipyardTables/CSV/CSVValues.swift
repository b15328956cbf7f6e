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
        var rest = bytes[...]
        if let first = rest.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") { rest.removeFirst() }
        var digits = takeDigits(&rest)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            digits += takeDigits(&rest)
        }
        guard digits > 0 else { return false }
        guard let mark = rest.first else { return true }
        guard mark | 0x20 == UInt8(ascii: "e") else { return false }
        rest.removeFirst()
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
        let exponent = takeDigits(&rest)
        return exponent > 0 && exponent <= 4 && rest.isEmpty
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
            let year = number(bytes, 0..<4), let month = number(bytes, 5..<7), let day = number(bytes, 8..<10)
        else { return false }
        guard year >= 1, (1...12).contains(month) else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
        return (1...days).contains(day)
    }

    /// A date alone, or with hours and minutes behind `T` or a space, perhaps seconds, a fraction, and a zone.
    static func isTimestamp(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 10, isDate(UnsafeRawBufferPointer(rebasing: bytes[..<10])) else { return false }
        if bytes.count == 10 { return true }
        guard bytes.count >= 16, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), let hour = number(bytes, 11..<13), hour < 24,
            let minute = number(bytes, 14..<16), minute < 60
        else { return false }
        var rest = bytes[16...]
        if rest.first == UInt8(ascii: ":") {
            guard rest.count >= 3, let second = number(bytes, 17..<19), second < 60 else { return false }
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

    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        var value = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
        }
        return value
    }
}
