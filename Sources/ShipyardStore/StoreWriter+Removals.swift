import ShipyardModel

// Removals of directories, and the clock by which files are kept.

extension StoreReader {
    /// Those that nodes still owe an answer for, and those that failed, of every node.
    package func removals() throws(StoreError) -> [RemovalRecord] {
        try rows(.removals) { $0.removal() }
    }

    /// As `removals`, of the files of jobs of one id.
    package func removals(of job: JobID, limit: Int) throws(StoreError) -> [RemovalRecord] {
        try rows(
            .removalsOfJob,
            bind: {
                $0.bind(1, job.text)
                $0.bind(2, Int64(limit))
            }
        ) { $0.removal() }
    }

    /// One removal, on every node that has not answered or could not do it.
    package func removals(_ id: RemovalID, of job: JobID) throws(StoreError) -> [RemovalRecord] {
        try rows(
            .removalsByID,
            bind: {
                $0.bind(1, job.text)
                $0.bind(2, id.rawValue)
            }
        ) { $0.removal() }
    }

    /// Nil in a state that no service has served yet.
    package func clock() throws(StoreError) -> ClockAnchor? {
        try firstRow(.clock, bind: { _ in }) { row in
            ClockAnchor(
                boot: row.text(0), life: row.text(1), bootMilliseconds: row.integer(2),
                now: Moment(
                    wall: Instant(milliseconds: row.integer(3)),
                    steady: SteadyTime(milliseconds: row.integer(4))))
        }
    }

    /// Nil before the first.
    package func lastSweep() throws(StoreError) -> SteadyTime? {
        try firstRow(.lastSweep, bind: { _ in }) { SteadyTime(milliseconds: $0.integer(0)) }
    }
}

extension StoreWriter {
    /// Of one node. Files that cannot be removed are made by tasks, as many as they like.
    package static let keptRemovalFailures = 1000

    func putRemoval(_ record: RemovalRecord) throws(StoreError) {
        try run(.putRemoval, "putRemoval") {
            $0.bind(1, record.pool.text)
            $0.bind(2, record.node.text)
            $0.bind(3, record.id.rawValue)
            $0.bind(4, record.owner.job.text)
            $0.bind(5, record.owner.task)
            $0.bind(6, record.time.milliseconds)
            $0.bind(7, record.failure?.path)
            $0.bind(8, record.failure?.reason)
        }
        guard record.failure != nil else { return }
        try run(.forgetRemovalFailures, "putRemoval") {
            $0.bind(1, record.pool.text)
            $0.bind(2, record.node.text)
            $0.bind(3, Int64(Self.keptRemovalFailures))
        }
    }

    func deleteRemoval(_ id: RemovalID, _ pool: PoolID, _ node: NodeID) throws(StoreError) {
        try run(.deleteRemoval, "deleteRemoval") {
            $0.bind(1, pool.text)
            $0.bind(2, node.text)
            $0.bind(3, id.rawValue)
        }
    }

    func putClock(_ anchor: ClockAnchor) throws(StoreError) {
        try run(.forgetClock, "putClock") { _ in }
        try run(.putClock, "putClock") {
            $0.bind(1, anchor.boot)
            $0.bind(2, anchor.life)
            $0.bind(3, anchor.bootMilliseconds)
            $0.bind(4, anchor.now.wall.milliseconds)
            $0.bind(5, anchor.now.steady.milliseconds)
        }
    }

    func putLastSweep(_ time: SteadyTime) throws(StoreError) {
        try run(.putLastSweep, "putLastSweep") { $0.bind(1, time.milliseconds) }
    }
}

extension Statement {
    fileprivate func removal() -> RemovalRecord? {
        guard let pool = PoolID(text(0)), let job = JobID(text(3)) else { return nil }
        return RemovalRecord(
            pool: pool, node: NodeID(text(1)), id: RemovalID(rawValue: integer(2)),
            owner: optionalText(4).map { .task($0, of: job) } ?? .job(job),
            time: Instant(milliseconds: integer(5)),
            failure: optionalText(7).map { RemovalFailure(path: optionalText(6) ?? "", reason: $0) })
    }
}

extension SQL {
    private static let removalColumns = "pool, node, id, job, task, time, failed_path, failure"

    fileprivate static let removals = SQL(
        "SELECT \(removalColumns) FROM directory_removals ORDER BY pool, node, id")
    // Those that are owed first: a page of failures must not hide them.
    fileprivate static let removalsOfJob = SQL(
        """
        SELECT \(removalColumns) FROM directory_removals WHERE job = ?
        ORDER BY failure IS NOT NULL, pool, node, id LIMIT ?
        """)
    fileprivate static let removalsByID = SQL(
        "SELECT \(removalColumns) FROM directory_removals WHERE job = ? AND id = ? ORDER BY pool, node")
    fileprivate static let putRemoval = SQL(
        "INSERT OR REPLACE INTO directory_removals (\(removalColumns)) VALUES (\(marks(8)))")
    fileprivate static let deleteRemoval = SQL(
        "DELETE FROM directory_removals WHERE pool = ? AND node = ? AND id = ?")
    fileprivate static let forgetRemovalFailures = SQL(
        """
        DELETE FROM directory_removals WHERE pool = ?1 AND node = ?2 AND id IN (
            SELECT id FROM directory_removals WHERE pool = ?1 AND node = ?2 AND failure IS NOT NULL
            ORDER BY time DESC, id DESC LIMIT -1 OFFSET ?3)
        """)
    static let deleteRemovalsOfNode = SQL("DELETE FROM directory_removals WHERE pool = ? AND node = ?")
    static let deleteRemovalsOfPool = SQL("DELETE FROM directory_removals WHERE pool = ?")
    fileprivate static let clock = SQL("SELECT boot, life, boot_time, wall, steady FROM clock")
    fileprivate static let forgetClock = SQL("DELETE FROM clock")
    fileprivate static let putClock = SQL(
        "INSERT INTO clock (boot, life, boot_time, wall, steady) VALUES (\(marks(5)))")
    fileprivate static let lastSweep = SQL("SELECT value FROM counters WHERE name = 'last_sweep'")
    fileprivate static let putLastSweep = SQL("INSERT OR REPLACE INTO counters VALUES ('last_sweep', ?)")
}
