import CSQLite

/// What a connection that only reads may do. That a file is opened for reading is not enough: `VACUUM INTO` and `ATTACH` write
/// other files, and a `PRAGMA` may take back what was promised.
enum SQLiteReading {
    static func enforce(on database: OpaquePointer) {
        sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0)
        // For as long as the connection lives: some statements are judged only when they run, and again when the schema has
        // changed since.
        sqlite3_set_authorizer(
            database,
            { _, action, first, second, _, _ in
                SQLiteReading.allows(action, first.map { String(cString: $0) }, second.map { String(cString: $0) })
                    ? SQLITE_OK : SQLITE_DENY
            }, nil)
    }

    static func allows(_ action: Int32, _ first: String?, _ second: String?) -> Bool {
        switch action {
        case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: true
        // One loads programs, the other takes an address.
        case SQLITE_FUNCTION: !["load_extension", "fts3_tokenizer"].contains(second?.lowercased())
        case SQLITE_PRAGMA:
            readingPragmas.contains(first?.lowercased() ?? "") || first == "page_size" && second == nil
        default: false
        }
    }

    /// Those that tell of a table, also as functions such as `pragma_table_info('t')`, and those that the indexes of texts ask for
    /// by themselves, as for `page_size`. None of them changes anything, whatever is given to it.
    private static let readingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "data_version",
    ]
}
