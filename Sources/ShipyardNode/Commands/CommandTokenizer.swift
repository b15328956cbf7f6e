/// Cuts a command line into words as a POSIX shell does, but expands nothing.
///
/// Single quotes keep everything. In double quotes a backslash is dropped before `"`, `\`, `$`, a backquote
/// and a line end: so both `"echo $i"` and `"echo \$i"` hand `$i` to the program, and specs written for a
/// shell that would have expanded the first keep working. (Python's `shlex` keeps the backslash before `$`.)
struct CommandTokenizer {
    struct Word {
        var text: String
        /// A shell would have made something else of it.
        var needsShell: Bool
        /// It is one pair of quotes and nothing outside of them.
        var isOneQuotation: Bool
    }

    private let bytes: [UInt8]
    private var position = 0
    private var word: [UInt8] = []
    private var quotations = 0
    private var bareBytes = 0
    private var needsShell = false

    init(_ command: String) { bytes = Array(command.utf8) }

    /// Nil when a shell must read the text: an operator, a comment or a line end stands outside of quotes, a
    /// quote is not closed, or a byte is none that an argument can hold.
    mutating func words() -> [Word]? {
        var words: [Word] = []
        while let byte = skipBlanks() {
            if byte == UInt8(ascii: "#") { return nil }
            guard let word = nextWord() else { return nil }
            words.append(word)
        }
        return words
    }

    private mutating func skipBlanks() -> UInt8? {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func nextWord() -> Word? {
        (word, quotations, bareBytes, needsShell) = ([], 0, 0, false)
        scan: while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 0x20, 0x09:
                break scan
            case UInt8(ascii: "'"):
                guard singleQuoted() else { return nil }
            case UInt8(ascii: "\""):
                guard doubleQuoted() else { return nil }
            case UInt8(ascii: "\\"):
                guard position < bytes.count, bytes[position] != 0x0A else { return nil }
                word.append(bytes[position])
                bareBytes += 1
                position += 1
            case 0, 0x0A, 0x0D, UInt8(ascii: "|"), UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "<"),
                UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"):
                return nil
            case UInt8(ascii: "$"), UInt8(ascii: "`"), UInt8(ascii: "*"), UInt8(ascii: "?"),
                UInt8(ascii: "["), UInt8(ascii: "~"), UInt8(ascii: "{"), UInt8(ascii: "}"):
                needsShell = true
                fallthrough
            default:
                word.append(byte)
                bareBytes += 1
            }
        }
        // The bytes are pieces of a valid string, cut at ASCII bytes only.
        return Word(
            text: String(decoding: word, as: UTF8.self), needsShell: needsShell,
            isOneQuotation: quotations == 1 && bareBytes == 0)
    }

    private mutating func singleQuoted() -> Bool {
        quotations += 1
        guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "'")) else { return false }
        guard !bytes[position..<end].contains(0) else { return false }
        word += bytes[position..<end]
        position = end + 1
        return true
    }

    private mutating func doubleQuoted() -> Bool {
        quotations += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 0: return false
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): escapedInDoubleQuotes()
            case UInt8(ascii: "$"), UInt8(ascii: "`"):
                needsShell = true
                word.append(byte)
            default: word.append(byte)
            }
        }
        return false
    }

    private mutating func escapedInDoubleQuotes() {
        guard position < bytes.count else { return }
        let byte = bytes[position]
        position += 1
        switch byte {
        case 0x0A: break
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "$"), UInt8(ascii: "`"): word.append(byte)
        default: word += [UInt8(ascii: "\\"), byte]
        }
    }
}
