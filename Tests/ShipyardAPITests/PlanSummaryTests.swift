import Foundation
import ShipyardModel
import ShipyardPlanner
import ShipyardStore
import Testing

@testable import ShipyardAPI

/// What answers about jobs say of their plans, while submissions add to them.
struct PlanSummaryTests {
    private func job(_ number: UInt32, tasks: Int) -> JobRecord {
        JobRecord(
            number: number, id: JobID("j\(number)")!, pool: PoolID("p")!, state: .active, priority: 0,
            taskCount: tasks, autoComplete: false, creationTime: Instant(milliseconds: 0),
            stateTransitionTime: Instant(milliseconds: 0), endTime: nil, terminateReason: nil)
    }

    @Test func laterTemplatesAndSwitchesAreSeen() throws {
        let path = "/tmp/shipyard-summaries-\(UInt32.random(in: 0...UInt32.max))"
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
        let (store, readers) = (try StoreWriter(path: path), StoreReaderPool(path: path))
        var (plain, merge) = (TaskTemplate(), TaskTemplate())
        merge.isMergeTask = true
        plain.maxTaskRetries = 1
        var plan = JobPlan(id: JobID("j1")!)
        plan.maxWallTime = .seconds(9)
        try store.commit([
            .putPlan(job: 1, plan.record), .addTemplate(job: 1, position: 0, plain.record),
            .addTemplate(job: 1, position: 1, merge.record),
            .addTemplate(job: 2, position: 0, DocumentRecord(version: 1, text: "[")),
            .addTemplate(job: 2, position: 1, merge.record),
        ])
        let summaries = PlanSummaries()
        let first = try summaries.summary(of: job(1, tasks: 2), readers)
        #expect(first.maxWallTime == .seconds(9) && !first.usesTaskDependencies)
        #expect(first.mergeTemplates == [1])

        plan.usesTaskDependencies = true
        try store.commit([
            .putPlan(job: 1, plan.record), .addTemplate(job: 1, position: 2, plain.record),
            .addTemplate(job: 1, position: 3, merge.record),
        ])
        let second = try summaries.summary(of: job(1, tasks: 4), readers)
        #expect(second.usesTaskDependencies && second.mergeTemplates == [1, 3])
        // Whoever asked the engine before is answered no less.
        #expect(try summaries.summary(of: job(1, tasks: 2), readers).mergeTemplates == [1, 3])
        // One that cannot be read is no merge task, and hides none.
        #expect(try summaries.summary(of: job(2, tasks: 2), readers).mergeTemplates == [1])
    }
}
