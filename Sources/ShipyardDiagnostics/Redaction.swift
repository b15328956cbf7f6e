/// Masks the values of secrets in a line that is about to be shown.
///
/// It errs on the side of stars: a line is shown to point at a place in it, not to be read.
package enum Redaction {
    /// Keys whose values are never shown, whatever file they stand in.
    private static let secretWords = [
        "password", "passphrase", "account_key", "auth_key", "_key:", "-key:", "apikey",
        "secret", "token", "sig=", "postgresql://", "postgres://",
    ]

    package static func holdsSecret(_ line: String, inSecretFile: Bool = false) -> Bool {
        inSecretFile || holdsSecret(Array(line.utf8)[...])
    }

    /// One pass, byte by byte: a line may have megabytes.
    static func holdsSecret(_ line: ArraySlice<UInt8>) -> Bool {
        line.withUnsafeBufferPointer { bytes in
            bytes.indices.contains { start in
                wordsByFirstByte[Int(lowered(bytes[start]))].contains { word in
                    word.count <= bytes.count - start
                        && word.indices.allSatisfy { lowered(bytes[start + $0]) == word[$0] }
                }
            }
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static let wordsByFirstByte: [[[UInt8]]] = {
        var table = [[[UInt8]]](repeating: [], count: 256)
        for word in secretWords.map({ Array($0.utf8) }) { table[Int(word[0])].append(word) }
        return table
    }()

    /// Whether what stands under `key` is never shown. One word more than for lines, where it would be a file's.
    package static func isSecret(key: String) -> Bool {
        holdsSecret(key + ":") || key.lowercased().contains("passwd")
    }

    /// The line with its first key left and every visible character behind it replaced by `*`. A line that does
    /// not begin with a key may be the middle of a value and is masked whole.
    static func masked(_ line: String) -> String {
        guard let colon = line.firstIndex(of: ":"), line[..<colon].allSatisfy(mayStandBeforeColon) else {
            return stars(line[...])
        }
        let value = line.index(after: colon)
        // A colon without a space behind it is not YAML's: `user:word` is one value.
        guard value == line.endIndex || " \t\"[{".contains(line[value]) else { return stars(line[...]) }
        return line[..<value] + stars(line[value...])
    }

    /// One star for each character, so that carets below the line still point at the right place.
    static func stars(_ text: Substring) -> String {
        String(text.map { $0 == " " || $0 == "\t" ? $0 : "*" })
    }

    private static func mayStandBeforeColon(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || " \t-_.{\"'".contains(character))
    }
}
