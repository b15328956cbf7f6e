import Glibc
import ShipyardModel
import ShipyardSystem
import ShipyardTables

/// `sql load`.
enum SQLLoadCommand {
    static let command = Command("load", "load a CSV file into a table")
        .details(
            "All rows or none: a row that does not fit is named by its line and column. A table that is missing is made, with columns "
                + "of text where --type says nothing else. Each call is a load of its own, and `append` given twice appends twice.",
            "The file has a row of names. An empty field without quotes is NULL. `-` is standard input."
        )
        .takes(
            Argument("CONNECTION", "the database: an alias of `sql` in the credentials"),
            Argument("TABLE", "the table, whatever its name is"), Argument("FILE", "the CSV file, or `-`", values: .file)
        )
        .options(
            .value("mode", "MODE", "`append` (default), `replace`, or `upsert`, which needs --key"),
            .value("key", "COLUMN", repeats: true, "a column of the table that tells rows apart"),
            .value(
                "column", "NAME[=COLUMN]", repeats: true,
                "a column of the file, and what it is called in the table; only these are loaded"),
            .value(
                "type", "COLUMN=TYPE", repeats: true,
                "`integer`, `real`, `decimal`, `text`, `boolean`, `date` or `timestamp`")
        )
        .example("sql load reports daily daily.csv --type amount=decimal", "appends to a table")
        .example("sql load reports customers - --mode upsert --key id < customers.csv", "inserts new rows and replaces known ones")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        let target = try target(words[1], invocation.arguments)
        let known = try SQLDatabases(invocation)
        let (connection, url) = try known.connection(words[0])
        let file = words[2] == "-"
            ? TableFile(descriptor: 0, shown: "standard input")
            : TableFile(BytePath(words[2]), shown: words[2])
        do throws(TableError) {
            let load = TableLoad(target, identity: "command/\(randomSuffix())-\(getpid())")
            let result = try known.databases.load(load, file, into: connection, url)
            let made = result.madeTable ? ", which was made" : ""
            invocation.console.say(
                "loaded \(counted(Int(result.rows), "row")) into table `\(target.table)` of \(connection.shown)\(made)")
            return .done
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func target(
        _ table: String, _ arguments: ParsedArguments
    ) throws(CommandFailure) -> TableTarget {
        var target = TableTarget(table)
        if let word = arguments["mode"] {
            guard let mode = TableMode(rawValue: word) else {
                throw .usage("`--mode` takes `append`, `replace` or `upsert`, not `\(word)`")
            }
            target.mode = mode
        }
        target.keys = arguments.all("key")
        guard target.mode == .upsert || target.keys.isEmpty else {
            throw .usage("`--key` has a meaning for `--mode upsert` alone")
        }
        guard target.mode != .upsert || !target.keys.isEmpty else {
            throw .usage("`--mode upsert` needs `--key`: the columns that tell rows apart")
        }
        for text in arguments.all("column") {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            target.columns.append(ColumnChoice(parts[0], as: parts.count > 1 ? parts[1] : nil))
        }
        for text in arguments.all("type") {
            guard let equals = text.lastIndex(of: "="), equals > text.startIndex,
                let type = ColumnType(rawValue: String(text[text.index(after: equals)...]))
            else {
                let words = ColumnType.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
                throw .usage("`--type` takes COLUMN=TYPE, not `\(text)`", help: "types are \(words)")
            }
            target.types.append(TypedColumn(String(text[..<equals]), type))
        }
        return target
    }
}
