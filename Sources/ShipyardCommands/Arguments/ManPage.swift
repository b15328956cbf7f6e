/// The manual page in roff, from the tree of commands.
enum ManPage {
    static var text: String {
        var page = Roff()
        page.request("TH", "SHIPYARD\\-SWIFT", "1", "", "shipyard\\-swift \(Program.version)")
        page.section("NAME")
        page.paragraph("shipyard-swift - " + CommandTree.root.summary)
        page.section("SYNOPSIS")
        page.bold("shipyard-swift")
        page.paragraph("COMMAND [options]")
        page.section("DESCRIPTION")
        for paragraph in CommandTree.root.details {
            page.request("PP")
            page.paragraph(paragraph)
        }
        page.section("COMMANDS")
        for command in CommandTree.root.visibleSubcommands { append(command, path: [], to: &page) }
        page.section("OPTIONS OF EVERY COMMAND")
        append(CommonOptions.all, to: &page)
        page.section("EXIT STATUS")
        for (code, meaning) in ExitCode.meanings { page.entry(code, meaning) }
        page.section("ENVIRONMENT")
        for option in CommonOptions.all where !option.isHidden {
            guard let variable = option.environmentVariable else { continue }
            page.entry(variable, "stands for --\(option.name)")
        }
        page.section("EXAMPLES")
        append(CommandTree.root.examples, to: &page)
        return page.text
    }

    private static func append(_ command: Command, path parents: [String], to page: inout Roff) {
        let path = parents + [command.name]
        if command.run != nil {
            page.subsection(HelpText.usage(of: command, path: path))
            page.paragraph(command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".")
            for paragraph in command.details {
                page.request("PP")
                page.paragraph(paragraph)
            }
            for argument in command.arguments { page.entry(argument.name, argument.summary) }
            append(command.options, to: &page)
            append(command.examples, to: &page)
        }
        for child in command.visibleSubcommands { append(child, path: path, to: &page) }
    }

    private static func append(_ options: [Option], to page: inout Roff) {
        for option in options where !option.isHidden {
            let dashes = option.short.map { "-\($0), --" } ?? "--"
            page.entry(
                dashes + option.name + (option.valueName.map { " \($0)" } ?? ""), HelpText.description(of: option))
        }
    }

    private static func append(_ examples: [Example], to page: inout Roff) {
        for example in examples {
            page.request("PP")
            page.paragraph(example.meaning + ":")
            page.example("shipyard-swift " + example.line)
        }
    }
}

/// Writes a page for `man`.
private struct Roff {
    private(set) var text = ""

    mutating func request(_ name: String, _ words: String...) {
        text += "." + name + words.map { " \"\($0)\"" }.joined() + "\n"
    }

    mutating func section(_ title: String) { request("SH", Self.escaped(title)) }
    mutating func subsection(_ title: String) { request("SS", Self.escaped(title)) }
    mutating func bold(_ words: String) { request("B", Self.escaped(words)) }

    mutating func paragraph(_ words: some StringProtocol) { line(words) }

    /// A term and what it means.
    mutating func entry(_ term: String, _ meaning: String) {
        request("TP")
        bold(term)
        line(meaning)
    }

    /// As it is typed, on one line.
    mutating func example(_ words: String) {
        request("RS")
        request("nf")
        line(words)
        request("fi")
        request("RE")
    }

    /// A line that begins with a point or an apostrophe would be a request.
    private mutating func line(_ words: some StringProtocol) {
        let escaped = Self.escaped(words)
        text += (escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" : "") + escaped + "\n"
    }

    private static func escaped(_ words: some StringProtocol) -> String {
        var escaped = ""
        for character in words {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "`": escaped += "\\(ga"
            case "'": escaped += "\\(aq"
            case "\"": escaped += "\\(dq"
            case "^": escaped += "\\(ha"
            case "~": escaped += "\\(ti"
            case "…": escaped += "..."
            case "\n": escaped += " "
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
