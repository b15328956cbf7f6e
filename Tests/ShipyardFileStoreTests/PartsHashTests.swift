import Glibc
import ShipyardFileStore
import ShipyardModel
import Testing

struct PartsHashTests {
    private static let digits = String(repeating: "0a", count: 32)

    /// Metadata may be anybody's.
    @Test(arguments: [
        ("1000-\(digits)", 49_999_999, true), ("1000-\(digits.uppercased())", 1, true), ("1000-\(digits)", 50_000_000, false),
        ("0-\(digits)", 1, false), ("-5-\(digits)", 1, false), ("1000-\(digits)0a", 1, false), ("1000-", 1, false),
        ("1000", 1, false), ("", 1, false), (digits, 1, false), ("99999999999999999999-\(digits)", 1, false),
        ("1000-\(digits)-1", 1, false), ("9223372036854775807-\(digits)", 1 << 50, true),
    ])
    func whatIsReadOfMetadata(text: String, size: Int64, isHash: Bool) {
        let hash = PartsHash(text, size: size)
        #expect((hash != nil) == isHash)
        if let hash { #expect(PartsHash(hash.description, size: size) == hash && hash.digits == Self.digits) }
    }
}
