import CSQLite
import ShipyardModel

/// A database file of SQLite.
final class SQLiteConnection: TableConnection {
    let database: OpaquePointer
    private let shown: String
    private let isReading: Bool

    /// Loads take minutes, and the next one waits for its turn.
    private static let busyMilliseconds: Int32 = 30 * 60 * 1000

    init(_ path: String, _ shown: String, _ access: Databases.Access) throws(TableError) {
        let flags =
            switch access {
            case .read: SQLITE_OPEN_READONLY
            case .write: SQLITE_OPEN_READWRITE
            case .load: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let opened else {
            sqlite3_close_v2(opened)
            let isMissing = code & 0xFF == SQLITE_CANTOPEN
            throw TableError(
                isMissing ? .refused : .accessDenied,
                "the database \(shown) cannot be opened: \(String(cString: sqlite3_errstr(code)))",
                help: isMissing ? "is there a file \(path)?" : nil)
        }
        database = opened
        self.shown = shown
        isReading = access == .read
        sqlite3_busy_timeout(opened, Self.busyMilliseconds)
        // A task may have made the file: what its views and triggers say must reach no further than the file. `trusted_schema` would be
        // too much: views of texts' indexes have a right to be.
        _ = shipyard_sqlite_defend(opened)
        // What the tables of others promise each other holds for rows from here as well.
        try execute("PRAGMA foreign_keys = ON")
        // Opening looks at nothing yet. By SQLite itself: a descriptor of ours, when it is closed, would take along the locks
        // that other connections of this process have on the file.
        let isDatabase = sqlite3_exec(opened, "PRAGMA schema_version", nil, nil, nil)
        guard isDatabase != SQLITE_NOTADB else {
            throw TableError(
                .refused, "the database \(shown) cannot be opened: \(path) is no database of SQLite")
        }
        guard isDatabase == SQLITE_OK else { throw error(isDatabase) }
        // Much is written at once; the pages of an index should not go to the disk more than once.
        if access == .load { try execute("PRAGMA cache_size = -65536") }
        if isReading { SQLiteReading.enforce(on: opened) }
    }

    deinit { sqlite3_close_v2(database) }

    func execute(_ sql: String) throws(TableError) {
        let code = sqlite3_exec(database, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    func error(_ code: Int32) -> TableError {
        let text = String(cString: sqlite3_errmsg(database))
        let kind: TableError.Kind =
            switch code & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED: .timedOut
            case SQLITE_FULL: .diskFull
            case SQLITE_AUTH: .refused
            case SQLITE_PERM, SQLITE_READONLY: .accessDenied
            default: .refused
            }
        let help = text.contains("ON CONFLICT clause does not match")
            ? "the `keys` of an upsert need a primary key or a unique index of just these columns"
            : code & 0xFF == SQLITE_AUTH ? "a query may only read" : nil
        return TableError(kind, "the database \(shown) says: \(text)", help: help)
    }

    // MARK: Loading

    func load(_ load: TableLoad, _ file: TableFile) throws(TableError) -> TableLoadResult {
        // At once: a transaction that begins by reading and cannot write later would have read for nothing.
        try execute("BEGIN IMMEDIATE")
        do throws(TableError) {
            let result = try loadWithin(load, file)
            try execute("COMMIT")
            return result
        } catch {
            sqlite3_exec(database, "ROLLBACK", nil, nil, nil)
            throw error
        }
    }

    private func loadWithin(_ load: TableLoad, _ file: TableFile) throws(TableError) -> TableLoadResult {
        let target = load.target
        guard target.table.lowercased() != Ledger.table else {
            throw TableError(.mismatch, "the table `\(target.table)` is the one that remembers loads")
        }
        var result = TableLoadResult()
        try execute(Ledger.definition)
        let existing = try columns(of: target.table)
        if target.mode == .append, existing != nil {
            result = try TableLoadResult(after: texts(Ledger.find, [load.identity, target.table]), file)
            if result.wasLoadedBefore { return result }
        }
        let (reader, digest) = try file.open()
        _ = try reader.readHeader()
        let plan = try ColumnPlan(target, reader, existing, foldsCase: true)
        if existing == nil {
            try execute(plan.creation(of: target.table, type: SQLiteTypes.declared))
            result.madeTable = true
        } else if target.mode == .replace {
            try execute("DELETE FROM \(identifier(target.table))")
        }
        if existing == nil || target.mode == .replace { _ = try texts(Ledger.forget, [target.table]) }
        result.rows = try insert(plan, target, reader)
        _ = try texts(
            Ledger.insertion(time: "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"),
            [load.identity, target.table, digest.end(), String(result.rows)])
        return result
    }

    private func columns(of table: String) throws(TableError) -> [ExistingColumn]? {
        let statement = try SQLiteStatement(
            #"SELECT "name", "type" FROM pragma_table_info($1) ORDER BY "cid""#, self)
        try statement.bind([table])
        var columns: [ExistingColumn] = []
        while try statement.step() {
            let declared = statement.text(1)
            columns.append(
                ExistingColumn(
                    name: statement.text(0), type: SQLiteTypes.type(declared: declared),
                    keepsDecimals: SQLiteTypes.keepsText(declared: declared)))
        }
        return columns.isEmpty ? nil : columns
    }

    private func texts(_ sql: String, _ values: [String]) throws(TableError) -> [String] {
        let statement = try SQLiteStatement(sql, self)
        try statement.bind(values)
        var found: [String] = []
        while try statement.step() { found.append(statement.text(0)) }
        return found
    }

    func forgetLoads(of table: String) throws(TableError) -> Int {
        guard try columns(of: Ledger.table) != nil else { return 0 }
        _ = try texts(Ledger.forget, [table])
        return Int(sqlite3_changes(database))
    }

    // MARK: Queries

    func query(_ sql: String, _ values: [String], into sink: any RowSink) throws(TableError) {
        guard !isReading || SQLiteReading.isQuery(sql) else { throw TableError.notReading }
        let statement = try SQLiteStatement(sql, self)
        guard !isReading || sqlite3_stmt_readonly(statement.handle) != 0 else { throw TableError.notReading }
        try statement.bind(values)
        try sink.begin(columns: statement.columnNames)
        while try statement.step() { try statement.give(to: sink) }
    }
}

/// What columns of SQLite hold, which goes by words in their declared types.
enum SQLiteTypes {
    /// `DECIMAL TEXT` has the affinity of text, so that no digit is lost, and says what it is.
    static func declared(_ type: ColumnType) -> String {
        switch type {
        case .integer: "INTEGER"
        case .real: "REAL"
        case .decimal: "DECIMAL TEXT"
        case .text: "TEXT"
        case .boolean: "BOOLEAN"
        case .date: "DATE"
        case .timestamp: "TIMESTAMP"
        }
    }

    /// By the rules of SQLite's affinities. Dates may be kept in many forms, so they are nobody's business here.
    static func type(declared: String) -> ColumnType? {
        let word = declared.uppercased()
        if word.contains("INT") { return .integer }
        if isText(word) { return word.hasPrefix("DECIMAL") ? .decimal : .text }
        if word.isEmpty || word.contains("BLOB") { return nil }
        if ["REAL", "FLOA", "DOUB"].contains(where: word.contains) { return .real }
        if word.hasPrefix("BOOL") { return .boolean }
        return word.hasPrefix("NUM") || word.hasPrefix("DEC") ? .decimal : nil
    }

    /// Any other column makes numbers of what looks like one.
    static func keepsText(declared: String) -> Bool {
        let word = declared.uppercased()
        return !word.contains("INT") && (isText(word) || word.isEmpty || word.contains("BLOB"))
    }

    private static func isText(_ word: String) -> Bool {
        ["CHAR", "CLOB", "TEXT"].contains { word.contains($0) }
    }
}
