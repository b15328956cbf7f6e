import ShipyardModel

/// Tables that data goes to and comes from.
extension SchemaTable {
    static let sqlCredentials = MappingSchema(
        "the databases", [],
        pattern: PatternSchema(
            .parameterName,
            KeySchema(
                "ALIAS",
                .mapping(
                    MappingSchema(
                        "a database",
                        [
                            KeySchema.secret(
                                "url", check: .databaseURL, own: true, effect: .used,
                                "`sqlite:PATH`, below `databases/` of the home unless it is absolute, or `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` "
                                    + "as libpq has it. Without it, `sqlite:ALIAS.db`."),
                            KeySchema.secretID(
                                "url_keyvault_secret_id", of: "url", own: true,
                                "A secret that holds that URL."),
                        ])), own: true, "One database.")))

    static let tableQuery = MappingSchema(
        "an entry of sql",
        [
            KeySchema(
                "connection", .string, required: true, check: .notEmpty, own: true, references: .text,
                "Alias of the database, from the credentials."),
            KeySchema(
                "query", .string, required: true, check: .notEmpty, own: true,
                "One statement that only reads, in the database's own SQL."),
            KeySchema(
                "parameters", .list(.text), own: true, references: .text,
                "Values for `$1`, `$2` and so on in the query, which is never put together of them."),
            KeySchema(
                "destination", .string, required: true, check: .transferPath, own: true, references: .text,
                "The file on the node; environment variables are expanded."),
        ])

    static let tableLoad = MappingSchema(
        "an entry of sql",
        [
            KeySchema(
                "connection", .string, required: true, check: .notEmpty, own: true, references: .text,
                "Alias of the database, from the credentials."),
            KeySchema(
                "table", .string, required: true, check: .notEmpty, own: true, references: .text,
                "The table's name as it is; one that is missing is made."),
            KeySchema(
                "source", .string, required: true, check: .transferPath, own: true, references: .text,
                "The CSV file on the node, with a row of names; environment variables are expanded."),
            KeySchema(
                "mode", .word(TableMode.allCases.map(\.rawValue)), default: "append", own: true,
                "What becomes of rows that are there: they stay, all go, or those of the same keys are replaced."),
            KeySchema(
                "keys", .list(.string), check: .notEmpty, own: true,
                "Columns of the table that tell rows apart, for `upsert`: a primary key or a unique index."),
            KeySchema(
                "columns",
                .mapping(
                    MappingSchema(
                        "the columns", [],
                        pattern: PatternSchema(
                            .anyText,
                            KeySchema(
                                "NAME", .string, check: .notEmpty, own: true,
                                "What the file's column is called in the table; nothing for the same.")))),
                own: true, "The columns of the file that are loaded; default all of them."),
            KeySchema(
                "types",
                .mapping(
                    MappingSchema(
                        "the types", [],
                        pattern: PatternSchema(
                            .anyText,
                            KeySchema(
                                "COLUMN", .word(ColumnType.allCases.map(\.rawValue)), own: true,
                                "What the values of the table's column are.")))),
                own: true,
                "What values are checked to be, and what the columns of a table are that has to be made; text where nothing is said."
            ),
        ])
}
