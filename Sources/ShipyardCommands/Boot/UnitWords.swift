/// Words as unit files of systemd have them: specifiers (`%h`), variables (`$X`), escapes and quotes are none of what
/// the word itself contains.
enum UnitWords {
    /// A word of a list: an assignment of `Environment=`, or the program of `ExecStart=`.
    static func quoted(_ word: String) -> String {
        var text = "\""
        for scalar in word.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "%": text += "%%"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// A word of a command behind its program: only there variables are replaced.
    static func argument(_ word: String) -> String { quoted(word.replacing("$", with: "$$")) }

    /// The rest of a line, which is neither split nor unquoted. Only what stands before the end may be anything: blanks
    /// at the end are cut, and a backslash there takes the next line in.
    static func rest(_ text: String) -> String { text.replacing("%", with: "%%") }

    /// The first word of what `quoted` has made, or of what somebody has written without quotes.
    static func firstWord(of text: some StringProtocol) -> String {
        var word = ""
        var rest = text.drop { $0 == " " || $0 == "\t" }
        let isQuoted = rest.first == "\""
        if isQuoted { rest = rest.dropFirst() }
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted: return word
            case " " where !isQuoted, "\t" where !isQuoted: return word
            case "\\":
                let next = rest.popFirst()
                word += next == "n" ? "\n" : next == "t" ? "\t" : next.map { String($0) } ?? ""
            case "%" where rest.first == "%":
                word += "%"
                rest = rest.dropFirst()
            default: word.append(character)
            }
        }
        return word
    }
}
