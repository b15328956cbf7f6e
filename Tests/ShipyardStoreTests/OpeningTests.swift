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
        fseek(file, 24 * 4096, SEEK_SET)
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
