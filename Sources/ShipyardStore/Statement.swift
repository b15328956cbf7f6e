import CSQLite
import ShipyardModel

/// Owner of one prepared statement. Used from start to `reset` before it is used again.
final class Statement {
    private let handle: OpaquePointer
    private let connection: OpaquePointer
    private let sql: SQL
    /// Why the row that was read last cannot be taken as it is.
    var complaint: String?

    init(_ sql: SQL, on connection: OpaquePointer) throws(StoreError) {
        var prepared: OpaquePointer?
        // Persistent: keeps the statement's memory out of the small lookaside slots, as it lives long.
        let code = sqlite3_prepare_v3(
            connection, sql.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else {
            throw StoreError(connection, code: code, operation: "prepare", sql: sql.text)
        }
        handle = prepared
        self.connection = connection
        self.sql = sql
    }

    deinit { sqlite3_finalize(handle) }

    // Binding fails only for an index that the statement does not have: a programmer's error.

    func bind(_ index: Int32, _ number: Int64) {
        let code = sqlite3_bind_int64(handle, index, number)
        invariant(code == SQLITE_OK, "argument \(index) of: \(sql.text)")
    }

    func bind(_ index: Int32, _ number: Int64?) {
        if let number { bind(index, number) } else { bindNull(index) }
    }

    func bind(_ index: Int32, real number: Double) {
        let code = sqlite3_bind_double(handle, index, number)
        invariant(code == SQLITE_OK, "argument \(index) of: \(sql.text)")
    }

    func bind(_ index: Int32, _ text: String) {
        var text = text
        let code = text.withUTF8 { bytes in
            // A static empty text, as an empty Swift string may have no address, which would bind NULL.
            guard let start = bytes.baseAddress else { return sqlite3_bind_text(handle, index, "", 0, nil) }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                sqlite3_bind_text(handle, index, $0, Int32(bytes.count), copyOnBind)
            }
        }
        // Too long (a gigabyte) is the only other reason, and no spec is.
        invariant(code == SQLITE_OK, "argument \(index) of: \(sql.text)")
    }

    func bind(_ index: Int32, _ text: String?) {
        if let text { bind(index, text) } else { bindNull(index) }
    }

    func bindNull(_ index: Int32) {
        let code = sqlite3_bind_null(handle, index)
        invariant(code == SQLITE_OK, "argument \(index) of: \(sql.text)")
    }

    /// Runs a statement that answers no rows. Ready for the next use afterwards, also on failure.
    func run() throws(StoreError) {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure(code) }
    }

    /// Moves to the next row; false after the last. `reset` must follow the last use.
    func step() throws(StoreError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            sqlite3_reset(handle)
            throw failure(code)
        }
    }

    /// Ends a read: without it, the snapshot that it holds would keep the WAL from being emptied.
    func reset() { sqlite3_reset(handle) }

    func name(of column: Int32) -> String {
        sqlite3_column_name(handle, column).map { String(cString: $0) } ?? ""
    }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    /// Whether the value is a number with a fraction, or larger than any integer.
    func isReal(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_FLOAT }
    func isText(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_TEXT }
    func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
    func int(_ column: Int32) -> Int { Int(integer(column)) }
    func int32(_ column: Int32) -> Int32 { Int32(truncatingIfNeeded: integer(column)) }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// The text in place; valid until the next step.
    func bytes(_ column: Int32) -> UnsafeBufferPointer<UInt8> {
        // The text first: asking for the length first could convert it and move it.
        let start = sqlite3_column_text(handle, column)
        return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    private func failure(_ code: Int32) -> StoreError {
        StoreError(connection, code: code, operation: "run", sql: sql.text)
    }
}

/// `SQLITE_TRANSIENT`, a cast that Swift cannot import: SQLite copies the text before `bind` returns.
private let copyOnBind = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension StoreError {
    init(_ connection: OpaquePointer?, code: Int32, operation: String, sql: String = "") {
        let extended = connection.map { sqlite3_extended_errcode($0) } ?? code
        let code = extended & 0xFF == code & 0xFF ? extended : code
        let text =
            connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        self.init(kind: Kind(sqliteCode: code), code: code, operation: operation, message: text, sql: sql)
    }
}
