import ShipyardAPI

/// `pool list`.
enum PoolListCommand {
    static let command = Command("list", "list the pools")
        .example("pool list", "shows every pool with its nodes")
        .example("pool list --raw", "prints the same as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let pools = try invocation.service().pools()
        let console = invocation.console
        if invocation.isRaw {
            console.printRaw(RawShape.pages("pools", pools.map(RawShape.pool)))
            return .done
        }
        guard !pools.isEmpty else {
            console.say("no pools found")
            return .done
        }
        var table = Table()
        for title in ["pool", "state", "allocation", "vm size"] { table.column(title) }
        for title in ["dedicated", "low priority", "slots"] { table.column(title, .right) }
        table.column("nodes")
        for pool in pools { table.row(row(pool)) }
        console.print(table)
        for pool in pools {
            if let problem = pool.problem { console.say("pool \(pool.id) can only be deleted: \(problem)") }
        }
        return .done
    }

    private static func row(_ pool: PoolResponse) -> [String] {
        let counts = pool.nodeCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return [
            pool.id, pool.state, pool.allocationState, pool.vmSize ?? "n/a",
            "\(pool.currentDedicatedNodes)/\(pool.targetDedicatedNodes)",
            "\(pool.currentLowPriorityNodes)/\(pool.targetLowPriorityNodes)",
            String(pool.taskSlotsPerNode), counts.joined(separator: ", "),
        ]
    }
}
