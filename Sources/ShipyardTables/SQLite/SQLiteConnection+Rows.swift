import CSQLite
import Glibc
import ShipyardModel

extension SQLiteConnection {
    /// Binds what is in the reader's buffer, which stays where it is until the row is in.
    func insert(_ plan: ColumnPlan, _ target: TableTarget, _ reader: CSVReader) throws(TableError) -> Int64 {
        let places = (1...plan.columns.count).map { "?\($0)" }.joined(separator: ", ")
        let conflict = target.mode == .upsert ? " " + plan.conflictClause : ""
        let statement = try SQLiteStatement(
            "INSERT INTO \(identifier(target.table)) (\(identifiers(plan.names))) VALUES (\(places))\(conflict)", self)
        let handle = statement.handle
        var rows: Int64 = 0
        while try reader.next() {
            for index in plan.columns.indices {
                let column = plan.columns[index]
                let code = try bind(reader, column, at: Int32(truncatingIfNeeded: index + 1), of: handle)
                guard code == SQLITE_OK else { throw error(code) }
            }
            let code = sqlite3_step(handle)
            guard code == SQLITE_DONE else {
                let error = error(code)
                guard code & 0xFF == SQLITE_CONSTRAINT || code & 0xFF == SQLITE_MISMATCH else { throw error }
                throw reader.bad(nil, String(cString: sqlite3_errmsg(database)))
            }
            sqlite3_reset(handle)
            rows += 1
        }
        return rows
    }

    private func bind(
        _ reader: CSVReader, _ column: LoadColumn, at position: Int32, of handle: OpaquePointer
    ) throws(TableError) -> Int32 {
        if reader[column.field].isNull {
            try reader.checkKey(column)
            return sqlite3_bind_null(handle, position)
        }
        switch column.type {
        case nil, .text: break
        case .integer:
            guard let value = CSVValue.integer(reader.written(column.field)) else { throw wrong(reader, column, .integer) }
            return sqlite3_bind_int64(handle, position, value)
        case .boolean:
            guard let value = CSVValue.boolean(reader.written(column.field)) else { throw wrong(reader, column, .boolean) }
            return sqlite3_bind_int64(handle, position, value ? 1 : 0)
        case .real:
            let bytes = reader.written(column.field)
            guard CSVValue.isNumber(bytes), let value = Self.double(bytes) else { throw wrong(reader, column, .real) }
            return sqlite3_bind_double(handle, position, value)
        case .decimal:
            let bytes = reader.written(column.field)
            guard CSVValue.isNumber(bytes) else { throw wrong(reader, column, .decimal) }
            guard column.keepsDecimals || CSVValue.significantDigits(bytes) <= 15 else {
                throw reader.bad(
                    column.field, "\(CSVValue.shown(bytes)) has more than 15 digits, and this column of SQLite keeps no more",
                    help: "a column of the type TEXT keeps them all")
            }
        case .date, .timestamp:
            if let type = column.type, CSVValue.problem(reader.written(column.field), type) != nil {
                throw wrong(reader, column, type)
            }
        }
        let bytes = reader.content(column.field)
        // No destructor: the bytes stay until the next row.
        return sqlite3_bind_text(
            handle, position, bytes.baseAddress?.assumingMemoryBound(to: CChar.self) ?? SQLiteStatement.nothing,
            Int32(truncatingIfNeeded: bytes.count), nil)
    }

    private func wrong(_ reader: CSVReader, _ column: LoadColumn, _ type: ColumnType) -> TableError {
        reader.bad(column.field, CSVValue.problem(reader.written(column.field), type) ?? "it cannot be kept")
    }

    /// By the C library, which rounds as it should; SQLite's own conversion does not always.
    private static func double(_ bytes: UnsafeRawBufferPointer) -> Double? {
        guard bytes.count < 64 else { return Double(String(decoding: bytes, as: UTF8.self)).flatMap(finite) }
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { copy in
            copy.copyMemory(from: bytes)
            copy[bytes.count] = 0
            return copy.baseAddress.flatMap { finite(strtod($0.assumingMemoryBound(to: CChar.self), nil)) }
        }
    }

    private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
