import ShipyardAPI

/// `pool exists`: the exit code is the answer.
enum PoolExistsCommand {
    static let command = Command("exists", "exit with 0 if the pool exists, with 1 if not")
        .options(SharedOptions.poolID)
        .example("pool exists --poolid small || shipyard-swift pool add", "creates the pool only once")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = try SpecIDs(invocation).pool()
        let pool: PoolResponse? = try invocation.service().find(ServiceClient.pool(id))
        if invocation.isVerbose {
            invocation.console.say("pool \(id) \(pool == nil ? "does not exist" : "exists")")
        }
        return pool == nil ? .failed : .done
    }
}
