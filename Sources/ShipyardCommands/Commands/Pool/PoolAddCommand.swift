import ShipyardAPI

/// `pool add`: creates the pool of pool.yaml and waits for its nodes.
enum PoolAddCommand {
    static let command = Command("add", "create the pool of pool.yaml")
        .details(
            "Waits until every node is idle or its start task has failed. A pool of the same id is an error "
                + "unless --recreate is given."
        )
        .options(
            .flag("recreate", "remove a pool of the same id first"),
            .flag("no-wait", "return as soon as the pool is taken")
        )
        .example("pool add --configdir jobs/etl", "creates the pool of jobs/etl/pool.yaml")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var request = try SpecFiles(invocation).submission(
            ["credentials", "config", "pool"], needed: ["pool"])
        request.recreate = invocation.has("recreate")
        let service = try invocation.service()
        let pool: PoolResponse = try service.post("/pools", request)
        invocation.console.say("pool \(pool.id) added")
        guard !invocation.has("no-wait") else { return .done }
        return try PoolWaiter(service, invocation.console).waitForNodes(of: pool.id)
    }
}
