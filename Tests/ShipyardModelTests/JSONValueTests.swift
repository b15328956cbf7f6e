import ShipyardModel
import Testing

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "[1,-2,9223372036854775807,0.5,1e+20]", #"{"b":1,"a":{"c":[]},"ä":"Übung 🚢"}"#,
        #"["\u0001\n\t\"\\"]"#, "[]", "{}", "\"\"",
    ])
    func compactTextComesBackAsItWas(_ text: String) throws {
        #expect(try JSONValue(parsing: text).compactText == text)
    }

    @Test func prettyTextIsThatOfPython() throws {
        let value = try JSONValue(parsing: #" {"z": [1, {"k": "ä"}], "a": {}, "l": [], "t": "x"} "#)
        let expected = """
            {
              "a": {},
              "l": [],
              "t": "x",
              "z": [
                1,
                {
                  "k": "ä"
                }
              ]
            }
            """
        #expect(value.prettyText == expected)
    }

    @Test func escapesAreUndone() throws {
        let value = try JSONValue(parsing: #""\u00e4\ud83d\ude00\/\b\f\r|\ud800|""#)
        #expect(value == .string("ä😀/\u{8}\u{c}\r|\u{FFFD}|"))
    }

    @Test(arguments: [
        ("", "line 1, column 1: the text ends where a value should stand"),
        ("[1,]", "line 1, column 4: a value cannot start with this character"),
        ("{\n \"a\" 1}", "line 2, column 6: `:` must follow a name"),
        ("[01]", "line 1, column 2: not a number"), ("[1.]", "line 1, column 2: not a number"),
        ("[-]", "line 1, column 2: not a number"), ("[1e999]", "line 1, column 2: number too large"),
        ("\"ab", "line 1, column 4: the text ends within quotes"),
        ("1 2", "line 1, column 3: unexpected text after the value"),
        ("\"\\x\"", "line 1, column 3: unknown escape"),
        ("\"\\u12g4\"", "line 1, column 4: four hexadecimal digits must follow `\\u`"),
        ("{\"a\":1 \"b\":2}", "line 1, column 8: `,` or `}` must stand here"),
        ("{a:1}", "line 1, column 2: a name in quotes must stand here"),
        ("nul", "line 1, column 1: a value cannot start with this character"),
    ])
    func mistakesAreNamedWithTheirPlace(_ text: String, _ message: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        do { _ = try JSONValue(parsing: text) } catch { #expect(error.description == message) }
    }

    @Test func depthIsLimited() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
        let legal = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(throws: Never.self) { try JSONValue(parsing: legal) }
    }

    @Test func invalidUTF8IsRefused() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func largeWholeNumbersBecomeDoubles() throws {
        #expect(try JSONValue(parsing: "9223372036854775808") == .number(9223372036854775808))
    }
}
