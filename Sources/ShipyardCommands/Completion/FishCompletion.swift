/// The completion script for fish: one `complete` line for each word that may follow.
enum FishCompletion {
    static func script(of root: Command) -> String {
        var script = """
            # fish completion of shipyard-swift
            function __shipyard_swift_at
                # True when the words so far, without options, are exactly these.
                set -l words (string match -v -- '-*' (commandline -opc)[2..-1])
                test "$words" = "$argv"
            end
            function __shipyard_swift_below
                set -l words (string match -v -- '-*' (commandline -opc)[2..-1])
                string match -q -- "$argv*" "$words"
            end
            complete -c shipyard-swift -f

            """
        for entry in CompletionEntry.all(of: root) { script += lines(for: entry) }
        for option in CommonOptions.all where !option.isHidden { script += line(option, condition: nil) }
        return script
    }

    private static func lines(for entry: CompletionEntry) -> String {
        let path = entry.path.isEmpty ? "" : " " + entry.path
        var text = ""
        for child in entry.subcommands {
            text += "complete -c shipyard-swift -n '__shipyard_swift_at\(path)' "
            text += "-a \(child.name) -d '\(quoted(child.summary))'\n"
        }
        let common = Set(CommonOptions.all.map(\.name))
        for option in entry.options where !common.contains(option.name) {
            text += line(
                option,
                condition: entry.path.isEmpty ? "__shipyard_swift_at" : "__shipyard_swift_below\(path)")
        }
        switch entry.argument {
        case .file, .directory: text += "complete -c shipyard-swift -n '__shipyard_swift_below\(path)' -F\n"
        case .choice(let words):
            text +=
                "complete -c shipyard-swift -n '__shipyard_swift_at\(path)' -a '\(words.joined(separator: " "))'\n"
        case .text, .number, nil: break
        }
        return text
    }

    private static func line(_ option: Option, condition: String?) -> String {
        var text = "complete -c shipyard-swift"
        if let condition { text += " -n '\(condition)'" }
        text += " -l \(option.name)"
        if let short = option.short { text += " -s \(short)" }
        switch option.values {
        case .file, .directory: text += option.isFlag ? "" : " -r -F"
        case .choice(let words): text += " -x -a '\(words.joined(separator: " "))'"
        case .text, .number: text += option.isFlag ? "" : " -x"
        }
        return text + " -d '\(quoted(option.summary))'\n"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = ""
        for character in text {
            if character == "'" || character == "\\" { quoted += "\\" }
            quoted.append(character)
        }
        return quoted
    }
}
