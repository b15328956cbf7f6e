import CPQ
import ShipyardModel

/// A database of a PostgreSQL server, by libpq.
final class PostgreSQLConnection: TableConnection {
    let connection: OpaquePointer
    private let shown: String
    private let mask: URLMask
    private let access: Databases.Access

    private static let loadError: String? = shipyard_pq_load_error().map {
        "\(String(cString: $0)); install the package libpq5"
    }

    init(_ url: Secret, _ shown: String, _ access: Databases.Access) throws(TableError) {
        if let reason = Self.loadError { throw TableError(.libraryMissing, reason) }
        mask = URLMask(url)
        self.shown = shown
        self.access = access
        let opened = url.withExposedBytes { bytes in
            String(decoding: bytes, as: UTF8.self).withCString { shipyard_pq_connect($0) }
        }
        guard let opened else { throw TableError(.refused, "libpq has no memory for a connection") }
        guard shipyard_pq_is_connected(opened) != 0 else {
            defer { shipyard_pq_finish(opened) }
            let isRefused = shipyard_pq_wants_password(opened) != 0 || shipyard_pq_used_password(opened) != 0
            let reason = Self.line(String(cString: shipyard_pq_reason(opened)))
            // Neither has a code that libpq tells before there is a connection.
            let isFinal = ["does not exist", "no pg_hba.conf entry", "invalid ", "could not translate host name"]
                .contains { reason.contains($0) }
            throw TableError(
                isRefused ? .accessDenied : isFinal ? .refused : .unreachable,
                "the database \(shown) cannot be opened: \(reason)"
            ).masked(by: mask)
        }
        connection = opened
        // Times without a zone are UTC here, and every value comes in one form whatever the role's settings are.
        try execute(
            """
            SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO, YMD', false), \
            set_config('intervalstyle', 'iso_8601', false), set_config('extra_float_digits', '1', false), \
            set_config('bytea_output', 'hex', false)
            """)
    }

    deinit { shipyard_pq_finish(connection) }

    // MARK: Statements

    @discardableResult
    func execute(_ sql: String, _ values: [String] = []) throws(TableError) -> PostgreSQLResult {
        try checked(
            Self.withCStrings(values) { shipyard_pq_execute(connection, sql, Int32(values.count), $0) })
    }

    /// Column 0 of all rows.
    func texts(_ sql: String, _ values: [String] = []) throws(TableError) -> [String] {
        let result = try execute(sql, values)
        return (0..<result.rows).map { result.text($0, 0) }
    }

    func checked(_ result: OpaquePointer?) throws(TableError) -> PostgreSQLResult {
        guard let result else { throw lost() }
        let owned = PostgreSQLResult(result)
        guard owned.kind != SHIPYARD_PQ_FAILED else { throw error(owned) }
        return owned
    }

    static func withCStrings<Answer>(
        _ values: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Answer
    ) -> Answer {
        let copies = values.map { value in
            Array(value.utf8CString).withUnsafeBufferPointer { text in
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
                copy.initialize(from: text.baseAddress ?? UnsafePointer(copy), count: text.count)
                return copy
            }
        }
        defer { for copy in copies { copy.deallocate() } }
        return copies.map { UnsafePointer($0) as UnsafePointer<CChar>? }.withUnsafeBufferPointer {
            body($0.baseAddress)
        }
    }

    // MARK: Errors

    /// The connection has something to say, and there is no result that has.
    func lost() -> TableError {
        let reason = Self.line(String(cString: shipyard_pq_reason(connection)))
        let isLost = shipyard_pq_is_connected(connection) == 0
        return TableError(
            isLost ? .unreachable : .refused, "the database \(shown) \(isLost ? "is lost" : "says"): \(reason)"
        ).masked(by: mask)
    }

    func error(_ result: PostgreSQLResult) -> TableError {
        guard let state = result.errorState else { return lost() }
        let kind: TableError.Kind =
            switch state {
            case "40001", "40P01", "55P03": .conflict
            case "57P01", "57P02", "57P03", "53300": .unreachable
            case "57014": .timedOut
            case "42501": .accessDenied
            case "53100": .diskFull
            default: state.hasPrefix("08") ? .unreachable : state.hasPrefix("28") ? .accessDenied : .refused
            }
        let help = state == "42P10"
            ? "the `keys` of an upsert need a primary key or a unique index of just these columns" : nil
        return TableError(kind, "the database \(shown) says: \(Self.line(result.errorText))", help: help)
            .masked(by: mask)
    }

    func masked(_ text: String) -> String { mask.applied(to: text) }

    /// Messages of servers have several lines.
    static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }
            .joined(separator: "; ")
    }

    // MARK: Queries

    func query(_ sql: String, _ values: [String], into sink: any RowSink) throws(TableError) {
        try execute(access == .read ? "BEGIN READ ONLY" : "BEGIN")
        do throws(TableError) {
            try stream(sql, values, into: sink)
            try execute("COMMIT")
        } catch {
            discardAnswers()
            _ = try? execute("ROLLBACK")
            throw error
        }
    }

    /// Whatever is still on its way would be taken for the answer to the next statement. A copy that has begun would be
    /// answered without an end: the next statement ends it.
    func discardAnswers() {
        while let rest = shipyard_pq_next_result(connection) {
            let kind = PostgreSQLResult(rest).kind
            if kind == SHIPYARD_PQ_COPY_IN || kind == SHIPYARD_PQ_OTHER { return }
        }
    }

    /// A transaction that only reads still takes `COPY … TO PROGRAM`, `DO` and `CALL`. What the server understands as the query
    /// of a cursor is one `SELECT`, `VALUES`, `TABLE` or `WITH` that changes nothing. It is asked so and then run by itself: the query
    /// of a cursor would never be run in parallel.
    private func checkThatItReads(_ sql: String) throws(TableError) {
        guard let answer = shipyard_pq_prepare(connection, "DECLARE shipyard_rows NO SCROLL CURSOR FOR \(sql)") else {
            throw lost()
        }
        let result = PostgreSQLResult(answer)
        guard result.kind == SHIPYARD_PQ_FAILED else { return }
        var error = error(result)
        // No syntax of a query, nothing that a cursor is for.
        if ["42601", "42P11", "0A000"].contains(result.errorState) { error.help = TableError.readingHelp }
        throw error
    }

    private func stream(_ sql: String, _ values: [String], into sink: any RowSink) throws(TableError) {
        guard !sql.utf8.contains(0) else { throw TableError(.mismatch, "the query has a NUL byte") }
        if access == .read { try checkThatItReads(sql) }
        let isSent = Self.withCStrings(values) { shipyard_pq_send(connection, sql, Int32(values.count), $0) }
        guard isSent == 1 else { throw lost() }
        var kinds: [TableCell] = []
        while let next = shipyard_pq_next_result(connection) {
            let result = try checked(next)
            guard result.kind != SHIPYARD_PQ_OTHER, result.kind != SHIPYARD_PQ_COPY_IN else {
                throw TableError(.mismatch, "a query cannot be COPY")
            }
            if kinds.isEmpty, result.columns > 0 {
                kinds = (0..<result.columns).map(result.cellKind)
                try sink.begin(columns: (0..<result.columns).map(result.name))
            }
            for row in 0..<result.rows { try result.give(row, kinds, to: sink) }
        }
        if kinds.isEmpty { try sink.begin(columns: []) }
    }
}

/// Owner of one answer.
final class PostgreSQLResult {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { shipyard_pq_clear(result) }

    var kind: shipyard_pq_kind { shipyard_pq_kind(rawValue: UInt32(shipyard_pq_kind(result))) }
    var rows: Int32 { shipyard_pq_rows(result) }
    var columns: Int32 { shipyard_pq_columns(result) }
    func name(_ column: Int32) -> String { Self.text(shipyard_pq_name(result, column)) ?? "" }
    func text(_ row: Int32, _ column: Int32) -> String { Self.text(shipyard_pq_value(result, row, column)) ?? "" }

    var errorState: String? { Self.text(shipyard_pq_state(result)) }
    var errorContext: String { Self.text(shipyard_pq_context(result)) ?? "" }
    var errorMessage: String { Self.text(shipyard_pq_message(result)) ?? "" }
    var errorColumn: String? { Self.text(shipyard_pq_error_column(result)) }
    var errorText: String {
        [errorMessage, Self.text(shipyard_pq_detail(result))].compactMap(\.self).joined(separator: "; ")
    }

    private static func text(_ bytes: UnsafePointer<CChar>?) -> String? { bytes.map { String(cString: $0) } }

    /// By the numbers of the types that every server has.
    func cellKind(_ column: Int32) -> TableCell {
        switch shipyard_pq_type(result, column) {
        case 16: .boolean
        case 20, 21, 23, 26, 700, 701, 1700: .number
        default: .text
        }
    }

    func give(_ row: Int32, _ kinds: [TableCell], to sink: any RowSink) throws(TableError) {
        for column in 0..<columns {
            if shipyard_pq_is_null(result, row, column) != 0 {
                try sink.cell(.null, UnsafeRawBufferPointer(start: nil, count: 0))
                continue
            }
            let bytes = UnsafeRawBufferPointer(
                start: shipyard_pq_value(result, row, column), count: Int(shipyard_pq_length(result, row, column)))
            try give(kinds[Int(column)], bytes, to: sink)
        }
        try sink.endRow()
    }

    private func give(_ kind: TableCell, _ bytes: UnsafeRawBufferPointer, to sink: any RowSink) throws(TableError) {
        switch kind {
        case .boolean:
            let text = bytes.first == UInt8(ascii: "t") ? "true" : "false"
            try withBytes(of: Array(text.utf8)) { bytes throws(TableError) in try sink.cell(.boolean, bytes) }
        // `NaN` and `Infinity` are none of JSON's.
        case .number where !CSVValue.isNumber(bytes): try sink.cell(.text, bytes)
        default: try sink.cell(kind, bytes)
        }
    }
}
