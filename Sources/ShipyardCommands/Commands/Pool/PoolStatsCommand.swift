import ShipyardAPI

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
            "pool \(pool.id): \(pool.state), allocation \(pool.allocationState), created \(pool.creationTime)",
            "  nodes: \(nodes.count) (\(pool.currentDedicatedNodes) dedicated, "
                + "\(pool.currentLowPriorityNodes) low priority): " + states.joined(separator: ", "),
            "  task slots: \(used) of \(slots) in use" + (slots > 0 ? " (\(used * 100 / slots) %)" : ""),
            "  tasks run: \(run), of which \(succeeded) succeeded",
        ]
    }
}
