import ShipyardEngine
import ShipyardModel
import ShipyardStore

/// One search for files that are kept no longer: of tasks that became due after the one moment, up to the other.
package struct RetentionSweep: Sendable {
    package var since: SteadyTime
    package var until: SteadyTime
    package var rules: [RetentionRule]
}

extension ServiceCore {
    /// Nil when nothing is due, or while a search is under way.
    package func beginSweep(at now: Moment) -> RetentionSweep? {
        guard let due = nextSweep, due <= now.steady else { return nil }
        let since = lastSweep
        lastSweep = now.steady
        let rules = retention.rules(at: now.steady).filter { rule in
            engine.job(rule.job).map { engine.hasNodes($0.pool) } ?? false
        }
        guard !rules.isEmpty else {
            retention.swept(until: now.steady)
            return nil
        }
        isSweeping = true
        return RetentionSweep(since: since, until: now.steady, rules: rules)
    }

    /// - Parameter isComplete: whether everything that is due has been found, and its removal is stored.
    package func endSweep(_ sweep: RetentionSweep, isComplete: Bool) {
        isSweeping = false
        guard isComplete else { return }
        retention.swept(until: sweep.until)
        engine.addWrites([.putLastSweep(sweep.until)])
    }

    /// When to look next; nil when no node has files that will ever be due.
    package var nextSweep: SteadyTime? {
        guard !isSweeping, engine.hasNodes() else { return nil }
        return retention.nextSweep(after: lastSweep)
    }

    /// What a search has found some time ago. Where a task was deleted since, its directory went with it, and may be
    /// that of a later task of its id by now.
    package func removeOldFiles(of tasks: [TaskFiles], in job: UInt32, at now: Moment) {
        let isCompleted = engine.job(job)?.state == .completed
        let present = isCompleted ? tasks : tasks.filter { engine.state(of: $0.key) == .completed }
        removeFiles(of: present, in: job, at: now)
    }

    /// Has nodes delete the directories of tasks.
    package func removeFiles(of tasks: [TaskFiles], in job: UInt32, at now: Moment) {
        guard let record = engine.job(job) else { return }
        for task in tasks {
            guard let node = engine.node(task.node, of: record.pool) else { continue }
            let owner = FilesOwner.task(task.id, of: record.id)
            engine.apply(.filesUnwanted(node, RemovalID(task.key), owner), at: now)
        }
    }
}
