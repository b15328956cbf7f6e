import CSQLite
import ShipyardModel
import Synchronization
import Testing

@testable import ShipyardStore

/// A row that makes no sense costs itself its use, and nothing else.
@Suite struct UnreadableRowTests {
    private func damaged(_ sql: String, _ body: (StoreWriter, _ lines: () -> [String]) throws -> Void) throws
    {
        let store = try StoreWriter(path: ":memory:")
        try store.commit([
            .putPool(samplePool("p")), .putPool(samplePool("q")), .putNode(sampleNode("n1")),
            .putNode(sampleNode("n2")), .putJob(sampleJob(1, id: "a", taskCount: 3)),
            .putJob(sampleJob(2, id: "b")),
            .addTask(sampleTask(0)), .addTask(sampleTask(1)), .addTask(sampleTask(2)),
            .putTask(sampleProgress(0, state: .running)),
            .putTask(sampleProgress(1, state: .completed, result: someResult)),
        ])
        try store.database.execute(script: sql)
        let lines = Mutex<[String]>([])
        store.report = { line in lines.withLock { $0.append(line) } }
        try body(store) { lines.withLock { $0 } }
    }

    @Test(arguments: ["id = 'no id'", "id = ''", "id = x'ff00'"])
    func aPoolWithoutAnIDIsLeftOut(_ change: String) throws {
        try damaged("UPDATE pools SET \(change) WHERE id = 'p'") { (store, lines) throws in
            #expect(try store.pools().map(\.id.text) == ["q"])
            #expect(lines().count == 1)
        }
    }

    @Test func aPoolOfUnknownWordsCanBeDeleted() throws {
        try damaged(
            """
            UPDATE pools SET state = 'odd', allocation_state = 'odd', target_dedicated = -7,
            slots_per_node = 0 WHERE id = 'p'
            """
        ) { (store, lines) throws in
            let pool = try #require(try store.pool(PoolID("p")!))
            #expect(pool.state == .active && pool.allocationState == .steady)
            #expect(pool.targetDedicatedNodes == 0 && pool.taskSlotsPerNode == 1)
            #expect(lines().count == 1)
        }
    }

    @Test func aNodeOfAnUnknownStateIsUnusable() throws {
        try damaged(
            "UPDATE nodes SET state = 'odd' WHERE id = 'n1'; UPDATE nodes SET pool = '?' WHERE id = 'n2'"
        ) { (store, lines) throws in
            #expect(try store.nodes().map(\.state) == [.unusable])
            #expect(lines().count == 2)
        }
    }

    @Test(arguments: ["state = 'odd'", "pool = 'no pool'"])
    func aJobThatCannotBeReadIsCompletedAndSaysWhy(_ change: String) throws {
        try damaged("UPDATE jobs SET \(change) WHERE id = 'a'") { (store, lines) throws in
            let jobs = try store.jobs()
            #expect(jobs.map(\.id.text) == ["a", "b"])
            #expect(jobs[0].state == .completed)
            #expect(jobs[0].terminateReason?.hasPrefix("RowUnreadable: `") == true)
            #expect(jobs[1].state == .active)
            #expect(lines().count == 1)
        }
    }

    @Test(arguments: ["id = 'no id'", "number = 4294967298"])
    func aJobWithoutAKeyIsLeftOut(_ change: String) throws {
        try damaged("UPDATE jobs SET \(change) WHERE id = 'a'") { (store, lines) throws in
            #expect(try store.jobs().map(\.id.text) == ["b"])
            #expect(lines().count == 1)
        }
    }

    @Test(arguments: ["state = 'odd'", "node = NULL"])
    func aTaskThatCannotBeReadHasFailed(_ change: String) throws {
        try damaged("UPDATE progress SET \(change) WHERE key & 4294967295 = 0") { (store, lines) throws in
            var found: [TaskProgress] = []
            try store.streamProgress(of: 1) { found.append($0) }
            #expect(found.map(\.state) == [.completed, .completed])
            #expect(found[0].result?.failure?.code == "RowUnreadable")
            #expect(found[1].result == someResult)
            #expect(
                try store.tasks(of: 1, limit: 10).map(\.progress) == found + [
                    TaskProgress(key: sampleTask(2).key)
                ])
            #expect(!lines().isEmpty)
        }
    }

    /// What its row says of its end makes no sense: it has ended, and not well.
    @Test(arguments: ["exit = 99", "exit = 3, exit_code = 99", "exit = -1", "exit = 0", "exit = 1e9"])
    func anEndThatCannotBeReadIsAFailure(_ change: String) throws {
        try damaged("UPDATE progress SET \(change) WHERE state = 'completed'") { (store, lines) throws in
            var found: [TaskProgress] = []
            try store.streamProgress(of: 1) { found.append($0) }
            #expect(found.last?.state == .completed)
            guard case .unreadable = found.last?.result?.outcome else {
                Issue.record("\(String(describing: found.last?.result))")
                return
            }
            #expect(found.last?.result?.startTime == someResult.startTime)
            #expect(try store.taskCounts(of: 1).failed == 1)
            #expect(!lines().isEmpty)
        }
    }
}
