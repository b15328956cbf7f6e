import Glibc

/// How one command line becomes a process. The rule and its reasons: docs/spec/commands.md.
package enum CommandForm: Hashable, Sendable {
    /// These words are the program and its arguments. No shell of ours is in between.
    case words([String])
    /// The text is a script for a shell of ours, which stops at the first failing command.
    case script(String)

    package init(_ command: String) {
        let command = command.trimmingBlanks()
        var tokenizer = CommandTokenizer(command)
        guard let words = tokenizer.words(), let first = words.first else {
            self = .script(command)
            return
        }
        if ShellWords.isShell(first.text), let script = ShellWords.scriptIndex(in: words) {
            // What follows the script is taken as written only where a shell would have changed nothing.
            let others = words[..<script] + words[(script + 1)...]
            let isAsWritten = words[script].isOneQuotation || !words[script].needsShell
            let isDirect = isAsWritten && others.allSatisfy { !$0.needsShell }
            self = isDirect ? .words(words.map(\.text)) : .script(command)
        } else if words.contains(where: \.needsShell) || ShellWords.meansSomething(first) {
            self = .script(command)
        } else {
            self = .words(words.map(\.text))
        }
    }
}

extension String {
    /// Without blanks and line ends around it: a YAML block ends with a line end that says nothing.
    fileprivate func trimmingBlanks() -> String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = utf8.first, let last = utf8.last, isBlank(first) || isBlank(last) else {
            return self
        }
        guard let start = utf8.firstIndex(where: { !isBlank($0) }),
            let end = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        // A backslash keeps the blank after it: `touch a\ `.
        var stop = utf8.index(after: end)
        if utf8[end] == UInt8(ascii: "\\"), stop < utf8.endIndex { stop = utf8.index(after: stop) }
        return String(self[start..<stop])
    }
}

/// Turns the form of a command into the words that are executed.
enum CommandShell {
    static func words(for form: CommandForm) -> [String] {
        switch form {
        case .words(let words): words
        case .script(let text): scriptPrefix + [text]
        }
    }

    // As options and not as a first line of the script: so line numbers in the shell's messages are the user's.
    private static let scriptPrefix: [String] = {
        for bash in ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"] where access(bash, X_OK) == 0 {
            return [bash, "-e", "-o", "pipefail", "-c"]
        }
        return ["/bin/sh", "-e", "-c"]
    }()
}
