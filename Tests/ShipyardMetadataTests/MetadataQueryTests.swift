import ShipyardModel
import Testing

@testable import ShipyardMetadata

struct MetadataQueryTests {
    private func shown(_ text: String) throws -> [String] {
        try MetadataQuery("c", where: [text]).conditions.map { condition in
            let operand = if case .path(let path) = condition.operand { path.sqliteText } else { "id" }
            return "\(operand) \(condition.comparison.rawValue) \(condition.value)"
        }
    }

    @Test func conditionsAreRead() throws {
        let cases = [
            (#"$.state = "failed""#, [#"$."state" = text("failed")"#]),
            ("$.a=1", [#"$."a" = integer(1)"#]),
            ("  $.a.b[2].c != null  ", [#"$."a"."b"[2]."c" != null"#]),
            (
                "$.a<=-1.5e3 AND $.b > 'it''s' and id >= \"x\"",
                [
                    #"$."a" <= real(-1500.0)"#, #"$."b" > text("it\'s")"#, #"id >= text("x")"#,
                ]
            ),
            (#"$."a b"."c.d[0]" = true"#, [#"$."a b"."c.d[0]" = bool(true)"#]),
            (#"$.größe="\u00e9\n""#, [#"$."größe" = text("é\n")"#]),
            ("$.and = 1 and $.and=2", [#"$."and" = integer(1)"#, #"$."and" = integer(2)"#]),
            ("$.n = 123456789012345678901234567890", [#"$."n" = real(1.2345678901234568e+29)"#]),
            (#"$."a\\b" = 1"#, [#"$."a\\b" = integer(1)"#]),
        ]
        for (text, expected) in cases { #expect(try shown(text) == expected, "\(text)") }
    }

    @Test func whatIsNoQueryIsNamedByItsPlace() throws {
        let cases = [
            ("", "`where`, character 1: a path begins with `$`, as in `$.state`"),
            ("state = 1", "`where`, character 1: a path begins with `$`, as in `$.state`"),
            ("$ = 1", "`where`, character 2: a path names a value, as `$.state` does"),
            ("$.é = ", "`where`, character 7: a value is a number, true, false, null, or a text in quotes"),
            ("$.a = 1 or $.b = 2", "`where`, character 9: `and` or nothing may stand here"),
            ("$.a = 1; DROP TABLE documents", "`where`, character 8: `and` or nothing may stand here"),
            ("$.a ~ 1", "`where`, character 5: one of = != < <= > >= must stand here"),
            ("$.a < null", "`where`, character 7: null, true and false are compared by = and != only"),
            ("id = 1", "`where`, character 6: an id is compared with a text in quotes"),
            ("$.a = \"x", "`where`, character 7: a text in double quotes is one of JSON"),
            ("$.a = \"x\\", "`where`, character 7: a text in double quotes is one of JSON"),
            ("$.a = \"\\u0000\"", "`where`, character 7: a text in double quotes is one of JSON"),
            ("$.a = 'x", "`where`, character 7: the text does not end: a single quote in it stands twice"),
            ("$.a[x] = 1", "`where`, character 5: `[` is followed by the number of an item, from 0, and `]`"),
            ("$.a[1", "`where`, character 6: `[` is followed by the number of an item, from 0, and `]`"),
            (
                "$..a = 1",
                "`where`, character 3: a name must follow the point; one with other characters stands in double quotes"
            ),
            ("$.\"a\\\"b\" = 1", "`where`, character 9: a name with a quotation mark cannot be asked for"),
            ("$.a = 1 and", "`where`, character 12: a path begins with `$`, as in `$.state`"),
        ]
        for (text, message) in cases {
            let error = #expect(throws: MetadataQueryError.self, "\(text)") { try shown(text) }
            #expect(error?.description == message)
        }
        #expect(throws: MetadataQueryError.self) {
            try shown("$" + String(repeating: ".a", count: 33) + " = 1")
        }
        #expect(throws: MetadataQueryError.self) {
            try shown("$.a = '\(String(repeating: "x", count: 4096))'")
        }
        let many = Array(repeating: "$.a = 1", count: 17)
        #expect(throws: MetadataQueryError.self) { try shown(many.joined(separator: " and ")) }
        #expect(throws: MetadataQueryError.self) { _ = try MetadataQuery("c", where: many) }
        #expect(try shown(many.dropLast().joined(separator: " and ")).count == 16)
    }

    @Test func ordersAreRead() throws {
        for text in ["$.a", "$.a:asc", "$.a:desc", "id:DESC", "updated : desc", "$.updated"] {
            let order = try MetadataOrder(text)
            #expect(order.isDescending == text.lowercased().hasSuffix("desc"), "\(text)")
        }
        for text in ["", "a", "$.a:", "$.a:down", "$.a desc", "$.a, $.b", "ids"] {
            #expect(throws: MetadataQueryError.self, "\(text)") { try MetadataOrder(text) }
        }
    }

    @Test func pagesGoOnInTheirOwnQueryOnly() throws {
        let query = try MetadataQuery("c", where: ["$.a = 1"], order: "$.b")
        let values: [MetadataValue] = [
            .integer(.min), .real(0.1), .real(-.infinity), .text(""), .text("é\"'\u{7f}\\"),
        ]
        for value in values {
            let cursor = MetadataCursor(rank: 3, value: value, id: "x.1")
            let token = cursor.token(of: query)
            #expect(try MetadataCursor(token: token, of: query) == cursor)
            #expect(token.utf8.allSatisfy(isIDByte))
            let others = [
                try MetadataQuery("d", where: ["$.a = 1"], order: "$.b"),
                try MetadataQuery("c", where: ["$.a = 2"], order: "$.b"),
                try MetadataQuery("c", where: ["$.a = 1"], order: "$.b:desc"),
                try MetadataQuery("c", where: ["$.a = 1", "$.b"].map { $0 + "=1" }.suffix(1), order: nil),
            ]
            for other in others {
                #expect(throws: MetadataQueryError.self) { try MetadataCursor(token: token, of: other) }
            }
            for wrong in [
                "", "7", "zz", token + "0", String(token.dropLast(2)), "7b7d",
                String(repeating: "20", count: 9000),
            ] {
                #expect(throws: MetadataQueryError.self) { try MetadataCursor(token: wrong, of: query) }
            }
        }
    }

    @Test func namesThatLeadSomewhereElseAreNone() {
        let longest = String(repeating: "a", count: 128)
        for id in ["a", "2024-01-02T03:04:05+01:00", "a@b", "~x", ".a", "...", longest] {
            #expect(MetadataKey(collection: "runs", id: id) != nil, "\(id)")
        }
        for id in ["", ".", "..", "a/b", "a b", "é", "a\0", longest + "a", "a%2f", "a'b", "a\nb"] {
            #expect(MetadataKey(collection: "runs", id: id) == nil, "\(id)")
        }
        for collection in ["", ".", "a.b", "a b", String(repeating: "a", count: 65)] {
            #expect(MetadataKey(collection: collection, id: "x") == nil)
        }
    }
}
