import ShipyardModel
import Testing

@testable import ShipyardFileStore

@Suite struct DigestTests {
    @Test func hashesAreThoseOfTheirStandards() throws {
        #expect(hexadecimalText(try Digest.of(Array("abc".utf8), .md5)) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(
            hexadecimalText(try Digest.of([], .sha256))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        // RFC 4231, test case 2, and a key of no bytes.
        func authentication(_ text: String, _ key: String) throws -> String {
            hexadecimalText(
                try Array(key.utf8).withUnsafeBytes {
                    try Digest.authentication(of: Array(text.utf8), key: $0)
                })
        }
        #expect(
            try authentication("what do ya want for nothing?", "Jefe")
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            try authentication("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func base64IsThatOfItsStandard() {
        let cases = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"), ("\u{0}\u{1}~\u{ff}", "AAF+w78="),
        ]
        for (bytes, text) in cases {
            #expect(base64Text(Array(bytes.utf8)) == text)
            #expect(base64Bytes(text.utf8) == Array(bytes.utf8))
        }
        #expect(base64Bytes("Zm9v!".utf8) == nil)
        #expect(base64Bytes("Z".utf8) == nil)
    }

    @Test func anAnswerInXMLIsATree() throws {
        let root = try XMLElement.parse(
            Array(
                """
                <?xml version="1.0"?><List xmlns="urn:x" xmlns:a="urn:a"><Name>a&amp;b é\u{1F600}</Name>
                <a:Item><Key> x </Key></a:Item><Item><Key>y</Key></Item></List>
                """.utf8))
        #expect(root.name == "List")
        #expect(root.text("Name") == "a&b é\u{1F600}")
        #expect(root.all("Item").map { $0.text("Key") } == [" x ", "y"])
        #expect(throws: FileStoreError.self) { try XMLElement.parse(Array("<a><b></a>".utf8)) }
        #expect(throws: FileStoreError.self) { try XMLElement.parse([]) }
    }

    /// Nothing that a service lists needs any, and they would change names.
    @Test func anAnswerThatDeclaresEntitiesIsRefused() {
        let text = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a><Key>k&x;</Key></a>"
        #expect(throws: FileStoreError.self) { try XMLElement.parse(Array(text.utf8)) }
    }

    @Test func whatAServiceSaysHasNoSignatureAndAnEnd() {
        let told = "no such thing: https://a/b?sv=1&sig=SECRET%2B&se=2 and X-Amz-Signature=SECRET, sig=SECRET"
        #expect(
            FileStoreError.masked(told)
                == "no such thing: https://a/b?sv=1&sig=***&se=2 and X-Amz-Signature=***, sig=***")
        #expect(FileStoreError.masked(String(repeating: "a", count: 10_000)).count == 500)
    }

    @Test func whatNoStoreHasIsNoSizeAndNoTime() {
        for size in [Int64.min, -5, .max] {
            let file = StoredFile(
                name: BytePath("a"), size: size, modified: Instant(milliseconds: size), identity: "")
            #expect((0...1 << 50).contains(file.size) && file.modified.milliseconds < 8_000_000_000_000)
            #expect(file.modified.milliseconds >= 0)
        }
        let digits = String(repeating: "0", count: 32)
        for place in [
            "a!9223372036854775807-1-\(digits)", "a!5-9223372036854775807-\(digits)", "a!-5-1-\(digits)",
        ] {
            #expect(TierName(BytePath(".shipyard-tiers/cool/" + place), .cool) == nil)
        }
        #expect(TierName(BytePath(".shipyard-tiers/cool/a!5-1-\(digits)"), .cool)?.size == 5)
    }
}
