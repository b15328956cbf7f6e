import ShipyardAPI

/// `pool del`: removes a pool and everything its nodes hold.
enum PoolDeleteCommand {
    static let command = Command("del", "remove a pool and all that is on its nodes")
        .options(SharedOptions.poolID, .flag("wait", "wait until it is gone and show what was checked"))
        .example("pool del --poolid small --wait -y", "removes the pool without asking")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = try SpecIDs(invocation).pool()
        let console = invocation.console
        guard try isMeant(id, invocation) else { return .done }
        let service = try invocation.service()
        try service.delete(ServiceClient.pool(id))
        guard invocation.has("wait") else {
            console.say("pool \(id) is being deleted")
            return .done
        }
        let removal = try PoolWaiter(service, console).waitForRemoval(of: id)
        guard let removal else {
            console.say("pool \(id) removed")
            return .done
        }
        PoolWaiter.report(removal, on: console)
        return removal.isComplete ? .done : .failed
    }

    /// Asks with what will be lost; where nobody is asked, nothing is looked up.
    static func isMeant(_ id: String, _ invocation: Invocation) throws(CommandFailure) -> Bool {
        let (console, isYes) = (invocation.console, invocation.has("yes"))
        guard !isYes, console.canAsk else { return try console.confirm("deleting pool \(id)", yes: isYes) }
        let service = try invocation.service()
        guard let pool: PoolResponse = try service.find(ServiceClient.pool(id)) else {
            return try console.confirm("deleting pool \(id)", yes: false)
        }
        return try console.confirm(Losses.deleting(pool, jobs: try service.jobs()), yes: false)
    }
}
