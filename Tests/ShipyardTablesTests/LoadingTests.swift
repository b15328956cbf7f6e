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
        #expect(message { _ = try rows(reading, "DELETE FROM asked") }.contains("read"))
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
