import ShipyardAPI

/// `pool nodes list`.
enum NodesListCommand {
    static let command = Command("list", "list the nodes of a pool")
        .options(
            SharedOptions.poolID,
            .flag("start-task-failed", "only nodes whose start task failed"),
            .flag("unusable", "only unusable nodes")
        )
        .example("pool nodes list --poolid small", "shows each node, its state and its directory")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = try SpecIDs(invocation).pool()
        var nodes = try invocation.service().nodes(of: id)
        var wanted: [String] = []
        if invocation.has("start-task-failed") { wanted.append("startTaskFailed") }
        if invocation.has("unusable") { wanted.append("unusable") }
        if !wanted.isEmpty { nodes = nodes.filter { wanted.contains($0.state) } }
        show(nodes, of: id, invocation)
        return .done
    }

    private static func show(_ nodes: [NodeResponse], of pool: String, _ invocation: Invocation) {
        let console = invocation.console
        if invocation.isRaw {
            return console.printRaw(RawShape.pages("pools/\(pool)/nodes", nodes.map(RawShape.node)))
        }
        guard !nodes.isEmpty else { return console.say("no nodes found in pool \(pool)") }
        var table = Table()
        for title in ["node", "state", "kind"] { table.column(title) }
        for title in ["running", "slots used", "tasks run", "succeeded"] { table.column(title, .right) }
        for title in ["start task", "directory"] { table.column(title) }
        for node in nodes {
            table.row(
                node.id, node.state, node.isDedicated ? "dedicated" : "low priority",
                String(node.runningTasksCount), String(node.runningTaskSlotsCount),
                String(node.totalTasksRun), String(node.totalTasksSucceeded),
                node.startTaskInfo.map(startTask) ?? "none", node.rootDirectory)
        }
        console.print(table)
        for node in nodes {
            guard let reason = node.cannotStartReason else { continue }
            console.say("\(node.id) cannot start work: \(reason)")
        }
    }

    private static func startTask(_ info: ExecutionResponse) -> String {
        guard let result = info.result else { return "running" }
        return info.exitCode.map { "\(result) (exit code \($0))" } ?? result
    }
}
