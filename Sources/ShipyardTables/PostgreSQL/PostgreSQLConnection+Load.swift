import CPQ
import ShipyardModel

extension PostgreSQLConnection {
    func load(_ load: TableLoad, _ file: TableFile) throws(TableError) -> TableLoadResult {
        // Not the role's own level: what was committed while a lock was waited for must be seen.
        try execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        do throws(TableError) {
            let result = try loadWithin(load, file)
            try execute("COMMIT")
            return result
        } catch {
            _ = try? execute("ROLLBACK")
            throw error
        }
    }

    private func loadWithin(_ load: TableLoad, _ file: TableFile) throws(TableError) -> TableLoadResult {
        let target = load.target
        try Self.check(target)
        var result = TableLoadResult()
        if try !exists(Ledger.table) {
            try lock("ledger")
            try execute(Ledger.definition)
        }
        // An earlier attempt at this very load may still be at work.
        try lock("load \(load.identity)")
        var existing = try columns(of: target.table)
        if existing == nil {
            try lock("table \(target.table)")
            existing = try columns(of: target.table)
        }
        if target.mode == .append, existing != nil {
            result = try TableLoadResult(after: texts(Ledger.find, [load.identity, target.table]), file)
            if result.wasLoadedBefore { return result }
        }
        let (reader, digest) = try file.open()
        _ = try reader.readHeader()
        let plan = try ColumnPlan(target, reader, existing, foldsCase: false)
        try Self.check(plan)
        if existing == nil {
            try execute(plan.creation(of: target.table, type: Self.declared))
            result.madeTable = true
            try execute(Ledger.forget, [target.table])
        }
        result.rows = try put(plan, target, reader, file)
        try execute(
            Ledger.insertion(time: #"to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#),
            [load.identity, target.table, digest.end(), String(result.rows)])
        return result
    }

    private func put(
        _ plan: ColumnPlan, _ target: TableTarget, _ reader: CSVReader, _ file: TableFile
    ) throws(TableError) -> Int64 {
        let table = identifier(target.table)
        switch target.mode {
        case .append: return try copy(plan, reader, of: file, into: (table, target.table))
        case .replace:
            // Two at once would each keep what the other has brought. Readers go on with what was there.
            try execute("LOCK TABLE \(table) IN EXCLUSIVE MODE")
            try execute("DELETE FROM \(table)")
            try execute(Ledger.forget, [target.table])
            return try copy(plan, reader, of: file, into: (table, target.table))
        case .upsert:
            var stage = "shipyard_stage"
            while stage == target.table { stage += "_" }
            var number = "shipyard_row"
            while plan.names.contains(number) { number += "_" }
            let names = identifiers(plan.names)
            try execute(
                "CREATE TEMP TABLE \(identifier(stage)) ON COMMIT DROP AS SELECT \(names) FROM \(table) WITH NO DATA")
            try execute("ALTER TABLE pg_temp.\(identifier(stage)) ADD COLUMN \(identifier(number)) bigserial")
            let rows = try copy(plan, reader, of: file, into: ("pg_temp." + identifier(stage), stage))
            // Of several rows of one key the last counts, as where they come one by one. In the order of the keys, so that
            // two loads never wait for each other.
            let keys = identifiers(plan.keys)
            try execute(
                """
                INSERT INTO \(table) (\(names)) SELECT \(names) FROM (SELECT DISTINCT ON (\(keys)) * \
                FROM pg_temp.\(identifier(stage)) ORDER BY \(keys), \(identifier(number)) DESC) AS "rows" \
                \(plan.conflictClause)
                """)
            return rows
        }
    }

    func forgetLoads(of table: String) throws(TableError) -> Int {
        guard try exists(Ledger.table) else { return 0 }
        let gone = try texts("WITH gone AS (\(Ledger.forget) RETURNING 1) SELECT count(*) FROM gone", [table])
        return gone.first.flatMap { Int($0) } ?? 0
    }

    /// Until the end of the transaction.
    private func lock(_ what: String) throws(TableError) {
        try execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", ["shipyard " + what])
    }

    private func exists(_ table: String) throws(TableError) -> Bool {
        try texts("SELECT to_regclass($1) IS NOT NULL", [identifier(table)]) == ["t"]
    }

    /// The server checks values itself, by the types that its columns have.
    private func columns(of table: String) throws(TableError) -> [ExistingColumn]? {
        let names = try texts(
            """
            SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped \
            ORDER BY attnum
            """, [identifier(table)])
        if names.isEmpty, try !exists(table) { return nil }
        return names.map { ExistingColumn(name: $0, type: nil, keepsDecimals: true) }
    }

    static func declared(_ type: ColumnType) -> String {
        switch type {
        case .integer: "bigint"
        case .real: "double precision"
        case .decimal: "numeric"
        case .text: "text"
        case .boolean: "boolean"
        case .date: "date"
        case .timestamp: "timestamp with time zone"
        }
    }

    private static func check(_ target: TableTarget) throws(TableError) {
        guard target.table != Ledger.table else {
            throw TableError(.mismatch, "the table `\(target.table)` is the one that remembers loads")
        }
        try checkLength(target.table)
    }

    private static func check(_ plan: ColumnPlan) throws(TableError) {
        for name in plan.names { try checkLength(name) }
    }

    /// A longer name would be cut, and might then be another's.
    private static func checkLength(_ name: String) throws(TableError) {
        guard name.utf8.count <= 63 else {
            throw TableError(.mismatch, "the name `\(name)` has more than the 63 bytes that PostgreSQL keeps of one")
        }
    }
}
