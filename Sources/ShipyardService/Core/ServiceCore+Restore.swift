import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

extension ServiceCore {
    /// Makes the engine from the database and reaches for the agents that should be alive.
    func restore(at now: Instant) throws(StoreError) {
        try store.discardUnfinishedSubmissions()
        for record in try store.pools() {
            let spec: PoolSpec = decoded(record.specification)
            engine.restorePool(record, spec.rules)
        }
        for record in try store.nodes() { engine.restoreNode(record) }
        for record in try store.jobs() { try restore(record) }
        for record in try store.nodeJobs() where !record.isRelease { engine.restoreNodeJob(record) }
        for record in try store.nodeJobs() where record.isRelease { engine.restoreNodeJob(record) }
        engine.finishRestoring(at: now)
        for node in engine.nodesToReach { world.reach(node, identity(of: node)) }
    }

    private func restore(_ record: JobRecord) throws(StoreError) {
        let plan: JobPlan = decoded(record.plan)
        retentions[record.number] = plan.templates.map(\.retentionTime)
        guard record.state != .completed else {
            let counts = try store.taskCounts(of: record.number)
            return engine.restoreJob(record, JobRules(plan), counts: counts)
        }
        engine.restoreJob(record, JobRules(plan), counts: nil)
        plans[record.number] = plan
        var waiting: [(TaskKey, [Dependency])] = []
        try store.streamOutlines(of: record.number) { outline in
            engine.restoreTask(outline.key, template: outline.template, number: outline.number)
            guard let text = outline.dependencies else { return }
            guard let list = Dependency.list(from: text) else {
                invariantFailure("task \(outline.key) has dependencies that cannot be read: \(text)")
            }
            waiting.append((outline.key, list))
        }
        try store.streamProgress(of: record.number) { progress in engine.restoreProgress(progress) }
        for (key, dependencies) in waiting { engine.restoreDependencies(dependencies, of: key) }
    }
}
