import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore
import Testing

@testable import ShipyardService

/// What comes between the beginning of a submission and its end.
struct SubmissionTests {
    private func withJob(_ body: (ServiceCore, UInt32) throws -> Void) throws {
        let world = SimulatedWorld(Scenario(seed: 0))
        let core = try ServiceCore(
            store: try StoreWriter(path: ":memory:"), world: world, home: "/home", now: world.now)
        try core.addPool(PoolSpec(id: PoolID("pool")!), at: world.now)
        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate()]
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        core.endSubmission(ticket.number, plan, pool: PoolID("pool")!, at: world.now)
        try core.endTurn(at: world.now)
        try body(core, ticket.number)
    }

    @Test(arguments: [true, false])
    func submissionToAJobThatEndsMeanwhileIsRefused(isDeleted: Bool) throws {
        try withJob { core, _ in
            let now = Instant(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            if isDeleted { try core.deleteJob("j", at: now) } else { try core.terminateJob("j", at: now) }
            try core.endTurn(at: now)
            let refusal = #expect(throws: Refusal.self) { try core.checkSubmission(ticket.number) }
            #expect(refusal?.code == "JobCompleted")
            core.cancelSubmission(ticket.number)
            try core.endTurn(at: now)
        }
    }

    @Test func secondSubmissionToAJobWaitsForTheFirst() throws {
        try withJob { core, _ in
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            let refusal = #expect(throws: Refusal.self) {
                try core.beginSubmission(JobID("j")!, usesDependencies: false)
            }
            #expect(refusal?.code == "SubmissionUnderWay")
            core.cancelSubmission(ticket.number)
            _ = try core.beginSubmission(JobID("j")!, usesDependencies: false)
        }
    }
}
