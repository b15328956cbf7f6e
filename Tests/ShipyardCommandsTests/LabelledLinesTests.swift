import Testing

@testable import ShipyardCommands

@Suite struct LabelledLinesTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func piecesBecomeLines() {
        var lines = LabelledLines(label: "t1")
        #expect(text(lines.add("a\nb".utf8)) == "t1 | a\n")
        #expect(text(lines.add("c".utf8)) == "")
        #expect(text(lines.add("d\n\n\u{E9}".utf8)) == "t1 | bcd\nt1 | \n")
        #expect(text(lines.finish()) == "t1 | \u{E9}\n")
        #expect(lines.finish().isEmpty)
        #expect(text(lines.add("\n".utf8)) == "t1 | \n")
    }

    @Test func aLineWithoutEndDoesNotWaitForOne() {
        var lines = LabelledLines(label: "t")
        let piece = [UInt8](repeating: 0x78, count: 1000)
        var shown: [UInt8] = []
        for _ in 0..<200 { shown += lines.add(piece) }
        #expect(shown.count { $0 == 0x0A } == 3)
        #expect(shown.count == 3 * (LabelledLines.mostBytes + 5))
        shown += lines.finish()
        #expect(shown.count { $0 == 0x78 } == 200_000)
    }
}
