import ShipyardModel
import Synchronization
import Testing

struct SecretTests {
    private static let word = "hunter2"
    private let secret = Secret(word)

    private struct Failure: Error {
        var secret: Secret
        var variables: [SecretVariable]
    }
    private enum Carrier { case one(Secret), pair(String, Secret?) }
    private struct Opened: Error {}

    private func open() throws(Opened) {
        try secret.withExposedBytes { _ throws(Opened) in throw Opened() }
    }

    /// Every way to text that needs no intent, also through what holds it.
    @Test func nothingThatIsPrintedShowsIt() {
        let token = AgentToken.random()
        let hex = token.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        let holders: [Any] = [
            secret, Optional(secret) as Any, [secret], ["key": secret], (1, secret), Carrier.one(secret),
            Carrier.pair("a", secret), SecretVariable(name: "A", value: secret),
            Failure(secret: secret, variables: [SecretVariable(name: "A", value: secret)]), token, [token],
            Result<Secret, Failure>.success(secret),
        ]
        for holder in holders {
            var dumped = ""
            dump(holder, to: &dumped)
            var printed = ""
            print(holder, to: &printed)
            for text in [
                "\(holder)", String(describing: holder), String(reflecting: holder), dumped, printed,
            ] {
                #expect(!text.contains(Self.word) && !text.contains(hex), "\(text)")
                // Bytes as numbers would be as good.
                #expect(!text.contains("104"), "\(text)")
                #expect(text.contains(Secret.mask), "\(text)")
            }
        }
        #expect("\(secret)" == "***" && String(reflecting: secret) == "***")
    }

    @Test func mirrorsFindNothingInIt() {
        let mirror = Mirror(reflecting: secret)
        #expect(mirror.children.isEmpty && mirror.superclassMirror == nil && mirror.displayStyle == nil)
        #expect(mirror.descendant("memory") == nil)
    }

    /// What holds one gets no conformance by synthesis either, since a member has none.
    @Test func itHasNoConformanceThatGivesItAway() {
        for value: Any in [secret, AgentToken.random(), SecretVariable(name: "A", value: secret)] {
            #expect(!(value is any Encodable) && !(value is any Decodable))
            #expect(!(value is any Equatable) && !(value is any Hashable) && !(value is any Comparable))
            #expect(!(value is any TextOutputStreamable) && !(value is any LosslessStringConvertible))
            #expect(!(value is any RawRepresentable) && !(value is any Sequence))
        }
    }

    @Test func itsBytesAreThereForWhoAsksByName() throws {
        #expect(secret.withExposedBytes { Array($0) } == Array(Self.word.utf8))
        #expect(Secret(copying: [0, 255, 0]).withExposedBytes { Array($0) } == [0, 255, 0])
        #expect(Secret("").withExposedBytes { $0.count } == 0)
        #expect(throws: Opened.self) { try open() }
    }

    @Test(arguments: [
        ("", "", true), ("a", "a", true), ("ab", "ab", true), ("a", "b", false), ("ab", "aa", false),
        ("ba", "aa", false), ("a", "ab", false), ("", "a", false), ("a\u{0}", "a", false),
    ]) func comparingIsByItsOwnName(_ left: String, _ right: String, _ isSame: Bool) {
        #expect(Secret(left).isSameInConstantTime(as: Secret(right)) == isSame)
        #expect(Secret(right).isSameInConstantTime(as: Secret(left)) == isSame)
    }

    /// The memory is looked at when it is given back: not earlier, and with nothing left in it.
    @Test func memoryIsWipedWhenTheLastOwnerGoes() {
        let seen = Mutex<[[UInt8]]>([])
        do {
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
            buffer.initializeMemory(as: UInt8.self, repeating: 0x5A)
            var first: Secret? = Secret(owning: buffer) { memory in
                seen.withLock { $0.append(Array(memory)) }
                memory.deallocate()
            }
            let second = first
            first = nil
            #expect(seen.withLock { $0.isEmpty })
            #expect(second?.withExposedBytes { $0.allSatisfy { $0 == 0x5A } } == true)
        }
        #expect(seen.withLock { $0 } == [[UInt8](repeating: 0, count: 4096)])
    }

    @Test func tokenIsItsDigitsAndNoOthers() throws {
        let text = String(repeating: "5a", count: 16)
        let token = try #require(AgentToken(text))
        #expect(token.withExposedBytes { Array($0) } == Array(text.utf8))
        #expect(token.isSameInConstantTime(as: try #require(AgentToken(text))))
        #expect(
            !token.isSameInConstantTime(as: .random())
                && !AgentToken.random().isSameInConstantTime(as: .random()))
        for odd in ["", text.uppercased(), text + "5", "g" + text.dropFirst()] {
            #expect(AgentToken(odd) == nil)
        }
        #expect(AgentTokenDigest(text) == nil && AgentTokenDigest(text + text) != nil)
    }

    @Test func referenceIsTextThatMayBeStored() throws {
        let reference = try #require(SecretReference("https://v.vault.azure.net/secrets/db/1"))
        let text = try JSONCoding.encodeText([reference])
        #expect(text == #"["https://v.vault.azure.net/secrets/db/1"]"#)
        #expect(try JSONCoding.decode([SecretReference].self, from: text) == [reference])
        #expect(SecretReference("") == nil)
    }

    // MARK: URLs

    @Test(arguments: [
        ("https://h/c/b?sv=1&sig=hunter2", "https://h/c/b"), ("http://u:hunter2@h:1/a/b", "http://h:1/a/b"),
        ("https://h/a#hunter2", "https://h/a"), ("ftp://u@h/a@b?hunter2", "ftp://h/a@b"),
        ("/data/a?b#c", "/data/a?b#c"),
        ("in/a@b", "in/a@b"),
    ]) func onlyThePlaceOfAURLIsShown(_ text: String, _ place: String) throws {
        let source = BlobSource(text)
        #expect("\(source)" == place && source.place == place && source.isPath == !text.contains("://"))
        var dumped = ""
        dump(source, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(source.withExposedBytes { String(decoding: $0, as: UTF8.self) } == text)
        // Stored as it always was, and two that differ in the key alone are two.
        let stored = try JSONCoding.encodeText([text])
        #expect(try JSONCoding.encodeText([source]) == stored)
        #expect(try JSONCoding.decode([BlobSource].self, from: stored) == [source])
        #expect(source != BlobSource(text + "x") && Set([source, BlobSource(text)]).count == 1)
    }
}
