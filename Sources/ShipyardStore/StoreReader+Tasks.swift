import ShipyardModel

/// Where the files of a task's latest attempt are.
package struct TaskFiles: Sendable, Hashable {
    package var key: TaskKey
    package var id: String
    package var node: NodeID

    package init(key: TaskKey, id: String, node: NodeID) {
        self.key = key
        self.id = id
        self.node = node
    }
}

/// One task as listed.
package struct TaskRow: Sendable, Hashable {
    package var definition: TaskDefinition
    package var progress: TaskProgress
}

package struct TaskFilter: Sendable, Hashable {
    package var state: TaskState?
    /// Only completed tasks have one.
    package var result: ExecutionResult?

    package init(state: TaskState? = nil, result: ExecutionResult? = nil) {
        self.state = state
        self.result = result
    }
}

extension StoreReader {
    /// What dispatch reads for each task.
    package func definition(of key: TaskKey) throws(StoreError) -> TaskDefinition? {
        try firstRow(.definition, bind: { $0.bind(1, key.rawValue) }) { $0.definition() }
    }

    /// In the order of `keys`; those that do not exist are left out.
    package func definitions(of keys: [TaskKey]) throws(StoreError) -> [TaskDefinition] {
        guard keys.count > 1 else {
            return try keys.first.flatMap { key throws(StoreError) in try definition(of: key) }.map { [$0] }
                ?? []
        }
        // One transaction: opening and closing the snapshot costs as much as the lookup itself.
        return try snapshot { () throws(StoreError) in
            var found: [TaskDefinition] = []
            found.reserveCapacity(keys.count)
            for key in keys {
                if let definition = try definition(of: key) { found.append(definition) }
            }
            return found
        }
    }

    /// Position in its job of the task with this id.
    package func ordinal(of id: String, in job: UInt32) throws(StoreError) -> UInt32? {
        try firstRow(
            .ordinal,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, id)
            }
        ) { TaskKey(rawValue: $0.integer(0)).ordinal }
    }

    /// Ids of the job's tasks that begin with `prefix`, in the order of their bytes.
    package func taskIDs(in job: UInt32, prefix: String = "", limit: Int? = nil) throws(StoreError) -> [String] {
        try rows(
            .taskIDs,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, prefix)
                $0.bind(3, prefix + "\u{10FFFF}")
                $0.bind(4, Int64(limit ?? -1))
            }
        ) { $0.text(0) }
    }

    /// A page of the job's tasks, in the order in which they were added.
    ///
    /// - Parameter after: the last ordinal of the page before; nil for the first page.
    package func tasks(
        of job: UInt32, after: UInt32? = nil, limit: Int, where filter: TaskFilter = TaskFilter()
    ) throws(StoreError) -> [TaskRow] {
        try rows(
            .taskPage,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, after.map(Int64.init) ?? -1)
                $0.bind(3, filter.state?.rawValue)
                $0.bind(4, filter.result.map { $0 == .failure ? 1 : 0 })
                $0.bind(5, Int64(limit))
            }
        ) { row in
            let definition = row.definition()
            let progress = row.isNull(6) ? TaskProgress(key: definition.key) : row.progress(from: 6)
            return TaskRow(definition: definition, progress: progress)
        }
    }

    /// Tasks of some templates whose latest attempt ended in the given time and that are completed: whose files
    /// are kept no longer.
    package func tasksEnded(
        in job: UInt32, templates: ClosedRange<Int>, after: SteadyTime, upTo: SteadyTime
    ) throws(StoreError) -> [TaskFiles] {
        try rows(
            .endedTasks,
            bind: {
                $0.bind(1, Int64(job))
                $0.bind(2, Int64(templates.lowerBound))
                $0.bind(3, Int64(templates.upperBound))
                $0.bind(4, after.milliseconds)
                $0.bind(5, upTo.milliseconds)
            }
        ) { TaskFiles(key: TaskKey(rawValue: $0.integer(2)), id: $0.text(0), node: NodeID($0.text(1))) }
    }

    /// Nil where no task has the key, or its submission has not ended.
    package func progress(of key: TaskKey) throws(StoreError) -> TaskProgress? {
        try firstRow(.progress, bind: { $0.bind(1, key.rawValue) }) { row in
            row.isNull(0) ? TaskProgress(key: key) : row.progress()
        }
    }

    /// A task and its attempts before the latest one, oldest first.
    package func task(
        _ id: String, in job: UInt32
    ) throws(StoreError) -> (row: TaskRow, pastAttempts: [TaskProgress])? {
        try snapshot { () throws(StoreError) in
            guard let ordinal = try ordinal(of: id, in: job) else { return nil }
            let key = TaskKey(job: job, ordinal: ordinal)
            guard let definition = try definition(of: key) else { return nil }
            let progress = try progress(of: key) ?? TaskProgress(key: key)
            let row = TaskRow(definition: definition, progress: progress)
            return (row, try pastAttempts(of: key))
        }
    }

    /// Attempts before the latest one, oldest first.
    package func pastAttempts(of key: TaskKey) throws(StoreError) -> [TaskProgress] {
        try rows(.pastAttempts, bind: { $0.bind(1, key.rawValue) }) { $0.progress() }
    }
}

extension SQL {
    fileprivate static let definition = SQL("SELECT \(taskColumns) FROM tasks WHERE key = ?")
    // `+key`: the index is to be used, not the order of the keys.
    fileprivate static let ordinal = SQL(
        "SELECT key FROM tasks WHERE key >> 32 = ?1 AND id = ?2 AND \(isOfJob("+key"))")
    fileprivate static let taskIDs = SQL(
        "SELECT id FROM tasks WHERE key >> 32 = ?1 AND id >= ?2 AND id < ?3 AND \(isOfJob("+key")) ORDER BY id LIMIT ?4"
    )
    fileprivate static let pastAttempts = SQL(
        "SELECT \(progressColumns) FROM past_attempts WHERE key = ? ORDER BY attempt")
    fileprivate static let progress = SQL(
        """
        SELECT \(columns(progressColumns, of: "p")) FROM tasks t LEFT JOIN progress p ON p.key = t.key
        WHERE t.key = ?1
            AND t.key & 4294967295 < (SELECT task_count FROM jobs WHERE number = t.key >> 32)
        """)
    // One lower bound: of two, SQLite may begin at the wrong one and step over half a million rows.
    fileprivate static let endedTasks = SQL(
        """
        SELECT t.id, p.node, p.key FROM progress p JOIN tasks t ON t.key = p.key
        WHERE \(isOfJob("p.key")) AND t.template BETWEEN ?2 AND ?3 AND p.state = 'completed' AND p.node IS NOT NULL
            AND p.end_time IS NOT NULL
            AND coalesce(p.ended, p.end_time) > ?4 AND coalesce(p.ended, p.end_time) <= ?5
        """)

    fileprivate static let taskPage = SQL(
        """
        SELECT \(columns(taskColumns, of: "t")), \(columns(progressColumns, of: "p"))
        FROM tasks t LEFT JOIN progress p ON p.key = t.key
        WHERE t.key > (?1 << 32) + ?2 AND t.key < \(endOfJob)
            AND (?3 IS NULL OR coalesce(p.state, 'active') = ?3)
            AND (?4 IS NULL OR (p.state = 'completed' AND (NOT (\(isSuccess("p")))) = ?4))
        ORDER BY t.key LIMIT ?5
        """)
}
