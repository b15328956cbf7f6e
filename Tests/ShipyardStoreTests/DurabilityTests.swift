import CSQLite
import Glibc
import ShipyardModel
import Testing

@testable import ShipyardStore

@Suite struct DurabilityTests {
    /// Fails the first write, then the second, and so on; after each failure nothing of the turn is there.
    @Test func aTurnIsKeptWholeOrNotAtAll() throws {
        let turn: [StoreWrite] = [
            .putPool(samplePool()), .putNode(sampleNode()), .putJob(sampleJob(taskCount: 1)),
            .addTask(sampleTask(0)), .putTask(sampleProgress(0, state: .running)),
            .deleteTask(sampleTask(0).key),
        ]
        for failing in 1...100 {
            let store = try StoreWriter(path: ":memory:")
            store.faultInjection = { $0 == failing }
            do {
                try store.commit(turn)
                #expect(failing > turn.count)
                return
            } catch {
                #expect(error.kind == .injected)
                #expect(try store.pools().isEmpty && store.nodes().isEmpty && store.jobs().isEmpty)
                #expect(throws: Never.self) { try store.commit(turn) }
            }
        }
        Issue.record("more than 100 writes: the loop no longer covers the turn")
    }

    @Test func readersSeeCommitsAndNothingElse() throws {
        let directory = TemporaryDirectory()
        let writer = try StoreWriter(path: directory.database)
        let reader = try StoreReader(path: directory.database)
        try writer.commit([.putPool(samplePool())])
        #expect(try reader.pools().count == 1)
        writer.faultInjection = { _ in
            #expect((try? reader.pools().count) == 1)
            return false
        }
        try writer.commit([.putPool(samplePool("q")), .putPool(samplePool("r"))])
        #expect(try reader.pools().count == 3)
    }

    @Test func aSnapshotStaysAsItWas() throws {
        let directory = TemporaryDirectory()
        let writer = try StoreWriter(path: directory.database)
        let readers = StoreReaderPool(path: directory.database)
        try readers.read { reader throws(StoreError) in
            try reader.snapshot { () throws(StoreError) in
                let before = try reader.pools().count
                try writer.commit([.putPool(samplePool())])
                let after = try reader.pools().count
                #expect(before == 0 && after == 0)
            }
        }
        #expect(try readers.read { reader throws(StoreError) in try reader.pools().count } == 1)
    }

    /// A child commits batches of ten and is killed in the middle of it.
    @Test(arguments: [1, 5, 20, 60])
    func killedWriterLeavesWholeBatches(_ milliseconds: Int) async throws {
        let directory = TemporaryDirectory()
        let path = directory.database
        _ = try StoreWriter(path: path)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, milliseconds] in
            var span = itimerval()
            span.it_value.tv_usec = milliseconds * 1000
            signal(SIGALRM) { _ in raise(SIGKILL) }
            setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &span, nil)
            let store = try StoreWriter(path: path)
            for batch: UInt32 in 0... {
                try store.commit((batch * 10..<batch * 10 + 10).map { .addTask(sampleTask($0)) })
            }
        }
        let store = try StoreWriter(path: path)
        #expect(try store.damage().isEmpty)
        try store.commit([.putJob(sampleJob(taskCount: 1_000_000_000))])
        #expect(try store.taskCounts(of: 1).total.isMultiple(of: 10))
    }

    /// What a power cut may leave: a log that ends anywhere.
    @Test func aTornLogLosesOnlyWholeBatches() throws {
        let directory = TemporaryDirectory()
        let store = try StoreWriter(path: directory.database)
        for batch: UInt32 in 0..<6 {
            try store.commit((batch * 10..<batch * 10 + 10).map { .addTask(sampleTask($0)) })
        }
        let log = try contents(of: directory.database + "-wal")
        let file = try contents(of: directory.database)
        var seen: Set<Int> = []
        for length in stride(from: 0, through: log.count, by: 1000) {
            let copy = directory.path + "/copy.db"
            unlink(copy + "-shm")
            try write(file, to: copy)
            try write(Array(log[..<length]), to: copy + "-wal")
            let reopened = try StoreWriter(path: copy)
            #expect(try reopened.damage().isEmpty)
            try reopened.commit([.putJob(sampleJob(taskCount: 1_000_000))])
            let count = try reopened.taskCounts(of: 1).total
            #expect(count.isMultiple(of: 10))
            seen.insert(count)
        }
        #expect(seen.count > 3)
    }

    @Test func aFullDiskIsNamedAndSurvived() throws {
        let directory = TemporaryDirectory()
        let store = try StoreWriter(path: directory.database)
        // As on a full disk: the file may not grow beyond 100 pages.
        try store.limitPages(to: 100)
        let error = #expect(throws: StoreError.self) {
            try store.commit((0..<20_000).map { .addTask(sampleTask($0)) })
        }
        #expect(error?.kind == .diskFull)
        try store.limitPages(to: 1_000_000)
        try store.commit([.putPool(samplePool())])
        #expect(try store.definition(of: sampleTask(0).key) == nil)
    }

    @Test func aPurgeGivesSpaceBack() throws {
        let directory = TemporaryDirectory()
        let store = try StoreWriter(path: directory.database)
        for batch: UInt32 in 0..<10 {
            var tasks = (batch * 1000..<batch * 1000 + 1000).map { sampleTask($0) }
            for index in tasks.indices { tasks[index].command = String(repeating: "x", count: 3000) }
            try store.commit(tasks.map { .addTask($0) })
        }
        try store.commit([.putJob(sampleJob(taskCount: 10_000))])
        try store.commit([.deleteJob(1)])
        try purge(store, limit: 2000)
        // Of 40 MB, 16 may be kept for the next job. While the service goes on, and nothing else is written.
        #expect(try contents(of: directory.database).count < 20 << 20)
        try store.commit([.putPool(samplePool())])
    }

    @Test func memoryStaysBoundedWhileManyTasksAreAdded() throws {
        let directory = TemporaryDirectory()
        let store = try StoreWriter(path: directory.database)
        for batch: UInt32 in 0..<20 {
            try store.commit((batch * 5000..<batch * 5000 + 5000).map { .addTask(sampleTask($0)) })
        }
        try store.commit([.putJob(sampleJob(taskCount: 100_000))])
        #expect(try store.taskCounts(of: 1).total == 100_000)
        // Of this connection, because other tests of the process have databases in memory.
        var (used, highest): (Int32, Int32) = (0, 0)
        sqlite3_db_status(store.database.connection, SQLITE_DBSTATUS_CACHE_USED, &used, &highest, 0)
        #expect(used > 0)
        #expect(used < 64 << 20)
    }
}

func contents(of path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: ftell(file))
    rewind(file)
    #expect(fread(&bytes, 1, bytes.count, file) == bytes.count)
    return bytes
}

func write(_ bytes: [UInt8], to path: String) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
}
