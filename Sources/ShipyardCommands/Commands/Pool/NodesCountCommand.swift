import ShipyardAPI

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
