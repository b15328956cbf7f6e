import ShipyardAPI

/// `pool add`: creates the pool of pool.yaml and waits for its nodes.
enum PoolAddCommand {
    static let command = Command("add", "create the pool of pool.yaml")
        .details(
            "Waits until every node is idle or its start task has failed. A pool of the same id is an error "
                + "unless --recreate is given."
        )
        .options(
            .flag("recreate", "remove a pool of the same id first"), SharedOptions.strict,
            .flag("no-wait", "return as soon as the pool is taken")
        )
        .example("pool add --configdir jobs/etl", "creates the pool of jobs/etl/pool.yaml")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var request = try SpecFiles(invocation).submission(
            ["credentials", "config", "pool"], needed: ["pool"])
        request.recreate = invocation.has("recreate")
        request.isStrict = invocation.has("strict")
        let service = try invocation.service()
        if request.recreate, try !mayRecreate(service, invocation) { return .done }
        let pool: PoolResponse = try service.submit("/pools", request)
        invocation.console.say("pool \(pool.id) added")
        guard !invocation.has("no-wait") else { return .done }
        return try PoolWaiter(service, invocation.console).waitForNodes(of: pool.id)
    }

    /// `--recreate` loses what is on the nodes: says so, and asks where somebody can answer.
    private static func mayRecreate(
        _ service: ServiceClient, _ invocation: Invocation
    ) throws(CommandFailure) -> Bool {
        let id = try SpecIDs(invocation).pool()
        guard let pool: PoolResponse = try service.find(ServiceClient.pool(id)) else { return true }
        let question = Losses.deleting(pool, jobs: try service.jobs())
        guard invocation.console.canAsk, !invocation.has("yes") else {
            invocation.console.say(question)
            return true
        }
        return try invocation.console.confirm(question, yes: false)
    }
}
