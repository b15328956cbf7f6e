/// `commands-page`: prints `docs/commands.md`, which is generated from the tree of commands.
enum CommandsPageCommand {
    static let command: Command = {
        var command = Command("commands-page", "print docs/commands.md")
        command.isHidden = true
        return command.runs { invocation throws(CommandFailure) in
            invocation.console.output.write(CommandsPage.text)
            return .done
        }
    }()
}
