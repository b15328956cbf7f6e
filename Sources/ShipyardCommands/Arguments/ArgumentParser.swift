import ShipyardDiagnostics

/// Reads a command line against the tree of commands.
///
/// Options stand after the command, as in Batch Shipyard; those that every command has may stand anywhere.
/// `--name value`, `--name=value`, `-y`, `-vy`, `-j 4`, `-j4` and `--` are understood.
package struct ArgumentParser {
    package struct Result: Sendable {
        package var path: [String]
        package var command: Command
        package var arguments: ParsedArguments
    }

    private let root: Command
    private let common: [Option]
    private var remaining: ArraySlice<String>
    private var result: Result
    private var optionsEnded = false

    private init(_ words: [String], root: Command, common: [Option]) {
        self.root = root
        self.common = common
        remaining = words[...]
        result = Result(path: [], command: root, arguments: ParsedArguments())
    }

    package static func parse(
        _ words: [String], root: Command, common: [Option]
    ) throws(CommandFailure) -> Result {
        var parser = ArgumentParser(words, root: root, common: common)
        while let word = parser.remaining.popFirst() { try parser.take(word) }
        return parser.result
    }

    private var isGroup: Bool { !result.command.subcommands.isEmpty }
    private var spelledPath: String { result.path.joined(separator: " ") }

    private mutating func take(_ word: String) throws(CommandFailure) {
        if optionsEnded || word == "-" || !word.hasPrefix("-") {
            try takeWord(word)
        } else if word == "--" {
            optionsEnded = true
            result.arguments.wordsBeforeDashes = result.arguments.words.count
        } else if word.hasPrefix("--") {
            try takeLong(word.dropFirst(2))
        } else {
            try takeShort(word.dropFirst())
        }
    }

    private mutating func takeWord(_ word: String) throws(CommandFailure) {
        guard isGroup else { return result.arguments.words.append(word) }
        guard let next = result.command.subcommand(named: word) else { throw unknownCommand(word) }
        result.command = next
        result.path.append(word)
        guard next.takesAllWords else { return }
        result.arguments.words = Array(remaining)
        remaining = []
    }

    private mutating func takeLong(_ text: Substring) throws(CommandFailure) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = option(where: { $0.answers(to: name) }) else { throw unknownOption(name) }
        try set(option, spelled: "--\(name)", attached: parts.count == 2 ? String(parts[1]) : nil)
    }

    /// `-vy` is `-v -y`; what follows an option with a value is the value.
    private mutating func takeShort(_ letters: Substring) throws(CommandFailure) {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let option = option(where: { $0.short == letter }) else {
                throw .usage("unknown option `-\(letter)`", help: helpHint)
            }
            guard !option.isFlag, !rest.isEmpty else {
                try set(option, spelled: "-\(letter)", attached: nil)
                continue
            }
            let value = rest.first == "=" ? rest.dropFirst() : rest
            return try set(option, spelled: "-\(letter)", attached: String(value))
        }
    }

    private func option(where matches: (Option) -> Bool) -> Option? {
        result.command.options.first(where: matches) ?? common.first(where: matches)
    }

    private mutating func set(
        _ option: Option, spelled: String, attached: String?
    ) throws(CommandFailure) {
        if option.hasNoLocalEffect { result.arguments.withoutEffect.append(spelled) }
        let value: String
        if let valueName = option.valueName {
            // A following option is not a value: `--jobid --wait` is a forgotten id, not a job named `--wait`.
            guard let given = attached ?? remaining.first.flatMap({ $0.hasPrefix("--") ? nil : $0 }) else {
                throw .usage("`\(spelled)` needs a value: `\(spelled) \(valueName)`")
            }
            if attached == nil { remaining.removeFirst() }
            try check(given, for: option, spelled: spelled)
            value = given
        } else {
            guard attached == nil else { throw .usage("`\(spelled)` takes no value") }
            value = ""
        }
        result.arguments.options[option.name, default: []].append(value)
    }

    private func check(_ value: String, for option: Option, spelled: String) throws(CommandFailure) {
        switch option.values {
        case .text, .file, .directory, .code, .command: return
        case .id:
            guard let objection = NamedKind.objection(to: value) else { return }
            throw .usage("`\(spelled)` \(objection)")
        case .number:
            guard Int(value).map({ $0 >= 0 }) == true else {
                throw .usage("`\(spelled)` takes a number, not `\(value)`")
            }
        case .choice(let words):
            guard !words.contains(value) else { return }
            let near = closestWord(to: value, among: words).map { "did you mean `\($0)`?" }
            throw .usage("`\(spelled)` takes \(words.joined(separator: ", ")), not `\(value)`", help: near)
        }
    }
}

extension ArgumentParser {
    private var helpHint: String {
        "see `shipyard-swift \(result.path.isEmpty ? "" : spelledPath + " ")--help`"
    }

    private func unknownCommand(_ word: String) -> CommandFailure {
        let names = result.command.visibleSubcommands.map(\.name)
        let of = result.path.isEmpty ? "" : " of `\(spelledPath)`"
        let foreign = BatchShipyardCommands.fact(about: (result.path + [word]).joined(separator: " "))
        if foreign == nil, let near = closestWord(to: word, among: names) {
            let path = (result.path + [near]).joined(separator: " ")
            return .usage("unknown command `\(word)`\(of)", help: "did you mean `shipyard-swift \(path)`?")
        }
        let known = "known: \(names.joined(separator: ", "))"
        return .usage(foreign ?? "unknown command `\(word)`\(of)", help: known)
    }

    private func unknownOption(_ name: String) -> CommandFailure {
        let fact = "unknown option `--\(name)`" + (result.path.isEmpty ? "" : " of `\(spelledPath)`")
        let known = result.command.options + common
        if let near = closestWord(to: name, among: known.flatMap { [$0.name] + $0.aliases }) {
            return .usage(fact, help: "did you mean `--\(near)`?")
        }
        guard isGroup, anyCommand(below: result.command, has: name) else {
            return .usage(fact, help: helpHint)
        }
        return .usage(fact, help: "options of a command stand after it")
    }

    private func anyCommand(below command: Command, has name: String) -> Bool {
        command.options.contains { $0.answers(to: name) }
            || command.subcommands.contains { anyCommand(below: $0, has: name) }
    }
}

/// The word of `candidates` that `word` was probably meant to be; nil when none is near enough.
///
/// Slips are judged as in specs; beyond them, the beginning of a single longer word is taken for it, and
/// what neighbours call the same thing is known.
package func closestWord(to word: String, among candidates: [String]) -> String? {
    if let near = closestMatch(to: word, in: candidates) { return near }
    if let ours = foreignWords[word.lowercased()], candidates.contains(ours) { return ours }
    let longer = candidates.filter { word.count >= 2 && $0.hasPrefix(word) }
    return longer.count == 1 ? longer[0] : nil
}

/// Names that other programs have for our commands.
private let foreignWords = [
    "delete": "del", "remove": "del", "rm": "del", "destroy": "del", "terminate": "term", "cancel": "term",
    "kill": "term", "stop": "term", "ls": "list", "show": "list", "ps": "list", "create": "add",
    "submit": "add",
    "new": "add", "scale": "resize", "follow": "logs", "log": "logs", "tail": "stream", "check": "validate",
    "lint": "validate",
    "graph": "plan", "expand": "plan", "daemon": "service", "server": "service", "job": "jobs",
    "pools": "pool",
]
