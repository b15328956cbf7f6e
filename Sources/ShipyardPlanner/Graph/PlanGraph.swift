/// The shape of one job's plan. A node is an entry of `tasks`: all tasks of a factory wait for the same, so
/// the graph of entries has a cycle exactly where the graph of tasks has one, and stays small.
package struct PlanGraph: Sendable {
    package struct Node: Sendable {
        /// Position in `JobPlan.templates`.
        package var template: Int
        package var firstID: String
        package var lastID: String
        package var count: Int
        package var isMerge: Bool
        package var isFactory: Bool
    }

    /// `node` waits for `dependency`; both are positions in `nodes`.
    package struct Edge: Sendable, Hashable {
        package var node: Int
        package var dependency: Int
    }

    package var nodes: [Node] = []
    /// Without those of the merge task, which waits for every other node. At most `edgeLimit`.
    package var edges: [Edge] = []
    /// False when number ranges stand for more edges than are listed.
    package var isWhole = true
    /// Tasks of the longest chain, and the most tasks that may run side by side; nil unless `isWhole`.
    package var depth: Int?
    package var width: Int?

    /// A picture of more edges helps nobody, and ranges over ranges can stand for billions.
    static let edgeLimit = 200_000

    /// Sets `depth` and `width`. The graph must have no cycle.
    mutating func measure() {
        guard isWhole else { return }
        let level = levels()
        var tasks: [Int: Int] = [:]
        var deepest = 0
        for node in nodes.indices where nodes[node].count > 0 && !nodes[node].isMerge {
            tasks[level[node], default: 0] += nodes[node].count
            deepest = max(deepest, level[node] + 1)
        }
        let hasMerge = nodes.contains { $0.isMerge && $0.count > 0 }
        depth = deepest + (hasMerge ? 1 : 0)
        width = max(tasks.values.max() ?? 0, hasMerge ? 1 : 0)
    }

    /// For each node how many tasks stand before it in the longest chain; of edges that are not listed nothing is known.
    func levels() -> [Int] {
        var waiting = [Int](repeating: 0, count: nodes.count)
        var dependants = [[Int]](repeating: [], count: nodes.count)
        for edge in edges {
            waiting[edge.node] += 1
            dependants[edge.dependency].append(edge.node)
        }
        var level = [Int](repeating: 0, count: nodes.count)
        var ready = nodes.indices.filter { waiting[$0] == 0 }
        while let node = ready.popLast() {
            for dependant in dependants[node] {
                level[dependant] = max(level[dependant], level[node] + (nodes[node].count > 0 ? 1 : 0))
                waiting[dependant] -= 1
                if waiting[dependant] == 0 { ready.append(dependant) }
            }
        }
        let last = nodes.indices.filter { nodes[$0].count > 0 && !nodes[$0].isMerge }.map { level[$0] + 1 }.max() ?? 0
        for index in nodes.indices where nodes[index].isMerge { level[index] = last }
        return level
    }
}
