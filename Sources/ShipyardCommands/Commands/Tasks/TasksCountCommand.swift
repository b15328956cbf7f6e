import ShipyardAPI
import ShipyardModel

/// `jobs tasks count`.
enum TasksCountCommand {
    static let command = Command("count", "count the tasks of jobs by state")
        .options(SharedOptions.jobID)
        .example("jobs tasks count --jobid sweep", "shows how many tasks are active, running, completed")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let jobs = try SpecIDs(invocation).jobs()
        let service = try invocation.service()
        var table = Table()
        table.column("job")
        for title in ["active", "running", "completed", "succeeded", "failed"] { table.column(title, .right) }
        var raw: [(String, JSONValue?)] = []
        for job in jobs {
            let counts: TaskCountsResponse = try service.get(ServiceClient.job(job) / "taskcounts")
            raw.append((job, RawShape.taskCounts(counts)))
            let numbers = [counts.active, counts.running, counts.completed, counts.succeeded, counts.failed]
            table.row([job] + numbers.map(String.init))
        }
        invocation.isRaw ? invocation.console.printRaw(.present(raw)) : invocation.console.print(table)
        return .done
    }
}
