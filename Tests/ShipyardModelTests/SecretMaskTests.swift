import Testing

@testable import ShipyardModel

struct SecretMaskTests {
    private func mask(_ values: String...) -> SecretMask { SecretMask(values.map { Secret($0) }) }

    private func hidden(_ text: String, _ mask: SecretMask) -> String {
        var bytes = Array(text.utf8)
        mask.hide(in: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func everyPlaceOfAValueIsHidden() {
        let mask = mask("hunter2", "tulips")
        #expect(mask.masked("a hunter2 and hunter2tulips; hunter, tulip") == "a *** and ******; hunter, tulip")
        #expect(hidden("a hunter2 and hunter2tulips.", mask) == "a ******* and *************.")
        #expect(hidden("", mask) == "" && mask.masked("hunter2") == "***")
        #expect(hidden("hhunter2", mask) == "h*******" && hidden("hunter2h", mask) == "*******h")
    }

    /// Also where one begins within another, or within itself.
    @Test func whatOverlapsIsHiddenWhole() {
        #expect(hidden("xabcabcabcx", mask("abcabc")) == "x*********x")
        #expect(hidden("xsecretsauce.", mask("secret", "retsauce")) == "x***********.")
        #expect(hidden("-secretsauce-secret-", mask("secret", "secretsauce")) == "-***********-******-")
        #expect(mask("secret", "retsauce").masked("xsecretsauce.") == "x***.")
    }

    /// A short value would be found where it means nothing; what ends a line is no part of it.
    @Test func valuesAreWholeOrLines() {
        #expect(mask("12345", "", "a\n").isEmpty)
        #expect(hidden("123456", mask("123456\r\n")) == "******")
        let key = mask("-----BEGIN KEY-----\n  MIIEvQIBADAN\n}\n\nAoIBAQDJtKhz\n")
        #expect(hidden("log: MIIEvQIBADAN }\n", key) == "log: ************ }\n")
        #expect(hidden("AoIBAQDJtKhz", key) == "************")
        // As JSON has it.
        #expect(key.longest == #"-----BEGIN KEY-----\n  MIIEvQIBADAN\n}\n\nAoIBAQDJtKhz"#.utf8.count)
    }

    /// What is printed is often JSON, once or twice.
    @Test func valuesAreHiddenAsJSONWritesThem() {
        let mask = mask("pä\"ss\\w/<\u{1F600}>\t")
        for form in [
            #"pä\"ss\\w/<\#u{1F600}>\t"#, #"pä\"ss\\w\/<\#u{1F600}>\t"#, #"p\u00e4\"ss\\w/<\ud83d\ude00>\t"#,
            #"p\u00e4\"ss\\w\/<\ud83d\ude00>\t"#, #"pä\"ss\\w/\u003c\#u{1F600}\u003e\t"#, "pä\"ss\\w/<\u{1F600}>\t",
        ] {
            #expect(mask.masked("x\(form)y") == "x***y", "\(form)")
        }
        #expect(SecretMask.escapedForms(of: Array("plain".utf8)).isEmpty)
    }

    /// However its texts are written, and so that it stays JSON.
    @Test func aDocumentHasStarsInThePlaceOfValues() {
        let mask = mask("pa-ss\"wörd", "12345678", "/a/b/c/", #"{"user":"x"}"#)
        for (text, expected) in [
            (#"{"a": 1.50, "b":"pa\u002dss\"w\u00F6rd!", "pa-ss\"wörd" : []}"#, #"{"a": 1.50, "b":"***!", "***" : []}"#),
            (#"["12345678", 12345678, -12345678e5, 0.123456789, 1234567]"#, #"["***", "***", "***", "***", 1234567]"#),
            (#""\/\u0061\/b\/c\/""#, #""***""#), (#"{"o":{"user":"x"}}"#, #""***""#), (#"{"\\":"\\"}"#, #"{"\\":"\\"}"#),
            ("[true, false, null]", "[true, false, null]"), (#""pa-ss\\"wörd""#, #""pa-ss\\"wörd""#),
        ] {
            #expect(mask.masked(json: text) == expected)
        }
    }

    @Test func beginningOfAValueAtTheEndIsTold() {
        let mask = mask("hunter2", "terrace")
        func unfinished(_ text: String) -> Int { mask.unfinished(at: Array(text.utf8)) }
        #expect(unfinished("a hunte") == 5 && unfinished("a hunter") == 6 && unfinished("a h") == 1)
        #expect(unfinished("a hunter2") == 0 && unfinished("") == 0 && unfinished("x") == 0)
        #expect(unfinished("hunter") == 6 && unfinished("unter") == 3)
        let repeated = self.mask("abcabcabd")
        for (text, expected) in [("xabcabc", 6), ("abcabcabcab", 8), ("abcabcabd", 0), ("abcabcabda", 1), ("ababcab", 5)] {
            #expect(repeated.unfinished(at: Array(text.utf8)) == expected, "\(text)")
        }
    }

    /// As long as a secret may be, and as slow as it can be made.
    @Test func longValueThatRepeatsItselfTakesNoHours() {
        let value = String(repeating: "a", count: 256 << 10) + "b"
        let mask = mask(value)
        let clock = ContinuousClock()
        let taken = clock.measure { #expect(mask.unfinished(at: Array(value.utf8.dropLast())) == 256 << 10) }
        #expect(taken < .seconds(5))
    }
}
