import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

extension ServiceCore {
    /// Makes the engine from the database and recovers the nodes that should be there.
    func restore(at now: Moment, _ isNewLife: Bool) throws(StoreError) {
        try store.discardUnfinishedSubmissions()
        let stored = try store.poolSpecs()
        for record in try store.pools() {
            switch Stored<PoolSpec>(stored[record.id], named: "its specification") {
            case .value(let spec):
                engine.restorePool(record, spec.rules)
                specs[record.id] = spec
            case .problem(let problem):
                store.report?("pool \(record.id) is kept aside: \(problem)")
                engine.restorePool(record, PoolRules(), problem: problem)
            }
        }
        for record in try store.nodes() { engine.restoreNode(record, diedWithTheMachine: isNewLife) }
        for row in try store.agentTokens() { restoreToken(row.text, of: engine.node(row.node, of: row.pool)) }
        for record in try store.removals() { engine.restoreRemoval(record) }
        var templates = StoredTemplates()
        for record in try store.jobs() { try restore(record, &templates) }
        for record in try store.nodeJobs() where !record.isRelease { engine.restoreNodeJob(record) }
        for record in try store.nodeJobs() where record.isRelease { engine.restoreNodeJob(record) }
        if let time = try store.lastSweep() { engine.restoreLastSweep(time) }
        try restoreSchedules()
        engine.finishRestoring(at: now)
        engine.finishRestoringSchedules(at: now)
        for node in engine.nodesToReach {
            // Its agent is yet to be started, and the token that was meant for it is gone with the service that made it.
            if engine.nodeRecord(node).state == .creating { engine.addWrites([newToken(for: node)]) }
            substrate.recover(node, description(of: node))
        }
    }

    private func restoreToken(_ text: String, of node: NodeHandle?) {
        guard let node else { return }
        if let digest = AgentTokenDigest(text) {
            tokens[node] = KnownToken(digest)
        } else if let token = AgentToken(text) {
            // Stored by a program that kept no digests.
            tokens[node] = KnownToken(token.digest)
            let record = engine.nodeRecord(node)
            engine.addWrites([.putAgentToken(record.pool, record.id, token.digest)])
        }
    }

    private func restore(
        _ record: JobRecord, _ templates: inout StoredTemplates
    ) throws(StoreError) {
        let plan: JobPlan
        switch Stored<JobPlan>(try store.plan(of: record.number), named: "its plan") {
        case .value(let value): plan = value
        case .problem(let problem): return try keepAside(record, problem)
        }
        var rules = JobRules(plan)
        switch try templates.rules(of: record.number, in: store) {
        case .value(let templates): rules.templates = templates
        case .problem(let problem): return try keepAside(record, problem)
        }
        guard record.state != .completed else {
            let counts = try store.taskCounts(of: record.number)
            return engine.restoreJob(record, rules, counts: counts)
        }
        engine.restoreJob(record, rules, counts: nil)
        plans[record.number] = plan
        var dependencies: [TaskDependencies] = []
        let problem = try restoreTasks(
            of: record, templateCount: rules.templates.count, Set(engine.nodes(of: record.pool).map(\.record.id)),
            &dependencies)
        if let problem {
            plans[record.number] = nil
            return try keepAside(record, problem)
        }
        for item in dependencies {
            engine.restoreDependencies(item.list, of: TaskKey(job: record.number, ordinal: item.ordinal))
        }
    }

    private func keepAside(_ record: JobRecord, _ problem: String) throws(StoreError) {
        store.report?("job \(record.id) is kept aside: \(problem)")
        let counts = try store.taskCounts(of: record.number)
        engine.restoreUnreadableJob(record, problem: problem, counts: counts)
    }

    /// Answers why nothing can be done with the job, where that is so.
    ///
    /// - Parameter nodes: those that may have tasks of it.
    func restoreTasks(
        of record: JobRecord, templateCount: Int, _ nodes: Set<NodeID>, _ dependencies: inout [TaskDependencies]
    ) throws(StoreError) -> String? {
        var (next, longest) = (0, 0)
        var waiting: [TaskDependencies] = []
        var unreadable = UnreadableTasks()
        try store.streamOutlines(of: record.number) { outline in
            longest = max(longest, Int(outline.key.ordinal) - next)
            next = Int(outline.key.ordinal) + 1
            guard longest <= Self.longestGap else { return }
            let isKnown = (0..<templateCount).contains(outline.template)
            engine.restoreTask(outline.key, template: isKnown ? outline.template : 0, number: outline.number)
            if !isKnown { unreadable.add(outline.key, "it has no template \(outline.template)") }
            guard let text = outline.dependencies else { return }
            if let list = Dependency.list(from: text), list.allSatisfy({ $0.isWithin(record.taskCount) }) {
                waiting.append(TaskDependencies(outline.key.ordinal, list))
            } else {
                unreadable.add(outline.key, "its dependencies are `\(text.prefix(100))`")
            }
        }
        longest = max(longest, record.taskCount - next)
        guard longest <= Self.longestGap else { return "\(longest) tasks in a row have no rows" }
        engine.restoreHoles(of: record.number)
        try store.streamProgress(of: record.number) { progress in
            engine.restoreProgress(unreadable.judged(progress, nodes))
        }
        for progress in unreadable.withoutProgress { engine.restoreProgress(progress) }
        engine.addWrites(unreadable.writes)
        for line in unreadable.lines { store.report?(line) }
        dependencies = waiting
        return nil
    }

    /// More tasks in a row than anybody deletes: a damaged number, and places for all of them would take the
    /// machine's memory.
    private static let longestGap = 10_000_000
}

extension Dependency {
    /// Whether what is waited for can be a task of a job of so many.
    func isWithin(_ taskCount: Int) -> Bool {
        switch upstream {
        case .task(let ordinal): ordinal < taskCount
        case .tasks(let range): range.upperBound < taskCount
        case .numbers: true
        }
    }
}

/// Tasks of a job whose rows make no sense. Each ends as failed, because nobody knows whether it has run, and the
/// rest of its job goes on.
private struct UnreadableTasks {
    private var reasons: [TaskKey: String] = [:]
    private(set) var writes: [StoreWrite] = []

    mutating func add(_ key: TaskKey, _ reason: String) { reasons[key] = reason }

    /// The progress as the engine may see it.
    mutating func judged(_ progress: TaskProgress, _ nodes: Set<NodeID>) -> TaskProgress {
        var reason = reasons.removeValue(forKey: progress.key)
        if progress.state == .preparing || progress.state == .running,
            progress.node.map(nodes.contains) != true
        {
            reason = "it runs on node `\(progress.node?.text ?? "")`, which is not there"
        }
        guard let reason, progress.state != .completed else { return progress }
        return end(progress, reason)
    }

    /// Those that had none.
    var withoutProgress: [TaskProgress] {
        mutating get {
            let left = reasons.sorted { $0.key.rawValue < $1.key.rawValue }
            reasons = [:]
            return left.map { end(TaskProgress(key: $0.key), $0.value) }
        }
    }

    private(set) var lines: [String] = []

    private mutating func end(_ progress: TaskProgress, _ reason: String) -> TaskProgress {
        let ended = TaskProgress.unreadable(progress, reason)
        writes.append(.putTask(ended))
        lines.append("task \(progress.key) is taken for failed: \(reason)")
        return ended
    }
}
