import ShipyardModel

/// A connection that sees the latest commit, for listings and lookups.
///
/// Any number may be open beside the one writer, also in other processes; none ever blocks it. Unchecked,
/// because a connection is used by one thread at a time: `StoreReaderPool` sees to it, or its only owner.
package class StoreReader: @unchecked Sendable {
    let database: Database
    /// Hears of each row that cannot be taken as it is. For the service's log.
    package var report: (@Sendable (String) -> Void)?

    /// Opens an existing state file. One of an older version is refused until the service has migrated it.
    package convenience init(path: String) throws(StoreError) {
        let database = try Database(path: path, .readOnly)
        let version = try Migrations.checkedVersion(of: database, path: path)
        guard version == Migrations.newest else {
            throw StoreError(
                kind: .other, operation: "open \(path)",
                message: "the state file has version \(version) and not yet \(Migrations.newest); "
                    + "start the service once to bring it up to date")
        }
        self.init(database)
    }

    init(_ database: consuming Database) { self.database = database }

    /// A read by query fails when it answers true. For tests.
    package var readFaultInjection: (() -> Bool)?

    private func mayFail() throws(StoreError) {
        guard let readFaultInjection, readFaultInjection() else { return }
        throw StoreError(kind: .injected, operation: "read", message: "the read was asked to fail")
    }

    /// Runs `sql` and makes a value of each row; rows that give none are left out.
    func rows<Value>(
        _ sql: SQL, bind: (Statement) -> Void = { _ in }, _ make: (Statement) -> Value?
    ) throws(StoreError) -> [Value] {
        try mayFail()
        let statement = try database.statement(sql)
        defer { statement.reset() }
        bind(statement)
        var values: [Value] = []
        while try statement.step() {
            if let value = make(statement) { values.append(value) }
            reportComplaint(of: statement)
        }
        return values
    }

    /// As `rows`, for a statement that answers one row at most.
    func firstRow<Value>(
        _ sql: SQL, bind: (Statement) -> Void, _ make: (Statement) -> Value?
    ) throws(StoreError) -> Value? {
        try mayFail()
        let statement = try database.statement(sql)
        defer { statement.reset() }
        bind(statement)
        guard try statement.step() else { return nil }
        defer { reportComplaint(of: statement) }
        return make(statement)
    }

    func reportComplaint(of statement: Statement) {
        guard let complaint = statement.complaint else { return }
        statement.complaint = nil
        report?("a row of the state file cannot be read as it is: \(complaint)")
    }

    /// Made at random with the file, and kept for its life.
    package func stateID() throws(StoreError) -> StateID {
        let text = try firstRow(.stateID, bind: { _ in }) { $0.text(0) }
        guard let id = text.flatMap(StateID.init) else {
            throw StoreError(
                kind: .corrupt, operation: "read the identity of the state", message: "the file has none")
        }
        return id
    }

    /// Lets several reads see one and the same state.
    package func snapshot<Result>(
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try database.transaction(.beginDeferred, body)
    }

    /// Reads the whole file and answers what is damaged; empty when nothing is. Slow on a large file.
    package func damage() throws(StoreError) -> [String] {
        do {
            let lines = try rows(.quickCheck) { $0.text(0) }
            return lines == ["ok"] ? [] : lines
        } catch {
            guard error.kind == .corrupt else { throw error }
            return [error.message]
        }
    }
}

extension SQL {
    fileprivate static let stateID = SQL("SELECT state FROM identity")
    fileprivate static let quickCheck = SQL("PRAGMA quick_check")
}
