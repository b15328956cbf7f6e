/// `docs/commands.md`, generated from the tree of commands; a test holds the file equal to it.
package enum CommandsPage {
    package static var text: String {
        var page = """
            # Commands

            This page is generated from the program's own tree of commands: `shipyard-swift commands-page
            > docs/commands.md`. The same text stands in the program: `shipyard-swift COMMAND --help`.

            Exit codes: 0 done, 1 a task or job failed (or the answer is no), 2 wrong usage, 3 spec refused,
            4 service not reachable, 70 internal error, 130 interrupted by ctrl-C or a termination signal.

            Options stand after the command: `--name value` or `--name=value`. Those that every command has may
            stand anywhere. `--` ends the options.

            ## Options of every command


            """
        page += list(CommonOptions.all.filter { !$0.isHidden })
        page += "\n### Accepted for Batch Shipyard's sake, without local effect\n\n"
        let hidden = CommonOptions.all.filter(\.isHidden).map { "`--\($0.name)`" }
        page += wrapped(hidden.joined(separator: ", ") + ".", width: 100).joined(separator: "\n") + "\n"
        for command in CommandTree.root.visibleSubcommands { append(command, path: [], to: &page) }
        return page
    }

    private static func append(_ command: Command, path parents: [String], to page: inout String) {
        let path = parents + [command.name]
        let level = String(repeating: "#", count: parents.isEmpty ? 2 : 3)
        page += "\n\(level) \(path.joined(separator: " "))\n\n"
        page += command.summary.prefix(1).uppercased() + command.summary.dropFirst() + ".\n"
        if command.run != nil { appendBody(of: command, path: path, to: &page) }
        for child in command.visibleSubcommands { append(child, path: path, to: &page) }
    }

    private static func appendBody(of command: Command, path: [String], to page: inout String) {
        page += "\n```text\n\(HelpText.usage(of: command, path: path))\n```\n"
        for paragraph in command.details {
            page += "\n" + wrapped(paragraph, width: 100).joined(separator: "\n") + "\n"
        }
        let arguments = command.arguments.map { "- `\($0.name)`: \($0.summary)\n" }.joined()
        let options = list(command.options.filter { !$0.isHidden })
        if !(arguments + options).isEmpty { page += "\n" + arguments + options }
        guard !command.examples.isEmpty else { return }
        page += "\n```sh\n"
        for example in command.examples {
            page += "# \(example.meaning)\nshipyard-swift \(example.line)\n"
        }
        page += "```\n"
    }

    private static func list(_ options: [Option]) -> String {
        options.map { option in
            let dashes = option.short.map { "-\($0)`, `--" } ?? "--"
            let value = option.valueName.map { " \($0)" } ?? ""
            return "- `\(dashes)\(option.name)\(value)`: \(HelpText.description(of: option))\n"
        }.joined()
    }
}
