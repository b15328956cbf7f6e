extension SecretMask {
    /// As `masked`, of a JSON text that stays one: texts and names are looked through as they read, whatever is escaped in them,
    /// and a number that is a secret becomes a text.
    package func masked(json text: String) -> String {
        guard !isEmpty else { return text }
        let bytes = Array(text.utf8)
        var shown: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let start = position
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position = Self.endOfText(bytes, from: position)
                append(text: bytes[start..<position], to: &shown)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                position = bytes[start...].firstIndex { !"+-.eE0123456789".utf8.contains($0) } ?? bytes.count
                append(number: bytes[start..<position], to: &shown)
            default:
                position += 1
                shown.append(bytes[start])
            }
        }
        // A value may be more than one text: a whole object, say.
        let result = masked(String(decoding: shown, as: UTF8.self))
        guard !result.utf8.elementsEqual(shown) else { return result }
        return (try? JSONValue(parsing: result)) == nil ? "\"\(Secret.mask)\"" : result
    }

    /// Where nothing is escaped the text reads as it is written, and is looked through with the whole.
    private func append(text token: ArraySlice<UInt8>, to shown: inout [UInt8]) {
        if token.contains(UInt8(ascii: "\\")), let read = (try? JSONValue(parsing: Array(token)))?.stringValue {
            let hidden = masked(read)
            if !hidden.utf8.elementsEqual(read.utf8) { return JSONText.append(hidden, to: &shown) }
        }
        shown += token
    }

    private func append(number token: ArraySlice<UInt8>, to shown: inout [UInt8]) {
        let read = String(decoding: token, as: UTF8.self)
        if masked(read) == read { shown += token } else { JSONText.append(Secret.mask, to: &shown) }
    }

    /// Behind its quote.
    private static func endOfText(_ bytes: [UInt8], from start: Int) -> Int {
        var position = start + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(position + 1, bytes.count)
    }
}
