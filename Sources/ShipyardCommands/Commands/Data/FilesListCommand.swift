import ShipyardAPI
import ShipyardDiagnostics

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
            return try show(task, of: job, service, invocation.console)
        }
        var code = ExitCode.done
        for job in try SpecIDs(invocation).jobs() {
            try service.eachTask(of: job) { page throws(CommandFailure) in
                for task in page where task.nodeInfo != nil {
                    if try show(task.id, of: job, service, invocation.console) != .done { code = .failed }
                }
                return !invocation.console.output.isClosed
            }
        }
        return code
    }

    /// A list that is not whole says so, with its exit code too: a script would take it for all there is.
    private static func show(
        _ task: String, of job: String, _ service: ServiceClient, _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let listing = try service.files(below: ServiceClient.task(task, of: job))
        let files = listing.value
        console.print("task \(task) of job \(job): \(counted(files.count, "file"))")
        var table = Table()
        table.column("bytes", .right)
        table.column("modified")
        table.column("file")
        for file in files {
            let size = file.isDirectory ? "" : String(file.contentLength)
            let target = file.linkTarget.map { " -> \($0)" } ?? ""
            table.row(size, file.lastModified, file.name + (file.isDirectory ? "/" : target))
        }
        if table.rowCount > 0 { console.print(table) }
        let leftOut = listing.leftOut ?? []
        for sentence in leftOut { console.warn("not listed: \(DisplayText.printable(sentence))") }
        return leftOut.isEmpty ? .done : .failed
    }
}
