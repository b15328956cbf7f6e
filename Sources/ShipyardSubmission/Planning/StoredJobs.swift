import ShipyardModel
import ShipyardPlanner
import ShipyardStore

/// The jobs that a planner in the service may add tasks to: those in the database.
struct StoredJobs {
    let readers: StoreReaderPool

    func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool { try number(of: job) != nil }

    func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool {
        guard let number = try number(of: job) else { return false }
        return try read { reader throws(StoreError) in try reader.ordinal(of: id, in: number) } != nil
    }

    func forEachTaskID(in job: JobID, prefix: String, _ body: (String) -> Void) throws(PlannerWorldError) {
        guard let number = try number(of: job) else { return }
        for id in try read({ reader throws(StoreError) in try reader.taskIDs(in: number, prefix: prefix) }) {
            body(id)
        }
    }

    /// A completed job is as good as none: it takes no tasks, and `jobs add --recreate` replaces it.
    private func number(of job: JobID) throws(PlannerWorldError) -> UInt32? {
        let record = try read { reader throws(StoreError) in try reader.job(job) }
        return record.flatMap { $0.state == .completed ? nil : $0.number }
    }

    private func read<Answer>(
        _ body: (StoreReader) throws(StoreError) -> Answer
    ) throws(PlannerWorldError) -> Answer {
        do throws(StoreError) {
            return try readers.read(body)
        } catch {
            throw PlannerWorldError("the state file cannot be read: \(error)")
        }
    }
}
