import ShipyardModel
import Testing

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
        #expect(key.longest == "-----BEGIN KEY-----\n  MIIEvQIBADAN\n}\n\nAoIBAQDJtKhz".utf8.count)
    }

    @Test func beginningOfAValueAtTheEndIsTold() {
        let mask = mask("hunter2", "terrace")
        func unfinished(_ text: String) -> Int { mask.unfinished(at: Array(text.utf8)) }
        #expect(unfinished("a hunte") == 5 && unfinished("a hunter") == 6 && unfinished("a h") == 1)
        #expect(unfinished("a hunter2") == 0 && unfinished("") == 0 && unfinished("x") == 0)
        #expect(unfinished("hunter") == 6 && unfinished("unter") == 3)
    }
}
