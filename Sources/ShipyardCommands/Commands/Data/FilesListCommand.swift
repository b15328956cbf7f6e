import ShipyardAPI

/// `data files list`.
enum FilesListCommand {
    static let command = Command("list", "list the files of tasks")
        .options(SharedOptions.jobID, SharedOptions.taskID)
        .example("data files list --jobid sweep --taskid task-00007", "lists what one task left behind")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        if let task = invocation.arguments["taskid"] {
            let job = try SpecIDs(invocation).singleJob(for: "taskid")
            try show(task, of: job, service, invocation.console)
            return .done
        }
        for job in try SpecIDs(invocation).jobs() {
            try service.eachTask(of: job) { page throws(CommandFailure) in
                for task in page where task.nodeInfo != nil {
                    try show(task.id, of: job, service, invocation.console)
                }
                return !invocation.console.output.isClosed
            }
        }
        return .done
    }

    private static func show(
        _ task: String, of job: String, _ service: ServiceClient, _ console: Console
    ) throws(CommandFailure) {
        let files = try service.files(below: ServiceClient.task(task, of: job))
        console.print("task \(task) of job \(job): \(counted(files.count, "file"))")
        var table = Table()
        table.column("bytes", .right)
        table.column("modified")
        table.column("file")
        for file in files {
            let size = file.isDirectory ? "" : String(file.contentLength)
            table.row(size, file.lastModified, file.name + (file.isDirectory ? "/" : ""))
        }
        if !table.isEmpty { console.print(table) }
    }
}
