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
