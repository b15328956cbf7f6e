import ShipyardDiagnostics

extension JobPlanner {
    /// Looks at a factory of very many tasks without making them all: at the first ones, at the commands of those that
    /// differ most, and at where the ids lead.
    mutating func lookAt(
        _ position: Int, _ walk: FactoryWalk, _ command: EntryCommand?, count: Int, _ random: inout PythonRandom
    ) throws(PlanFailure) {
        var sink = DiscardingPlanSink()
        var made = 0
        var isGood = true
        try walk.run(&random) { item in
            guard made < PlanLimits.tasksLookedAt else { return false }
            made += 1
            isGood = make(position, command, &item, into: &sink)
            return isGood
        }
        guard isGood, !entries[position].isBroken else { return }
        try walk.corners { item in
            isGood = fillIn(command, item.arguments, position)
            return isGood
        }
        guard isGood else { return }
        guard nameMore(count - made, position) else {
            entries[position].isBroken = true
            return
        }
        entries[position].count = count
    }
}
