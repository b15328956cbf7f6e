import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore
import Testing

@testable import ShipyardService

/// What comes between the beginning of a submission and its end.
struct SubmissionTests {
    private func withJob(_ body: (ServiceCore, UInt32) throws -> Void) throws {
        let substrate = SimulatedSubstrate(Scenario(seed: 0))
        let core = try ServiceCore(
            store: try StoreWriter(path: ":memory:"), substrate: substrate, now: substrate.moment)
        try core.addPool(PoolSpec(id: PoolID("pool")!), at: substrate.moment)
        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate()]
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: substrate.moment)
        try core.endTurn(at: substrate.moment)
        try body(core, ticket.number)
    }

    @Test(arguments: [true, false])
    func submissionToAJobThatEndsMeanwhileIsRefused(isDeleted: Bool) throws {
        try withJob { core, _ in
            let now = Moment(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            if isDeleted { try core.deleteJob("j", at: now) } else { try core.terminateJob("j", at: now) }
            try core.endTurn(at: now)
            let refusal = #expect(throws: Refusal.self) { try core.checkSubmission(ticket) }
            #expect(refusal?.code == "JobCompleted")
            core.cancelSubmission(ticket)
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
            core.cancelSubmission(ticket)
            _ = try core.beginSubmission(JobID("j")!, usesDependencies: false)
        }
    }

    private func slice(_ job: UInt32, from first: Int, count: Int) -> TaskSlice {
        var slice = TaskSlice()
        for ordinal in first..<first + count {
            slice.definitions.append(
                TaskDefinition(
                    key: TaskKey(job: job, ordinal: UInt32(ordinal)), id: "t\(ordinal)", command: "true",
                    template: 0))
            slice.seeds.append(TaskSeed(template: 0, dependencies: [], number: nil))
        }
        return slice
    }

    /// What is added in this very turn is not in the database yet, so a rerun would not see it: it is asked again.
    @Test func aRerunInTheTurnThatAddsTasksWaitsForIt() throws {
        try withJob { core, number in
            let now = Moment(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            try core.addSlice(slice(number, from: 0, count: 2), to: ticket)
            // Rows that belong to nobody yet are in nobody's way.
            #expect(try core.rerun(RerunRequest(job: "j", .all), at: now).waiting == 0)
            var plan = JobPlan(id: JobID("j")!)
            plan.templates = [TaskTemplate()]
            core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: now)
            for selection in [RerunRequest.Selection.all, .tasks(["t0"])] {
                let refusal = #expect(throws: Refusal.self) {
                    try core.rerun(RerunRequest(job: "j", selection), at: now)
                }
                #expect(refusal?.kind == .unavailable && refusal?.code == Refusal.tasksBeingAdded)
            }
            try core.endTurn(at: now)
            #expect(try core.rerun(RerunRequest(job: "j", .tasks(["t1"])), at: now).waiting == 1)
        }
    }

    /// The rows of a refused submission go at once, in slices, and a new one to the same job waits for them.
    @Test func aRefusedSubmissionLeavesNoRows() throws {
        try withJob { core, number in
            let now = Moment(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            try core.addSlice(slice(number, from: 0, count: 50), to: ticket)
            try core.endTurn(at: now)
            while core.store.hasRowsToPurge { try core.store.purgeJobRows(limit: 20) }
            core.cancelSubmission(ticket)
            // Not in the same turn, nor in a later one, while rows are left.
            for _ in 0..<2 {
                let refusal = #expect(throws: Refusal.self) {
                    try core.beginSubmission(JobID("j")!, usesDependencies: false)
                }
                #expect(refusal?.code == Refusal.rowsBeingRemoved)
                try core.endTurn(at: now)
                #expect(core.store.hasRowsToPurge)
                try core.store.purgeJobRows(limit: 20)
            }
            while core.store.hasRowsToPurge { try core.store.purgeJobRows(limit: 20) }
            #expect(try core.store.definition(of: TaskKey(job: number, ordinal: 0)) == nil)
            let next = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            try core.addSlice(slice(number, from: 0, count: 50), to: next)
            try core.endTurn(at: now)
        }
    }

    /// A turn that fails throws away what was begun: what comes then must not be taken for done.
    @Test func aSubmissionThatAFailedTurnHasThrownAwayIsRefused() throws {
        let substrate = SimulatedSubstrate(Scenario(seed: 0))
        let store = try StoreWriter(path: ":memory:")
        let first = try ServiceCore(store: store, substrate: substrate, now: substrate.moment)
        let ticket = try first.beginSubmission(JobID("j")!, usesDependencies: false)
        try first.addSlice(slice(ticket.number, from: 0, count: 3), to: ticket)
        try first.endTurn(at: substrate.moment)
        let second = try ServiceCore(store: store, substrate: substrate, now: substrate.moment)
        let late = #expect(throws: Refusal.self) {
            try second.addSlice(slice(ticket.number, from: 3, count: 1), to: ticket)
        }
        #expect(late?.code == "SubmissionGivenUp")
        let end = #expect(throws: Refusal.self) { try second.checkSubmission(ticket) }
        #expect(end?.code == "SubmissionGivenUp")
        while store.hasRowsToPurge { try store.purgeJobRows(limit: 2) }
        #expect(try store.definition(of: TaskKey(job: ticket.number, ordinal: 0)) == nil)
    }

    /// The thread that plans does not know of the failed turn, and another has begun on the same job since.
    @Test func whatAFailedTurnHasThrownAwayDoesNotJoinTheNextSubmission() throws {
        let substrate = SimulatedSubstrate(Scenario(seed: 0))
        let store = try StoreWriter(path: ":memory:")
        let first = try ServiceCore(store: store, substrate: substrate, now: substrate.moment)
        try first.addPool(PoolSpec(id: PoolID("pool")!), at: substrate.moment)
        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate()]
        first.endSubmission(
            try first.beginSubmission(plan.id, usesDependencies: false), plan, pool: PoolID("pool")!,
            at: substrate.moment)
        try first.endTurn(at: substrate.moment)
        let old = try first.beginSubmission(plan.id, usesDependencies: false)
        try first.endTurn(at: substrate.moment)

        let second = try ServiceCore(store: store, substrate: substrate, now: substrate.moment)
        while store.hasRowsToPurge { try store.purgeJobRows(limit: 2) }
        let new = try second.beginSubmission(plan.id, usesDependencies: false)
        #expect(new.number == old.number)
        let late = #expect(throws: Refusal.self) {
            try second.addSlice(slice(old.number, from: 0, count: 5), to: old)
        }
        #expect(late?.code == "SubmissionGivenUp")
        let end = #expect(throws: Refusal.self) { try second.checkSubmission(old) }
        #expect(end?.code == "SubmissionGivenUp")
        // Nor does its end or its withdrawal touch the other.
        second.endSubmission(old, plan, pool: PoolID("pool")!, at: substrate.moment)
        second.cancelSubmission(old)
        try second.addSlice(slice(new.number, from: 0, count: 2), to: new)
        try second.checkSubmission(new)
        second.endSubmission(new, plan, pool: PoolID("pool")!, at: substrate.moment)
        try second.endTurn(at: substrate.moment)
        #expect(second.inspect { $0.counts(new.number)?.total } == 2)
    }

    /// What a submission was answered with is kept in the turn that takes it, or not at all.
    @Test(arguments: [true, false])
    func anAnswerIsKeptWithWhatItTellsOf(isTaken: Bool) throws {
        try withJob { core, number in
            let now = Moment(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            try core.addSlice(slice(number, from: 0, count: 1), to: ticket)
            try core.endTurn(at: now)
            var plan = JobPlan(id: JobID("j")!)
            plan.templates = [TaskTemplate()]
            core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: now)
            core.keepAnswer("the answer", toSubmission: "jobs/x")
            if isTaken {
                try core.endTurn(at: now)
            } else {
                core.store.faultInjection = { _ in true }
                #expect(throws: StoreError.self) { try core.endTurn(at: now) }
            }
            #expect(try core.store.answer(toSubmission: "jobs/x") == (isTaken ? "the answer" : nil))
            #expect(try core.store.job(number: number)?.taskCount == (isTaken ? 1 : 0))
        }
    }

    // MARK: Power

    /// Whoever is promised something is answered when it is on the disk; what is only told of may wait.
    @Test(arguments: [true, false])
    func aPromiseIsOnTheDiskBeforeItIsGiven(isPromise: Bool) throws {
        try withJob { core, number in
            let now = Moment(milliseconds: 1)
            let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
            try core.addSlice(slice(number, from: 0, count: 1), to: ticket)
            var wasUnsynced: Bool?
            core.afterCommit(isPromise: isPromise) { _ in wasUnsynced = core.store.hasUnsyncedCommits }
            try core.endTurn(at: now)
            #expect(wasUnsynced == !isPromise)
            // The next turn promises nothing any more.
            core.cancelSubmission(ticket)
            try core.endTurn(at: now)
            #expect(core.store.hasUnsyncedCommits)
        }
    }

    /// What the service decides about jobs by itself is acted on, and so is on the disk before.
    @Test func anEndOfAJobIsOnTheDiskBeforeItIsSeen() throws {
        try withJob { core, number in
            try core.endTurn(at: Moment(milliseconds: 1))
            _ = try core.store.reserveJobNumber()
            #expect(core.store.hasUnsyncedCommits)
            try core.terminateJob("j", at: Moment(milliseconds: 2))
            try core.endTurn(at: Moment(milliseconds: 2))
            #expect(try core.store.job(number: number)?.state != .active)
            #expect(!core.store.hasUnsyncedCommits)
        }
    }
}
