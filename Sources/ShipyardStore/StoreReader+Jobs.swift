import ShipyardModel

extension StoreReader {
    /// Ordered by number, which is by age.
    package func jobs() throws(StoreError) -> [JobRecord] {
        try rows(.jobs) { $0.job() }
    }

    package func job(_ id: JobID) throws(StoreError) -> JobRecord? {
        try firstRow(.jobByID, bind: { $0.bind(1, id.text) }) { $0.job() }
    }

    package func job(number: UInt32) throws(StoreError) -> JobRecord? {
        try firstRow(.jobByNumber, bind: { $0.bind(1, Int64(number)) }) { $0.job() }
    }

    /// What the submission of this identity was answered with; nil where none of it was taken.
    package func answer(toSubmission id: String) throws(StoreError) -> String? {
        try firstRow(.submissionAnswer, bind: { $0.bind(1, id) }) { $0.text(0) }
    }

    /// Reads every row of progress that the job has: about 0.2 s for a million tasks.
    package func taskCounts(of job: UInt32) throws(StoreError) -> TaskCounts {
        try snapshot { () throws(StoreError) in
            let total = try firstRow(.taskTotal, bind: { $0.bind(1, Int64(job)) }) { $0.int(0) } ?? 0
            var counts = TaskCounts()
            let groups = try rows(.taskCounts, bind: { $0.bind(1, Int64(job)) }) { row in
                (state: row.text(0), isFailure: row.integer(1) != 0, count: row.int(2))
            }
            for group in groups {
                switch TaskState(rawValue: group.state) {
                case .preparing, .running: counts.running += group.count
                case .completed where group.isFailure: counts.failed += group.count
                case .completed: counts.succeeded += group.count
                case .active, nil: break
                }
            }
            counts.active = total - counts.running - counts.completed
            return counts
        }
    }
}

extension SQL {
    fileprivate static let jobs = SQL("SELECT \(jobColumns) FROM jobs ORDER BY number")
    fileprivate static let jobByID = SQL("SELECT \(jobColumns) FROM jobs WHERE id = ?")
    fileprivate static let jobByNumber = SQL("SELECT \(jobColumns) FROM jobs WHERE number = ?")

    fileprivate static let submissionAnswer = SQL(
        "SELECT answer FROM submission_answers WHERE submission = ?")

    /// Whether the key belongs to job `?1`: those of a submission that has not ended do not yet.
    static func isOfJob(_ key: String) -> String {
        "\(key) >= ?1 << 32 AND \(key) < \(endOfJob)"
    }
    static let endOfJob = "(?1 << 32) + coalesce((SELECT task_count FROM jobs WHERE number = ?1), 0)"

    /// Whether a row's attempt has ended well, also in rows of the first version.
    static func isSuccess(_ table: String = "progress") -> String {
        "\(table).exit IS \(Outcome.exitedTag) AND \(table).exit_code IS 0"
    }

    /// `a, b` as `t.a, t.b`.
    static func columns(_ list: String, of table: String) -> String {
        list.split(separator: " ").map { "\(table).\($0)" }.joined(separator: " ")
    }
    fileprivate static let taskTotal = SQL("SELECT count(*) FROM tasks WHERE \(isOfJob("key"))")
    fileprivate static let taskCounts = SQL(
        """
        SELECT state, NOT (\(isSuccess())), count(*) FROM progress WHERE \(isOfJob("key")) GROUP BY 1, 2
        """)
}
