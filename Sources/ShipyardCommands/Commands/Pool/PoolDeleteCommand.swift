import ShipyardAPI
import ShipyardDiagnostics

/// `pool del`: removes a pool and everything its nodes hold.
enum PoolDeleteCommand {
    static let command = Command("del", "remove a pool and all that is on its nodes")
        .details(
            "A home whose state file was moved away or replaced still has the nodes of the old one, with agents and "
                + "perhaps tasks that no command reaches any more. --orphans ends them and deletes their directories."
        )
        .takes(Argument("POOL", "the pool; default that of --poolid or pool.yaml", optional: true, values: .id(.pool)))
        .options(
            SharedOptions.poolID, .flag("wait", "wait until it is gone and show what was checked"),
            .flag("orphans", "remove what is left of nodes that the state does not know")
        )
        .example("pool del small --wait -y", "removes the pool without asking")
        .example("pool del --orphans", "shows what another state file has left, and removes it")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        if invocation.has("orphans") { return try removeOrphans(invocation) }
        let word = invocation.arguments.words.first
        guard word == nil || invocation.arguments["poolid"] == nil else { throw .usage("POOL and `--poolid` exclude each other") }
        let id = if let word { word } else { try SpecIDs(invocation).pool() }
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

    private static func removeOrphans(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard invocation.arguments["poolid"] == nil, invocation.arguments.words.isEmpty else {
            throw .usage("`--orphans` is for nodes of no pool; it does not go with one")
        }
        let (service, console) = (try invocation.service(), invocation.console)
        let orphans = try service.orphans()
        guard !orphans.isEmpty else {
            console.say("there is nothing that the state does not know")
            return .done
        }
        for orphan in orphans {
            console.print(
                "\(DisplayText.printable(orphan.path))\(orphan.hasAgent ? ", an agent lives there" : "")")
        }
        let what = "ending and deleting \(counted(orphans.count, "node")) that the state does not know"
        guard try console.confirm(what, yes: invocation.has("yes")) else { return .done }
        var hasProblems = false
        for removed in try service.removeOrphans() {
            let problems = removed.problems ?? []
            hasProblems = hasProblems || !problems.isEmpty
            let ended = removed.processesEnded ?? 0
            console.say(
                "\(DisplayText.printable(removed.path)): \(ended) process\(ended == 1 ? "" : "es") ended,"
                    + " \(problems.isEmpty ? "nothing left" : "left:")")
            for problem in problems { console.say("  \(DisplayText.printable(problem))") }
        }
        return hasProblems ? .failed : .done
    }
}
