import CSQLite

/// Owner of one SQLite connection and its prepared statements. One thread at a time.
struct Database: ~Copyable {
    enum Access { case readOnly, readWrite }

    /// Long enough for another process's checkpoint; nobody else writes.
    static let busyTimeoutMilliseconds: Int32 = 5_000

    let connection: OpaquePointer
    private let statements = StatementCache()

    init(path: String, _ access: Access) throws(StoreError) {
        var opened: OpaquePointer?
        // No mutex: each connection is used by one thread at a time, which its owner sees to.
        let mode = access == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &opened, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let opened else {
            let error = StoreError(opened, code: code, operation: "open \(path)")
            sqlite3_close_v2(opened)
            throw error
        }
        connection = opened
        sqlite3_busy_timeout(opened, Self.busyTimeoutMilliseconds)
    }

    // Version 2 waits for the statements, which their cache finalises after this.
    deinit { sqlite3_close_v2(connection) }

    /// The statement for `sql`, prepared at its first use.
    func statement(_ sql: SQL) throws(StoreError) -> Statement {
        if let known = statements.byText[ObjectIdentifier(sql)] { return known }
        let statement = try Statement(sql, on: connection)
        statements.byText[ObjectIdentifier(sql)] = statement
        return statement
    }

    /// Runs a script of several statements, none of which is kept.
    func execute(script: String) throws(StoreError) {
        let code = sqlite3_exec(connection, script, nil, nil, nil)
        guard code == SQLITE_OK else {
            throw StoreError(connection, code: code, operation: "run", sql: String(script.prefix(200)))
        }
    }

    /// A pragma's or a query's one number.
    func number(_ text: String) throws(StoreError) -> Int64 {
        let statement = try Statement(SQL(text), on: connection)
        guard try statement.step() else { return 0 }
        return statement.integer(0)
    }

    /// A pragma's or a query's one text.
    func text(_ text: String) throws(StoreError) -> String {
        let statement = try Statement(SQL(text), on: connection)
        guard try statement.step() else { return "" }
        return statement.text(0)
    }

    /// Runs `body` within a transaction: all of it is kept, or nothing.
    func transaction<Result>(
        _ begin: SQL, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try statement(begin).run()
        do {
            let result = try body()
            try statement(.commit).run()
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// Waits until all that was written to the log is on the disk. A database in memory has no log.
    func syncLog() throws(StoreError) {
        var log: UnsafeMutablePointer<sqlite3_file>?
        let found = sqlite3_file_control(connection, nil, SQLITE_FCNTL_JOURNAL_POINTER, &log)
        guard found == SQLITE_OK, let log, let methods = log.pointee.pMethods else { return }
        let code = methods.pointee.xSync(log, SQLITE_SYNC_NORMAL)
        guard code == SQLITE_OK else { throw StoreError(nil, code: code, operation: "sync the log") }
    }

    /// Rows changed by the latest statement.
    var changes: Int { Int(sqlite3_changes64(connection)) }

    private func rollBack() {
        // On some failures (disk full, I/O) SQLite has rolled back by itself.
        guard sqlite3_get_autocommit(connection) == 0 else { return }
        try? statement(.rollback).run()
    }
}

/// A class, so that a lookup need not be exclusive access to the database.
private final class StatementCache {
    var byText: [ObjectIdentifier: Statement] = [:]
}
