import ShipyardModel
import ShipyardTables

/// `sql query`.
enum SQLQueryCommand {
    static let command = Command("query", "run one statement in a database and show what it finds")
        .details(
            "CONNECTION is an alias of `sql` in the credentials; without a credentials file it is a database file of the home. The "
                + "statement is the database's own SQL and runs in a transaction. Values for `$1`, `$2` and so on come with --parameter "
                + "and are never put into the statement itself.",
            "CSV has a row of names; NULL is nothing between two commas, and empty text is `\"\"`. A file appears whole or not at all."
        )
        .takes(Argument("CONNECTION", "the database"), Argument("QUERY", "the statement"))
        .options(
            .value("parameter", "VALUE", repeats: true, "the value for `$1`, the next one for `$2`"),
            .value("output", "FILE", values: .file, "where rows go in place of standard output; `-` is standard output"),
            .value("format", "FORMAT", "`csv`, `json` or `table`; default a table on a terminal, else CSV")
        )
        .example("sql query reports 'SELECT * FROM daily'", "shows a table")
        .example("sql query reports 'SELECT * FROM daily WHERE day = $1' --parameter 2026-11-26 --output day.csv", "writes some rows as CSV")
        .runs(run)

    private enum Format: String { case csv, json, table }

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        let file = invocation.arguments["output"].flatMap { $0 == "-" ? nil : $0 }
        let format = try format(invocation, isForPeople: file == nil && invocation.console.output.isTerminal)
        let known = try SQLDatabases(invocation)
        let (connection, url) = try known.connection(words[0])
        let output = invocation.console.output
        do throws(TableError) {
            let database = try known.databases.open(connection, url, to: .write)
            let target = try file.map { path throws(TableError) in
                try NewFile(BytePath(path), makesFolders: false)
            }
            let write: CSVWriter.Target = { bytes throws(TableError) in
                if let target { return try target.write(bytes) }
                output.write(bytes: bytes)
                // Nobody reads on; the statement's transaction is undone.
                if output.isClosed { throw TableError(.file, "standard output is closed") }
            }
            let values = invocation.arguments.all("parameter")
            switch format {
            case .csv:
                let writer = CSVWriter(write)
                try database.query(words[1], values, into: writer)
                try writer.finish()
            case .json:
                let writer = JSONRows(write)
                try database.query(words[1], values, into: writer)
                try writer.finish()
            case .table:
                let rows = TableRows()
                try database.query(words[1], values, into: rows)
                try show(rows, invocation.console, to: file == nil ? nil : write)
            }
            try target?.finish()
        } catch {
            if output.isClosed, output.failure == nil, file == nil { return .done }
            throw CommandFailure(error)
        }
        return .done
    }

    private static func format(_ invocation: Invocation, isForPeople: Bool) throws(CommandFailure) -> Format {
        guard let word = invocation.arguments["format"] else {
            return invocation.isRaw ? .json : isForPeople ? .table : .csv
        }
        guard let format = Format(rawValue: word) else {
            throw .usage("`--format` takes `csv`, `json` or `table`, not `\(word)`")
        }
        return format
    }

    private static func show(
        _ rows: TableRows, _ console: Console, to write: CSVWriter.Target?
    ) throws(TableError) {
        guard let write else {
            if rows.hasColumns { console.print(rows.table) }
            return
        }
        for line in rows.table.lines(width: nil) {
            var line = line + "\n"
            let bytes = line.withUTF8 { Array($0) }
            try withBytes(of: bytes, write)
        }
    }
}

/// An array of objects, row by row. Numbers keep all of their digits.
private final class JSONRows: RowSink {
    private let write: CSVWriter.Target
    private var names: [[UInt8]] = []
    private var bytes: [UInt8] = []
    private var column = 0
    private var rows = 0

    init(_ write: @escaping CSVWriter.Target) { self.write = write }

    func begin(columns: [String]) throws(TableError) {
        names = columns.map { JSONValue.string($0).compactBytes + [UInt8(ascii: ":")] }
    }

    func cell(_ kind: TableCell, _ content: UnsafeRawBufferPointer) throws(TableError) {
        bytes += Array((column > 0 ? "," : rows == 0 ? "[\n  {" : ",\n  {").utf8) + names[column]
        column += 1
        switch kind {
        case .null: bytes += Array("null".utf8)
        case .number, .boolean: bytes += Array(content)
        case .text: bytes += JSONValue.string(String(decoding: content, as: UTF8.self)).compactBytes
        }
    }

    func endRow() throws(TableError) {
        bytes += names.isEmpty ? [] : [UInt8(ascii: "}")]
        column = 0
        rows += 1
        if bytes.count > 1 << 16 { try flush() }
    }

    func finish() throws(TableError) {
        bytes += Array((rows == 0 || names.isEmpty ? "[]\n" : "\n]\n").utf8)
        try flush()
    }

    private func flush() throws(TableError) {
        try withBytes(of: bytes, write)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// For people: NULL is an empty cell, as empty text is.
private final class TableRows: RowSink {
    private(set) var table = Table()
    private(set) var hasColumns = false

    func begin(columns: [String]) throws(TableError) {
        hasColumns = !columns.isEmpty
        for column in columns { table.column(column) }
    }

    func cell(_ kind: TableCell, _ bytes: UnsafeRawBufferPointer) throws(TableError) {
        table.cell(String(decoding: bytes, as: UTF8.self))
    }

    func endRow() throws(TableError) {}
}
