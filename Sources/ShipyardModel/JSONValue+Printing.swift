extension JSONValue {
    /// One line without spaces.
    package var compactBytes: [UInt8] {
        var bytes: [UInt8] = []
        appendCompact(to: &bytes)
        return bytes
    }

    package var compactText: String { String(decoding: compactBytes, as: UTF8.self) }

    /// As Python's `json.dumps(indent=2, sort_keys=True, ensure_ascii=False)`: what `--raw` prints.
    package var prettyText: String {
        var bytes: [UInt8] = []
        appendPretty(to: &bytes, indent: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    package func appendCompact(to bytes: inout [UInt8]) {
        switch self {
        case .null, .bool, .integer, .number, .string: appendScalar(to: &bytes)
        case .array(let items):
            bytes.append(UInt8(ascii: "["))
            for (position, item) in items.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                item.appendCompact(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.appendCompact(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private func appendPretty(to bytes: inout [UInt8], indent: Int) {
        switch self {
        case .null, .bool, .integer, .number, .string: appendScalar(to: &bytes)
        case .array(let items):
            appendBlock(items, in: "[]", indent, to: &bytes) { item, bytes in
                item.appendPretty(to: &bytes, indent: indent + 2)
            }
        case .object(let members):
            // By bytes, which is by code points as in Python; `String`'s own order is by canonical form.
            let sorted = members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            appendBlock(sorted, in: "{}", indent, to: &bytes) { member, bytes in
                JSONText.append(member.name, to: &bytes)
                bytes += [UInt8(ascii: ":"), UInt8(ascii: " ")]
                member.value.appendPretty(to: &bytes, indent: indent + 2)
            }
        }
    }

    private func appendBlock<Item>(
        _ items: [Item], in brackets: StaticString, _ indent: Int, to bytes: inout [UInt8],
        _ append: (Item, inout [UInt8]) -> Void
    ) {
        bytes.append(brackets.utf8Start[0])
        for (position, item) in items.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            appendNewLine(indent + 2, to: &bytes)
            append(item, &bytes)
        }
        if !items.isEmpty { appendNewLine(indent, to: &bytes) }
        bytes.append(brackets.utf8Start[1])
    }

    private func appendNewLine(_ indent: Int, to bytes: inout [UInt8]) {
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: indent))
    }

    private func appendScalar(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += Array("null".utf8)
        case .bool(let value): bytes += Array((value ? "true" : "false").utf8)
        case .integer(let number): bytes += Array(String(number).utf8)
        case .number(let number):
            invariant(number.isFinite, "JSON has no word for \(number)")
            bytes += Array(number.description.utf8)
        case .string(let text): JSONText.append(text, to: &bytes)
        case .array, .object: invariantFailure("not a scalar")
        }
    }
}

/// Appends JSON strings to a byte buffer without a detour over `String`: plans and listings have millions.
package enum JSONText {
    /// Appends `text` in quotes. Non-ASCII characters are kept; control characters are escaped.
    @inlinable package static func append(_ text: some StringProtocol, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        let isPlain = text.utf8.withContiguousStorageIfAvailable { content in
            guard content.allSatisfy(needsNoEscape) else { return false }
            bytes.append(contentsOf: content)
            return true
        }
        if isPlain != true { appendEscaped(text, to: &bytes) }
        bytes.append(UInt8(ascii: "\""))
    }

    @inlinable static func needsNoEscape(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != 0x7F
    }

    @usableFromInline static func appendEscaped(_ text: some StringProtocol, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
            case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x0D: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0..<0x20, 0x7F:
                bytes += Array("\\u00".utf8)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            default: bytes.append(byte)
            }
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
