import ShipyardModel

/// Prints the graphs of a plan for Graphviz (`dot`) or for Markdown (`mermaid`): a node for each entry of
/// `tasks`, an arrow from what runs first to what waits for it.
package struct GraphPlanSink<Failure: Error>: PlanSink {
    package enum Language: Sendable { case dot, mermaid }

    private let language: Language
    private var output: PlanOutput<Failure>
    private var jobCount = 0

    package init(_ language: Language, _ write: @escaping ([UInt8]) throws(Failure) -> Void) {
        self.language = language
        output = PlanOutput(write)
    }

    package mutating func jobBegan(_ job: JobPlan) throws(Failure) {}
    package mutating func task(_ task: TaskPlan) throws(Failure) {}

    package mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Failure) {
        if jobCount == 0 {
            output.append(
                language == .dot ? "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n" : "flowchart LR\n")
        }
        beginJob(job)
        for (position, node) in graph.nodes.enumerated() where node.count > 0 {
            appendNode(position, node)
            try output.flushIfFull()
        }
        output.append(language == .dot ? "  }\n" : "  end\n")
        for edge in graph.edges { try appendEdge(from: edge.dependency, to: edge.node) }
        for (merge, node) in graph.nodes.enumerated() where node.isMerge {
            for (other, task) in graph.nodes.enumerated() where task.count > 0 && !task.isMerge {
                try appendEdge(from: other, to: merge)
            }
        }
        if !graph.isWhole {
            let note = "not all edges of number ranges are shown"
            output.append(language == .dot ? "  // \(note)\n" : "  %% \(note)\n")
        }
        jobCount += 1
        try output.flush()
    }

    /// Closes the text. To be called once, after all jobs.
    package mutating func finish() throws(Failure) {
        if language == .dot { output.append(jobCount == 0 ? "digraph plan {\n}\n" : "}\n") }
        try output.flush()
    }

    private mutating func beginJob(_ job: JobPlan) {
        switch language {
        case .dot: output.append("  subgraph cluster_\(jobCount) {\n    label=\"\(job.id)\";\n")
        case .mermaid: output.append("  subgraph j\(jobCount)[\"\(job.id)\"]\n")
        }
    }

    /// Ids need no quoting: they are letters, digits, `-` and `_`.
    private mutating func appendNode(_ position: Int, _ node: PlanGraph.Node) {
        let isGroup = node.count > 1
        switch language {
        case .dot:
            let label = isGroup ? "\(node.firstID) … \(node.lastID)\\n\(node.count) tasks" : node.firstID
            let style = node.isMerge ? ", shape=hexagon" : isGroup ? ", peripheries=2" : ""
            output.append("    \(name(position)) [label=\"\(label)\"\(style)];\n")
        case .mermaid:
            let label = isGroup ? "\(node.firstID) … \(node.lastID)<br>\(node.count) tasks" : node.firstID
            let (open, close) = node.isMerge ? ("{{", "}}") : isGroup ? ("[[", "]]") : ("[", "]")
            output.append("    \(name(position))\(open)\"\(label)\"\(close)\n")
        }
    }

    private mutating func appendEdge(from: Int, to: Int) throws(Failure) {
        let arrow = language == .dot ? "->" : "-->"
        output.append("  \(name(from)) \(arrow) \(name(to))\(language == .dot ? ";" : "")\n")
        try output.flushIfFull()
    }

    private func name(_ position: Int) -> String { "j\(jobCount)_\(position)" }
}
