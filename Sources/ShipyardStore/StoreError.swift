import CSQLite

/// What went wrong with the state file, in terms of what can be done about it.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No space is left on the device, or a quota is met. Worth another try once there is.
        case diskFull
        /// The kernel could not read or write the file.
        case inputOutput
        /// The file is no database of ours, or is damaged.
        case corrupt
        /// Written by a newer version of this program.
        case newerVersion
        /// Another process kept the file locked for longer than the busy timeout.
        case busy
        /// A row breaks a rule of the schema, such as a second job of one id.
        case constraint
        /// A write that a test asked to fail.
        case injected
        case other
    }

    package var kind: Kind
    /// SQLite's extended result code; 0 where SQLite was not asked.
    package var code: Int32
    /// What was being done: `open /home/x/shipyard.db`, `putTask`.
    package var operation: String
    package var message: String
    /// The statement without its arguments, which may hold a user's data. Empty where there was none.
    package var sql: String

    package init(kind: Kind, code: Int32 = 0, operation: String, message: String, sql: String = "") {
        self.kind = kind
        self.code = code
        self.operation = operation
        self.message = message
        self.sql = sql
    }

    package var description: String {
        var text = "\(operation): \(message)"
        if code != 0 { text += " (SQLite \(code))" }
        if !sql.isEmpty { text += " in: \(sql)" }
        return text
    }
}

extension StoreError.Kind {
    init(sqliteCode code: Int32) {
        // The low byte is the primary code; the rest says which of its kinds.
        switch code & 0xFF {
        case SQLITE_FULL: self = .diskFull
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: self = .inputOutput
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt
        case SQLITE_BUSY, SQLITE_LOCKED: self = .busy
        case SQLITE_CONSTRAINT: self = .constraint
        default: self = .other
        }
    }
}
