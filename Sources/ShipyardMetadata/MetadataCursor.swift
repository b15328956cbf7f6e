import ShipyardModel

/// Where a page ended, so that the next one begins behind it, whatever was written meanwhile: a place in the order and not
/// a count of documents.
package struct MetadataCursor: Hashable, Sendable {
    /// What kind of value the last document is ordered by: values of different kinds do not mix.
    package var rank: Int64
    package var value: MetadataValue
    package var id: String

    package init(rank: Int64, value: MetadataValue, id: String) {
        self.rank = rank
        self.value = value
        self.id = id
    }

    /// Hexadecimal digits, good for a URL.
    package func token(of query: MetadataQuery) -> String {
        var members: [JSONValue.Member] = [
            .init("q", .string(query.digest)), .init("i", .string(id)), .init("r", .integer(rank)),
        ]
        switch value {
        case .null, .bool: break
        case .integer(let number): members.append(.init("n", .integer(number)))
        // Its bits: no text of it is taken for another number.
        case .real(let number): members.append(.init("b", .integer(Int64(bitPattern: number.bitPattern))))
        case .text(let text): members.append(.init("t", .string(text)))
        }
        return hexadecimalText(JSONValue.object(members).compactBytes)
    }

    /// Longer than any that was ever given.
    private static let maximumBytes = 16 << 10

    package init(token: String, of query: MetadataQuery) throws(MetadataQueryError) {
        let wrong = MetadataQueryError("`after` is not the `next` of a page of this query")
        guard token.utf8.count <= Self.maximumBytes, let bytes = hexadecimalBytes(token),
            let tree = try? JSONValue(parsing: bytes), tree["q"]?.stringValue == query.digest,
            let id = tree["i"]?.stringValue, let rank = tree["r"]?.integerValue
        else { throw wrong }
        self.id = id
        self.rank = rank
        if let number = tree["n"]?.integerValue {
            value = .integer(number)
        } else if let bits = tree["b"]?.integerValue {
            value = .real(Double(bitPattern: UInt64(bitPattern: bits)))
        } else if let text = tree["t"]?.stringValue {
            value = .text(text)
        } else {
            throw wrong
        }
    }
}
