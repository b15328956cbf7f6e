import CSQLite
import Glibc
import ShipyardModel
import Testing

@testable import ShipyardStore

@Suite struct OpeningTests {
    @Test func anEmptyFileIsMigrated() throws {
        let directory = TemporaryDirectory()
        close(creat(directory.database, 0o600))
        #expect(try StoreWriter(path: directory.database).pools().isEmpty)
        #expect(try number("PRAGMA user_version", in: directory.database) == Migrations.newest)
        #expect(throws: Never.self) { try StoreWriter(path: directory.database) }
    }

    /// A job of the first version with a deleted one and rows of a submission that was cut off beside it.
    @Test func aFileOfTheFirstVersionKeepsWhatItHolds() throws {
        let directory = TemporaryDirectory()
        let (one, other) = (Int64(1) << 32, Int64(3) << 32)
        try run(
            """
            \(Migrations.all[0]);
            PRAGMA user_version = 1; PRAGMA application_id = \(Migrations.applicationID);
            INSERT INTO jobs VALUES (1, 'job', 'p', 'active', 0, '{}', 2, 1, 10, 20, NULL, NULL);
            INSERT INTO tasks VALUES (\(one), 'a', 0, NULL, 'true', NULL), (\(one + 1), 'b', 0, '0', 'true', NULL),
                (\(one + 2), 'cut off', 0, NULL, 'true', NULL), (\(other), 'of nobody', 0, NULL, 'true', NULL);
            INSERT INTO progress VALUES
                (\(one), 'completed', 2, 1, 0, 'node-1', 1, 5, 0, 1, 0, NULL, NULL, NULL, 6, 7, 1, 1, 1, 1);
            INSERT INTO past_attempts VALUES
                (\(one), 'active', 1, 0, 0, 'node-1', 1, 3, 0, 1, 9, 'userError', 'FailureExitCode', '', 3, 4, 1, 1, 1, 1);
            """, in: directory.database)
        let store = try StoreWriter(path: directory.database)
        let identity = try store.stateID()
        while store.hasRowsToPurge { try store.purgeJobRows(limit: 1) }
        #expect(try store.tasks(of: 1, limit: 10).map(\.definition.id) == ["a", "b"])
        #expect(try store.task("a", in: 1)?.row.progress.result?.isSuccess == true)
        #expect(try store.task("a", in: 1)?.pastAttempts.map(\.attempt) == [1])
        #expect(try store.job(number: 1)?.creationSteady == nil)
        #expect(try number("SELECT count(*) FROM tasks", in: directory.database) == 2)
        #expect(try StoreWriter(path: directory.database).stateID() == identity)
    }

    /// Every way in which an attempt could end when ends were stored in words: as it was shown, so it is shown.
    @Test func endsOfTheFirstVersionAreShownAsTheyWere() throws {
        let directory = TemporaryDirectory()
        let ends: [(exit: Int, code: Int?, words: FailureInfo?)] = [
            (1, 0, nil), (1, 3, Outcome.exited(3).failure), (2, 9, Outcome.signalled(9).failure),
            (0, nil, Outcome.endedByUser.failure), (0, nil, Outcome.overWallTime(.seconds(5)).failure),
            (0, nil, FailureInfo(category: .userError, code: "BlobNotFound", message: "it's gone")),
            (0, nil, FailureInfo(category: .serverError, code: "DiskFull", message: "m")),
            (0, nil, FailureInfo(category: .userError, code: "DiskFull", message: "m")),
            (0, nil, FailureInfo(category: .serverError, code: "NodeLost", message: "node-1 was lost")),
        ]
        let rows = ends.enumerated().map { ordinal, end in
            let words =
                end.words.map { "'\($0.category)', '\($0.code)', '\($0.message.replacing("'", with: "''"))'" }
                ?? "NULL, NULL, NULL"
            let code = end.code.map(String.init) ?? "NULL"
            return "(\((Int64(1) << 32) + Int64(ordinal)), 'completed', 1, 0, 0, 'node-1', 1, 5, 0,"
                + " \(end.exit), \(code), \(words), 6, 7, 1, 1, 1, 1)"
        }
        let tasks = ends.indices.map { "(\((Int64(1) << 32) + Int64($0)), 't\($0)', 0, NULL, 'true', NULL)" }
        try run(
            """
            \(Migrations.all[0]);
            PRAGMA user_version = 1; PRAGMA application_id = \(Migrations.applicationID);
            INSERT INTO jobs VALUES (1, 'job', 'p', 'active', 0, '{}', \(ends.count), 1, 10, 20, NULL, NULL);
            INSERT INTO tasks VALUES \(tasks.joined(separator: ", "));
            INSERT INTO progress VALUES \(rows.joined(separator: ", "));
            """, in: directory.database)
        let store = try StoreWriter(path: directory.database)
        let results = try store.tasks(of: 1, limit: 100).map(\.progress.result)
        #expect(results.map { $0?.failure } == ends.map(\.words))
        #expect(results.map { $0?.outcome.exitCode } == [0, 3, 137, nil, nil, nil, nil, nil, nil])
        #expect(results[4]?.outcome == .overWallTime(.seconds(5)))
        let counts = try store.taskCounts(of: 1)
        #expect((counts.succeeded, counts.failed) == (1, ends.count - 1))
        for (result, count) in [(ExecutionResult.success, 1), (.failure, ends.count - 1)] {
            #expect(try store.tasks(of: 1, limit: 100, where: TaskFilter(result: result)).count == count)
        }
    }

    /// Whose agents a service takes for its own: those of the lives before it, and none that a copy has not seen.
    @Test func everyLifeIsKnownToThoseAfterIt() throws {
        let directory = TemporaryDirectory()
        let state = try StoreWriter(path: directory.database).stateID()
        let store = try StoreWriter(path: directory.database)
        let first = try store.beginLife().present
        let second = try StoreWriter(path: directory.database).beginLife()
        let third = try StoreWriter(path: directory.database).beginLife()
        #expect([first, second.present, third.present].allSatisfy { third.know($0, of: state) })
        #expect(!second.know(third.present, of: state))
        #expect(!third.know(first, of: .random()))
        try run(
            """
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(StoreWriter.keptLives))
            INSERT INTO lives (life) SELECT lower(hex(randomblob(16))) FROM n
            """, in: directory.database)
        _ = try store.beginLife()
        let isStillKnown = try store.beginLife().know(second.present, of: state)
        #expect(!isStillKnown)
        #expect(try number("SELECT count(*) FROM lives", in: directory.database) == StoreWriter.keptLives)
        // On the disk before anybody hears of it.
        #expect(!store.hasUnsyncedCommits)
        store.faultInjection = { _ in true }
        #expect(throws: StoreError.self) { try store.beginLife() }
    }

    @Test func aFileOfANewerVersionIsRefused() throws {
        let directory = TemporaryDirectory()
        _ = try StoreWriter(path: directory.database)
        _ = try number("PRAGMA user_version = 99", in: directory.database)
        let error = #expect(throws: StoreError.self) { try StoreWriter(path: directory.database) }
        #expect(error?.kind == .newerVersion)
        #expect(
            error?.message.contains(
                "has version 99, but this program knows versions up to \(Migrations.newest)") == true)
        #expect(throws: StoreError.self) { try StoreReader(path: directory.database) }
    }

    @Test func anotherProgramsDatabaseIsRefused() throws {
        let directory = TemporaryDirectory()
        _ = try number("CREATE TABLE bookmarks (a)", in: directory.database)
        let error = #expect(throws: StoreError.self) { try StoreWriter(path: directory.database) }
        #expect(error?.message == "this SQLite database is not a state file of shipyard-swift")
    }

    @Test func whatIsNoDatabaseIsRefused() throws {
        let directory = TemporaryDirectory()
        let file = try #require(fopen(directory.database, "w"))
        fputs(String(repeating: "not a database ", count: 400), file)
        fclose(file)
        let error = #expect(throws: StoreError.self) { try StoreWriter(path: directory.database) }
        #expect(error?.kind == .corrupt)
        #expect(error?.description.contains("move it away") == true)
    }

    @Test func aDamagedFileIsToldApart() throws {
        let directory = TemporaryDirectory()
        do { _ = try storeWithJob(tasks: 2000, path: directory.database) }
        let file = try #require(fopen(directory.database, "r+"))
        // Past the first pages, which every opening reads.
        fseek(file, 64 * 4096, SEEK_SET)
        for _ in 0..<100 { fputs(String(repeating: "x", count: 1000), file) }
        fclose(file)
        let store = try StoreWriter(path: directory.database)
        #expect(try !store.damage().isEmpty)
        let error = #expect(throws: StoreError.self) { try store.tasks(of: 1, limit: 10_000) }
        #expect(error?.kind == .corrupt)
    }

    @Test func aMissingDirectoryIsNamed() {
        let error = #expect(throws: StoreError.self) { try StoreWriter(path: "/nowhere/shipyard.db") }
        #expect(error?.kind == .inputOutput)
        #expect(error?.operation == "open /nowhere/shipyard.db")
    }

    @Test func aReaderWaitsForTheServiceToMigrate() throws {
        let directory = TemporaryDirectory()
        close(creat(directory.database, 0o600))
        let error = #expect(throws: StoreError.self) { try StoreReader(path: directory.database) }
        #expect(error?.message.hasSuffix("start the service once to bring it up to date") == true)
    }
}

private func run(_ script: String, in path: String) throws {
    var connection: OpaquePointer?
    try #require(sqlite3_open(path, &connection) == SQLITE_OK)
    defer { sqlite3_close(connection) }
    try #require(sqlite3_exec(connection, script, nil, nil, nil) == SQLITE_OK)
}

/// Runs one statement by another connection, as another program would.
private func number(_ sql: String, in path: String) throws -> Int64 {
    var connection: OpaquePointer?
    try #require(sqlite3_open(path, &connection) == SQLITE_OK)
    defer { sqlite3_close(connection) }
    var statement: OpaquePointer?
    try #require(sqlite3_prepare_v2(connection, sql, -1, &statement, nil) == SQLITE_OK)
    defer { sqlite3_finalize(statement) }
    return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0
}
