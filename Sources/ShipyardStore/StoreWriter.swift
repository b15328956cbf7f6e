import ShipyardModel

/// The one connection that writes. Owned by the service's loop thread.
///
/// It reads as well: what it has committed is what every reader sees from then on.
package final class StoreWriter: StoreReader, @unchecked Sendable {
    /// Called with the number of each write, counted from 1 over the writer's life, commits included; the
    /// write fails when it answers true. For tests.
    package var faultInjection: ((Int) -> Bool)?
    /// Writes so far.
    package private(set) var writeCount = 0

    /// How many submissions a repetition is known of. A client repeats within seconds, and no home takes in so
    /// many in hours.
    static let keptAnswers = 10_000

    /// Whether `purgeJobRows` may have something to do. True at first: nobody knows what the last service left.
    package internal(set) var hasRowsToPurge = true
    private var hasCutSpace = false

    /// Whether a power cut would still undo a commit. True at first: the last service may have been killed
    /// before it came to sync.
    package private(set) var hasUnsyncedCommits = true
    private var isFullySynchronous = false
    private var syncDue: Int64?

    /// Opens the state file, makes it where there is none, and migrates an older one. `:memory:` keeps all
    /// in memory, for simulations.
    package convenience init(path: String) throws(StoreError) {
        let database = try Database(path: path, .readWrite)
        do throws(StoreError) {
            try Self.configure(database)
            try Migrations.run(on: database, path: path)
        } catch {
            // A code means that SQLite found it: our own checks say already what is wrong.
            throw error.code != 0 ? Self.unreadable(path, error) : error
        }
        self.init(database)
    }

    /// Says which file it is and what can be done, where SQLite names a statement that means nothing to a user.
    private static func unreadable(_ path: String, _ error: StoreError) -> StoreError {
        var error = error
        error.operation = "open \(path)"
        if error.kind == .corrupt {
            error.message += "; move it away to begin anew, or put a copy of it back"
        }
        error.sql = ""
        return error
    }

    /// Applies all writes in order in one transaction: all are kept, or none. Usable after a failure.
    ///
    /// - Parameter durably: whether this commit and all before it survive a power cut once this returns. It
    ///   costs an fsync; others are synced by `syncIfDue`.
    package func commit(_ writes: [StoreWrite], durably: Bool = true) throws(StoreError) {
        guard !writes.isEmpty else {
            if durably, hasUnsyncedCommits { try sync() }
            return
        }
        try write("commit", durably: durably) { () throws(StoreError) in
            for write in writes { try apply(write) }
        }
    }

    /// A number for a new job, never given before. Numbers reserved and not used are lost, which is harmless.
    package func reserveJobNumber() throws(StoreError) -> UInt32 {
        try reserveNumber(.reserveJobNumber, "next_job")
    }

    func reserveNumber(_ sql: SQL, _ counter: String) throws(StoreError) -> UInt32 {
        let number = try write("reserveNumber") { () throws(StoreError) in
            try firstRow(sql, bind: { _ in }) { UInt32(truncatingIfNeeded: $0.integer(0)) }
        }
        guard let number else {
            throw StoreError(
                kind: .corrupt, operation: "reserveNumber", message: "`counters` has no row `\(counter)`")
        }
        return number
    }

    /// Deletes up to `limit` rows of deleted jobs and refused submissions, or gives some of the space back that
    /// they took. Call again later while `hasRowsToPurge`, so that no turn of the service waits for a million
    /// deletions.
    package func purgeJobRows(limit: Int) throws(StoreError) {
        guard let job = try firstRow(.deletedJob, bind: { _ in }, { $0.integer(0) }) else {
            hasRowsToPurge = try giveBackSpace()
            return
        }
        try write("purgeJobRows") { () throws(StoreError) in
            var left = limit
            for sql in [SQL.purgeOutputs, .purgePastAttempts, .purgeProgress, .purgeTasks] where left > 0 {
                try run(sql, "purgeJobRows") {
                    $0.bind(1, job)
                    $0.bind(2, Int64(left))
                }
                left -= database.changes
            }
            if left > 0 { left -= try purgeTemplates(of: job, limit: left) }
            if left > 0 { try run(.forgetDeletedJob, "purgeJobRows") { $0.bind(1, job) } }
        }
    }

    /// Keeps 16 MB of free pages for the next job, and cuts at most 4 MB off the file at a time.
    private func giveBackSpace() throws(StoreError) -> Bool {
        guard try database.number("PRAGMA freelist_count") > 4096 else {
            // The file itself gets shorter when the log is carried into it, which else waits for the next thousands of writes.
            if hasCutSpace { try database.execute(script: "PRAGMA wal_checkpoint(PASSIVE)") }
            hasCutSpace = false
            return false
        }
        try database.execute(script: "PRAGMA incremental_vacuum(1024)")
        hasCutSpace = true
        return true
    }

    /// Lets the file grow no further: what a full disk does, for tests.
    package func limitPages(to count: Int) throws(StoreError) {
        _ = try database.number("PRAGMA max_page_count = \(count)")
    }

    /// Runs a transaction and counts its commit as a write.
    func write<Result>(
        _ operation: String, durably: Bool = false, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        do {
            try setSynchronous(durably)
            let result = try database.transaction(.beginImmediate) { () throws(StoreError) in
                let result = try body()
                try countWrite(operation)
                return result
            }
            // The log is synced as a whole: what was committed before is on the disk as well.
            hasUnsyncedCommits = !durably
            return result
        } catch {
            var named = error
            if named.operation == "run" { named.operation = operation }
            throw named
        }
    }

    // MARK: Power cuts

    /// How long a commit may wait for its sync: half of the second that a power cut may undo, as a sync takes
    /// its time.
    static let syncPauseMilliseconds: Int64 = 500

    /// When `syncIfDue` is to be called next; nil while there is nothing to sync.
    package var nextSync: Int64? { hasUnsyncedCommits ? syncDue : nil }

    /// Syncs what has waited for long enough. To be called after each turn and when `nextSync` has come.
    ///
    /// - Parameter now: of a clock that is never set, in milliseconds.
    package func syncIfDue(at now: Int64) throws(StoreError) {
        guard hasUnsyncedCommits else {
            syncDue = nil
            return
        }
        let due = syncDue ?? now + Self.syncPauseMilliseconds
        syncDue = due
        if now >= due { try sync() }
    }

    /// Puts all commits on the disk.
    package func sync() throws(StoreError) {
        try countWrite("sync")
        try database.syncLog()
        hasUnsyncedCommits = false
        syncDue = nil
    }

    /// Only between transactions: SQLite refuses it within one.
    private func setSynchronous(_ isFull: Bool) throws(StoreError) {
        guard isFull != isFullySynchronous else { return }
        try database.execute(script: isFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        isFullySynchronous = isFull
    }

    func run(_ sql: SQL, _ operation: StaticString, bind: (Statement) -> Void) throws(StoreError) {
        try countWrite(operation)
        let statement = try database.statement(sql)
        bind(statement)
        do {
            try statement.run()
        } catch {
            var named = error
            named.operation = "\(operation)"
            throw named
        }
    }

    @inline(__always)
    private func countWrite(_ operation: some CustomStringConvertible) throws(StoreError) {
        writeCount += 1
        guard let faultInjection, faultInjection(writeCount) else { return }
        throw StoreError(
            kind: .injected, operation: "\(operation)", message: "write \(writeCount) was asked to fail")
    }

    private static func configure(_ database: borrowing Database) throws(StoreError) {
        try database.addContentHash()
        // auto_vacuum first: it can only be chosen while the file is empty. Incremental lets a purge give
        // space back, so that the file does not stay as large as it ever was.
        // NORMAL: a power cut may lose the last commits, never their order or the file. `commit` raises it where
        // a commit must not be lost.
        // 16 MB of cache: the hot pages of a million tasks; more than 4,000 pages (16 MB) in the WAL are
        // copied back at once, which halves the fsyncs under load against SQLite's 1,000.
        try database.execute(
            script: """
                PRAGMA auto_vacuum = INCREMENTAL;
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = NORMAL;
                PRAGMA foreign_keys = OFF;
                PRAGMA cache_size = -16000;
                PRAGMA wal_autocheckpoint = 4000;
                PRAGMA journal_size_limit = 67108864;
                PRAGMA temp_store = MEMORY;
                """)
    }
}

extension SQL {
    fileprivate static let reserveJobNumber = SQL(
        "UPDATE counters SET value = value + 1 WHERE name = 'next_job' RETURNING value - 1")
    // Refused submissions first: a client may wait to add to the job.
    fileprivate static let deletedJob = SQL(
        """
        SELECT number FROM deleted_jobs ORDER BY number IN (SELECT number FROM jobs) DESC, number LIMIT 1
        """)
    fileprivate static let forgetDeletedJob = SQL("DELETE FROM deleted_jobs WHERE number = ?")
    fileprivate static let purgeOutputs = purge("task_outputs", "key")
    fileprivate static let purgeTasks = purge("tasks", "key")
    fileprivate static let purgeProgress = purge("progress", "key")
    fileprivate static let purgePastAttempts = purge("past_attempts", "(key, attempt)")

    private static func purge(_ table: String, _ columns: String) -> SQL {
        let names = columns.filter { $0 != "(" && $0 != ")" }
        return SQL(
            """
            DELETE FROM \(table) WHERE \(columns) IN (SELECT \(names) FROM \(table)
            WHERE key >= \(endOfJob) AND key < (?1 + 1) << 32 LIMIT ?2)
            """)
    }
}
