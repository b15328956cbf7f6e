import CSQLite
import ShipyardModel

/// Owner of one prepared statement.
final class SQLiteStatement {
    let handle: OpaquePointer
    private let connection: SQLiteConnection

    init(_ sql: String, _ connection: SQLiteConnection) throws(TableError) {
        self.connection = connection
        var handle: OpaquePointer?
        var hasMore = false
        let code = sql.withCString { text in
            var rest: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v2(connection.database, text, -1, &handle, &rest)
            hasMore = rest.map { !Self.isBlank($0) } ?? false
            return code
        }
        guard code == SQLITE_OK else { throw connection.error(code) }
        guard let handle, !hasMore else {
            sqlite3_finalize(handle)
            throw TableError(.mismatch, hasMore ? "the query is more than one statement" : "the query is empty")
        }
        self.handle = handle
    }

    deinit { sqlite3_finalize(handle) }

    private static func isBlank(_ text: UnsafePointer<CChar>) -> Bool {
        String(cString: text).allSatisfy { $0.isWhitespace || $0 == ";" }
    }

    /// Values for `$1`, `$2` and so on.
    func bind(_ values: [String]) throws(TableError) {
        for position in 1...max(1, Int(sqlite3_bind_parameter_count(handle)))
        where position <= sqlite3_bind_parameter_count(handle) {
            guard let name = sqlite3_bind_parameter_name(handle, Int32(position)),
                let number = Int(String(cString: name).dropFirst()), values.indices.contains(number - 1)
            else {
                let name = sqlite3_bind_parameter_name(handle, Int32(position)).map { String(cString: $0) } ?? "?"
                throw TableError(.mismatch, "the query has `\(name)`, and there is no value for it")
            }
            let bytes = Array(values[number - 1].utf8)
            // SQLite keeps a copy: the destructor of this value means so.
            let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
            let code = bytes.withUnsafeBytes { bytes in
                sqlite3_bind_text(
                    handle, Int32(position), bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? Self.nothing,
                    Int32(bytes.count), copies)
            }
            guard code == SQLITE_OK else { throw connection.error(code) }
        }
    }

    /// An address for text of no bytes: none would be NULL.
    nonisolated(unsafe) static let nothing: UnsafePointer<CChar> = {
        let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        byte.pointee = 0
        return UnsafePointer(byte)
    }()

    /// False at the end.
    func step() throws(TableError) -> Bool {
        let code = sqlite3_step(handle)
        guard code == SQLITE_ROW || code == SQLITE_DONE else { throw connection.error(code) }
        return code == SQLITE_ROW
    }

    func text(_ column: Int32) -> String {
        sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
    }

    var columnNames: [String] {
        (0..<sqlite3_column_count(handle)).map { column in
            sqlite3_column_name(handle, column).map { String(cString: $0) } ?? ""
        }
    }

    func give(to sink: any RowSink) throws(TableError) {
        for column in 0..<sqlite3_column_count(handle) {
            switch sqlite3_column_type(handle, column) {
            case SQLITE_NULL: try sink.cell(.null, UnsafeRawBufferPointer(start: nil, count: 0))
            case SQLITE_INTEGER: try sink.cell(.number, bytes(column))
            case SQLITE_FLOAT: try give(sqlite3_column_double(handle, column), to: sink)
            case SQLITE_BLOB: try giveHexadecimal(bytes(column), to: sink)
            default: try sink.cell(.text, bytes(column))
            }
        }
        try sink.endRow()
    }

    private func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        // Text first: it may have to be made, which changes the length.
        let isBlob = sqlite3_column_type(handle, column) == SQLITE_BLOB
        let start = isBlob
            ? sqlite3_column_blob(handle, column)
            : sqlite3_column_text(handle, column).map { UnsafeRawPointer($0) }
        return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }

    /// SQLite's own text of it has 15 digits, which is less than the number.
    private func give(_ number: Double, to sink: any RowSink) throws(TableError) {
        try give("\(number)", number.isFinite ? .number : .text, to: sink)
    }

    /// As PostgreSQL writes bytes.
    private func giveHexadecimal(_ bytes: UnsafeRawBufferPointer, to sink: any RowSink) throws(TableError) {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("\\x".utf8)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        try withBytes(of: text) { bytes throws(TableError) in try sink.cell(.text, bytes) }
    }

    private func give(_ text: String, _ kind: TableCell, to sink: any RowSink) throws(TableError) {
        try withBytes(of: Array(text.utf8)) { bytes throws(TableError) in try sink.cell(kind, bytes) }
    }
}
