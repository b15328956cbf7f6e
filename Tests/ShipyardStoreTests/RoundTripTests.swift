import ShipyardModel
import ShipyardStore
import Testing

@Suite struct RoundTripTests {
    @Test func poolsAndNodesComeBack() throws {
        let store = try StoreWriter(path: ":memory:")
        var bare = samplePool("q")
        bare.autoPoolJob = nil
        var fresh = sampleNode("node-2")
        fresh.startTaskResult = nil
        fresh.isDedicated = false
        try store.commit([.putPool(samplePool()), .putPool(bare), .putNode(sampleNode()), .putNode(fresh)])
        #expect(try store.pools() == [samplePool(), bare])
        #expect(try store.pool(PoolID("q")!) == bare)
        #expect(try store.nodes(of: somePool) == [sampleNode(), fresh])
        #expect(try store.node(NodeID("node-2"), of: somePool) == fresh)
        fresh.state = .idle
        try store.commit([.putNode(fresh), .deleteNode(somePool, NodeID("node-1"))])
        #expect(try store.nodes() == [fresh])
    }

    @Test func aDeletedPoolLeavesTheRecordOfItsRemoval() throws {
        let store = try StoreWriter(path: ":memory:")
        try store.commit([.putPool(samplePool()), .putNode(sampleNode())])
        try store.commit([.deletePool(somePool, removal: "{\"nodes\":1}", at: at(9))])
        #expect(try store.pools().isEmpty)
        #expect(try store.nodes().isEmpty)
        let removal = try #require(try store.poolRemovals(limit: 10).first)
        #expect(removal.pool == somePool && removal.removal == "{\"nodes\":1}" && removal.time == at(9))
    }

    /// A service that makes and deletes pools for years keeps the newest records of it.
    @Test func recordsOfRemovedPoolsAreBounded() throws {
        let store = try StoreWriter(path: ":memory:")
        let count = StoreWriter.keptPoolRemovals + 5
        for number in 0..<count {
            try store.commit([.deletePool(somePool, removal: "\(number)", at: at(Int64(number)))])
        }
        let kept = try store.poolRemovals(limit: 10_000).map(\.removal)
        #expect(kept == (5..<count).reversed().map { "\($0)" })
    }

    @Test func removalsComeBackAndGoWithTheirNode() throws {
        let store = try StoreWriter(path: ":memory:")
        func removal(_ node: String, _ ordinal: UInt32) -> RemovalRecord {
            RemovalRecord(
                pool: somePool, node: NodeID(node), id: RemovalID(TaskKey(job: 1, ordinal: ordinal)),
                owner: .task("t\(ordinal)", of: JobID("job")!), time: at(Int64(ordinal)))
        }
        var failed = removal("node-1", 2)
        failed.failure = RemovalFailure(path: "/x", reason: "no")
        let others = [removal("node-2", 1), removal("node-2", 3)]
        try store.commit(
            ([removal("node-1", 1), removal("node-1", 2), failed] + others).map(StoreWrite.putRemoval))
        #expect(try store.removals() == [removal("node-1", 1), failed] + others)
        // What is owed stands before what failed.
        #expect(try store.removals(of: JobID("job")!, limit: 3) == [removal("node-1", 1)] + others)
        #expect(try store.removals(failed.id, of: JobID("job")!) == [failed])
        #expect(try store.removals(failed.id, of: JobID("other")!) == [])
        try store.commit([.deleteRemoval(somePool, NodeID("node-1"), RemovalID(TaskKey(job: 1, ordinal: 1)))])
        try store.commit([.deleteNode(somePool, NodeID("node-2"))])
        #expect(try store.removals() == [failed])
        try store.commit([.deletePool(somePool, removal: "{}", at: at(1))])
        #expect(try store.removals() == [])
    }

    /// Tasks make files that cannot be removed, as many as they like.
    @Test func failedRemovalsOfANodeAreBounded() throws {
        let store = try StoreWriter(path: ":memory:")
        let count = StoreWriter.keptRemovalFailures + 3
        let writes = (0..<count).map { ordinal in
            StoreWrite.putRemoval(
                RemovalRecord(
                    pool: somePool, node: NodeID("node-1"),
                    id: RemovalID(TaskKey(job: 1, ordinal: UInt32(ordinal))), owner: .job(JobID("job")!),
                    time: at(Int64(ordinal)), failure: RemovalFailure(path: "/x", reason: "no")))
        }
        try store.commit(writes)
        #expect(try store.removals().map { Int($0.time.milliseconds) } == Array(3..<count))
    }

    @Test func clockAndSweepComeBack() throws {
        let store = try StoreWriter(path: ":memory:")
        #expect(try store.clock() == nil)
        #expect(try store.lastSweep() == nil)
        for number in 1...2 as ClosedRange<Int64> {
            let anchor = ClockAnchor(
                boot: "b", life: "l", bootMilliseconds: number,
                now: Moment(wall: at(number + 10), steady: SteadyTime(milliseconds: number + 20)))
            try store.commit([.putClock(anchor), .putLastSweep(SteadyTime(milliseconds: number))])
            #expect(try store.clock() == anchor)
            #expect(try store.lastSweep() == SteadyTime(milliseconds: number))
        }
    }

    /// By the steady line, where the row has it.
    @Test func endedTasksAreFoundByTheSteadyClock() throws {
        let store = try storeWithJob(tasks: 2)
        let result = someResult
        for ordinal in 0...1 as ClosedRange<UInt32> {
            var row = sampleProgress(ordinal, state: .completed, result: result)
            row.ended = ordinal == 0 ? SteadyTime(milliseconds: 5) : nil
            row.blame = 2
            try store.commit([.putTask(row)])
            #expect(try store.progress(of: row.key) == row)
        }
        func found(
            _ after: Int64, _ upTo: Int64, _ templates: ClosedRange<Int> = 0...0
        ) throws -> [UInt32] {
            try store.tasksEnded(
                in: 1, templates: templates, after: SteadyTime(milliseconds: after),
                upTo: SteadyTime(milliseconds: upTo)
            ).map(\.key.ordinal)
        }
        #expect(try found(4, 5) == [0])
        let end = result.endTime.milliseconds
        #expect(try found(end - 1, end) == [1])
        #expect(try found(4, 5, 0...3) == [0] && found(4, 5, 1...3).isEmpty)
    }

    @Test func jobsComeBack() throws {
        let store = try StoreWriter(path: ":memory:")
        var ended = sampleJob(2, id: "ended")
        ended.state = .completed
        ended.endTime = at(50)
        ended.terminateReason = "UserTerminate"
        ended.creationSteady = SteadyTime(milliseconds: 40)
        ended.endSteady = SteadyTime(milliseconds: 51)
        try store.commit([.putJob(sampleJob()), .putJob(ended)])
        #expect(try store.jobs() == [sampleJob(), ended])
        #expect(try store.job(JobID("ended")!) == ended)
        #expect(try store.job(number: 1) == sampleJob())
        #expect(try store.job(number: 3) == nil)
    }

    @Test func twoJobsOfOneIDAreRefused() throws {
        let store = try StoreWriter(path: ":memory:")
        try store.commit([.putJob(sampleJob(1))])
        let error = #expect(throws: StoreError.self) { try store.commit([.putJob(sampleJob(2))]) }
        #expect(error?.kind == .constraint)
        #expect(error?.operation == "putJob")
    }

    @Test func definitionsComeBack() throws {
        let store = try storeWithJob(tasks: 3)
        var full = TaskDefinition(
            key: TaskKey(job: 1, ordinal: 3), id: "", command: nil, template: 4, dependencies: "0-2",
            extra: "{}")
        full.id = "007"
        try store.commit([.addTask(full), .putJob(sampleJob(taskCount: 4))])
        #expect(try store.definition(of: full.key) == full)
        #expect(try store.definition(of: TaskKey(job: 2, ordinal: 0)) == nil)
        let keys = [full.key, TaskKey(job: 9, ordinal: 9), sampleTask(0).key]
        #expect(try store.definitions(of: keys) == [full, sampleTask(0)])
        #expect(try store.ordinal(of: "007", in: 1) == 3)
        #expect(try store.ordinal(of: "007", in: 2) == nil)
        #expect(try store.taskIDs(in: 1, prefix: "task-") == ["task-00000", "task-00001", "task-00002"])
        #expect(try store.taskIDs(in: 1).count == 4)
    }

    @Test(
        arguments: [
            .exited(0), .exited(255), .signalled(9), .stagingFailed(.blobNotFound, "gone — ☹"), .endedByUser,
            .overWallTime(TimeSpan(milliseconds: .max)), .unreadable(""), .inputFailed(.diskFull, "x"),
            .uploadFailed(.insufficientSpace, "full"), .outputRefused(.tooLarge, "é"),
            .notStarted(.outputMissing, "x"),
        ] as [Outcome])
    func progressComesBack(_ outcome: Outcome) throws {
        let store = try storeWithJob(tasks: 2)
        var result = someResult
        result.outcome = outcome
        result.uploadFailure = outcome == .exited(255) ? UploadFailure(.timedOut, "☹") : nil
        var progress = sampleProgress(0, state: .completed, attempt: 1, result: result)
        progress.retryCount = 4
        progress.requeueCount = 5
        try store.commit([.putTask(progress)])
        #expect(try store.progress(of: progress.key) == progress)
        let untouched = TaskKey(job: 1, ordinal: 1)
        #expect(try store.progress(of: untouched) == TaskProgress(key: untouched))
        #expect(try store.progress(of: TaskKey(job: 1, ordinal: 2)) == nil)
    }

    @Test func aNewAttemptKeepsTheOneBefore() throws {
        let store = try storeWithJob(tasks: 1)
        let attempts = (1...3).map { sampleProgress(0, state: .completed, attempt: $0, result: someResult) }
        for ended in attempts {
            var running = ended
            running.state = .running
            running.result = nil
            try store.commit([.putTask(running)])
            try store.commit([.putTask(ended)])
        }
        let task = try #require(try store.task("task-00000", in: 1))
        #expect(task.row.progress == attempts[2])
        #expect(task.pastAttempts == Array(attempts[..<2]))
    }

    @Test func nodeJobsComeBack() throws {
        let store = try StoreWriter(path: ":memory:")
        var record = NodeJobRecord(
            job: 1, pool: somePool, node: NodeID("n"), boot: 2, isRelease: false, attempt: 1, result: nil)
        try store.commit([.putNodeJob(record)])
        record.result = someResult
        var release = record
        release.isRelease = true
        var other = record
        other.job = 2
        try store.commit([.putNodeJob(record), .putNodeJob(release), .putNodeJob(other)])
        #expect(try store.nodeJobs(of: 1) == [record, release])
        try store.commit([.deleteNodeJobs(job: 1)])
        #expect(try store.nodeJobs() == [other])
    }

    /// A later pool of the id has a node of that id again, where no job has been prepared.
    @Test func nodeJobsGoWithTheirNodeAndWithTheirPool() throws {
        let store = try StoreWriter(path: ":memory:")
        func record(_ pool: String, _ node: String) -> NodeJobRecord {
            NodeJobRecord(
                job: 1, pool: PoolID(pool)!, node: NodeID(node), boot: 1, isRelease: false, attempt: 1,
                result: someResult)
        }
        let records = [record("p", "node-1"), record("p", "node-2"), record("q", "node-1")]
        try store.commit(records.map(StoreWrite.putNodeJob))
        try store.commit([.deleteNode(somePool, NodeID("node-1"))])
        #expect(try store.nodeJobs() == Array(records[1...]))
        try store.commit([.deletePool(somePool, removal: "{}", at: at(1))])
        #expect(try store.nodeJobs() == [records[2]])
    }

    @Test func jobNumbersAreNeverGivenTwice() throws {
        let directory = TemporaryDirectory()
        let first = try StoreWriter(path: directory.database)
        #expect(try first.reserveJobNumber() == 1)
        #expect(try first.reserveJobNumber() == 2)
        #expect(try StoreWriter(path: directory.database).reserveJobNumber() == 3)
    }
}
