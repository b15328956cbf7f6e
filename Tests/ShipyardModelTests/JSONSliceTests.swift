import Testing

@testable import ShipyardModel

/// JSON that is read in place, as against the tree of the same text.
struct JSONSliceTests {
    private static let text =
        #" { "value" : [ {"id":"a","list":[1,{"x":"]}"}],"empty":{}}, {}, {"q":"\\\"}\\","n":-1.5e3,"t":true,"u":"\u00e9\ud83d\ude00"} ], "next": {"value":[{"no":1}]}} "#

    private func tree(_ slice: JSONSlice) throws -> JSONValue { try JSONValue(parsing: Array(slice.bytes)) }

    /// However the text is cut into pieces.
    @Test func itemsAreThoseOfTheTree() throws {
        let bytes = Array(Self.text.utf8)
        let expected = try #require(try JSONValue(parsing: bytes)["value"]?.arrayValue)
        for size in 1...bytes.count {
            var stream = JSONItemStream()
            var found: [JSONValue] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = Array(bytes[start..<min(bytes.count, start + size)])
                let wanted = try piece.withUnsafeBytes { piece in
                    try stream.add(piece) { item throws(JSONError) in
                        found.append((try? tree(item)) ?? .null)
                        var members: [JSONValue.Member] = []
                        try item.eachMember { name, value in
                            members.append(.init(name.text, (try? tree(value)) ?? .null))
                        }
                        #expect(.object(members) == found.last)
                        return true
                    }
                }
                #expect(wanted)
            }
            #expect(found == expected, "pieces of \(size)")
            #expect(stream.isComplete)
        }
    }

    @Test func receiverMayHaveEnough() throws {
        var stream = JSONItemStream()
        var count = 0
        let wanted = try Array(Self.text.utf8).withUnsafeBytes { bytes in
            try stream.add(bytes) { _ throws(JSONError) in
                count += 1
                return count < 2
            }
        }
        #expect(!wanted && count == 2 && !stream.isComplete)
    }

    @Test(arguments: [
        "{\"value\":{", "[1]", "{\"value\":[}", "{\"valeu\":[1]}", "{\"value\":[{\"a\"}]}",
        "{\"value\":[{\"a\":}]}", "{\"value\":[{\"a\":1 \"b\":2}]}", "{\"value\":[{,}]}",
        "{\"value\":[{\"a\":1,}]}",
    ])
    func whatIsNoListIsRefused(_ text: String) {
        var stream = JSONItemStream()
        #expect(throws: JSONError.self) {
            _ = try Array(text.utf8).withUnsafeBytes { bytes in
                try stream.add(bytes) { item throws(JSONError) in
                    try item.eachMember { _, _ in }
                    return true
                }
            }
        }
    }

    @Test(arguments: [
        ("1583020799999", "2020-02-29T23:59:59.999Z"), ("0", "1970-01-01T00:00:00Z"),
        ("-1", "1969-12-31T23:59:59.999Z"),
        ("1700000000050", "2023-11-14T22:13:20.050Z"), ("-62198755200001", "-2-12-31T23:59:59.999Z"),
    ])
    func timesAreWrittenAsAzureBatchDoes(_ milliseconds: String, _ text: String) throws {
        #expect(Instant(milliseconds: try #require(Int64(milliseconds))).iso8601 == text)
    }
}
