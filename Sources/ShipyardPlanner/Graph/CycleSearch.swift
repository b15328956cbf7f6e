/// Finds a ring of entries that wait for each other, in time linear in entries and edges: a depth-first
/// search with its own stack, since a chain may be longer than any thread's.
struct CycleSearch {
    struct Edge {
        var target: Int
        /// Position in the entry's `depends_on`; nil for an edge of a number range.
        var reference: Int?
    }

    private enum Color { case unseen, open, finished }

    private struct Frame {
        var node: Int
        var edge = 0
        /// Where the walk through the number range stands.
        var layer = 0
        var position: Int?
    }

    let edges: [[Edge]]
    let ranges: [ClosedRange<Int>?]
    private var numbers: NumberLayers
    private var colors: [Color]

    init(edges: [[Edge]], ranges: [ClosedRange<Int>?], numbers: NumberLayers) {
        self.edges = edges
        self.ranges = ranges
        self.numbers = numbers
        colors = [Color](repeating: .unseen, count: edges.count)
    }

    /// The nodes of a ring, each with the edge to the one after it, the last back to the first.
    mutating func ring() -> [(node: Int, edge: Edge)]? {
        for node in edges.indices where colors[node] == .unseen {
            if let ring = search(from: node) { return ring }
        }
        return nil
    }

    private mutating func search(from root: Int) -> [(node: Int, edge: Edge)]? {
        var stack = [Frame(node: root)]
        var path: [Edge] = []
        colors[root] = .open
        while !stack.isEmpty {
            guard let edge = nextEdge(&stack[stack.count - 1]) else {
                colors[stack.removeLast().node] = .finished
                _ = path.popLast()
                continue
            }
            switch colors[edge.target] {
            case .finished: continue
            case .unseen:
                colors[edge.target] = .open
                path.append(edge)
                stack.append(Frame(node: edge.target))
            case .open:
                let start = stack.firstIndex { $0.node == edge.target } ?? 0
                let links = Array(path[start...]) + [edge]
                return zip(stack[start...], links).map { ($0.node, $1) }
            }
        }
        return nil
    }

    private mutating func nextEdge(_ frame: inout Frame) -> Edge? {
        if frame.edge < edges[frame.node].count {
            frame.edge += 1
            return edges[frame.node][frame.edge - 1]
        }
        guard let range = ranges[frame.node] else { return nil }
        while frame.layer < numbers.layers.count {
            let from = frame.position ?? numbers.position(of: range.lowerBound, layer: frame.layer)
            let position = numbers.unfinished(from: from, layer: frame.layer)
            guard position < numbers.layers[frame.layer].count,
                numbers.layers[frame.layer][position].lower <= range.upperBound
            else {
                frame.layer += 1
                frame.position = nil
                continue
            }
            frame.position = position
            let target = numbers.layers[frame.layer][position].entry
            if colors[target] == .finished {
                numbers.markFinished(position, layer: frame.layer)
                continue
            }
            return Edge(target: target, reference: nil)
        }
        return nil
    }
}
