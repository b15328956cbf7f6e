import ShipyardModel
import ShipyardSpecs

/// Prints what a person wants to know before submitting: how many tasks, called what, waiting for what, and
/// how they fit the pool.
package struct SummaryPlanSink<Failure: Error>: PlanSink {
    private let pool: PoolSpec?
    private var output: PlanOutput<Failure>
    /// A blank line stands between two jobs, none after the last.
    private var needsSeparator = false

    package init(pool: PoolSpec?, _ write: @escaping ([UInt8]) throws(Failure) -> Void) {
        self.pool = pool
        output = PlanOutput(write)
    }

    package mutating func jobBegan(_ job: JobPlan) throws(Failure) {}
    package mutating func task(_ task: TaskPlan) throws(Failure) {}

    package mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(Failure) {
        if needsSeparator { output.append("\n") }
        needsSeparator = true
        let kind = job.isJobSchedule ? "job schedule" : "job"
        output.append("\(kind) \(job.id): \(Self.tasks(job.taskCount))\n")
        var waits = [[Int]](repeating: [], count: graph.nodes.count)
        for edge in graph.edges where waits[edge.node].count <= Self.shownDependencies {
            waits[edge.node].append(edge.dependency)
        }
        let hidden = graph.nodes.count - Self.shownEntries
        for (position, node) in graph.nodes.enumerated() where position < Self.shownEntries || node.isMerge {
            let names = waits[position].map { Self.name(of: graph.nodes[$0]) }
            appendEntry(node, job.templates[node.template], waitsFor: names)
        }
        if hidden > 0 { output.append("  … and \(hidden) more entries\n") }
        appendShape(graph)
        appendSettings(job)
        appendFit(job, graph)
        try output.flush()
    }

    private static func tasks(_ count: Int) -> String { count == 1 ? "1 task" : "\(count) tasks" }

    /// A page of entries tells what kind of job it is; `jsonl` has them all.
    private static var shownEntries: Int { 40 }
    private static var shownDependencies: Int { 3 }

    private static func name(of node: PlanGraph.Node) -> String {
        switch node.count {
        case 0: "(no task)"
        case 1: node.firstID
        default: "\(node.firstID) … \(node.lastID)"
        }
    }

    private mutating func appendEntry(
        _ node: PlanGraph.Node, _ template: TaskTemplate, waitsFor names: [String]
    ) {
        var facts = [node.isMerge ? "merge task" : Self.tasks(node.count)]
        if node.isFactory { facts.append("factory") }
        if template.requiredSlots != 1 { facts.append("\(template.requiredSlots) slots each") }
        if let instances = template.multiInstance?.numInstances { facts.append("\(instances) instances") }
        if template.maxTaskRetries != 0 {
            facts.append(
                template.maxTaskRetries < 0 ? "retries without limit" : "\(template.maxTaskRetries) retries")
        }
        if node.isMerge {
            facts.append("waits for all others")
        } else if !names.isEmpty {
            let shown = names.prefix(Self.shownDependencies).joined(separator: ", ")
            facts.append("waits for " + shown + (names.count > Self.shownDependencies ? ", …" : ""))
        }
        output.append("  \(Self.name(of: node)): \(facts.joined(separator: ", "))\n")
    }

    private mutating func appendShape(_ graph: PlanGraph) {
        guard let depth = graph.depth, let width = graph.width, depth > 0 else { return }
        output.append("  longest chain \(Self.tasks(depth)), at most \(width) side by side\n")
    }

    private mutating func appendSettings(_ job: JobPlan) {
        var facts: [String] = []
        if job.priority != 0 { facts.append("priority \(job.priority)") }
        if job.autoComplete { facts.append("completes by itself") }
        if let limit = job.maxWallTime { facts.append("ends after \(limit.milliseconds / 1000) s") }
        if job.preparationCommand != nil { facts.append("has a preparation task") }
        if job.releaseCommand != nil { facts.append("has a release task") }
        if job.autoPool != nil { facts.append("makes its own pool") }
        if let recurrence = job.recurrence {
            facts.append("every \(recurrence.interval.milliseconds / 1000) s")
        }
        if !facts.isEmpty { output.append("  \(facts.joined(separator: ", "))\n") }
    }

    private mutating func appendFit(_ job: JobPlan, _ graph: PlanGraph) {
        guard let pool else { return }
        let nodes = pool.dedicatedNodes + pool.lowPriorityNodes
        let slots = nodes * pool.taskSlotsPerNode
        output.append(
            "  pool \(pool.id): \(nodes) \(nodes == 1 ? "node" : "nodes") with \(pool.taskSlotsPerNode) "
                + (pool.taskSlotsPerNode == 1 ? "slot" : "slots"))
        guard slots > 0, !pool.hasAutoscale else {
            output.append(
                pool.hasAutoscale ? ", sized by autoscale\n" : ": nothing runs before it is resized\n")
            return
        }
        let rounds = graph.rounds(slots: slots) { job.templates[$0.template].requiredSlots }
        output.append(rounds <= 1 ? ", all fit at once\n" : ", at least \(rounds) rounds\n")
    }
}
