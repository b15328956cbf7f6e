import ShipyardModel

/// The way to a value within a document: `$.steps[0].state`, `$."a name with spaces"`.
package struct MetadataPath: Sendable {
    enum Step: Sendable {
        case name(String)
        case item(Int)
    }

    let steps: [Step]

    /// As SQLite reads it. Always bound as a value, and every name in quotes, so that nothing in one is more than a name.
    package var sqliteText: String {
        var bytes: [UInt8] = [UInt8(ascii: "$")]
        for step in steps {
            switch step {
            case .name(let name):
                bytes.append(UInt8(ascii: "."))
                // SQLite compares with the text of the document, in which a name has the same escapes.
                JSONText.append(name, to: &bytes)
            case .item(let index): bytes.append(contentsOf: "[\(index)]".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a query is none: a sentence, with the place where it goes wrong.
package struct MetadataQueryError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Reads the words of queries.
struct QueryScanner {
    private let name: String
    private let bytes: [UInt8]
    private var position = 0

    /// - Parameter name: what the text is called in messages: `where`, `order`.
    init(_ text: String, named name: String) throws(MetadataQueryError) {
        guard text.utf8.count <= MetadataLimits.queryBytes else {
            throw MetadataQueryError("`\(name)` has more than \(MetadataLimits.queryBytes) bytes")
        }
        self.name = name
        bytes = Array(text.utf8)
        skipSpace()
    }

    var isAtEnd: Bool { position == bytes.count }

    func failure(_ message: String) -> MetadataQueryError {
        let column = String(decoding: bytes[..<position], as: UTF8.self).count + 1
        return MetadataQueryError("`\(name)`, character \(column): \(message)")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    /// Takes `word` where it stands here, and the space behind it.
    mutating func take(_ word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        skipSpace()
        return true
    }

    /// As `take`, where `word` is not the beginning of a longer one. In any case of letters.
    mutating func takeWord(_ word: String) -> Bool {
        let end = position + word.utf8.count
        guard end <= bytes.count, end == bytes.count || !Self.isOfName(bytes[end]),
            String(decoding: bytes[position..<end], as: UTF8.self).lowercased() == word
        else { return false }
        position = end
        skipSpace()
        return true
    }

    /// What is in a name without quotes.
    private static func isOfName(_ byte: UInt8) -> Bool { isIDByte(byte) || byte >= 0x80 }

    // MARK: Paths

    mutating func path() throws(MetadataQueryError) -> MetadataPath {
        guard peek == UInt8(ascii: "$") else { throw failure("a path begins with `$`, as in `$.state`") }
        position += 1
        var steps: [MetadataPath.Step] = []
        while let byte = peek {
            if byte == UInt8(ascii: ".") {
                position += 1
                steps.append(.name(try nameOfStep()))
            } else if byte == UInt8(ascii: "[") {
                position += 1
                steps.append(.item(try indexOfStep()))
            } else {
                break
            }
            guard steps.count <= MetadataLimits.pathSteps else {
                throw failure("a path has \(MetadataLimits.pathSteps) steps at most")
            }
        }
        guard !steps.isEmpty else { throw failure("a path names a value, as `$.state` does") }
        skipSpace()
        return MetadataPath(steps: steps)
    }

    private mutating func nameOfStep() throws(MetadataQueryError) -> String {
        let name: String
        if peek == UInt8(ascii: "\"") {
            name = try quoted()
            // SQLite's paths of Debian 12 have no way to write it.
            guard !name.utf8.contains(UInt8(ascii: "\"")) else {
                throw failure("a name with a quotation mark cannot be asked for")
            }
        } else {
            let start = position
            while let byte = peek, Self.isOfName(byte) { position += 1 }
            name = String(decoding: bytes[start..<position], as: UTF8.self)
        }
        guard !name.isEmpty else {
            throw failure("a name must follow the point; one with other characters stands in double quotes")
        }
        return name
    }

    private mutating func indexOfStep() throws(MetadataQueryError) -> Int {
        let start = position
        while let byte = peek, (0x30...0x39).contains(byte), position - start < 9 { position += 1 }
        guard let index = Int(String(decoding: bytes[start..<position], as: UTF8.self)),
            peek == UInt8(ascii: "]")
        else { throw failure("`[` is followed by the number of an item, from 0, and `]`") }
        position += 1
        return index
    }

    // MARK: Values

    mutating func value() throws(MetadataQueryError) -> MetadataValue {
        switch peek {
        case UInt8(ascii: "\""):
            let text = try quoted()
            skipSpace()
            return .text(text)
        case UInt8(ascii: "'"):
            let text = try singlyQuoted()
            skipSpace()
            return .text(text)
        default: break
        }
        if takeWord("true") { return .bool(true) }
        if takeWord("false") { return .bool(false) }
        if takeWord("null") { return .null }
        let start = position
        while let byte = peek, Self.isOfName(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+") {
            position += 1
        }
        let number = try? JSONValue(parsing: Array(bytes[start..<position]))
        switch number {
        case .integer(let number):
            skipSpace()
            return .integer(number)
        case .number(let number):
            skipSpace()
            return .real(number)
        default:
            position = start
            throw failure("a value is a number, true, false, null, or a text in quotes")
        }
    }

    /// A text of JSON.
    private mutating func quoted() throws(MetadataQueryError) -> String {
        let start = position
        position += 1
        while let byte = peek, byte != UInt8(ascii: "\"") { position += byte == UInt8(ascii: "\\") ? 2 : 1 }
        let end = position + 1
        guard end <= bytes.count, let text = try? JSONValue(parsing: Array(bytes[start..<end])).stringValue,
            !text.utf8.contains(0)
        else {
            position = start
            throw failure("a text in double quotes is one of JSON")
        }
        position = end
        return text
    }

    /// A text of SQL: a quote in it stands twice.
    private mutating func singlyQuoted() throws(MetadataQueryError) -> String {
        let start = position
        var text: [UInt8] = []
        position += 1
        while let byte = peek {
            position += 1
            if byte == UInt8(ascii: "'") {
                guard peek == UInt8(ascii: "'") else { return String(decoding: text, as: UTF8.self) }
                position += 1
            } else if byte == 0 {
                break
            }
            text.append(byte)
        }
        position = start
        throw failure("the text does not end: a single quote in it stands twice")
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }
}
