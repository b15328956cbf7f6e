import ShipyardAPI

/// `jobs migrate`: jobs go to another pool.
enum JobsMigrateCommand {
    static let command = Command("migrate", "move jobs to another pool")
        .details(
            "A job is disabled, gets the other pool, and is enabled again where it was enabled before. It can go where nothing of it "
                + "has run yet, or where its pool is gone: otherwise the nodes of that pool have its files."
        )
        .takes(JobSelection.argument)
        .options(
            SharedOptions.jobIDs,
            .value("poolid", "ID", aliases: ["pool-id"], values: .id(.pool), "the pool to which they go"),
            .flag("requeue", "end running tasks and requeue them (they are, always)")
        )
        .example("jobs migrate sweep --poolid large", "lets a job wait for another pool")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let pool = invocation.arguments["poolid"] else { throw .usage("`jobs migrate` needs `--poolid`: where to?") }
        let (service, selection) = (try invocation.service(), JobSelection(invocation))
        return try selection.walk(try selection.targets(service)) { target throws(CommandFailure) in
            guard case .job(let id) = target else {
                throw .usage(
                    "a job schedule is not moved: give its job another pool in the file, and `jobs add` it again")
            }
            try migrate(id, to: pool, service)
            invocation.console.say("job \(id) is in pool \(pool)")
            return true
        }.code
    }

    private static func migrate(_ id: String, to pool: String, _ service: ServiceClient) throws(CommandFailure) {
        let path = ServiceClient.job(id)
        var job: JobResponse = try service.get(path)
        let wasActive = job.state == "active"
        if wasActive { try service.post(path / "disable") }
        while wasActive, job.state == "active" || job.state == "disabling" {
            job = try service.waitForChange(of: id, seen: job.progressToken, seconds: 1)
        }
        do throws(CommandFailure) {
            try service.post(path / "migrate", ["poolId": pool])
        } catch {
            if wasActive { try service.post(path / "enable") }
            throw error
        }
        if wasActive { try service.post(path / "enable") }
    }
}
