import Glibc
import ShipyardAPI

/// `jobs tasks term`: ends tasks that run or wait.
enum TasksTerminateCommand {
    static let command = Command("term", "terminate tasks that run or wait")
        .options(
            .flag("force", "also tasks that do not run yet (they are, always)"),
            SharedOptions.jobID, SharedOptions.taskID, SharedOptions.wait
        )
        .example("jobs tasks term --jobid sweep --taskid task-00007 -y", "ends one task")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let selection = try TaskSelection(invocation)
        var ended: [ServicePath] = []
        try selection.each("terminating") { path, task throws(CommandFailure) in
            guard task.state != "completed" else { return }
            try selection.client().post(path / "terminate")
            ended.append(path)
        }
        invocation.console.say("\(counted(ended.count, "task")) terminated")
        guard invocation.has("wait") else { return .done }
        for path in ended {
            while let task: TaskResponse = try selection.client().find(path), task.state != "completed" {
                usleep(50_000)
            }
        }
        return .done
    }
}
