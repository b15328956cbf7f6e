import ShipyardAPI
import ShipyardSystem

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
        .example("pool add --configdir etl", "creates the pool of etl/pool.yaml")
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

/// `pool resize`: brings a pool to the numbers of nodes in pool.yaml.
enum PoolResizeCommand {
    static let command = Command("resize", "bring the pool to the vm_count of pool.yaml")
        .options(.flag("wait", "wait until the nodes are ready"))
        .example("pool resize --pool pools/large.yaml --wait", "adds or removes nodes, then waits")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (id, target) = try SpecIDs(invocation).resizeTarget()
        let service = try invocation.service()
        try service.post(ServiceClient.pool(id) / "resize", target)
        invocation.console.say(
            "pool \(id) resizes to \(target.targetDedicatedNodes) dedicated and "
                + "\(target.targetLowPriorityNodes) low-priority nodes")
        guard invocation.has("wait") else { return .done }
        return try PoolWaiter(service, invocation.console).waitForNodes(of: id)
    }
}

/// `pool stats`: how busy a pool's nodes are and what they have run.
enum PoolStatsCommand {
    static let command = Command("stats", "show how busy a pool's nodes are")
        .options(SharedOptions.poolID)
        .example("pool stats --poolid small", "counts nodes, slots and tasks")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = try SpecIDs(invocation).pool()
        let service = try invocation.service()
        let pool: PoolResponse = try service.get(ServiceClient.pool(id))
        let nodes = try service.nodes(of: id)
        for line in lines(pool, nodes) { invocation.console.print(line) }
        return .done
    }

    static func lines(_ pool: PoolResponse, _ nodes: [NodeResponse]) -> [String] {
        let slots = nodes.count * pool.taskSlotsPerNode
        let used = nodes.reduce(0) { $0 + $1.runningTaskSlotsCount }
        let run = nodes.reduce(0) { $0 + $1.totalTasksRun }
        let succeeded = nodes.reduce(0) { $0 + $1.totalTasksSucceeded }
        let states = pool.nodeCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return [
            "pool \(pool.id): \(pool.state), allocation \(pool.allocationState), created \(LocalTime.text(pool.creationTime, at: SystemClock.now()))",
            "  nodes: \(nodes.count) (\(pool.currentDedicatedNodes) dedicated, "
                + "\(pool.currentLowPriorityNodes) low priority): " + states.joined(separator: ", "),
            "  task slots: \(used) of \(slots) in use" + (slots > 0 ? " (\(used * 100 / slots) %)" : ""),
            "  tasks run: \(run), of which \(succeeded) succeeded",
        ]
    }
}
