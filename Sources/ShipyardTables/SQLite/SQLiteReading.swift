import CSQLite

/// What a connection that only reads may do. That its file is opened for reading is not enough: `VACUUM INTO` and `ATTACH` write
/// other files, and a `PRAGMA` may take back what was promised.
enum SQLiteReading {
    /// Whether the text is a query by its first word. Only `WITH` may still become something else, of which SQLite says so.
    static func isQuery(_ sql: String) -> Bool {
        let word = Array(sql.utf8[start(of: sql.utf8)...].prefix { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A })
        return ["select", "values", "with"].contains { $0.utf8.elementsEqual(word.map { $0 | 0x20 }) }
    }

    /// Behind spaces and comments.
    private static func start(of text: String.UTF8View) -> String.Index {
        var rest = text[...]
        while true {
            rest = rest.drop { $0 == 0x20 || (0x09...0x0D).contains($0) && $0 != 0x0B }
            if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != 0x0A }
            } else if rest.starts(with: "/*".utf8) {
                rest = rest.dropFirst(2)
                while !rest.isEmpty, !rest.starts(with: "*/".utf8) { rest.removeFirst() }
                rest = rest.dropFirst(2)
            } else {
                return rest.startIndex
            }
        }
    }

    /// For as long as the connection lives: some statements are judged only when they run, and again when the schema has changed.
    ///
    /// Virtual tables prepare statements of their own when they are looked at, also such as write: these are not forbidden, and
    /// find a file that is open for reading.
    static func enforce(on database: OpaquePointer) {
        sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0)
        sqlite3_set_authorizer(
            database,
            { _, action, first, second, _, _ in
                SQLiteReading.allows(action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
                    ? SQLITE_OK : SQLITE_DENY
            }, nil)
    }

    private static func allows(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
        switch action {
        case SQLITE_ATTACH, SQLITE_DETACH: false
        // One loads programs, the other takes an address.
        case SQLITE_FUNCTION: !["load_extension", "fts3_tokenizer"].contains(second?.lowercased())
        case SQLITE_PRAGMA:
            readingPragmas.contains(first?.lowercased() ?? "") || first == "page_size" && second == nil
        default: true
        }
    }

    /// Those that tell of a table, as functions such as `pragma_table_info('t')`, and one that the indexes of texts ask for by
    /// themselves, as they do for `page_size`. None of them changes anything, whatever is given to it.
    private static let readingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "data_version",
    ]
}
