/// The completion script for bash. It is a table of words by path, so no program runs at each tab.
enum BashCompletion {
    static func script(of root: Command) -> String {
        var (words, values) = ("", "")
        for entry in CompletionEntry.all(of: root) {
            let names = entry.subcommands.map(\.name) + choices(entry.argument)
            let options = entry.options.map { "--\($0.name)" }
            words += "        '\(entry.path)') words='\(names.joined(separator: " "))'; "
            words += "options='\(options.joined(separator: " "))' ;;\n"
        }
        for option in uniqueValueOptions(of: root) {
            values += "        --\(option.name)) \(action(option)) ;;\n"
        }
        return """
            # bash completion of shipyard-swift
            _shipyard_swift() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
                local path='' word words='' options='' index
                COMPREPLY=()
                case $previous in
            \(values)    esac
                for ((index = 1; index < COMP_CWORD; index++)); do
                    word=${COMP_WORDS[index]}
                    case "$path $word" in
            \(paths(of: root))        esac
                done
                case $path in
            \(words)    esac
                if [[ $current == -* ]]; then
                    COMPREPLY=($(compgen -W "$options" -- "$current"))
                elif [[ -n $words ]]; then
                    COMPREPLY=($(compgen -W "$words" -- "$current"))
                else
                    COMPREPLY=($(compgen -f -- "$current"))
                fi
            }
            complete -o filenames -F _shipyard_swift shipyard-swift

            """
    }

    private static func paths(of root: Command) -> String {
        let paths = CompletionEntry.all(of: root).map(\.path).filter { !$0.isEmpty }
        return paths.map { path in
            // At the top the path so far is empty, which leaves the space in front.
            let pattern = path.contains(" ") ? path : " " + path
            return "            '\(pattern)') path='\(path)' ;;\n"
        }.joined()
    }

    private static func choices(_ kind: ValueKind?) -> [String] {
        if case .choice(let words) = kind { words } else { [] }
    }

    private static func uniqueValueOptions(of root: Command) -> [Option] {
        var byName: [String: Option] = [:]
        for entry in CompletionEntry.all(of: root) {
            for option in entry.options where !option.isFlag && byName[option.name] == nil {
                byName[option.name] = option
            }
        }
        return byName.values.sorted { $0.name < $1.name }
    }

    private static func action(_ option: Option) -> String {
        switch option.values {
        case .file: "COMPREPLY=($(compgen -f -- \"$current\")); return"
        case .directory: "COMPREPLY=($(compgen -d -- \"$current\")); return"
        case .choice(let words):
            "COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$current\")); return"
        case .text, .number: "return"
        }
    }
}
