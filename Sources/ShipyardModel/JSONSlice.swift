/// A value within a JSON text, read in place: listings have a million objects, and trees of them would take longer
/// than all else that is done about them.
///
/// Valid for as long as the bytes are. What is skipped is checked for its brackets and quotes only.
package struct JSONSlice {
    /// The value as it is written.
    package let bytes: UnsafeRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var isString: Bool { bytes.first == quote }

    /// A string's text with its escapes undone; of other values what is written.
    package var text: String {
        guard isString, bytes.count >= 2 else { return String(decoding: bytes, as: UTF8.self) }
        let content = UnsafeRawBufferPointer(rebasing: bytes[1..<bytes.count - 1])
        if !content.contains(backslash) { return String(decoding: content, as: UTF8.self) }
        return (try? JSONValue(parsing: Array(bytes)))?.stringValue ?? ""
    }

    package var integer: Int64? { Int64(text) }
    package var number: Double? { Double(text) }

    /// Whether it is the string of these letters, which need no escape.
    package func isText(_ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount + 2, isString, let start = bytes.baseAddress else {
            return false
        }
        return UnsafeRawBufferPointer(start: start + 1, count: bytes.count - 2)
            .elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Hands over the members of an object in their order; names are still in quotes.
    package func eachMember(
        _ body: (_ name: JSONSlice, _ value: JSONSlice) throws(JSONError) -> Void
    ) throws(JSONError) {
        var position = try expect(openBrace, at: 0)
        if peek(position) == closeBrace { return }
        while true {
            let name = try value(at: position)
            position = try expect(colon, at: position + name.bytes.count)
            let member = try value(at: position)
            position = skipSpace(position + member.bytes.count)
            try body(name, member)
            if peek(position) == closeBrace { return }
            position = try expect(comma, at: position)
        }
    }

    /// Hands over the items of an array in their order, for as long as `body` wants more.
    package func eachItem(_ body: (JSONSlice) throws(JSONError) -> Bool) throws(JSONError) {
        var position = try expect(openBracket, at: 0)
        if peek(position) == closeBracket { return }
        while true {
            let item = try value(at: position)
            guard try body(item) else { return }
            position = skipSpace(position + item.bytes.count)
            if peek(position) == closeBracket { return }
            position = try expect(comma, at: position)
        }
    }

    /// The position after `byte` and the space behind it.
    private func expect(_ byte: UInt8, at position: Int) throws(JSONError) -> Int {
        let place = skipSpace(position)
        guard peek(place) == byte else { throw .broken }
        return skipSpace(place + 1)
    }

    private func value(at start: Int) throws(JSONError) -> JSONSlice {
        guard let end = try Self.end(of: bytes, from: start) else { throw .broken }
        return JSONSlice(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }

    private func peek(_ position: Int) -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private func skipSpace(_ start: Int) -> Int {
        var position = start
        while position < bytes.count, isSpace(bytes[position]) { position += 1 }
        return position
    }

    /// Where the value that begins at `start` ends; nil where the text ends before it does.
    package static func end(of bytes: UnsafeRawBufferPointer, from start: Int) throws(JSONError) -> Int? {
        var position = start
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case quote:
                guard let end = endOfString(bytes, from: position) else { return nil }
                position = end
                if depth == 0 { return position }
            case openBrace, openBracket:
                depth += 1
                position += 1
            case closeBrace, closeBracket:
                // Of what is around the value: a number, or a word, has ended here.
                guard depth > 0 else { return position > start ? position : try broken() }
                depth -= 1
                position += 1
                if depth == 0 { return position }
            case comma, 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { return position > start ? position : try broken() }
                position += 1
            default: position += 1
            }
        }
        return nil
    }

    private static func broken() throws(JSONError) -> Int? { throw .broken }

    private static func endOfString(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var position = start + 1
        while position < bytes.count {
            let byte = bytes[position]
            if byte == quote { return position + 1 }
            position += byte == backslash ? 2 : 1
        }
        return nil
    }
}

/// Takes the items of the array `value` from `{"value": [item, …], …}` as the text comes in, piece by piece.
package struct JSONItemStream {
    private var rest: [UInt8] = []
    private var isInside = false
    /// The array was there to its end.
    package private(set) var isComplete = false

    package init() {}

    /// `body` answers whether it wants more; its slice is valid until it returns. False when it wanted no more.
    package mutating func add(
        _ piece: UnsafeRawBufferPointer, _ body: (JSONSlice) throws(JSONError) -> Bool
    ) throws(JSONError) -> Bool {
        // Mostly a whole number of items and the beginning of one.
        rest.append(contentsOf: piece)
        var taken = 0
        var isWanted = true
        let result: Result<Void, JSONError> = rest.withUnsafeBytes { bytes in
            do throws(JSONError) {
                try Self.take(bytes, &taken, &isInside, &isComplete) { item throws(JSONError) in
                    isWanted = try body(item)
                    return isWanted
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        rest.removeFirst(taken)
        return isWanted
    }

    private static func take(
        _ bytes: UnsafeRawBufferPointer, _ position: inout Int, _ isInside: inout Bool,
        _ isComplete: inout Bool,
        _ body: (JSONSlice) throws(JSONError) -> Bool
    ) throws(JSONError) {
        while position < bytes.count, !isComplete {
            let byte = bytes[position]
            if isSpace(byte) || byte == comma {
                position += 1
            } else if !isInside {
                guard let end = try beginning(of: bytes) else { return }
                position = end
                isInside = true
            } else if byte == closeBracket {
                isComplete = true
            } else {
                guard let end = try JSONSlice.end(of: bytes, from: position) else { return }
                let item = JSONSlice(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
                position = end
                guard try body(item) else { return }
            }
        }
    }

    /// Behind the bracket that opens the items; nil while it has not come.
    private static func beginning(of bytes: UnsafeRawBufferPointer) throws(JSONError) -> Int? {
        let start: StaticString = #"{"value":["#
        var matched = 0
        for (position, byte) in bytes.enumerated() {
            if isSpace(byte) { continue }
            guard byte == start.utf8Start[matched] else { throw .broken }
            matched += 1
            if matched == start.utf8CodeUnitCount { return position + 1 }
        }
        return nil
    }
}

extension JSONError {
    fileprivate static let broken = JSONError(
        place: "", message: "the text is not the JSON that it should be")
}

private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")
private let openBrace = UInt8(ascii: "{")
private let closeBrace = UInt8(ascii: "}")
private let openBracket = UInt8(ascii: "[")
private let closeBracket = UInt8(ascii: "]")
private let colon = UInt8(ascii: ":")
private let comma = UInt8(ascii: ",")

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
