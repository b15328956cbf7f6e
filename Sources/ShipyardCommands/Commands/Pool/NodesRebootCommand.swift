import ShipyardAPI

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
