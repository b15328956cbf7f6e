import Foundation
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardTables

@Suite(.blocking, .serialized, .enabled(if: PostgreSQLServer.isThere, "there is no PostgreSQL"))
struct PostgreSQLLoadingTests {
    private let server: PostgreSQLServer
    private let checks: LoadingChecks

    init() throws {
        server = try PostgreSQLServer()
        checks = LoadingChecks(
            folder: try Folder(), databases: Databases(root: "/", pauses: [], waitsForServer: false),
            connection: try SQLConnection(alias: "there", url: server.url), url: Secret(server.url))
    }

    /// One server for all of it: making one takes longer than the rest.
    @Test func keepsWhatHoldsForEveryDatabase() async throws {
        try checks.keepsEveryValueAsItIs()
        try checks.aBadRowLoadsNothing()
        try checks.namesMayBeAnything()
        try checks.oneColumnOfWhatEndsData()
        try checks.whatDoesNotFitIsSaid()
        try checks.aCommittedLoadIsNotDoneAgain()
        try checks.whatWentIsLoadedAgain()
        try await checks.loadsAtOnceBringEachRowOnce()
        try checks.queriesBindTheirValues()
        try checks.namesThatNobodyCanReadAreRefused()
        try whatOnlyReadsCannotWrite()
        try theServersOwnComplaintsNameTheRow()
        try strangersAreRefused()
    }

    private func theServersOwnComplaintsNameTheRow() throws {
        let database = try #require(try checks.open() as? PostgreSQLConnection)
        let name = "odd, line 7, column \"x\": "
        try database.execute("CREATE TABLE \(identifier(name)) (a integer NOT NULL, \"a b\" numeric(5,2), c text UNIQUE)")
        for (text, expected) in [
            ("a,a b\n1,\"2\"\n\nx", "rows.csv, line 3: the line is empty, and rows follow it"),
            ("a,c\n1,\"two\nlines\"\nx,1\n", "rows.csv, line 4, column `a`: invalid input syntax for type integer: \"x\""),
            ("a,c,unused\n1,\"\r\n\r\",\"\n\n\"\n2,\"three\n\nlines\",\nx,1,\n", "rows.csv, line 9, column `a`: invalid input syntax for type integer: \"x\""),
            ("a,a b\n1,1\n2,1000.00\n", "rows.csv, line 3, column `a b`: numeric field overflow; A field with precision 5, scale 2 must round to an absolute value less than 10^3."),
            ("a b,a\n1,1\n1,\n", "rows.csv, line 3, column `a`: null value in column \"a\" of relation \"odd, line 7, column \"x\": \" violates not-null constraint; Failing row contains (null, 1.00, null)."),
            ("a,c\n1,k\n2,k\n", "rows.csv, line 3: duplicate key value violates unique constraint \"odd, line 7, column \"x\": _c_key\"; Key (c)=(k) already exists."),
        ] {
            var target = TableTarget(name)
            if text.contains("unused") { target.columns = [ColumnChoice("a"), ColumnChoice("c")] }
            #expect(message { try checks.load(text, target) } == expected)
        }
        #expect(try rows(database, "SELECT COUNT(*) FROM \(identifier(name))") == "0\n")
        let long = String(repeating: "x", count: 64)
        #expect(message { try checks.load("a\n1\n", TableTarget(long)) }.hasSuffix("has more than the 63 bytes that PostgreSQL keeps of one"))
        #expect(message { _ = try rows(database, "COPY (SELECT 1) TO STDOUT") } == "a query cannot be COPY")
        #expect(try rows(database, "SELECT 'x'::text, true, 'NaN'::float8, NULL") == "x,true,NaN,\n")
    }

    private func whatOnlyReadsCannotWrite() throws {
        let database = try #require(try checks.open() as? PostgreSQLConnection)
        try database.execute("CREATE SEQUENCE numbers")
        try database.execute("CREATE PROCEDURE writes() LANGUAGE sql AS $$ COPY (SELECT 1) TO PROGRAM 'true' $$")
        try checks.whatOnlyReadsCannotWrite(
            [
                "COPY (SELECT 1) TO PROGRAM 'cat > WITNESS'", "COPY kept TO 'WITNESS'", "COPY (SELECT 1) TO STDOUT", "COPY kept FROM STDIN",
                "DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'cat > WITNESS'; END $$", "DO $$ BEGIN EXECUTE $x$COPY kept TO 'WITNESS'$x$; END $$",
                "CALL writes()", "SET TRANSACTION READ WRITE", "SELECT 1; COPY kept TO 'WITNESS'", "SHOW search_path", "LISTEN x", "LOCK TABLE kept",
                "PREPARE p AS SELECT 1", "VACUUM", "SELECT a INTO other FROM kept", "MERGE INTO kept USING kept k ON true WHEN MATCHED THEN DELETE",
                "WITH gone AS (DELETE FROM kept RETURNING a) SELECT a FROM gone", "SELECT a FROM kept FOR UPDATE", "SELECT nextval('numbers')",
                "SELECT set_config('transaction_read_only', 'off', false)", "EXPLAIN ANALYZE SELECT 1", "",
            ])
        let reading = try checks.databases.open(checks.connection, checks.url, to: .read)
        do {
            _ = try rows(reading, "COPY (SELECT 1) TO STDOUT")
        } catch let error as TableError {
            #expect(error.message == "the database \(checks.connection.shown) says: syntax error at or near \"COPY\"")
            #expect(error.help == "a query that only reads is one `SELECT`, `VALUES` or `WITH`")
        }
        // A table that is not there is told as it is.
        #expect(message { _ = try rows(reading, "SELECT * FROM nowhere") }.hasSuffix("relation \"nowhere\" does not exist"))
    }

    private func strangersAreRefused() throws {
        let wrong = server.url.replacing("s3cr3t", with: "an%20other")
        let stranger = { _ = try checks.databases.open(checks.connection, Secret(wrong), to: .load) }
        let told = message(stranger)
        #expect(told.contains("password authentication failed") && !told.contains("other"), "\(told)")
        #expect(throws: TableError.self) { try stranger() }
        #expect(message { _ = try checks.databases.open(checks.connection, nil, to: .load) }.hasPrefix("nobody has said how"))
    }

    /// The server dies in the middle; what came before is gone, and the load is tried again until it is up.
    @Test func aServerThatIsKilledLosesNothingAndKeepsNothingTwice() async throws {
        let patient = Databases(root: "/", pauses: [1, 2, 4, 8], waitsForServer: false)
        let path = "\(checks.folder.path)/long.csv"
        let text = "id\n" + (1...400_000).map { "\($0)\n" }.joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        nonisolated(unsafe) var read = 0
        nonisolated(unsafe) var deaths = 0
        let server = server
        let file = TableFile(BytePath(path), shown: "long.csv") { count in
            read += count
            guard read > 1_000_000, deaths == 0 else { return }
            deaths += 1
            try? server.stop()
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: 1.5)
                try? server.start()
            }
        }
        let result = try patient.load(
            TableLoad(TableTarget("long"), identity: "job/task/0"), file, into: checks.connection, checks.url)
        #expect(result == TableLoadResult(rows: 400_000, madeTable: true))
        #expect(deaths == 1)
        #expect(try rows(try checks.open(), "SELECT COUNT(*), COUNT(DISTINCT id) FROM long") == "400000,400000\n")
        // Without patience it is said.
        try server.stop()
        #expect(message { try checks.load("a\n1\n", TableTarget("x")) }.contains("cannot be opened"))
        try server.start()
    }
}
