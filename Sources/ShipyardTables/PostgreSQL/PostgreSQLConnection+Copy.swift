import CPQ
import Glibc
import ShipyardModel

extension PostgreSQLConnection {
    /// Fields go as they stand in the file: the server's CSV knows NULL and empty text by the same quotes.
    func copy(
        _ plan: ColumnPlan, _ reader: CSVReader, of file: TableFile, into table: (sql: String, name: String)
    ) throws(TableError) -> Int64 {
        let begun = try execute(
            "COPY \(table.sql) (\(identifiers(plan.names))) FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')")
        guard begun.kind == SHIPYARD_PQ_COPY_IN else {
            throw TableError(.refused, "the database takes no rows")
        }
        var rows: Int64 = 0
        let pieces = CopyPieces(connection, plan, reader)
        let checked = plan.columns.filter { $0.isKey || $0.isChecked }
        var isTaken = true
        do throws(TableError) {
            while isTaken, try reader.next() {
                rows += 1
                for index in checked.indices { try check(checked[index], reader) }
                isTaken = pieces.addRow(of: reader)
            }
            isTaken = isTaken && pieces.flush()
        } catch {
            _ = shipyard_pq_end(connection, "stopped by the client")
            discardAnswers()
            throw error
        }
        // What the server did not like is told now, also where it stopped listening before.
        if isTaken { _ = shipyard_pq_end(connection, nil) }
        var failure: TableError?
        while let next = shipyard_pq_next_result(connection) {
            let result = PostgreSQLResult(next)
            if result.kind == SHIPYARD_PQ_FAILED, failure == nil {
                failure = badRow(result, file, table.name, plan) ?? error(result)
            }
            if result.kind == SHIPYARD_PQ_COPY_IN { break }
        }
        if let failure { throw failure }
        guard isTaken, shipyard_pq_is_connected(connection) != 0 else { throw lost() }
        return rows
    }

    private func check(_ column: LoadColumn, _ reader: CSVReader) throws(TableError) {
        if reader[column.field].isNull {
            try reader.checkKey(column)
        } else if let type = column.type, let problem = CSVValue.problem(reader.written(column.field), type) {
            throw reader.bad(column.field, problem)
        }
    }

    /// `COPY orders, line 3, column amount: "abc"`: lines of what was sent.
    private func badRow(
        _ result: PostgreSQLResult, _ file: TableFile, _ table: String, _ plan: ColumnPlan
    ) -> TableError? {
        let start = "COPY \(table), line "
        guard let context = result.errorContext.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(start) })
        else { return nil }
        let rest = context.dropFirst(start.count)
        guard let line = Int(rest.prefix { $0.isNumber }) else { return nil }
        let behind = rest.drop { $0.isNumber }
        // Names may begin as others do.
        let named = plan.names.filter { behind.hasPrefix(", column \($0):") }.max { $0.count < $1.count }
        let column = (named ?? result.errorColumn).map { ", column `\($0)`" } ?? ""
        let place = fileLine(ofSent: line, file, plan).map { "line \($0)" } ?? "row \(line)"
        return TableError(.badRow, masked("\(file.name), \(place)\(column): \(Self.line(result.errorText))"))
    }

    /// Reads the file once more, which only a failed load has to. Nil for what cannot be read again.
    private func fileLine(ofSent sent: Int, _ file: TableFile, _ plan: ColumnPlan) -> Int? {
        guard file.canBeReadAgain, let (reader, _) = try? file.open(isTold: false),
            (try? reader.readHeader()) != nil
        else { return nil }
        // In the first row the server does not know yet how lines end, and counts carriage returns within quotes.
        var counted = carriageReturn
        var line = 0
        while (try? reader.next()) == true {
            line += 1
            if reader.hasLines {
                for column in plan.columns { line += reader.raw(column.field).count { $0 == counted } }
            }
            if line >= sent { return reader.line }
            counted = lineFeed
        }
        return nil
    }
}

/// Rows on their way to the server, some hundred at a time.
private final class CopyPieces {
    private let connection: OpaquePointer
    private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: CopyPieces.capacity)
    private var count = 0
    private let fields: [Int]
    /// All fields of the file as they stand there.
    private let takesAll: Bool

    private static let capacity = 256 << 10

    init(_ connection: OpaquePointer, _ plan: ColumnPlan, _ reader: CSVReader) {
        self.connection = connection
        fields = plan.columns.map(\.field)
        takesAll = fields == Array(reader.header.indices)
    }

    deinit { bytes.deallocate() }

    /// False where nobody takes them any more.
    func addRow(of reader: CSVReader) -> Bool {
        if takesAll, reader.raw(0).first != UInt8(ascii: "\\") { return add(reader.rawRecord) && add(lineFeed) }
        for index in fields.indices {
            if index > 0, !add(comma) { return false }
            let raw = reader.raw(fields[index])
            // Alone on its line `\.` would be the end of all data.
            let needsQuotes = index == 0 && raw.first == UInt8(ascii: "\\")
            if needsQuotes, !add(quote) { return false }
            guard add(raw) else { return false }
            if needsQuotes, !add(quote) { return false }
        }
        return add(lineFeed)
    }

    private func add(_ byte: UInt8) -> Bool {
        if count == Self.capacity, !flush() { return false }
        bytes[count] = byte
        count += 1
        return true
    }

    private func add(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard let start = piece.baseAddress, !piece.isEmpty else { return true }
        if count + piece.count > Self.capacity {
            guard flush() else { return false }
            guard piece.count <= Self.capacity else {
                return shipyard_pq_put(connection, start, Int32(truncatingIfNeeded: piece.count)) == 1
            }
        }
        memcpy(bytes + count, start, piece.count)
        count += piece.count
        return true
    }

    func flush() -> Bool {
        guard count > 0 else { return true }
        defer { count = 0 }
        return shipyard_pq_put(connection, bytes, Int32(count)) == 1
    }
}
