/// What the first words of a command mean to a shell.
enum ShellWords {
    /// `bash`, `/bin/sh`, `/usr/local/bin/zsh`: programs that take `-c SCRIPT`.
    static func isShell(_ program: String) -> Bool {
        let name = program.utf8.lastIndex(of: UInt8(ascii: "/")).map {
            program[program.utf8.index(after: $0)...]
        }
        return shells.contains(name ?? program[...])
    }

    /// Which word is the script: the one after the options, when an option holds `c`. Nil when there is none.
    static func scriptIndex(in words: [CommandTokenizer.Word]) -> Int? {
        var index = 1
        var takesScript = false
        while index < words.count, let sign = words[index].text.utf8.first,
            sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        {
            let option = words[index].text
            index += 1
            if option == "--" { break }
            guard !option.hasPrefix("--") else { continue }
            if option.utf8.contains(UInt8(ascii: "c")) { takesScript = true }
            // `-o pipefail`, `-euo pipefail`: the option's name is the next word.
            if option.utf8.contains(UInt8(ascii: "o")) || option.utf8.contains(UInt8(ascii: "O")) {
                index += 1
            }
        }
        return takesScript && index < words.count ? index : nil
    }

    /// Whether a first word is no program but a shell's own: an assignment, a keyword or a builtin for which
    /// no program does the same.
    static func meansSomething(_ first: CommandTokenizer.Word) -> Bool {
        if own.contains(first.text) { return true }
        guard let equals = first.text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        return first.text[..<equals].utf8.allSatisfy(isNameByte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"):
            true
        default: false
        }
    }

    private static let shells: Set<Substring> = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash"]

    // `echo`, `printf`, `test`, `true`, `false`, `pwd` and `kill` are missing on purpose: programs of these
    // names do the same, and starting one is quicker than starting a shell.
    private static let own: Set<String> = [
        "!", ".", ":", "[[", "]]", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd",
        "command", "compgen", "complete", "continue", "coproc", "declare", "dirs", "disown", "do", "done",
        "elif", "else", "enable", "esac", "eval", "exec", "exit", "export", "fc", "fg", "fi", "for",
        "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "let", "local", "logout",
        "mapfile", "popd", "pushd", "read", "readarray", "readonly", "return", "select", "set", "shift",
        "shopt", "source", "suspend", "then", "time", "times", "trap", "type", "typeset", "ulimit", "umask",
        "unalias", "unset", "until", "wait", "while",
    ]
}
