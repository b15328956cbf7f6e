import Testing

@testable import ShipyardAPI

@Suite struct ByteRangeTests {
    /// RFC 9110, section 14, for ten bytes; nil stands for all of them.
    @Test(
        arguments: [
            (nil, .whole), ("bytes=0-", .part(0..<10)), ("bytes=3-", .part(3..<10)),
            ("bytes=9-", .part(9..<10)),
            ("bytes=0-0", .part(0..<1)), ("bytes=3-5", .part(3..<6)), ("bytes=3-99", .part(3..<10)),
            ("bytes=-3", .part(7..<10)), ("bytes=-99", .part(0..<10)), ("BYTES=3-", .part(3..<10)),
            ("bytes= 3-5 ", .part(3..<6)), ("bytes=0-99999999999999999999", .part(0..<10)),
            ("bytes=-99999999999999999999", .part(0..<10)),
            ("bytes=10-", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=-5-", .unsatisfiable), ("bytes=5-3", .unsatisfiable),
            ("bytes=-", .unsatisfiable), ("bytes=", .unsatisfiable), ("bytes=5", .unsatisfiable),
            ("bytes=+5-", .unsatisfiable), ("bytes=--5", .unsatisfiable), ("bytes=0x1-", .unsatisfiable),
            ("bytes=1-2-3", .unsatisfiable), ("bytes=a-b", .unsatisfiable), ("bytes=1 -2", .unsatisfiable),
            ("bytes=1-2,x", .unsatisfiable), ("bytes=,", .unsatisfiable), ("bytes=-1_0", .unsatisfiable),
            ("bytes=0-1,3-4", .whole), ("lines=1-2", .whole), ("bytes", .whole), ("", .whole),
        ] as [(String?, ByteRange)])
    func rangesAreThoseOfTheStandard(_ header: String?, _ expected: ByteRange) {
        #expect(ByteRange(header, size: 10) == expected)
    }

    @Test func anEmptyFileHasNoPart() {
        #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-5", size: 0) == .whole)
    }
}
