import CSQLite
import Glibc
import ShipyardModel
import Synchronization
import Testing

@testable import ShipyardStore

/// What is on the disk after a power cut: of each file what it held when it was last synced.
@Suite(.serialized) struct PowerCutTests {
    @Test func whatIsCommittedDurablySurvives() throws {
        let disk = try WatchedDisk()
        try disk.store.commit([.putPool(samplePool("p"))], durably: true)
        #expect(try disk.afterPowerCut { try $0.pools().map(\.id.text) } == ["p"])
    }

    @Test func aDurableCommitTakesThoseBeforeItAlong() throws {
        let disk = try WatchedDisk()
        for ordinal in 0..<3 {
            try disk.store.commit([.addTask(sampleTask(UInt32(ordinal)))], durably: false)
        }
        // What makes the test one: without a sync they are lost.
        #expect(try disk.afterPowerCut { try $0.definition(of: sampleTask(2).key) } == nil)
        try disk.store.commit([.putJob(sampleJob(taskCount: 3))], durably: true)
        #expect(try disk.afterPowerCut { try $0.tasks(of: 1, limit: 10).count } == 3)
        // And one that is not durable after one that was is lost again.
        try disk.store.commit([.putPool(samplePool("p"))], durably: false)
        #expect(try disk.afterPowerCut { try $0.pools().isEmpty })
    }

    @Test func progressIsSyncedWithinASecond() throws {
        let disk = try WatchedDisk()
        try disk.store.sync()
        #expect(disk.store.nextSync == nil)
        try disk.store.syncIfDue(at: 5_000)
        try disk.store.commit([.putPool(samplePool("p"))], durably: false)
        try disk.store.syncIfDue(at: 10_000)
        let due = try #require(disk.store.nextSync)
        #expect(due > 10_000 && due < 11_000)
        // A later commit does not put the sync off.
        try disk.store.commit([.putPool(samplePool("q"))], durably: false)
        try disk.store.syncIfDue(at: due - 1)
        #expect(disk.store.nextSync == due)
        #expect(try disk.afterPowerCut { try $0.pools().isEmpty })
        try disk.store.syncIfDue(at: due)
        #expect(disk.store.nextSync == nil)
        #expect(try disk.afterPowerCut { try $0.pools().count } == 2)
    }

    @Test func anAnswerWithoutAWriteWaitsForWhatItTellsOf() throws {
        let disk = try WatchedDisk()
        try disk.store.commit([.putPool(samplePool("p"))], durably: false)
        try disk.store.commit([], durably: true)
        #expect(try disk.afterPowerCut { try $0.pools().count } == 1)
    }

    @Test func aLogThatCannotBeSyncedIsNoCommit() throws {
        let disk = try WatchedDisk()
        disk.failsSyncs = true
        let error = #expect(throws: StoreError.self) {
            try disk.store.commit([.putPool(samplePool("p"))], durably: true)
        }
        #expect(error?.kind == .inputOutput)
        #expect(try disk.store.pools().isEmpty)
        try disk.store.commit([.putPool(samplePool("q"))], durably: false)
        #expect(throws: StoreError.self) { try disk.store.sync() }
        #expect(disk.store.hasUnsyncedCommits)
    }

    @Test func whatTheLastServiceLeftUnsyncedIsSynced() throws {
        let disk = try WatchedDisk()
        #expect(disk.store.hasUnsyncedCommits)
        try disk.store.syncIfDue(at: 0)
        #expect(disk.store.nextSync != nil)
    }
}

/// A state file whose syncs are watched: SQLite's own functions for its two files are called through ours.
private final class WatchedDisk {
    let directory = TemporaryDirectory()
    let store: StoreWriter
    var failsSyncs: Bool {
        get { Self.shared.withLock { $0.fails } }
        set { Self.shared.withLock { $0.fails = newValue } }
    }

    private struct Shared: Sendable {
        var fails = false
        /// What each file held when it was last synced.
        var synced: [String: [UInt8]] = [:]
        var paths: [UInt: String] = [:]
        var original: [UInt: UInt] = [:]
    }
    private static let shared = Mutex(Shared())

    init() throws {
        store = try StoreWriter(path: directory.database)
        // The log is there only once something was written.
        try store.commit([], durably: false)
        _ = try store.reserveJobNumber()
        Self.shared.withLock { $0 = Shared() }
        try watch(SQLITE_FCNTL_FILE_POINTER, directory.database)
        try watch(SQLITE_FCNTL_JOURNAL_POINTER, directory.database + "-wal")
        try store.sync()
        _ = try store.reserveJobNumber()
    }

    private func watch(_ request: Int32, _ path: String) throws {
        var found: UnsafeMutablePointer<sqlite3_file>?
        sqlite3_file_control(store.database.connection, nil, request, &found)
        let file = try #require(found)
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        let original = try #require(file.pointee.pMethods)
        methods.initialize(to: original.pointee)
        methods.pointee.xSync = { file, flags in WatchedDisk.sync(file, flags) }
        let bytes = try contents(of: path)
        Self.shared.withLock {
            $0.paths[UInt(bitPattern: file)] = path
            $0.original[UInt(bitPattern: file)] = UInt(bitPattern: original)
            $0.synced[path] = bytes
        }
        file.pointee.pMethods = UnsafePointer(methods)
    }

    private static func sync(_ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32) -> Int32 {
        let key = UInt(bitPattern: file)
        let (path, original, fails) = shared.withLock { ($0.paths[key], $0.original[key], $0.fails) }
        // SQLITE_IOERR_FSYNC, a macro that Swift cannot import.
        if fails { return SQLITE_IOERR | 4 << 8 }
        guard let path, let original,
            let methods = UnsafePointer<sqlite3_io_methods>(bitPattern: original)
        else { return SQLITE_IOERR }
        let bytes = try? contents(of: path)
        shared.withLock { $0.synced[path] = bytes }
        return methods.pointee.xSync(file, flags)
    }

    func afterPowerCut<Answer>(_ body: (StoreWriter) throws -> Answer) throws -> Answer {
        let copy = directory.path + "/copy.db"
        unlink(copy + "-shm")
        let synced = Self.shared.withLock { $0.synced }
        try write(synced[directory.database] ?? [], to: copy)
        try write(synced[directory.database + "-wal"] ?? [], to: copy + "-wal")
        return try body(try StoreWriter(path: copy))
    }
}
