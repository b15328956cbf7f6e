import ShipyardModel
import Testing

@testable import ShipyardStore

@Suite struct ListingTests {
    @Test func pagesFollowEachOther() throws {
        let store = try storeWithJob(tasks: 5)
        let first = try store.tasks(of: 1, limit: 2)
        #expect(first.map(\.definition.key.ordinal) == [0, 1])
        let next = try store.tasks(of: 1, after: 1, limit: 10)
        #expect(next.map(\.definition.key.ordinal) == [2, 3, 4])
        #expect(try store.tasks(of: 1, after: 4, limit: 10).isEmpty)
        #expect(try store.tasks(of: 2, limit: 10).isEmpty)
    }

    @Test func filtersAndCountsAgree() throws {
        let store = try storeWithJob(tasks: 6)
        var good = someResult
        good.outcome = .exited(0)
        try store.commit([
            .putTask(sampleProgress(0, state: .completed, result: good)),
            .putTask(sampleProgress(1, state: .completed, result: someResult)),
            .putTask(sampleProgress(2, state: .running)),
            .putTask(sampleProgress(3, state: .preparing)),
            .putTask(sampleProgress(4, state: .active, result: someResult)),
            // No exit code: neither is it the code 0.
            .putTask(sampleProgress(5, state: .completed, result: AttemptResult(.endedByUser, at: at(1)))),
        ])
        func ordinals(_ filter: TaskFilter) throws -> [UInt32] {
            try store.tasks(of: 1, limit: 10, where: filter).map(\.definition.key.ordinal)
        }
        #expect(try ordinals(TaskFilter(state: .active)) == [4])
        #expect(try ordinals(TaskFilter(state: .running)) == [2])
        #expect(try ordinals(TaskFilter(state: .completed)) == [0, 1, 5])
        #expect(try ordinals(TaskFilter(result: .failure)) == [1, 5])
        #expect(try ordinals(TaskFilter(state: .completed, result: .success)) == [0])
        let counts = try store.taskCounts(of: 1)
        #expect(counts.active == 1 && counts.running == 2)
        #expect(counts.succeeded == 1 && counts.failed == 2 && counts.total == 6)
    }

    @Test func aSubmissionInProgressIsInvisibleAndCanBeDiscarded() throws {
        let store = try storeWithJob(tasks: 2)
        try store.commit([.openSubmission(job: 1)] + (2..<10).map { .addTask(sampleTask($0)) })
        try store.commit([.openSubmission(job: 2)] + (0..<4).map { .addTask(sampleTask($0, job: 2)) })
        #expect(try store.tasks(of: 1, limit: 100).count == 2)
        #expect(try store.taskIDs(in: 1).count == 2)
        #expect(try store.taskIDs(in: 2).isEmpty)
        #expect(try store.ordinal(of: "task-00005", in: 1) == nil)
        #expect(try store.task("task-00005", in: 1) == nil)
        #expect(try store.taskCounts(of: 1).total == 2)
        try purge(store)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 2)) != nil)
        // Three rows of twelve went by now, and no turn had to wait for the rest.
        let before = store.writeCount
        try store.discardUnfinishedSubmissions()
        #expect(store.writeCount - before == 3)
        #expect(try store.isBeingPurged(1))
        #expect(try purge(store, limit: 3) == 5)
        #expect(try !store.isBeingPurged(1))
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 1)) != nil)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 2)) == nil)
        #expect(try store.definition(of: TaskKey(job: 2, ordinal: 0)) == nil)
    }

    @Test func oneRefusedSubmissionIsDiscardedAlone() throws {
        let store = try storeWithJob(tasks: 1)
        try store.commit([.openSubmission(job: 1), .addTask(sampleTask(1))])
        try store.commit([.openSubmission(job: 2), .addTask(sampleTask(0, job: 2))])
        try purge(store)
        try store.commit([.discardSubmission(job: 1)])
        try purge(store)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 0)) != nil)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 1)) == nil)
        #expect(try store.definition(of: TaskKey(job: 2, ordinal: 0)) != nil)
        // The first is settled: a crash now throws the second away, and nothing else.
        try store.commit([.addTask(sampleTask(1)), .putJob(sampleJob(taskCount: 2))])
        try store.discardUnfinishedSubmissions()
        try purge(store)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 1)) != nil)
        #expect(try store.definition(of: TaskKey(job: 2, ordinal: 0)) == nil)
    }

    @Test func onlyTheNewestAnswersAreKept() throws {
        let store = try StoreWriter(path: ":memory:")
        for number in 0..<StoreWriter.keptAnswers + 5 {
            try store.commit([.keepAnswer(submission: "s\(number)", answer: "\(number)")])
        }
        // The first answer stays: a repetition changes nothing.
        try store.commit([.keepAnswer(submission: "s7", answer: "another")])
        #expect(try store.answer(toSubmission: "s7") == "7")
        #expect(try store.answer(toSubmission: "s4") == nil)
        #expect(try store.answer(toSubmission: "s5") == "5")
        #expect(try store.answer(toSubmission: "s10004") == "10004")
    }

    @Test func aDeletedJobFreesItsIDAtOnceAndItsRowsLater() throws {
        let store = try storeWithJob(tasks: 10)
        try store.commit([
            .putTask(sampleProgress(0, state: .completed, result: someResult)),
            .putTask(sampleProgress(0, state: .running, attempt: 2)),
        ])
        try store.commit([.deleteJob(1), .putJob(sampleJob(2))])
        #expect(try store.job(JobID("job")!)?.number == 2)
        #expect(try store.tasks(of: 1, limit: 10).isEmpty)
        let slices = try purge(store, limit: 4)
        // 12 rows by fours, and one more slice that finds nothing left.
        #expect(slices == 4)
        #expect(try store.definition(of: TaskKey(job: 1, ordinal: 9)) == nil)
        #expect(try store.pastAttempts(of: TaskKey(job: 1, ordinal: 0)).isEmpty)
    }

    @Test func aDeletedTaskLeavesNothing() throws {
        let store = try storeWithJob(tasks: 2)
        let key = TaskKey(job: 1, ordinal: 0)
        try store.commit([
            .putTask(sampleProgress(0, state: .completed, result: someResult)),
            .putTask(sampleProgress(0, state: .completed, attempt: 2, result: someResult)),
            .deleteTask(key),
        ])
        #expect(try store.definition(of: key) == nil)
        #expect(try store.progress(of: key) == nil)
        #expect(try store.pastAttempts(of: key).isEmpty)
        #expect(try store.taskCounts(of: 1).total == 1)
    }

    @Test func recoveryReadsOnlyJobsThatAreNotCompleted() throws {
        let store = try storeWithJob(tasks: 3)
        var ended = sampleJob(2, id: "ended", taskCount: 1)
        ended.state = .completed
        let number = TaskDefinition(
            key: TaskKey(job: 1, ordinal: 3), id: "0042", command: nil, template: 1, dependencies: "0-2")
        try store.commit([
            .putPool(samplePool()), .putNode(sampleNode()), .putJob(ended), .addTask(sampleTask(0, job: 2)),
            .addTask(number), .putJob(sampleJob(taskCount: 4)), .addTask(sampleTask(4)),
            .putTask(sampleProgress(1, state: .running)),
            .putTask(sampleProgress(0, job: 2, state: .completed)),
        ])
        var outlines: [TaskOutline] = []
        var progress: [TaskProgress] = []
        let state = try store.loadAll(outline: { outlines.append($0) }, progress: { progress.append($0) })
        #expect(state.jobs.count == 2 && state.pools.count == 1 && state.nodes.count == 1)
        #expect(outlines.map(\.key.ordinal) == [0, 1, 2, 3])
        #expect(outlines[0].number == nil)
        #expect(outlines[3].number == 42 && outlines[3].dependencies == "0-2" && outlines[3].template == 1)
        #expect(progress == [sampleProgress(1, state: .running)])
    }
}
