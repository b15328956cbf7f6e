import ShipyardEngine
import ShipyardModel
import ShipyardStore

extension ServiceCore {
    /// The search that a turn has asked for, once.
    package func takeSweep() -> RetentionSweep? {
        defer { sweep = nil }
        return sweep
    }

    /// - Parameter isComplete: whether everything that is due has been found, and its removal is stored.
    package func endSweep(_ sweep: RetentionSweep, isComplete: Bool, at now: Moment) {
        engine.apply(.oldFilesFound(until: sweep.until, isComplete: isComplete), at: now)
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
