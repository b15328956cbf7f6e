import Foundation
import ShipyardModel
import Testing

@testable import ShipyardTables

/// What holds for every database. Each suite of a database runs all of it.
struct LoadingChecks: Sendable {
    let folder: Folder
    let databases: Databases
    let connection: SQLConnection
    let url: Secret
    var isSQLite: Bool { connection.kind == .sqlite }

    func open() throws -> any TableConnection { try databases.open(connection, url, to: .load) }

    @discardableResult
    func load(_ text: String, _ target: TableTarget, as identity: String = UUID().uuidString) throws -> TableLoadResult {
        try databases.load(TableLoad(target, identity: identity), folder.file(text), into: connection, url)
    }

    func types(_ types: (String, ColumnType)...) -> [TypedColumn] { types.map { TypedColumn($0.0, $0.1) } }

    func keepsEveryValueAsItIs() throws {
        var target = TableTarget("values")
        target.types = types(
            ("i", .integer), ("r", .real), ("d", .decimal), ("b", .boolean), ("day", .date), ("at", .timestamp))
        let result = try load(
            """
            i,r,d,b,day,at,t
            -9223372036854775808,0.1,123456789012345678901234567890.10,yes,2024-02-29,2026-11-26T10:30:00Z,"a ""b"",
            c"
            ,,,,,,
            0,1e300,0.10,F,0001-01-01,2026-11-26 10:30:00.5Z,""

            """, target)
        #expect(result.rows == 3 && result.madeTable)
        let found = try rows(try open(), #"SELECT * FROM "values""#)
        #expect(
            found == (isSQLite
                ? """
                -9223372036854775808,0.1,123456789012345678901234567890.10,1,2024-02-29,2026-11-26T10:30:00Z,"a ""b"",
                c"
                ,,,,,,
                0,1e+300,0.10,0,0001-01-01,2026-11-26 10:30:00.5Z,""

                """
                : """
                -9223372036854775808,0.1,123456789012345678901234567890.10,true,2024-02-29,2026-11-26 10:30:00+00,"a ""b"",
                c"
                ,,,,,,
                0,1e+300,0.10,false,0001-01-01,2026-11-26 10:30:00.5+00,""

                """))
        // Once more into the table as it is there.
        try load("t,d\nx,9.99\n", TableTarget("values"))
        #expect(try rows(try open(), #"SELECT "d" FROM "values" WHERE "t" = $1"#, ["x"]) == "9.99\n")
    }

    func aBadRowLoadsNothing() throws {
        var target = TableTarget("strict")
        target.types = types(("amount", .decimal), ("day", .date))
        try load("id,amount,day\n1,2.50,2026-01-01\n", target)
        for (text, expected) in [
            ("id,amount,day\n2,1,2026-01-02\n3,\"abc\",2026-01-02\n", "rows.csv, line 3, column `amount`: `abc` is no decimal number"),
            ("id,amount,day\n2,1,2026-01-02\n3,1,2026-02-30\n", "rows.csv, line 3, column `day`: `2026-02-30` is no date as 2026-11-26"),
            ("id,amount,day\n2,1,2026-01-02\n3,1\n", "rows.csv, line 3, column `day`: the row has 2 fields of 3"),
            ("id,amount,day\n2,1,\"\"\n", "rows.csv, line 2, column `day`: `` is no date as 2026-11-26"),
        ] {
            for mode in [TableMode.append, .replace] {
                target.mode = mode
                #expect(message { try load(text, target) } == expected)
                #expect(try rows(try open(), #"SELECT * FROM "strict""#) == "1,2.50,2026-01-01\n")
            }
        }
        // A table that would have been made is not there either.
        var fresh = TableTarget("fresh")
        fresh.types = types(("a", .integer))
        #expect(message { try load("a\n1\nx\n", fresh) } == "rows.csv, line 3, column `a`: `x` is no integer of 64 bits")
        #expect(message { _ = try rows(try open(), #"SELECT * FROM "fresh""#) } != "no error")
    }

    func namesMayBeAnything() throws {
        let table = "or\"der's; DROP TABLE x--\u{FC} select"
        var target = TableTarget(table)
        target.columns = [
            ColumnChoice("sp ace", as: "group"), ColumnChoice("qu\"ote", as: "qu\"ote $1"), ColumnChoice("n,l\n", as: "a\u{1F600}%s\\"),
        ]
        target.types = types(("group", .integer))
        target.mode = .upsert
        target.keys = ["group", "qu\"ote $1"]
        let header = "\"qu\"\"ote\",sp ace,unused,\"n,l\n\"\n"
        #expect(try load(header + "k,1,x,one\nk,2,x,two\n", target).rows == 2)
        try load(header + "k,2,x,zwei\nl,2,x,three\nl,2,x,drei\n", target)
        #expect(
            try rows(try open(), "SELECT * FROM \(identifier(table)) ORDER BY 1, 2") == "1,k,one\n2,k,zwei\n2,l,drei\n")
        target.mode = .replace
        try load(header + "\\.,7,x,\\.\n", target)
        #expect(try rows(try open(), "SELECT * FROM \(identifier(table))") == "7,\"\\.\",\"\\.\"\n")
    }

    func oneColumnOfWhatEndsData() throws {
        try load("a\n\\.\n\n\"\"\nlast\n", TableTarget("single"))
        #expect(try rows(try open(), #"SELECT * FROM "single""#) == "\"\\.\"\n\n\"\"\nlast\n")
    }

    func whatDoesNotFitIsSaid() throws {
        try load("a,b\n1,2\n", TableTarget("known"))
        var target = TableTarget("known")
        func refused(_ text: String = "a,b\n1,2\n") -> String { message { try load(text, target) } }
        #expect(refused("a,c\n1,2\n") == "table `known` has no column `c`")
        #expect(refused("a,a\n1,2\n") == "two columns of rows.csv are called `a`")
        #expect(refused("a,\n1,2\n") == "column 2 of rows.csv has no name")
        target.columns = [ColumnChoice("z")]
        #expect(refused() == "rows.csv has no column `z`")
        target.columns = [ColumnChoice("a")]
        #expect(refused("a,a\n1,2\n") == "rows.csv has 2 columns called `a`")
        target.types = types(("b", .integer))
        #expect(refused() == "`b` is none of the columns that rows.csv brings")
        target = TableTarget("known", .upsert)
        #expect(refused() == "`upsert` needs `keys`: the columns that tell rows apart")
        target.keys = ["a"]
        #expect(refused().contains("ON CONFLICT"))
        target = TableTarget("new", .upsert)
        target.keys = ["a"]
        #expect(refused("a,b\n,2\n") == "rows.csv, line 2, column `a`: it is empty, and a key of the table")
        #expect(refused("").hasPrefix("rows.csv is empty"))
        target = TableTarget("shipyard_loads")
        #expect(refused() == "the table `shipyard_loads` is the one that remembers loads")
        #expect(try rows(try open(), #"SELECT * FROM "known""#) == "1,2\n")
    }

    func namesThatNobodyCanReadAreRefused() throws {
        for (table, expected) in [
            ("", "the name of the table is empty"),
            ("a\u{1B}[2J", "the name of the table has the control character U+001B"),
            ("a\u{9B}", "the name of the table has the control character U+009B"),
            ("a\0b", "the name of the table has the control character U+0000"),
        ] {
            for mode in TableMode.allCases { #expect(message { try load("a\n1\n", TableTarget(table, mode)) } == expected) }
        }
        #expect(
            message { try load("a,\"b\n\"\n1,2\n", TableTarget("unmade")) }
                == "the name of column 2 of rows.csv has the control character U+000A")
    }

    /// Each may write, or take back what was promised, although the connection only reads.
    func whatOnlyReadsCannotWrite(_ statements: [String]) throws {
        try load("a\n1\n2\n", TableTarget("kept"))
        let witness = "\(folder.path)/witness"
        let both = [
            "DELETE FROM kept", "INSERT INTO kept VALUES ('3')", "UPDATE kept SET a = '3'", "DROP TABLE kept",
            "CREATE TABLE other (a text)", "CREATE TEMP TABLE other (a text)", "COMMIT",
        ]
        for statement in statements + both {
            let reading = try databases.open(connection, url, to: .read)
            let statement = statement.replacing("WITNESS", with: witness)
            let told = message { _ = try rows(reading, statement) }
            let isRefused = ["the query does not only read", "the query is more than one statement"].contains(told) || told.hasPrefix("the database \(connection.shown) says: ")
            #expect(isRefused, "\(statement): \(told)")
            // Neither did it change what this connection may do.
            #expect(message { _ = try rows(reading, "DELETE FROM kept") } != "no error", "\(statement)")
            #expect(!FileManager.default.fileExists(atPath: witness), "\(statement)")
        }
        #expect(try rows(try open(), "SELECT a FROM kept ORDER BY a") == "1\n2\n")
        let reading = try databases.open(connection, url, to: .read)
        for (statement, values, expected) in [
            ("SELECT a FROM kept WHERE a = $1", ["2"], "2\n"), (" -- first\n/* DROP --*/\tSELECT 1 ; ", [], "1\n"), ("select 1", [], "1\n"), ("VALUES (1), (2)", [], "1\n2\n"),
            ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n ORDER BY i DESC", [], "3\n2\n1\n"),
            ("SELECT upper(a), count(*) FROM kept GROUP BY a ORDER BY a DESC LIMIT 1", [], "2,1\n"),
        ] as [(String, [String], String)] {
            #expect(try rows(reading, statement, values) == expected)
        }
    }

    func aCommittedLoadIsNotDoneAgain() throws {
        let target = TableTarget("once")
        #expect(try load("a\n1\n2\n", target, as: "job/task/0") == TableLoadResult(rows: 2, madeTable: true))
        var again = TableLoadResult()
        again.wasLoadedBefore = true
        #expect(try load("a\n1\n2\n", target, as: "job/task/0") == again)
        #expect(try load("a\n1\n2\n", target, as: "job/task/1").rows == 2)
        var other = TableLoadResult(rows: 1)
        other.followsOtherContent = true
        #expect(try load("a\n3\n", target, as: "job/task/0") == other)
        #expect(try load("a\n3\n", target, as: "job/task/0") == again)
        #expect(try rows(try open(), #"SELECT * FROM "once" ORDER BY 1"#) == "1\n1\n2\n2\n3\n")
        // In the ledger with what came, and by whom.
        #expect(
            try rows(try open(), #"SELECT "load", "row_count" FROM "shipyard_loads" WHERE "target" = 'once' ORDER BY 1, 2"#)
                == "job/task/0,1\njob/task/0,2\njob/task/1,2\n")
        // A table that somebody has dropped has nothing of it any more.
        _ = try rows(try open(), #"DROP TABLE "once""#)
        #expect(try load("a\n1\n2\n", target, as: "job/task/0") == TableLoadResult(rows: 2, madeTable: true))
        // What leads to the same is done whenever it is asked for.
        var replacing = TableTarget("once", .replace)
        #expect(try load("a\n9\n", replacing, as: "job/task/2").rows == 1)
        _ = try rows(try open(), #"DELETE FROM "once""#)
        #expect(try load("a\n9\n", replacing, as: "job/task/2").rows == 1)
        replacing.mode = .append
        #expect(try rows(try open(), #"SELECT * FROM "once""#) == "9\n")
    }

    /// Rows that went have taken their entries of the ledger along: whoever has brought them brings them again.
    func whatWentIsLoadedAgain() throws {
        let all = { try load("a\n1\n2\n", TableTarget("again", .replace), as: "first") }
        let more = { try load("a\n3\n", TableTarget("again"), as: "second") }
        _ = try all()
        _ = try more()
        #expect(try more().wasLoadedBefore)
        _ = try all()
        #expect(try more().rows == 1)
        _ = try load("a\n4\n", TableTarget("gone"), as: "first")
        _ = try load("a\n5\n", TableTarget("gone"), as: "second")
        _ = try rows(try open(), #"DROP TABLE "gone""#)
        #expect(try load("a\n4\n", TableTarget("gone"), as: "first").rows == 1)
        #expect(try load("a\n5\n", TableTarget("gone"), as: "second").rows == 1)
        // What somebody else deletes nobody sees: he says so. Other tables' loads stay known.
        #expect(try open().forgetLoads(of: "again") == 2 && open().forgetLoads(of: "again") == 0)
        #expect(try more().rows == 1)
        #expect(try load("a\n5\n", TableTarget("gone"), as: "second").wasLoadedBefore)
    }

    /// Threads of their own, connections of their own.
    func loadsAtOnceBringEachRowOnce() async throws {
        let text = "id,a\n" + (1...3000).map { "\($0),x\($0)\n" }.joined()
        var upsert = TableTarget("upserted", .upsert)
        upsert.keys = ["id"]
        upsert.types = types(("id", .integer))
        // That a table has to be made keeps loads apart already.
        try load("id,a\n", TableTarget("ready"))
        let targets = [TableTarget("same"), TableTarget("ready"), TableTarget("both"), TableTarget("replaced", .replace), upsert]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask { @Sendable in
                    for target in targets {
                        // The same load by all, or one of each.
                        let identity = ["same", "ready"].contains(target.table) ? "shared" : "\(target.table)/\(worker)"
                        let path = "\(folder.path)/\(worker)-\(target.table).csv"
                        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                        _ = try databases.load(
                            TableLoad(target, identity: identity), TableFile(BytePath(path), shown: path), into: connection, url)
                    }
                }
            }
            try await group.waitForAll()
        }
        for (table, times) in [("same", 1), ("ready", 1), ("both", 4), ("replaced", 1), ("upserted", 1)] {
            let found = try rows(
                try open(), "SELECT COUNT(*), COUNT(DISTINCT id) FROM \(identifier(table))")
            #expect(found == "\(3000 * times),3000\n", "\(table)")
        }
    }

    func queriesBindTheirValues() throws {
        try load("a,b\nx'y,1\n\"$1\",2\n", TableTarget("asked"))
        let connection = try open()
        #expect(try rows(connection, "SELECT b FROM asked WHERE a = $1", ["x'y"]) == "1\n")
        #expect(try rows(connection, "SELECT b FROM asked WHERE a = $1", ["' OR 1=1 --"]) == "")
        #expect(try rows(connection, "SELECT b FROM asked WHERE a = $2 AND b = $1", ["2", "$1"]) == "2\n")
        #expect(message { _ = try rows(connection, "SELECT $1") } != "no error")
        #expect(message { _ = try rows(connection, "SELECT 1; DELETE FROM asked") } != "no error")
        #expect(message { _ = try rows(connection, "") } != "no error" || !isSQLite)
        let reading = try databases.open(self.connection, url, to: .read)
        #expect(try rows(reading, "SELECT COUNT(*) FROM asked") == "2\n")
    }
}

@Suite struct SQLiteLoadingTests {
    private let checks: LoadingChecks

    init() throws {
        let folder = try Folder()
        checks = LoadingChecks(
            folder: folder, databases: Databases(root: "\(folder.path)/databases", pauses: [], waitsForServer: false),
            connection: try SQLConnection(alias: "here", url: "sqlite:sub/here.db"), url: Secret("sqlite:sub/here.db"))
    }

    @Test func keepsEveryValueAsItIs() throws { try checks.keepsEveryValueAsItIs() }
    @Test func aBadRowLoadsNothing() throws { try checks.aBadRowLoadsNothing() }
    @Test func namesMayBeAnything() throws { try checks.namesMayBeAnything() }
    @Test func oneColumnOfWhatEndsData() throws { try checks.oneColumnOfWhatEndsData() }
    @Test func whatDoesNotFitIsSaid() throws { try checks.whatDoesNotFitIsSaid() }
    @Test func namesThatNobodyCanReadAreRefused() throws { try checks.namesThatNobodyCanReadAreRefused() }

    @Test func whatOnlyReadsCannotWrite() throws {
        try checks.whatOnlyReadsCannotWrite(
            [
                "VACUUM INTO 'WITNESS'", "VACUUM", "ATTACH 'WITNESS' AS other", "DETACH main", "PRAGMA query_only = OFF",
                "PRAGMA writable_schema = ON", "PRAGMA journal_mode = DELETE", "PRAGMA page_size = 512", "PRAGMA temp_store_directory = '/tmp'",
                "PRAGMA trusted_schema = ON", "SELECT load_extension('WITNESS')", "SELECT fts3_tokenizer('simple')", "REINDEX",
                "BEGIN", "SAVEPOINT a", "CREATE TEMP VIEW v AS SELECT 1", "ANALYZE", "CREATE VIRTUAL TABLE temp.x USING fts5(a)",
                "WITH x AS (SELECT 1) DELETE FROM kept", "WITH x(i) AS (VALUES (1)) INSERT INTO kept SELECT i FROM x", "EXPLAIN SELECT 1",
                "/* SELECT */ VACUUM INTO 'WITNESS'", "-- SELECT\nVACUUM INTO 'WITNESS'", ";SELECT 1", "SELECT 1; VACUUM INTO 'WITNESS'",
                "SELECT * FROM pragma_journal_mode('delete')", "selects", "",
            ])
        // Also where the first word is not looked at.
        let reading = try #require(try checks.databases.open(checks.connection, nil, to: .read) as? SQLiteConnection)
        let witness = "\(checks.folder.path)/witness"
        for sql in [
            "VACUUM INTO '\(witness)'", "ATTACH '\(witness)' AS other", "DETACH main", "PRAGMA query_only = OFF", "PRAGMA writable_schema = ON",
            "PRAGMA page_size = 512", "SELECT load_extension('x')", "SELECT fts3_tokenizer('simple')", "DELETE FROM kept",
        ] {
            #expect(message { try reading.execute(sql) } != "no error", "\(sql)")
        }
        #expect(!FileManager.default.fileExists(atPath: witness))
    }

    /// What such a connection asks by itself is no statement of the user's.
    @Test func whatOnlyReadsReachesIndexesOfTextsViewsAndJSON() throws {
        let database = try #require(try checks.open() as? SQLiteConnection)
        for sql in [
            "CREATE VIRTUAL TABLE words USING fts5(a)", "CREATE VIRTUAL TABLE older USING fts4(a)", "CREATE VIRTUAL TABLE boxes USING rtree(id, l, u)",
            "INSERT INTO words VALUES ('one two')", "INSERT INTO older VALUES ('one two')", "INSERT INTO boxes VALUES (1, 2, 3)",
            "CREATE VIEW seen AS SELECT a FROM words WHERE words MATCH 'two'",
        ] { try database.execute(sql) }
        let reading = try checks.databases.open(checks.connection, nil, to: .read)
        #expect(try rows(reading, "SELECT a FROM seen") == "one two\n")
        #expect(try rows(reading, "SELECT a, bm25(words) < 0 FROM words WHERE words MATCH 'one' ORDER BY rank") == "one two,1\n")
        #expect(try rows(reading, "SELECT a FROM older WHERE older MATCH 'one'") == "one two\n")
        #expect(try rows(reading, "SELECT id FROM boxes WHERE l > 1") == "1\n")
        #expect(try rows(reading, "SELECT value FROM json_each('[1,2]')") == "1\n2\n")
        #expect(try rows(reading, "SELECT name FROM pragma_table_info('boxes')") == "id\nl\nu\n")
        #expect(try rows(reading, "SELECT COUNT(*) > 0 FROM sqlite_schema") == "1\n")
    }

    @Test func onlyAFileOfSQLiteIsADatabase() throws {
        let folder = checks.folder.path
        mkfifo("\(folder)/pipe", 0o600)
        symlink("/dev/zero", "\(folder)/link")
        for count in [1, 32, 100, 511, 4096] {
            try Data(repeating: 7, count: count).write(to: URL(fileURLWithPath: "\(folder)/key-\(count)"))
        }
        for access in [Databases.Access.read, .write, .load] {
            func told(_ path: String) throws -> String {
                let connection = try SQLConnection(alias: "x", url: "sqlite:\(path)")
                return message { _ = try checks.databases.open(connection, nil, to: access) }
            }
            for path in ["/dev/zero", "/dev/null", folder, "\(folder)/pipe", "\(folder)/link"] {
                #expect(try told(path) == "the database `x` (sqlite:\(path)) cannot be opened: \(path) is no regular file")
            }
            for count in [1, 32, 100, 511, 4096] {
                let path = "\(folder)/key-\(count)"
                #expect(try told(path) == "the database `x` (sqlite:\(path)) cannot be opened: \(path) is no database of SQLite")
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(repeating: 7, count: count))
            }
            try Data().write(to: URL(fileURLWithPath: "\(folder)/empty"))
            #expect(try told("\(folder)/empty") == "no error")
        }
    }
    @Test func aCommittedLoadIsNotDoneAgain() throws { try checks.aCommittedLoadIsNotDoneAgain() }
    @Test func whatWentIsLoadedAgain() throws { try checks.whatWentIsLoadedAgain() }
    @Test func loadsAtOnceBringEachRowOnce() async throws { try await checks.loadsAtOnceBringEachRowOnce() }
    @Test func queriesBindTheirValues() throws { try checks.queriesBindTheirValues() }

    /// SQLite itself would keep whatever comes, and lose digits.
    @Test func tablesOfOthersKeepTheirTypes() throws {
        let database = try #require(try checks.open() as? SQLiteConnection)
        try database.execute(
            "CREATE TABLE mine (n INTEGER NOT NULL CHECK (n < 10), price NUMERIC, x DOUBLE, raw BLOB, free)")
        let target = TableTarget("mine")
        try checks.load("n,price,x,raw,free\n1,0.10,0.1,00,007\n", target)
        #expect(try rows(database, "SELECT * FROM mine") == "1,0.1,0.1,00,007\n")
        for (text, expected) in [
            ("n\nx\n", "rows.csv, line 2, column `n`: `x` is no integer of 64 bits"),
            ("n\n1\n12\n", "rows.csv, line 3: CHECK constraint failed: n < 10"),
            ("n,x\n1,1\n,2\n", "rows.csv, line 3: NOT NULL constraint failed: mine.n"),
            ("N,Price\n1,1234567890123456.5\n", "rows.csv, line 2, column `Price`: `1234567890123456.5` has more than 15 digits, and this column of SQLite keeps no more"),
            ("n,x\n1,1e999\n", "rows.csv, line 2, column `x`: it cannot be kept"),
        ] {
            #expect(message { try checks.load(text, target) } == expected)
        }
        #expect(try rows(database, "SELECT COUNT(*) FROM mine") == "1\n")
        #expect(try rows(database, "SELECT x'00ff', 1.0, NULL, 1e999") == "\"\\x00ff\",1.0,,inf\n")
    }

    @Test func aDatabaseThatIsNotThereIsNotMadeByAQuestion() throws {
        let other = try SQLConnection(alias: "gone", url: "sqlite:gone.db")
        for access in [Databases.Access.read, .write] {
            #expect(
                message { _ = try checks.databases.open(other, nil, to: access) }
                    == "the database `gone` (sqlite:gone.db) cannot be opened: unable to open database file")
        }
    }
}
