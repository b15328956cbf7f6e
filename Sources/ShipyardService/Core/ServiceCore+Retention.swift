import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardStore

/// For how long the files of one template's tasks stay on their nodes.
package struct RetentionRule: Sendable, Hashable {
    package var job: UInt32
    package var template: Int
    package var retention: TimeSpan
}

extension ServiceCore {
    /// Rules of jobs that are old enough for some of their files to go, and whose nodes are still there.
    package func retentionRules(at now: Instant) -> [RetentionRule] {
        engine.jobsInOrder.flatMap { number -> [RetentionRule] in
            guard let record = engine.job(number), !engine.nodes(of: record.pool).isEmpty else { return [] }
            return (retentions[number] ?? []).enumerated().compactMap { template, retention in
                guard record.creationTime + retention <= now else { return nil }
                return RetentionRule(job: number, template: template, retention: retention)
            }
        }
    }

    /// How often to look: as often as the shortest retention time, a second to a minute. Nil when no node
    /// has files of tasks.
    package var sweepInterval: TimeSpan? {
        guard !retentions.isEmpty, engine.poolIDs.contains(where: { !engine.nodes(of: $0).isEmpty }) else {
            return nil
        }
        let shortest = retentions.values.lazy.compactMap { $0.min() }.min() ?? .seconds(60)
        return min(max(shortest, .seconds(1)), .seconds(60))
    }

    /// Has nodes delete the directories of tasks whose retention time is over.
    package func removeFiles(of tasks: [TaskFiles], in job: UInt32) {
        guard let record = engine.job(job) else { return }
        for task in tasks {
            guard let node = engine.node(task.node, of: record.pool) else { continue }
            let path = "\(NodeLayout.jobDirectory(record.id.text))/\(task.id)"
            world.send([.removeDirectory(RemovalID(task.key), path: path)], to: node)
        }
    }
}
