import ShipyardDiagnostics

/// What may stand at the end of a command line, for all shells: their scripts ask the program.
struct Completer {
    struct Candidate: Equatable {
        var word: String
        var meaning = ""
    }

    /// What the shell completes itself.
    enum Paths: String { case none = "", files = ":files", directories = ":directories" }

    struct Answer: Equatable {
        var candidates: [Candidate] = []
        var paths = Paths.none
    }

    /// What the words say of whose things are meant: tasks of a job, nodes of a pool; and which home.
    struct Context: Equatable {
        var home: String?
        var job: String?
        var pool: String?
    }

    /// Names of things of a kind that begin with a text.
    typealias Names = (NamedKind, Context, _ prefix: String) -> [String]

    private let root: Command
    private let common: [Option]
    private let names: Names
    private var path: [Command] = []
    private var command: Command
    private var waiting: Option?
    private var given: [String: [String]] = [:]
    private var words: [String] = []
    private var optionsEnded = false

    private init(_ root: Command, _ common: [Option], _ names: @escaping Names) {
        (self.root, self.common, self.names) = (root, common, names)
        command = root
    }

    /// - Parameter words: those behind the program's name, the one under the cursor last.
    static func answer(
        _ words: [String], root: Command = CommandTree.root, common: [Option] = CommonOptions.all,
        names: @escaping Names
    ) -> Answer {
        var completer = Completer(root, common, names)
        for word in words.dropLast() where !completer.take(word) { return Answer() }
        return completer.answer(words.last ?? "")
    }

    /// False where the line is one that the program would refuse.
    private mutating func take(_ word: String) -> Bool {
        // Bash takes `--name=value` for three words.
        if word == "=", waiting != nil { return true }
        if let option = waiting {
            given[option.name, default: []].append(word)
            waiting = nil
            return true
        }
        if optionsEnded || word == "-" || !word.hasPrefix("-") { return takeWord(word) }
        if word == "--" {
            optionsEnded = true
            return true
        }
        guard word.hasPrefix("--") else { return takeShort(word.dropFirst()) }
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let option = option(where: { $0.answers(to: String(parts[0])) }) else { return false }
        note(option, attached: parts.count > 1 ? String(parts[1]) : nil)
        return true
    }

    private mutating func takeShort(_ letters: Substring) -> Bool {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let option = option(where: { $0.short == letter }) else { return false }
            note(option, attached: option.isFlag || rest.isEmpty ? nil : String(rest))
            if !option.isFlag { break }
        }
        return true
    }

    private mutating func note(_ option: Option, attached: String?) {
        if option.isFlag {
            given[option.name, default: []].append("")
        } else if let attached {
            given[option.name, default: []].append(attached)
        } else {
            waiting = option
        }
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard !command.subcommands.isEmpty else {
            words.append(word)
            return true
        }
        guard let next = command.subcommand(named: word) else { return false }
        path.append(next)
        command = next
        return true
    }

    private func option(where matches: (Option) -> Bool) -> Option? {
        command.options.first(where: matches) ?? common.first(where: matches)
    }

    // MARK: The word under the cursor

    private func answer(_ current: String) -> Answer {
        if let waiting { return values(waiting, current == "=" ? "" : current) }
        guard !optionsEnded, current.hasPrefix("-"), current != "-" || command.arguments.isEmpty else {
            return word(current)
        }
        guard current.hasPrefix("--"), let equals = current.firstIndex(of: "=") else { return options(current) }
        let name = String(current[current.index(current.startIndex, offsetBy: 2)..<equals])
        guard let option = option(where: { $0.answers(to: name) }), !option.isFlag else { return Answer() }
        var answer = values(option, String(current[current.index(after: equals)...]))
        answer.candidates = answer.candidates.map { Candidate(word: "--\(name)=\($0.word)", meaning: $0.meaning) }
        return answer
    }

    private func options(_ current: String) -> Answer {
        let offered = (command.options + common).filter {
            !$0.isHidden && ($0.repeats || given[$0.name] == nil) && mayTake($0)
        }
        return Answer(
            candidates: offered.filter { "--\($0.name)".hasPrefix(current) }.map {
                Candidate(word: "--\($0.name)", meaning: $0.summary)
            })
    }

    /// Those that a command would refuse are not offered.
    private func mayTake(_ option: Option) -> Bool {
        guard command.run != nil else { return true }
        switch option.name {
        case "raw": return command.takesRaw
        case "show-config": return command.specs != nil
        default: return true
        }
    }

    private func word(_ current: String) -> Answer {
        guard command.subcommands.isEmpty else {
            return Answer(candidates: commands(of: command, current))
        }
        if optionsEnded, let last = command.arguments.last, last.repeats, last.isOptional, last.values == .text {
            return Answer(paths: .files)
        }
        let index = words.count
        guard index < command.arguments.count || command.arguments.last?.repeats == true,
            let argument = index < command.arguments.count ? command.arguments[index] : command.arguments.last
        else { return Answer() }
        return values(argument.values, current, name: argument.name)
    }

    private func commands(of command: Command, _ current: String) -> [Candidate] {
        command.visibleSubcommands.filter { $0.name.hasPrefix(current) }.map {
            Candidate(word: $0.name, meaning: $0.summary)
        }
    }

    private func values(_ option: Option, _ current: String) -> Answer {
        values(option.values, current, name: option.name)
    }

    private func values(_ kind: ValueKind, _ current: String, name: String) -> Answer {
        switch kind {
        case .text: return name == "filespec" ? fileSpec(current) : Answer()
        case .number: return Answer()
        case .file: return Answer(paths: .files)
        case .directory: return Answer(paths: .directories)
        case .choice(let words): return plain(words, current)
        case .id(let kind): return plain(names(kind, context, current), current)
        case .code:
            let codes = DiagnosticCode.allCases.filter { $0.page != nil }.sorted { $0.rawValue < $1.rawValue }
            return Answer(
                candidates: codes.filter { $0.rawValue.lowercased().hasPrefix(current.lowercased()) }.map {
                    Candidate(word: $0.rawValue, meaning: $0.title)
                })
        case .command:
            var place: Command? = root
            for word in words { place = place?.subcommand(named: word) }
            return Answer(candidates: place.map { commands(of: $0, current) } ?? [])
        }
    }

    private func plain(_ words: [String], _ current: String) -> Answer {
        Answer(candidates: words.filter { $0.hasPrefix(current) }.map { Candidate(word: $0) })
    }

    /// `JOB,TASK,FILE` part by part.
    private func fileSpec(_ current: String) -> Answer {
        let parts = current.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var place = context
        switch parts.count {
        case 1: return Answer(candidates: names(.job, place, current).map { Candidate(word: $0 + ",") })
        case 2:
            place.job = parts[0]
            return Answer(candidates: names(.task, place, parts[1]).map { Candidate(word: "\(parts[0]),\($0),") })
        default: return Answer()
        }
    }

    private var context: Context {
        Context(home: given["home"]?.last, job: named(.job, "jobid"), pool: named(.pool, "poolid"))
    }

    private func named(_ kind: NamedKind, _ option: String) -> String? {
        if let value = given[option]?.last { return value }
        let place = command.arguments.firstIndex { $0.values == .id(kind) && !$0.repeats }
        return place.flatMap { $0 < words.count ? words[$0] : nil }
    }
}
