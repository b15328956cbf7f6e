/// Writes the help of one command, at most `width` columns wide.
package struct HelpText {
    private let path: [String]
    private let command: Command
    private let common: [Option]
    private let width: Int
    private var lines: [String] = []

    package static func lines(
        for command: Command, path: [String], common: [Option], width: Int
    ) -> [String] {
        // Wider text is harder to read, whatever the terminal offers.
        var help = HelpText(path: path, command: command, common: common, width: min(width, 100))
        help.build()
        return help.lines
    }

    private init(path: [String], command: Command, common: [Option], width: Int) {
        self.path = path
        self.command = command
        self.common = common
        self.width = width
    }

    private mutating func build() {
        lines = wrapped("usage: " + Self.usage(of: command, path: path), width: width)
        lines += [""] + wrapped(sentence(command.summary), width: width)
        for paragraph in command.details { lines += [""] + wrapped(paragraph, width: width) }
        section("commands", command.visibleSubcommands.map { ($0.name, $0.summary) })
        section("arguments", command.arguments.map { ($0.name, $0.summary) })
        section("options", entries(command.options))
        examples()
        lines += [""] + commonLine()
    }

    /// Their names alone: they would be most of every help.
    private func commonLine() -> [String] {
        let names = common.filter { !$0.isHidden }.map { "--\($0.name)" }.joined(separator: ", ")
        return wrapped("common options: \(names); `shipyard-swift help options` says what they do", width: width)
    }

    /// `help options`.
    static func commonLines(_ common: [Option], width: Int) -> [String] {
        var help = HelpText(path: [], command: CommandTree.root, common: common, width: min(width, 100))
        help.section("common options, which may stand anywhere", help.entries(common))
        let hidden = common.filter(\.isHidden).map { "--\($0.name)" }.joined(separator: ", ")
        help.lines += [""] + wrapped("accepted for Batch Shipyard's sake, without local effect: \(hidden)", width: help.width)
        return Array(help.lines.dropFirst())
    }

    /// `shipyard-swift jobs add [options]`.
    package static func usage(of command: Command, path: [String]) -> String {
        var words = ["shipyard-swift"] + path
        if !command.subcommands.isEmpty { words.append("COMMAND") }
        for argument in command.arguments {
            let name = argument.name + (argument.repeats ? "…" : "")
            words.append(argument.isOptional ? "[\(name)]" : name)
        }
        return words.joined(separator: " ") + " [options]"
    }

    private func entries(_ options: [Option]) -> [(String, String)] {
        options.filter { !$0.isHidden }.map { ($0.synopsis, Self.description(of: $0)) }
    }

    package static func description(of option: Option) -> String {
        var text = option.summary
        if case .choice(let words) = option.values { text += ": " + words.joined(separator: ", ") }
        if option.repeats { text += "; may be repeated" }
        if let variable = option.environmentVariable { text += " [$\(variable)]" }
        return text
    }

    private mutating func section(_ title: String, _ entries: [(name: String, summary: String)]) {
        guard !entries.isEmpty else { return }
        lines += ["", "\(title):"]
        // A long name stands on its own line rather than pushing every summary to the right.
        let column = min(26, (entries.map(\.name.count).max() ?? 0) + 4)
        for entry in entries {
            let summary = wrapped(entry.summary, width: max(20, width - column))
            let indent = String(repeating: " ", count: column)
            var first = "  " + entry.name
            if first.count + 2 > column {
                lines.append(first)
                first = indent
            } else {
                first += String(repeating: " ", count: column - first.count)
            }
            lines.append(first + (summary.first ?? ""))
            lines += summary.dropFirst().map { indent + $0 }
        }
    }

    private mutating func examples() {
        guard !command.examples.isEmpty else { return }
        lines += ["", "examples:"]
        for example in command.examples {
            lines.append("  shipyard-swift " + example.line)
            lines += wrapped(example.meaning, width: width - 6).map { "      " + $0 }
        }
    }

    private func sentence(_ summary: String) -> String {
        summary.prefix(1).uppercased() + summary.dropFirst() + "."
    }
}
