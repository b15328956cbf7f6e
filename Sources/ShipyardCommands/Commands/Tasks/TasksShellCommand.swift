import ShipyardAPI
import ShipyardDiagnostics

/// `jobs tasks shell`: a shell where a task is.
enum TasksShellCommand {
    static let command = Command("shell", "open a shell in a task's directory on its node, with its environment")
        .details(
            "The task's command is printed first, so that a step can be tried again by hand. The shell is $SHELL, or sh; what "
                + "stands after `--` runs instead of it. The exit code is that of the shell or the command.",
            "It has the task's variables, its secrets too. It belongs to the node by them: where the node goes, or its agent "
                + "dies, what runs in the shell is ended with it."
        )
        .takes(
            Argument("JOB", "the job", values: .id(.job)), Argument("TASK", "the task", values: .id(.task)),
            Argument("CMD", "after `--`: a command in place of the shell", optional: true, repeats: true)
        )
        .options(.value("attempt", "NUMBER", values: .number, "where this attempt was; default the latest"))
        .example("jobs tasks shell ingest convert", "steps into the directory of a task")
        .example("jobs tasks shell ingest convert -- ls -l", "runs one command there")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.ownWords
        guard words.count == 2 else {
            throw .usage("a command stands after `--`: `jobs tasks shell JOB TASK -- CMD`")
        }
        let path = ServiceClient.task(words[1], of: words[0]) / "reach"
        let place = try invocation.service().reach(path.query("attempt", invocation.arguments["attempt"]))
        let info = place.response
        let console = invocation.console
        console.say(
            DisplayText.printable(
                "task \(words[1]) of job \(words[0]), attempt \(info.attempt ?? 1) on \(info.nodeId) of pool \(info.poolId): "
                    + (info.state ?? "")))
        console.say(DisplayText.printable("  directory: \(info.directory)"))
        let command = info.commandLine.map { DisplayText.printableLines($0, indent: "    ") } ?? "(none)"
        console.say("  command: " + command)
        try place.become(invocation.arguments.foreignWords, invocation)
    }
}
