import ShipyardModel
import Testing

@testable import ShipyardMetadata

struct ExactJSONTests {
    private func compact(_ text: String) throws -> String {
        try ExactJSON(parsing: Array(text.utf8)).compactText
    }

    @Test func numbersStayAsTheyWereWritten() throws {
        let numbers = [
            "1.10", "123456789012345678901234567890", "-0", "0.1000000000000000055511151231257827", "1E+2",
            "1e-400",
            "9223372036854775808",
        ]
        for number in numbers {
            #expect(
                try compact(" { \"a\" : [ \(number) , {\"b\":\(number)} ] } ")
                    == "{\"a\":[\(number),{\"b\":\(number)}]}")
            #expect(try compact(number) == number)
        }
    }

    @Test func namesKeepTheirOrderAndLoseNeedlessEscapes() throws {
        #expect(
            try compact("\u{FEFF}{\"z\": \"\\u00e9\\/\\n\\ud83d\\ude00\", \"\\u0061\": [], \"\": {}}")
                == "{\"z\":\"é/\\n😀\",\"a\":[],\"\":{}}")
        #expect(try compact("[ ]") == "[]")
        #expect(try compact("[[ 1 ],[],\"a,]\" ,null,true]") == "[[1],[],\"a,]\",null,true]")
    }

    @Test func whatHasTwoMeaningsIsRefused() throws {
        let deepest = String(repeating: "[", count: 64) + "1" + String(repeating: "]", count: 64)
        #expect(try compact(deepest) == deepest)
        let refused = [
            "{\"a\":1,\"\\u0061\":2}", "{\"a\\u0000\":1}", "[\"\\u0000\"]", "[\(deepest)]", "", "{",
            "{\"a\":1}}",
            "[1,]", "{\"a\":01}", "'a'", "{\"a\":1e400}", "\u{1}",
        ]
        for text in refused {
            #expect(throws: JSONError.self, "\(text)") { try compact(text) }
        }
        // To JSON these are two names.
        #expect(try compact("{\"\u{e9}\":1,\"e\u{301}\":2}").utf8.count == 16)
    }

    @Test func prettyTextIsTheSameDocument() throws {
        let value = try ExactJSON(parsing: Array("{\"b\":[1.0,{}],\"a\":{\"x\":null}}".utf8))
        #expect(
            value.prettyText == """
                {
                  "b": [
                    1.0,
                    {}
                  ],
                  "a": {
                    "x": null
                  }
                }
                """)
    }

    /// The table of RFC 7396, appendix A, and more.
    @Test func mergePatchesDoWhatTheirStandardSays() throws {
        let cases = [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
            (#"{"a":"foo"}"#, "null", "null"),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
            (#"{"a":1,"b":2,"c":3}"#, #"{"b":null,"d":4,"b2":5}"#, #"{"a":1,"c":3,"d":4,"b2":5}"#),
            ("{\"e\u{301}\":1}", "{\"\u{e9}\":2}", "{\"e\u{301}\":1,\"\u{e9}\":2}"),
        ]
        for (document, patch, result) in cases {
            let merged = try ExactJSON(parsing: Array(document.utf8)).merged(
                with: ExactJSON(parsing: Array(patch.utf8)))
            #expect(merged.compactText.utf8.elementsEqual(result.utf8), "\(document) with \(patch)")
        }
    }
}
