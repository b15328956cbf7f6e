import ShipyardModel
import ShipyardService
import Testing

@testable import ShipyardAPI

/// Gives as little at once as it likes.
private struct TextFile: OpenFile {
    let bytes: [UInt8]
    var most = Int.max
    var size: Int64 { Int64(bytes.count) }

    init(_ text: String, most: Int = .max) {
        bytes = Array(text.utf8)
        self.most = most
    }

    func read(at offset: Int64, atMost count: Int) throws(FileFailure) -> [UInt8] {
        guard offset < size else { throw .refused("it was cut short") }
        return Array(bytes[Int(offset)...].prefix(min(count, most)))
    }
}

struct MaskedFileTests {
    private let mask = SecretMask([Secret("hunter2"), Secret("correct-horse")])
    private let text = "a hunter2, hunter2hunter2 and a correct-horse; hunter"
    private let shown = "a *******, ************** and a *************; hunter"

    /// Wherever a piece begins and ends, and in whatever pieces the file itself is read.
    @Test func valueIsHiddenWhateverPiecesItIsReadIn() throws {
        for most in [1, 3, 100] {
            let file = try MaskedFile(TextFile(text, most: most), mask, isGrowing: false)
            #expect(file.size == Int64(text.utf8.count))
            for count in 1...text.utf8.count {
                var bytes: [UInt8] = []
                while bytes.count < file.size {
                    bytes += try file.read(at: Int64(bytes.count), atMost: count)
                }
                #expect(String(decoding: bytes, as: UTF8.self) == shown, "pieces of \(count)")
            }
            for start in 0..<text.utf8.count {
                let rest = try file.read(at: Int64(start), atMost: 1000)
                #expect(String(decoding: rest, as: UTF8.self) == String(shown.dropFirst(start)))
            }
        }
    }

    /// Whoever follows it has seen nothing of a value when it is whole.
    @Test func beginningOfAValueWaitsForTheRest() throws {
        var seen = ""
        for end in 0...text.utf8.count {
            let file = try MaskedFile(TextFile(String(text.prefix(end))), mask, isGrowing: true)
            guard file.size > seen.utf8.count else { continue }
            seen += String(decoding: try file.read(at: Int64(seen.utf8.count), atMost: 1000), as: UTF8.self)
            #expect(shown.hasPrefix(seen))
        }
        #expect(seen == "a *******, ************** and a *************; ")
        let last = try MaskedFile(TextFile(text), mask, isGrowing: false)
        seen += String(decoding: try last.read(at: Int64(seen.utf8.count), atMost: 1000), as: UTF8.self)
        #expect(seen == shown)
    }
}
