import ShipyardModel
import Testing

@Suite struct JSONCodingTests {
    enum Shape: Codable, Hashable {
        case point
        case circle(radius: Double)
        case pair(Int, String?)
    }
    class Base: Codable {
        var base = 1
    }
    struct Sample: Codable, Hashable {
        var name: String
        var count: Int
        var small: UInt8 = 7
        var ratio: Double = 2
        var flag: Bool?
        var tags: [String] = []
        var nested: [[Int?]] = []
        var shapes: [Shape] = []
        var byName: [String: Shape] = [:]
        var job: JobID?
        var state: NodeState = .idle
        var instant: Instant?
        var range: Range<Int> = 1..<4
        var numbers: ClosedRange<Int> = 2...3
        var set: Set<Int> = [5]
        var byNumber: [Int: String] = [:]
    }

    @Test func everyShapeComesBack() throws {
        var sample = Sample(name: "ä\"", count: -3)
        sample.flag = false
        sample.tags = ["a", ""]
        sample.nested = [[1, nil], []]
        sample.shapes = [.point, .circle(radius: 0.1), .pair(4, nil), .pair(5, "x")]
        sample.byName = ["k": .point]
        sample.job = JobID("film")
        sample.state = .waitingForStartTask
        sample.instant = Instant(milliseconds: 1_600_000_000_123)
        sample.byNumber = [3: "three"]
        let bytes = try JSONCoding.encode(sample)
        #expect(try JSONCoding.decode(Sample.self, from: bytes) == sample)
    }

    @Test func nilIsLeftOutAndOrderIsKept() throws {
        struct Two: Codable { var b = 1; var a: Int?; var c = "x" }
        #expect(try JSONCoding.encodeText(Two()) == #"{"b":1,"c":"x"}"#)
        #expect(try JSONCoding.decode(Two.self, from: #"{"c":"y","b":2,"a":null,"d":9}"#).c == "y")
    }

    @Test(arguments: [
        (#"{"count":1}"#, "`name` is missing"),
        (#"{"name":1,"count":1}"#, "name: a text is wanted, not a whole number"),
        (#"{"name":"","count":1.5}"#, "count: a whole number of at most 64 bits is wanted, not a number"),
    ])
    func aWrongShapeIsNamed(_ text: String, _ message: String) {
        do {
            _ = try JSONCoding.decode(Sample.self, from: text)
            Issue.record("accepted")
        } catch { #expect(error.description == message) }
    }

    @Test func thePlaceOfAMistakeIsSpelledOut() {
        do {
            _ = try JSONCoding.decode([[String: Int]].self, from: #"[{"a":1},{"b":"x"}]"#)
            Issue.record("accepted")
        } catch { #expect(error.place == "[1].b") }
    }

    @Test func wholeNumbersDecodeAsDoublesAndBack() throws {
        #expect(try JSONCoding.decode([Double].self, from: "[1, 2.5]") == [1, 2.5])
        #expect(try JSONCoding.decode([Int32].self, from: "[1.0]") == [1])
    }

    @Test func whatJSONCannotSayIsRefused() {
        #expect(throws: JSONError.self) { try JSONCoding.encode([Double.infinity]) }
        #expect(throws: JSONError.self) { try JSONCoding.encode([UInt64.max]) }
    }

    @Test func aLongListTakesLinearTime() throws {
        let list = (0..<200_000).map(String.init)
        let bytes = try JSONCoding.encode(list)
        #expect(try JSONCoding.decode([String].self, from: bytes) == list)
    }
}
