import ShipyardModel

/// A JSON value whose numbers are kept as they were written: a price of `1.10` and a number of thirty digits come out
/// as they went in, which no `Double` does.
package enum ExactJSON: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([ExactJSON])
    case object([Member])

    package struct Member: Sendable {
        package var name: String
        package var value: ExactJSON

        package init(_ name: String, _ value: ExactJSON) {
            self.name = name
            self.value = value
        }
    }

    /// Deeper is nobody's data; each level costs one more look at the text.
    package static let maximumDepth = 64

    /// Reads one JSON text. Refuses, beside what is none: names that an object has twice, of which readers take one or the
    /// other; half of a surrogate pair, of which nothing would be kept; and U+0000, at which SQLite ends a text.
    ///
    /// - Parameter levels: how deep it may be: an answer with documents is deeper than each of them.
    package init(parsing bytes: [UInt8], levels: Int = maximumDepth) throws(JSONError) {
        // The project's own reader knows what JSON is; here only the numbers are taken from the text.
        _ = try JSONValue(parsing: bytes, isStrict: true)
        let bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        let result: Result<ExactJSON, JSONError> = bytes.withUnsafeBytes { all in
            do throws(JSONError) {
                let start = all.firstIndex { !isSpace($0) } ?? 0
                let end = try JSONSlice.end(of: all, from: start) ?? all.count
                let value = UnsafeRawBufferPointer(rebasing: all[start..<end])
                return .success(try Self.read(JSONSlice(value), levels: levels))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    private static func read(_ slice: JSONSlice, levels: Int) throws(JSONError) -> ExactJSON {
        guard levels >= 0 else {
            throw JSONError(place: "", message: "nested deeper than \(maximumDepth) levels")
        }
        switch slice.bytes.first {
        case UInt8(ascii: "{"):
            var members: [Member] = []
            try slice.eachMember { name, value throws(JSONError) in
                let text = try checked(name.text)
                members.append(Member(text, try read(value, levels: levels - 1)))
            }
            return .object(members)
        case UInt8(ascii: "["):
            var items: [ExactJSON] = []
            try eachItem(of: slice.bytes) { item throws(JSONError) in
                items.append(try read(item, levels: levels - 1))
            }
            return .array(items)
        case UInt8(ascii: "\""): return .string(try checked(slice.text))
        case UInt8(ascii: "t"): return .bool(true)
        case UInt8(ascii: "f"): return .bool(false)
        case UInt8(ascii: "n"): return .null
        default: return .number(slice.text)
        }
    }

    private static func checked(_ text: String) throws(JSONError) -> String {
        guard !text.utf8.contains(0) else {
            throw JSONError(place: "", message: "a text has the character U+0000")
        }
        return text
    }

    private static func eachItem(
        of bytes: UnsafeRawBufferPointer, _ body: (JSONSlice) throws(JSONError) -> Void
    ) throws(JSONError) {
        var position = 1
        // The last byte is the bracket that ends it.
        while position < bytes.count - 1 {
            let byte = bytes[position]
            if isSpace(byte) || byte == UInt8(ascii: ",") {
                position += 1
                continue
            }
            guard let end = try JSONSlice.end(of: bytes, from: position) else { return }
            try body(JSONSlice(UnsafeRawBufferPointer(rebasing: bytes[position..<end])))
            position = end
        }
    }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

extension ExactJSON {
    package var isObject: Bool {
        if case .object = self { true } else { false }
    }

    package var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// The member of this name, by its bytes.
    package subscript(name: String) -> ExactJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// One line without spaces.
    package var compactText: String {
        var bytes: [UInt8] = []
        append(to: &bytes, indent: nil)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Two spaces for each level, names in their order.
    package var prettyText: String {
        var bytes: [UInt8] = []
        append(to: &bytes, indent: 0)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func append(to bytes: inout [UInt8], indent: Int?) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): bytes.append(contentsOf: text.utf8)
        case .string(let text): JSONText.append(text, to: &bytes)
        case .array(let items):
            Self.appendBlock(items, "[", "]", to: &bytes, indent) { item, bytes, indent in
                item.append(to: &bytes, indent: indent)
            }
        case .object(let members):
            Self.appendBlock(members, "{", "}", to: &bytes, indent) { member, bytes, indent in
                JSONText.append(member.name, to: &bytes)
                bytes.append(contentsOf: (indent == nil ? ":" : ": ").utf8)
                member.value.append(to: &bytes, indent: indent)
            }
        }
    }

    private static func appendBlock<Item>(
        _ items: [Item], _ open: Character, _ close: Character, to bytes: inout [UInt8], _ indent: Int?,
        _ append: (Item, inout [UInt8], Int?) -> Void
    ) {
        bytes.append(contentsOf: String(open).utf8)
        for (position, item) in items.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            appendLine(indent.map { $0 + 2 }, to: &bytes)
            append(item, &bytes, indent.map { $0 + 2 })
        }
        if !items.isEmpty { appendLine(indent, to: &bytes) }
        bytes.append(contentsOf: String(close).utf8)
    }

    private static func appendLine(_ indent: Int?, to bytes: inout [UInt8]) {
        guard let indent else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: indent))
    }
}
