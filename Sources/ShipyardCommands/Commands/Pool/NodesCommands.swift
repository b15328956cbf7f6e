import Glibc
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
            .value("nodeid", "ID", values: .id(.node), repeats: true, "the node"), SharedOptions.poolID
        )
        .example("pool nodes reboot --poolid small --nodeid node-2 -y", "starts one node anew")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let pool = try SpecIDs(invocation).pool()
        let service = try invocation.service()
        let all = invocation.has("all-start-task-failed")
        var ids = invocation.arguments.all("nodeid")
        guard all == ids.isEmpty else {
            throw .usage("give either `--nodeid` or `--all-start-task-failed`")
        }
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

/// `pool nodes del`: takes nodes out of a pool.
enum NodesDeleteCommand {
    private static let states = [
        ("all-start-task-failed", "startTaskFailed", "every node whose start task failed"),
        ("all-starting", "starting", "every node that starts"), ("all-unusable", "unusable", "every unusable node"),
    ]

    static let command: Command = {
        var command = Command("del", "remove nodes from a pool, with all that is on them")
            .details(
                "What runs there is ended and runs again on another node, and the pool wants as many nodes fewer: it makes no "
                    + "others in their place. `pool resize` takes away whichever nodes have the least to do, and waits for "
                    + "what runs."
            )
            .takes(
                Argument(
                    "NODE", "the nodes; default those of --nodeid", optional: true, repeats: true, values: .id(.node))
            )
            .example("pool nodes del --poolid small --nodeid node-2 -y", "removes one node")
            .example("pool nodes del --poolid small --all-unusable -y --wait", "removes those that are of no use")
            .runs(run)
        command.options =
            states.map { .flag($0.0, $0.2) }
            + [
                .value("nodeid", "ID", values: .id(.node), repeats: true, "the node"), SharedOptions.poolID,
                SharedOptions.wait,
            ]
        return command
    }()

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        let wanted = states.filter { invocation.has($0.0) }.map(\.1)
        var ids = invocation.arguments.words + invocation.arguments.all("nodeid")
        guard wanted.isEmpty != ids.isEmpty else {
            throw .usage("give either nodes or one of " + states.map { "`--\($0.0)`" }.joined(separator: ", "))
        }
        let pool = try SpecIDs(invocation).pool()
        let service = try invocation.service()
        if !wanted.isEmpty {
            ids = try service.nodes(of: pool).filter { node in
                wanted.contains(node.state) || node.state == "creating" && wanted.contains("starting")
            }.map(\.id)
            if ids.isEmpty { console.say("no nodes found in pool \(pool)") }
        }
        var (outcome, deleted) = (ExitCode.done, [String]())
        for id in ids where !deleted.contains(id) {
            guard try console.confirm("deleting node \(id) of pool \(pool)", yes: invocation.has("yes")) else { continue }
            do throws(CommandFailure) {
                try service.delete(ServiceClient.pool(pool) / "nodes" / id)
                console.say("node \(id) of pool \(pool) is being deleted")
                deleted.append(id)
            } catch {
                guard error.code == .failed else { throw error }
                console.report(error)
                outcome = .failed
            }
        }
        while invocation.has("wait"), !deleted.isEmpty {
            let list = try service.find(ServiceClient.pool(pool) / "nodes", as: ListResponse<NodeResponse>.self)
            let present = Set((list?.value ?? []).map(\.id))
            for id in deleted where !present.contains(id) { console.say("node \(id) is deleted") }
            deleted.removeAll { !present.contains($0) }
            usleep(50_000)
        }
        return outcome
    }
}
