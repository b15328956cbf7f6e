/// `completion`: a script that completes command lines in a shell.
enum CompletionCommand {
    static let command = Command("completion", "print a completion script for a shell")
        .takes(Argument("SHELL", "bash, zsh or fish", values: .choice(["bash", "zsh", "fish"])))
        .example("completion bash > ~/.local/share/bash-completion/completions/shipyard-swift", "for bash")
        .example("completion zsh > ~/.zfunc/_shipyard-swift", "for zsh, with ~/.zfunc in $fpath")
        .example("completion fish > ~/.config/fish/completions/shipyard-swift.fish", "for fish")
        .runs { invocation throws(CommandFailure) in
            let output = invocation.console.output
            switch invocation.arguments.words[0] {
            case "bash": output.write(BashCompletion.script(of: CommandTree.root))
            case "zsh": output.write(ZshCompletion.script(of: CommandTree.root))
            case "fish": output.write(FishCompletion.script(of: CommandTree.root))
            default:
                let shell = invocation.arguments.words[0]
                throw .usage("there is no completion for `\(shell)`", help: "known: bash, zsh, fish")
            }
            return .done
        }
}

/// One position of the command line that a shell can complete: a group or command with what may follow.
struct CompletionEntry {
    /// Words after the program's name, joined by spaces; empty for the root.
    var path: String
    var subcommands: [Command]
    /// Its own and those of every command.
    var options: [Option]
    var argument: ValueKind?

    static func all(of root: Command) -> [CompletionEntry] {
        entries(root, path: [])
    }

    private static func entries(_ command: Command, path: [String]) -> [CompletionEntry] {
        let own = CompletionEntry(
            path: path.joined(separator: " "), subcommands: command.visibleSubcommands,
            options: command.options + CommonOptions.all.filter { !$0.isHidden },
            argument: command.arguments.last?.values)
        return [own] + command.visibleSubcommands.flatMap { entries($0, path: path + [$0.name]) }
    }
}
