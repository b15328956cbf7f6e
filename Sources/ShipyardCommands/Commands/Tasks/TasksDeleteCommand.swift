import ShipyardAPI

/// `jobs tasks del`: removes tasks with their records and files.
enum TasksDeleteCommand {
    static let command = Command("del", "delete tasks with their records and files")
        .options(SharedOptions.jobID, SharedOptions.taskID, SharedOptions.wait)
        .example("jobs tasks del --jobid sweep --taskid task-00007 -y", "deletes one task")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let selection = try TaskSelection(invocation)
        var removals: [(job: String, removal: DeletionResponse)] = []
        try selection.each("deleting") { path, task throws(CommandFailure) in
            removals.append((task.jobId, try selection.client().deleteWithFiles(path)))
        }
        let count = counted(removals.count, "task")
        guard invocation.has("wait") else {
            invocation.console.say("\(count) deleted; nodes are removing the files")
            return .done
        }
        var isGone = true
        let waiter = FileRemovalWaiter(selection.client(), invocation.console)
        for (job, removal) in removals where try !waiter.wait(for: removal, of: job) { isGone = false }
        invocation.console.say(isGone ? "\(count) deleted" : "\(count) deleted, some of their files are not")
        return isGone ? .done : .failed
    }
}
