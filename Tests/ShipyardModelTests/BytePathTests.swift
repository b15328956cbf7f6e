import ShipyardModel
import Testing

@Suite struct BytePathTests {
    @Test(arguments: [
        ("wd/ü.txt", "wd/ü.txt"), ("a\\b", "a\\\\b"), ("a\\x41", "a\\\\x41"), ("a\n", "a\n"), ("", ""),
    ])
    func textIsShownAsItIs(_ name: String, _ shown: String) {
        #expect(BytePath(name).shown == shown)
        #expect(BytePath(shown: shown) == BytePath(name))
    }

    @Test func whatIsNoUTF8IsEscaped() {
        #expect(BytePath(bytes: [0x61, 0xFF, 0xC3, 0x62]).shown == "a\\xff\\xc3b")
        // A surrogate, an overlong slash, a sequence that breaks off.
        for bytes: [UInt8] in [[0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] {
            #expect(BytePath(bytes: bytes).shown.utf8.allSatisfy { $0 < 0x80 })
        }
    }

    /// Every pair of bytes comes back, also beside the characters that escapes are made of.
    @Test func everyNameComesBack() {
        var lost: [[UInt8]] = []
        for first in UInt8.min ... .max {
            for second in UInt8.min ... .max {
                let escape = Array("x41\\".utf8)
                for bytes in [[first, second], [0x5C, 0x78, first, second], [first] + escape + [second]] {
                    let path = BytePath(bytes: bytes)
                    if BytePath(shown: path.shown) != path { lost.append(bytes) }
                }
            }
        }
        #expect(lost.isEmpty, "\(lost.count), such as \(lost.first ?? [])")
    }

    @Test func aBackslashThatStandsForNothingStays() {
        for text in ["\\", "\\q", "\\x", "\\x4", "\\xg1", "a\\"] {
            #expect(BytePath(shown: text) == BytePath(text))
        }
    }

    @Test func namesStandBetweenSlashes() {
        #expect(BytePath("/a//b/").components == [BytePath("a"), BytePath("b")])
        #expect((BytePath("") / BytePath("a") / BytePath("b")).shown == "a/b")
    }
}
