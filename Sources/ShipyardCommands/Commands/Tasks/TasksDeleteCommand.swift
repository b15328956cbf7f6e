import Glibc
import ShipyardAPI

/// `jobs tasks del`: removes tasks with their records and files.
enum TasksDeleteCommand {
    static let command = Command("del", "delete tasks with their records and files")
        .options(SharedOptions.jobID, SharedOptions.taskID, SharedOptions.wait)
        .example("jobs tasks del --jobid sweep --taskid task-00007 -y", "deletes one task")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let selection = try TaskSelection(invocation)
        var deleted: [ServicePath] = []
        try selection.each("deleting") { path, _ throws(CommandFailure) in
            try selection.client().delete(path)
            deleted.append(path)
        }
        invocation.console.say("\(counted(deleted.count, "task")) deleted")
        guard invocation.has("wait") else { return .done }
        for path in deleted {
            while try selection.client().find(path, as: TaskResponse.self) != nil { usleep(50_000) }
        }
        return .done
    }
}
