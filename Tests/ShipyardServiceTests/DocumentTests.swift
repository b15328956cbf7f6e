import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// What is stored of plans, templates and specifications, and what becomes of those that cannot be read.
struct DocumentTests {
    let store: StoreWriter
    let substrate: SimulatedSubstrate
    let core: ServiceCore
    private let now = Moment(milliseconds: 1000)
    private let pool = PoolID("pool")!

    init() throws {
        store = try StoreWriter(path: ":memory:")
        substrate = SimulatedSubstrate(Scenario(seed: 0))
        core = try ServiceCore(store: store, substrate: substrate, now: now)
        var spec = PoolSpec(id: pool)
        spec.dedicatedNodes = 1
        spec.taskSlotsPerNode = 8
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
    }

    /// A submission of one task for each retention time, which is its template's.
    private func submit(
        _ retentions: Int..., to id: String, _ change: (inout JobPlan) -> Void = { _ in }
    ) throws -> UInt32 {
        var plan = JobPlan(id: JobID(id)!)
        change(&plan)
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        var slice = TaskSlice()
        for (index, retention) in retentions.enumerated() {
            var template = TaskTemplate()
            template.retentionTime = .seconds(Int64(retention))
            plan.templates.append(template)
            let ordinal = UInt32(ticket.firstOrdinal + index)
            let key = TaskKey(job: ticket.number, ordinal: ordinal)
            let position = ticket.firstTemplate + index
            slice.definitions.append(
                TaskDefinition(key: key, id: "t\(ordinal)", command: "run", template: position))
            slice.seeds.append(TaskSeed(template: position))
        }
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: pool, at: now)
        try core.endTurn(at: now)
        return ticket.number
    }

    private func restarted() throws -> ServiceCore {
        let core = try ServiceCore(store: store, substrate: substrate, now: now)
        try core.endTurn(at: now)
        return core
    }

    private func templates(of job: UInt32) throws -> [TaskTemplate] {
        try store.templates(of: job, from: 0).map { try TaskTemplate($0.document, named: "") }
    }

    // MARK: What is written

    @Test func aLaterSubmissionWritesItsOwn() throws {
        let job = try submit(1, 2, to: "j")
        let plan = try #require(try store.plan(of: job))
        #expect(!plan.text.contains("emplates") && !plan.text.contains("askCount"))
        let odd = DocumentRecord(version: 1, text: "as it was")
        try store.commit([.putPlan(job: job, odd)])
        var costs: [Int] = []
        for round in 0..<30 {
            let before = store.writeCount
            _ = try submit(10 + round, to: "j")
            costs.append(store.writeCount - before)
        }
        #expect(Set(costs).count == 1)
        #expect(try store.plan(of: job) == odd)
        try store.commit([.putPlan(job: job, plan)])
        let expected = [1, 2] + (0..<30).map { 10 + $0 }
        #expect(try templates(of: job).map(\.retentionTime) == expected.map { .seconds(Int64($0)) })
        // The templates are those of the tasks that name them, also after a restart.
        let next = try restarted()
        #expect(next.inspect { $0.templateCount(job) } == 32)
        #expect(try next.beginSubmission(JobID("j")!, usesDependencies: false).firstTemplate == 32)
    }

    @Test func jobsOfOneTemplateShareIt() throws {
        let jobs = try (0..<3).map { try submit(5, 5, to: "j\($0)") }
        let numbers = try jobs.flatMap { try store.templateNumbers(of: $0).map(\.number) }
        #expect(numbers.count == 6 && Set(numbers).count == 1)
    }

    /// The switches stand with each template, so a later submission may turn them on; nothing turns them off.
    @Test func aSwitchThatComesOnLaterStaysOn() throws {
        let job = try submit(1, to: "j") { $0.priority = 7 }
        _ = try submit(2, to: "j") {
            ($0.performsExitOptionsJobAction, $0.usesTaskDependencies) = (true, true)
            $0.priority = -7
        }
        _ = try submit(3, to: "j")
        let plan = try JobPlan(try store.plan(of: job), named: "")
        #expect(plan.performsExitOptionsJobAction && plan.usesTaskDependencies && !plan.autoComplete)
        #expect(plan.priority == 7)
        _ = try submit(4, to: "j") { $0.autoComplete = true }
        #expect(try JobPlan(try store.plan(of: job), named: "").autoComplete)
        #expect(try store.job(number: job)?.autoComplete == true)
    }

    @Test func aPoolsSpecificationIsWrittenOnce() throws {
        let odd = DocumentRecord(version: 1, text: "as it was")
        try store.commit([.putPoolSpec(pool, odd)])
        try core.resizePool("pool", dedicated: 2, lowPriority: 0, at: now)
        try core.endTurn(at: now)
        #expect(try store.pool(pool)?.targetDedicatedNodes == 2)
        #expect(try store.poolSpec(of: pool) == odd)
    }

    @Test func aSpecificationIsKnownAfterARestart() throws {
        var spec = PoolSpec(id: PoolID("auto")!)
        spec.hasAutoscale = true
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
        #expect(try PoolSpec(try store.poolSpec(of: spec.id), named: "") == spec)
        let next = try restarted()
        let refusal = #expect(throws: Refusal.self) {
            try next.resizePool("auto", dedicated: 1, lowPriority: 0, at: now)
        }
        #expect(refusal?.code == "PoolHasAutoScale")
    }

    // MARK: What cannot be read

    private func problem(_ core: ServiceCore, _ job: UInt32) -> String? {
        guard case .unreadable(let problem) = core.inspect({ $0.waitReason(job) }) else { return nil }
        return problem
    }

    @Test(
        arguments: [
            (
                "UPDATE plans SET version = 2",
                "its plan has version 2, but this program knows versions up to 1"
            ),
            ("UPDATE plans SET version = 0", "its plan has version 0"),
            ("UPDATE plans SET document = '{}'", "its plan: `id` is missing"),
            ("DELETE FROM plans", "its plan is not there"),
            ("UPDATE templates SET version = 9 WHERE number = 2", "its template 1 has version 9"),
            ("UPDATE templates SET document = '[' WHERE number = 2", "its template 1: "),
            ("DELETE FROM templates WHERE number = 2", "its template 1 is not there"),
            ("DELETE FROM job_templates WHERE position = 1", "its template 1 is not there"),
            ("UPDATE job_templates SET position = 'x' WHERE position = 2", "is not there"),
        ])
    func jobWhoseDocumentsCannotBeReadIsKeptAside(_ change: String, _ reason: String) throws {
        let broken = try submit(1, 2, 3, to: "broken")
        try store.database.execute(script: change)
        let whole = try submit(4, 1, to: "whole")
        let core = try restarted()
        #expect(problem(core, broken)?.contains("what the state file has of it cannot be read: ") == true)
        #expect(problem(core, broken)?.contains(reason) == true)
        #expect(problem(core, whole) == nil)
        #expect(core.inspect { $0.counts(whole)?.active } == 2)
        #expect(throws: Refusal.self) {
            try core.beginSubmission(JobID("broken")!, usesDependencies: false)
        }
        // The others run, and this one can be deleted.
        let node = core.inspect { $0.node(NodeID("node-1"), of: pool)! }
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.endTurn(at: now)
        #expect(core.inspect { $0.counts(whole)?.running } == 2)
        try core.deleteJob("broken", at: now)
        try core.endTurn(at: now)
        #expect(try store.job(number: broken) == nil)
    }

    @Test(
        arguments: [
            ("UPDATE pool_specs SET version = 2", "its specification has version 2"),
            ("UPDATE pool_specs SET document = '{}'", "its specification: `id` is missing"),
            ("DELETE FROM pool_specs", "its specification is not there"),
        ])
    func poolWhoseSpecificationCannotBeReadIsKeptAside(_ change: String, _ reason: String) throws {
        let job = try submit(1, to: "j")
        try store.database.execute(script: change)
        let core = try restarted()
        #expect(problem(core, job)?.contains(reason) == true)
        #expect(core.inspect { $0.problem(ofPool: pool) }?.contains(reason) == true)
        try core.deletePool("pool", at: now)
        try core.endTurn(at: now)
    }

    /// The turn that was to dispatch by it is committed; the next core keeps the job aside.
    @Test(
        arguments: [
            "UPDATE templates SET document = '{' WHERE number = 2",
            "UPDATE templates SET version = 2 WHERE number = 2",
            "DELETE FROM job_templates WHERE job = 1 AND position = 1",
        ])
    func templateThatIsDamagedMeanwhileConcernsItsJob(_ change: String) throws {
        let broken = try submit(1, 2, 3, to: "broken")
        let whole = try submit(4, to: "whole")
        try store.database.execute(script: change)
        let node = core.inspect { $0.node(NodeID("node-1"), of: pool)! }
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        let error = #expect(throws: StoreError.self) { try core.endTurn(at: now) }
        // Damage of the file would end the service.
        #expect(error?.kind == .other)
        #expect(error?.description.contains("read job broken: ") == true)
        let next = try restarted()
        #expect(problem(next, broken)?.contains("its template 1") == true)
        #expect(problem(next, whole) == nil)
        next.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try next.endTurn(at: now)
        #expect(next.inspect { $0.counts(whole)?.running } == 1)
    }
}
