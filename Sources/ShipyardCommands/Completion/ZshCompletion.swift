/// The completion script for zsh: one function for each group and command.
enum ZshCompletion {
    static func script(of root: Command) -> String {
        var script = "#compdef shipyard-swift\n# zsh completion of shipyard-swift\n"
        for entry in CompletionEntry.all(of: root) { script += function(for: entry, root: root) }
        // Loaded from $fpath the file is the function's body; sourced, it registers itself.
        return script + """

            if [ "$funcstack[1]" = "_shipyard-swift" ]; then
                _shipyard_swift "$@"
            else
                compdef _shipyard_swift shipyard-swift
            fi

            """
    }

    private static func name(_ path: String) -> String {
        "_shipyard_swift" + (path.isEmpty ? "" : "_" + path.map { $0 == " " ? "_" : String($0) }.joined())
    }

    private static func function(for entry: CompletionEntry, root: Command) -> String {
        var lines = entry.options.map { "        '\(specification($0))' \\" }
        if entry.subcommands.isEmpty {
            lines.append("        '*:: :\(action(entry.argument ?? .text))'")
            return "\n\(name(entry.path))() {\n    _arguments -S \\\n\(lines.joined(separator: "\n"))\n}\n"
        }
        lines.append("        '1: :->command' '*:: :->rest'")
        let commands = entry.subcommands.map { "        '\($0.name):\(quoted($0.summary))'" }
        let cases = entry.subcommands.map { child in
            let path = entry.path.isEmpty ? child.name : entry.path + " " + child.name
            return "            \(child.name)) \(name(path)) ;;"
        }
        return """

            \(name(entry.path))() {
                local state line
                local -a commands=(
            \(commands.joined(separator: "\n"))
                )
                _arguments -S -C \\
            \(lines.joined(separator: "\n"))
                case $state in
                command) _describe command commands ;;
                rest)
                    case $line[1] in
            \(cases.joined(separator: "\n"))
                    esac ;;
                esac
            }

            """
    }

    private static func specification(_ option: Option) -> String {
        let repeated = option.repeats ? "*" : ""
        let value = option.valueName.map { ":\($0):\(action(option.values))" } ?? ""
        return "\(repeated)--\(option.name)\(option.isFlag ? "" : "=")[\(quoted(option.summary))]\(value)"
    }

    private static func action(_ kind: ValueKind) -> String {
        switch kind {
        case .file: "_files"
        case .directory: "_files -/"
        case .choice(let words): "(\(words.joined(separator: " ")))"
        case .text, .number: " "
        }
    }

    /// For single quotes, and for the brackets and colons that have a meaning to `_arguments`.
    private static func quoted(_ text: String) -> String {
        var quoted = ""
        for character in text {
            switch character {
            case "'": quoted += "'\\''"
            case "[", "]", ":", "`", "$": quoted += "\\" + String(character)
            default: quoted.append(character)
            }
        }
        return quoted
    }
}
