/// The words of one simple command so far, as far as they tell whether a word is run as code by another program.
struct ShellCommandWords {
    private enum Expected {
        case nothing
        /// The option with `c` of a shell, then the script behind the options.
        case shellOptions(hasScript: Bool)
        case optionValue(hasScript: Bool)
        /// An option such as `-c` or `-e` of an interpreter.
        case codeOption(String, letters: String)
        case code(of: String)
        /// All that is left.
        case codeForEver(of: String)
        /// A program for a filter, and then names of files.
        case filter(String, hasProgram: Bool, next: FilterWord)
    }

    private enum FilterWord { case any, value, code }

    /// What is known of the word, without its quotes; and only what stands outside of quotes.
    private var word: [UInt8] = []
    private var bare: [UInt8] = []
    /// Whether the word under way is `name[` and what follows, where bash computes.
    private(set) var isSubscript = false
    /// Some part of the word is not known before the command runs.
    private var isUnknown = false
    private(set) var isInWord = false
    private var expected = Expected.nothing
    /// The file of a redirection.
    private var isTarget = false
    /// Whether the word can be the program, as far as the words before it tell.
    private var isProgram = true

    static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    mutating func add(_ byte: UInt8) {
        isInWord = true
        if byte == UInt8(ascii: "[") { isSubscript = bare.last.map(Self.isNameByte) ?? false }
        if byte == UInt8(ascii: "]") { isSubscript = false }
        word.append(byte)
        bare.append(byte)
    }

    mutating func addQuoted(_ byte: UInt8) { word.append(byte) }

    mutating func addUnknown() {
        isInWord = true
        isUnknown = true
    }

    mutating func beginQuotation() { isInWord = true }

    func wordIs(_ text: String) -> Bool { !isUnknown && word.elementsEqual(text.utf8) }

    /// `isDescriptor`: a redirection follows at once, whose number the word may be.
    mutating func endWord(isDescriptor: Bool = false) {
        guard isInWord else { return }
        let isNumber =
            isDescriptor && !isUnknown && !bare.isEmpty && bare == word
            && word.allSatisfy { (0x30...0x39).contains($0) }
        if !isTarget, !isNumber {
            let text = String(decoding: word, as: UTF8.self)
            expected = after(text)
            isProgram = isProgram && Self.leadsToProgram(text)
        }
        (word, bare, isUnknown, isInWord, isTarget, isSubscript) = ([], [], false, false, false, false)
    }

    mutating func expectTarget() { isTarget = true }

    /// Whether the word that begins now, or is under way, is a script for a shell.
    var isShellScript: Bool {
        switch expected {
        case .shellOptions(let hasScript): hasScript && !isOption
        case .nothing, .optionValue, .codeOption, .code, .codeForEver, .filter: false
        }
    }

    /// The program that runs the word under way as code.
    var runsCode: String? {
        guard !isTarget else { return nil }
        return switch expected {
        case .code(let program), .codeForEver(let program): program
        case .filter(let program, let hasProgram, let next):
            next == .code || (next == .any && !hasProgram) ? program : nil
        case .nothing, .shellOptions, .optionValue, .codeOption: isShellScript ? "a shell" : nil
        }
    }

    private var isOption: Bool { word.first == UInt8(ascii: "-") || word.first == UInt8(ascii: "+") }

    private func after(_ text: String) -> Expected {
        // An expansion without anything around it may be no word, or several.
        if isUnknown, text.isEmpty, let expected = afterExpansion { return expected }
        switch expected {
        case .codeForEver: return expected
        case .shellOptions(let hasScript): return afterShellOption(text, hasScript)
        case .optionValue(let hasScript): return .shellOptions(hasScript: hasScript)
        case .codeOption(let program, let letters):
            let isCode =
                text.hasPrefix("--")
                ? Self.longCodeOptions.contains(text)
                : isOption && text.utf8.last.map { letters.utf8.contains($0) } ?? false
            return isCode ? .code(of: program) : start(text) ?? expected
        case .code(let program): return .codeOption(program, letters: Self.interpreters[program] ?? "c")
        case .filter(let program, let hasProgram, let next):
            return afterFilterWord(text, program, hasProgram, next)
        case .nothing: return start(text) ?? .nothing
        }
    }

    private var afterExpansion: Expected? {
        switch expected {
        case .shellOptions, .optionValue: .codeForEver(of: "a shell")
        case .code(let program): .codeForEver(of: program)
        case .filter: expected
        case .nothing, .codeOption, .codeForEver: nil
        }
    }

    private func afterFilterWord(
        _ text: String, _ program: String, _ hasProgram: Bool, _ next: FilterWord
    ) -> Expected {
        if next == .value { return .filter(program, hasProgram: hasProgram, next: .any) }
        guard next == .any, isOption else { return .filter(program, hasProgram: true, next: .any) }
        switch text {
        case "-v", "-F": return .filter(program, hasProgram: hasProgram, next: .value)
        // The program is in the file that follows.
        case "-f", "--file": return .filter(program, hasProgram: true, next: .value)
        default:
            let isCode = text == "--expression" || (!text.hasPrefix("--") && text.hasSuffix("e"))
            return .filter(program, hasProgram: hasProgram, next: isCode ? .code : .any)
        }
    }

    private func afterShellOption(_ text: String, _ hasScript: Bool) -> Expected {
        guard isOption else { return .nothing }
        guard !text.hasPrefix("--") else { return .shellOptions(hasScript: hasScript) }
        let has = hasScript || text.utf8.contains(UInt8(ascii: "c"))
        let takesValue = text.utf8.contains { $0 | 0x20 == UInt8(ascii: "o") }
        return takesValue ? .optionValue(hasScript: has) : .shellOptions(hasScript: has)
    }

    /// What a word may begin, wherever it stands: `env A=1 nohup bash -c …`.
    private func start(_ text: String) -> Expected? {
        let name = text.split(separator: "/").last.map(String.init) ?? text
        // `$SHELL -c …`
        if isUnknown, isProgram, text.isEmpty || text.hasPrefix("/") {
            return .codeOption("a program", letters: "c")
        }
        if Self.shells.contains(name) { return .shellOptions(hasScript: false) }
        if Self.evaluators.contains(name) { return .codeForEver(of: name) }
        if Self.filters.contains(name) { return .filter(name, hasProgram: false, next: .any) }
        let plain = String(name.prefix { !$0.isNumber })
        return Self.interpreters[plain].map { .codeOption(plain, letters: $0) }
    }

    private static let shells: Set<String> = [
        "sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash", "fish",
    ]
    /// Assignments, options, numbers, and programs that start another: `A=1 timeout 5 env -i bash -c …`.
    private static func leadsToProgram(_ text: String) -> Bool {
        text.hasPrefix("-") || text.contains("=") || text.allSatisfy(\.isNumber) || leaders.contains(text)
    }

    private static let leaders: Set<String> = [
        "!", "command", "do", "elif", "else", "env", "exec", "if", "ionice", "nice", "nohup", "setsid",
        "stdbuf",
        "sudo", "then", "time", "timeout", "until", "while", "xargs", "{",
    ]
    /// They give their words to a shell, or compute with them; `make` expands the values of its variables.
    private static let evaluators: Set<String> = [
        "[[", "declare", "eval", "gmake", "let", "make", "parallel", "rsh", "ssh", "trap", "typeset", "unset",
        "watch",
    ]
    private static let filters: Set<String> = ["awk", "gawk", "mawk", "nawk", "sed"]
    private static let longCodeOptions: Set<String> = ["--command", "--eval", "--execute", "--print"]
    /// With the letters of the options that take code.
    private static let interpreters = [
        "python": "c", "pypy": "c", "perl": "eE", "ruby": "e", "node": "ep", "php": "r", "lua": "e",
        "Rscript": "e", "su": "c", "runuser": "c", "script": "c", "flock": "c",
    ]
}
