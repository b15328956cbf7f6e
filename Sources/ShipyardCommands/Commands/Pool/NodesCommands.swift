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

/// `pool nodes count`.
enum NodesCountCommand {
    static let command = Command("count", "count the nodes of a pool by state")
        .options(SharedOptions.poolID)
        .example("pool nodes count --poolid small", "shows how many nodes are idle, running, …")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = try SpecIDs(invocation).pool()
        let nodes = try invocation.service().nodes(of: id)
        if invocation.isRaw {
            invocation.console.printRaw(RawShape.nodeCounts(of: id, nodes))
            return .done
        }
        var table = Table()
        table.column("state")
        table.column("dedicated", .right)
        table.column("low priority", .right)
        for state in Set(nodes.map(\.state)).sorted() { table.row(counts(of: state, nodes)) }
        table.row("total", String(nodes.count { $0.isDedicated }), String(nodes.count { !$0.isDedicated }))
        invocation.console.print(table)
        return .done
    }

    private static func counts(of state: String, _ nodes: [NodeResponse]) -> [String] {
        let matching = nodes.filter { $0.state == state }
        return [state, String(matching.count { $0.isDedicated }), String(matching.count { !$0.isDedicated })]
    }
}

/// `pool nodes reboot`: a new agent for a node.
enum NodesRebootCommand {
    static let command = Command("reboot", "start a node's agent anew")
        .details(
            "What runs on the node is ended and runs again; its start task runs again. A node whose agents died one "
                + "after the other is tried again at once."
        )
        .options(
            .flag("all-start-task-failed", "every node of the pool whose start task failed"),
            .value("nodeid", "ID", "the node"), SharedOptions.poolID
        )
        .example("pool nodes reboot --poolid small --nodeid node-2 -y", "starts one node anew")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let pool = try SpecIDs(invocation).pool()
        let service = try invocation.service()
        let (all, one) = (invocation.has("all-start-task-failed"), invocation.arguments["nodeid"])
        guard all != (one != nil) else {
            throw .usage("give either `--nodeid` or `--all-start-task-failed`")
        }
        var ids = one.map { [$0] } ?? []
        if all { ids = try service.nodes(of: pool).filter { $0.state == "startTaskFailed" }.map(\.id) }
        for id in ids {
            let isYes = invocation.has("yes")
            guard try invocation.console.confirm("rebooting node \(id) of pool \(pool)", yes: isYes) else {
                continue
            }
            try service.post(ServiceClient.pool(pool) / "nodes" / id / "reboot")
            invocation.console.say("node \(id) of pool \(pool) is being rebooted")
        }
        if ids.isEmpty { invocation.console.say("no nodes found in pool \(pool)") }
        return .done
    }
}
