import ShipyardModel

/// Everything but the tasks, as found at start.
package struct RecoveredState: Sendable {
    package var pools: [PoolRecord]
    package var nodes: [NodeRecord]
    package var jobs: [JobRecord]
    package var nodeJobs: [NodeJobRecord]
}

/// What the engine holds of a definition: no text but the dependencies.
package struct TaskOutline: Sendable, Hashable {
    package var key: TaskKey
    package var template: Int
    /// `Dependency.text(of:)`; nil for none.
    package var dependencies: String?
    /// The id as a number where it is one in decimal (`depends_on_range`), leading zeros ignored.
    package var number: Int?
}

extension StoreWriter {
    /// Reads what a service needs to go on where the last one stopped.
    ///
    /// Job by job, and of jobs that are not completed only: first `outline` for each task, in the order in
    /// which they were added, then `progress` for each that has a row.
    package func loadAll(
        outline: (TaskOutline) -> Void, progress: (TaskProgress) throws(StoreError) -> Void
    ) throws(StoreError) -> RecoveredState {
        let state = RecoveredState(
            pools: try pools(), nodes: try nodes(), jobs: try jobs(), nodeJobs: try nodeJobs())
        for job in state.jobs where job.state != .completed {
            try streamOutlines(of: job.number, outline)
            try streamProgress(of: job.number, progress)
        }
        return state
    }

    /// One job's tasks, as `loadAll` does for each job.
    package func streamOutlines(
        of job: UInt32, _ outline: (TaskOutline) -> Void
    ) throws(StoreError) {
        let statement = try database.statement(.outlines)
        defer { statement.reset() }
        statement.bind(1, Int64(job))
        while try statement.step() {
            outline(
                TaskOutline(
                    key: TaskKey(rawValue: statement.integer(0)), template: statement.int(1),
                    dependencies: statement.optionalText(2), number: decimalNumber(statement.bytes(3))))
        }
    }

    package func streamProgress(
        of job: UInt32, _ progress: (TaskProgress) throws(StoreError) -> Void
    ) throws(StoreError) {
        let statement = try database.statement(.progressOfJob)
        defer { statement.reset() }
        statement.bind(1, Int64(job))
        while try statement.step() {
            try progress(statement.progress())
            reportComplaint(of: statement)
        }
    }

    /// Marks the tasks of submissions that the last service did not end: `purgeJobRows` deletes them. To be
    /// called before the first submission. Writes nothing where there are none: what is on a full disk can be read.
    package func discardUnfinishedSubmissions() throws(StoreError) {
        guard try firstRow(.anyOpenSubmission, bind: { _ in }, { _ in true }) != nil else { return }
        try write("discardUnfinishedSubmissions") { () throws(StoreError) in
            for sql in [SQL.discardOpenSubmissions, .forgetOpenSubmissions] {
                try run(sql, "discardUnfinishedSubmissions") { _ in }
            }
        }
        hasRowsToPurge = true
    }

    /// Whether rows past the job's task count are still to be deleted: a new submission would write there.
    package func isBeingPurged(_ job: UInt32) throws(StoreError) -> Bool {
        try firstRow(.isBeingPurged, bind: { $0.bind(1, Int64(job)) }) { _ in true } ?? false
    }
}

/// The value of an id that is a decimal number, nil for any other and for one too large.
private func decimalNumber(_ id: UnsafeBufferPointer<UInt8>) -> Int? {
    guard !id.isEmpty else { return nil }
    var number = 0
    for byte in id {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        let (tens, overflowed) = number.multipliedReportingOverflow(by: 10)
        let (sum, overflowedAgain) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
        guard !overflowed, !overflowedAgain else { return nil }
        number = sum
    }
    return number
}

extension SQL {
    fileprivate static let outlines = SQL(
        "SELECT key, template, dependencies, id FROM tasks WHERE \(isOfJob("key")) ORDER BY key")
    fileprivate static let progressOfJob = SQL(
        "SELECT \(progressColumns) FROM progress WHERE \(isOfJob("key")) ORDER BY key")
    fileprivate static let discardOpenSubmissions = SQL(
        "INSERT OR IGNORE INTO deleted_jobs SELECT job FROM open_submissions")
    fileprivate static let anyOpenSubmission = SQL("SELECT 1 FROM open_submissions LIMIT 1")
    fileprivate static let forgetOpenSubmissions = SQL("DELETE FROM open_submissions")
    fileprivate static let isBeingPurged = SQL("SELECT 1 FROM deleted_jobs WHERE number = ?")
}
