import ShipyardModel

/// What a task has left for others: of its latest attempt that succeeded.
package struct TaskOutputRecord: Sendable, Hashable {
    package var attempt: Int32
    /// One JSON value, as it was written.
    package var document: String

    package init(attempt: Int32, document: String) {
        self.attempt = attempt
        self.document = document
    }
}

extension StoreWriter {
    func putOutput(_ output: TaskOutput, of task: TaskProgress) throws(StoreError) {
        switch output {
        case .absent: try run(.deleteOutput, "putTask") { $0.bind(1, task.key.rawValue) }
        case .document(let text):
            try run(.putOutput, "putTask") {
                $0.bind(1, task.key.rawValue)
                $0.bind(2, Int64(task.attempt))
                $0.bind(3, text)
            }
        }
    }
}

extension StoreReader {
    /// Nil where the task has left none, or is none.
    package func taskOutput(of key: TaskKey) throws(StoreError) -> TaskOutputRecord? {
        try firstRow(.output, bind: { $0.bind(1, key.rawValue) }) {
            TaskOutputRecord(attempt: Int32(truncatingIfNeeded: $0.integer(0)), document: $0.text(1))
        }
    }

    /// The beginnings of all outputs of a job, `characters` of each at most, by their tasks' ordinals.
    package func taskOutputs(of job: UInt32, characters: Int) throws(StoreError) -> [UInt32: String] {
        let found = try rows(
            .outputsOfJob,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, Int64(characters))
            }
        ) { (TaskKey(rawValue: $0.integer(0)).ordinal, $0.text(1)) }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }
}

extension SQL {
    fileprivate static let putOutput = SQL(
        "INSERT OR REPLACE INTO task_outputs (key, attempt, document) VALUES (?,?,?)")
    static let deleteOutput = SQL("DELETE FROM task_outputs WHERE key = ?")
    fileprivate static let output = SQL("SELECT attempt, document FROM task_outputs WHERE key = ?")
    fileprivate static let outputsOfJob = SQL(
        "SELECT key, substr(document, 1, ?2) FROM task_outputs WHERE \(isOfJob("key"))")
}
