import ShipyardModel
import ShipyardStore
import Testing

/// Rows of what runs again.
@Suite struct RerunTests {
    @Test func aTaskThatIsActiveAgainKeepsItsAttempt() throws {
        let store = try StoreWriter(path: ":memory:")
        try store.commit([
            .putJob(sampleJob(taskCount: 1)), .addTask(sampleTask(0)),
        ])
        var ended = sampleProgress(0, state: .completed, attempt: 2, result: someResult)
        (ended.retryCount, ended.requeueCount, ended.blame, ended.isEnding) = (1, 2, 3, true)
        try store.commit([.putTask(ended)])
        try store.commit([.reactivateTask(ended.key)])
        var active = ended
        active.state = .active
        (active.retryCount, active.requeueCount, active.blame, active.isEnding) = (0, 0, 0, false)
        #expect(try store.progress(of: ended.key) == active)
        // The next attempt leaves it among the earlier ones.
        try store.commit([.putTask(sampleProgress(0, state: .running, attempt: 3, result: nil))])
        #expect(try store.pastAttempts(of: ended.key).map(\.attempt) == [2])
        #expect(try store.pastAttempts(of: ended.key).first?.result == someResult)
    }

    @Test func aJobThatWentOnSaysSo() throws {
        let store = try StoreWriter(path: ":memory:")
        var job = sampleJob(taskCount: 0)
        job.reopening = JobReopening(time: SteadyTime(milliseconds: 7), hadSucceeded: true)
        try store.commit([.putJob(job)])
        #expect(try store.jobs() == [job])
    }

    @Test func whatPreparationsCameToPasses() throws {
        let store = try StoreWriter(path: ":memory:")
        var records = [(1, false), (1, true), (2, false)].map { job, isRelease in
            NodeJobRecord(
                job: UInt32(job), pool: somePool, node: NodeID("n"), boot: 1, isRelease: isRelease, attempt: 1,
                result: someResult)
        }
        try store.commit(records.map(StoreWrite.putNodeJob) + [.passPreparations(job: 1)])
        records[0].isPast = true
        #expect(try store.nodeJobs() == records)
        // Until the next one.
        records[0].isPast = false
        try store.commit([.putNodeJob(records[0])])
        #expect(try store.nodeJobs() == records)
    }

    @Test func onlyARunThatIsOverIsCorrected() throws {
        let store = try StoreWriter(path: ":memory:")
        func run(_ number: UInt32, _ state: RunState) -> RunRecord {
            var run = RunRecord(
                RunKey(schedule: 1, number: number), .clock, due: at(1), version: 1, recordTime: at(1))
            run.state = state
            return run
        }
        let runs = [run(1, .failed), run(2, .active), run(3, .succeeded)]
        try store.commit(
            runs.map(StoreWrite.putRun) + runs.map { .correctRun($0.key, .succeeded, reason: nil, endTime: at(9)) })
        let rows = try store.runs(of: 1, limit: 10).sorted { $0.key < $1.key }
        #expect(rows.map(\.state) == [.succeeded, .active, .succeeded])
        #expect(rows.map(\.endTime) == [at(9), nil, at(9)])
    }

    /// For as long as a job is there that had made the pool for itself.
    @Test func whatAPoolOfAJobWasMadeOfStaysWithTheJob() throws {
        let store = try StoreWriter(path: ":memory:")
        let spec = DocumentRecord(version: 1, text: "{}")
        for (text, isKept) in [("{\"autoPool\": {\"keepAlive\": false}}", true), ("{}", false)] {
            let plan = DocumentRecord(version: 1, text: text)
            try store.commit([
                .putPool(samplePool()), .putPoolSpec(somePool, spec), .putJob(sampleJob(taskCount: 0)),
                .putPlan(job: sampleJob(taskCount: 0).number, plan),
            ])
            #expect(try store.poolsOfJobs() == (isKept ? [somePool] : []))
            try store.commit([.deletePool(somePool, removal: "{}", at: at(1))])
            #expect(try store.poolSpec(of: somePool) == (isKept ? spec : nil))
            try store.commit([.deleteJob(sampleJob(taskCount: 0).number)])
            #expect(try store.poolSpec(of: somePool) == nil)
        }
    }

    /// No task of the job may make it anew.
    @Test func aPoolThatAUserHasRemovedTakesWithItWhatItWasMadeOf() throws {
        let store = try StoreWriter(path: ":memory:")
        let job = sampleJob(taskCount: 0)
        var pool = samplePool()
        pool.isUnwanted = true
        try store.commit([
            .putPool(pool), .putPoolSpec(somePool, DocumentRecord(version: 1, text: "{}")), .putJob(job),
            .putPlan(job: job.number, DocumentRecord(version: 1, text: "{\"autoPool\": {\"keepAlive\": false}}")),
        ])
        #expect(try store.pool(somePool)?.isUnwanted == true)
        try store.commit([.deletePool(somePool, removal: "{}", at: at(1))])
        #expect(try store.poolSpec(of: somePool) == nil && store.poolsOfJobs() == [])
    }

    @Test func aPoolThatIsThereKeepsItsSpecificationWithoutItsJob() throws {
        let store = try StoreWriter(path: ":memory:")
        let plan = DocumentRecord(version: 1, text: "{\"autoPool\": {\"keepAlive\": true}}")
        let job = sampleJob(taskCount: 0)
        try store.commit([
            .putPool(samplePool()), .putPoolSpec(somePool, DocumentRecord(version: 1, text: "{}")), .putJob(job),
            .putPlan(job: job.number, plan),
        ])
        try store.commit([.deleteJob(job.number)])
        #expect(try store.poolSpec(of: somePool) != nil)
    }
}
