extension PlanGraph {
    /// How often all slots of a pool must be filled, at least: no task begins in an earlier round than its place in the
    /// longest chain to it, and what comes from there on takes its own rounds.
    ///
    /// - Parameter needs: the slots that one task of a node takes.
    func rounds(slots: Int, _ needs: (Node) -> Int) -> Int {
        guard slots > 0 else { return 0 }
        // By level: what its tasks take together.
        var taken: [Int: Int] = [:]
        for (node, level) in zip(nodes, levels()) where node.count > 0 {
            let (product, overflow) = node.count.multipliedReportingOverflow(by: needs(node))
            taken[level] = min(.max / 2, taken[level, default: 0] + (overflow ? .max / 2 : product))
        }
        var (rounds, rest) = (0, 0)
        for (level, sum) in taken.sorted(by: { $0.key > $1.key }) {
            rest = min(.max / 2, rest + sum)
            rounds = max(rounds, level + (rest - 1) / slots + 1)
        }
        return rounds
    }
}
