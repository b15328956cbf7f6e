import ShipyardModel

/// A column that a table has.
struct ExistingColumn {
    let name: String
    /// What its values are checked to be where nobody has said; nil where the database itself checks, or anything goes.
    let type: ColumnType?
    /// Keeps any number of digits.
    let keepsDecimals: Bool
}

/// A column of the file on its way into the table.
struct LoadColumn {
    /// Its place in the file.
    let field: Int
    let name: String
    /// Nil where values are not checked here.
    let type: ColumnType?
    let isKey: Bool
    let keepsDecimals: Bool

    var isChecked: Bool {
        switch type {
        case nil, .text: false
        case .integer, .real, .decimal, .boolean, .date, .timestamp: true
        }
    }
}

/// What goes where, once the header of the file and the columns of the table are known.
struct ColumnPlan {
    let columns: [LoadColumn]

    /// - Parameters:
    ///   - existing: nil where there is no table yet.
    ///   - foldsCase: `Name` and `NAME` are one column.
    init(
        _ target: TableTarget, _ reader: CSVReader, _ existing: [ExistingColumn]?, foldsCase: Bool
    ) throws(TableError) {
        func folded(_ name: String) -> String { foldsCase ? name.lowercased() : name }
        let choices = target.columns.isEmpty ? reader.header.map { ColumnChoice($0) } : target.columns
        let types = Dictionary(target.types.map { (folded($0.name), $0.type) }, uniquingKeysWith: { $1 })
        let known = Dictionary((existing ?? []).map { (folded($0.name), $0) }, uniquingKeysWith: { first, _ in first })
        let keys = target.mode == .upsert ? target.keys : []
        var columns: [LoadColumn] = []
        var seen: Set<String> = []
        for (position, choice) in choices.enumerated() {
            let field = target.columns.isEmpty
                ? position : try Self.place(of: choice.source, in: reader)
            guard !choice.target.isEmpty else {
                throw TableError(.mismatch, "column \(position + 1) of \(reader.name) has no name")
            }
            guard seen.insert(folded(choice.target)).inserted else {
                throw TableError(.mismatch, "two columns of \(reader.name) are called `\(choice.target)`")
            }
            if existing == nil { try checkName(choice.target, of: "column \(position + 1) of \(reader.name)") }
            let there = known[folded(choice.target)]
            guard existing == nil || there != nil else {
                throw TableError(
                    .mismatch, "table `\(target.table)` has no column `\(choice.target)`",
                    help: "it has \(Self.list(existing?.map(\.name) ?? []))")
            }
            columns.append(
                LoadColumn(
                    field: field, name: there?.name ?? choice.target,
                    type: types[folded(choice.target)] ?? there?.type ?? (existing == nil ? .text : nil),
                    isKey: keys.contains { folded($0) == folded(choice.target) },
                    keepsDecimals: there?.keepsDecimals ?? true))
        }
        for name in target.types.map(\.name) + keys where !seen.contains(folded(name)) {
            throw TableError(
                .mismatch, "`\(name)` is none of the columns that \(reader.name) brings",
                help: "they are \(Self.list(columns.map(\.name)))")
        }
        guard target.mode != .upsert || !keys.isEmpty else {
            throw TableError(.mismatch, "`upsert` needs `keys`: the columns that tell rows apart")
        }
        self.columns = columns
    }

    private static func place(of name: String, in reader: CSVReader) throws(TableError) -> Int {
        let places = reader.header.indices.filter { reader.header[$0] == name }
        guard let place = places.first else {
            throw TableError(
                .mismatch, "\(reader.name) has no column `\(name)`", help: "it has \(list(reader.header))")
        }
        guard places.count == 1 else {
            throw TableError(.mismatch, "\(reader.name) has \(places.count) columns called `\(name)`")
        }
        return place
    }

    static func list(_ names: [String]) -> String {
        let shown = names.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
        return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
    }

    var names: [String] { columns.map(\.name) }
    var keys: [String] { columns.filter(\.isKey).map(\.name) }
    var others: [String] { columns.filter { !$0.isKey }.map(\.name) }

    /// The statement that makes the table.
    func creation(of table: String, type: (ColumnType) -> String) -> String {
        var parts = columns.map { column in
            "\(identifier(column.name)) \(type(column.type ?? .text))\(column.isKey ? " NOT NULL" : "")"
        }
        if !keys.isEmpty { parts.append("PRIMARY KEY (\(identifiers(keys)))") }
        return "CREATE TABLE \(identifier(table)) (\(parts.joined(separator: ", ")))"
    }

    /// What an upsert does with a row that is there.
    var conflictClause: String {
        let updates = others.map { "\(identifier($0)) = excluded.\(identifier($0))" }
        let action = updates.isEmpty ? "NOTHING" : "UPDATE SET \(updates.joined(separator: ", "))"
        return "ON CONFLICT (\(identifiers(keys))) DO \(action)"
    }
}

extension CSVReader {
    /// Of the present record; keys must say something.
    func checkKey(_ column: LoadColumn) throws(TableError) {
        if column.isKey, self[column.field].isNull {
            throw bad(column.field, "it is empty, and a key of the table")
        }
    }
}
