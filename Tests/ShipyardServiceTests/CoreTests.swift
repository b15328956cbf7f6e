import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardSystem
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// The core against a store whose rows or reads fail, with agents that start nothing.
struct CoreTests {
    let store: StoreWriter
    let substrate: SimulatedSubstrate
    let core: ServiceCore
    private let now = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))

    init() throws {
        store = try StoreWriter(path: ":memory:")
        substrate = SimulatedSubstrate(Scenario(seed: 0))
        core = try ServiceCore(store: store, substrate: substrate, now: now)
        var spec = PoolSpec(id: PoolID("pool")!)
        spec.dedicatedNodes = 1
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
    }

    private func addJob(_ id: String, tasks: Int, _ change: (inout JobPlan) -> Void = { _ in }) throws
        -> UInt32
    {
        var plan = JobPlan(id: JobID(id)!)
        plan.templates = [TaskTemplate()]
        change(&plan)
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        var slice = TaskSlice()
        for ordinal in 0..<UInt32(tasks) {
            let key = TaskKey(job: ticket.number, ordinal: ordinal)
            slice.definitions.append(TaskDefinition(key: key, id: "t\(ordinal)", command: "run", template: 0))
            slice.seeds.append(TaskSeed(template: 0))
        }
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: now)
        try core.endTurn(at: now)
        return ticket.number
    }

    /// A deletion that cannot read what the task was would count it as one that never ran.
    @Test func deletionThatCannotReadIsRefused() throws {
        let job = try addJob("j", tasks: 2)
        let before = core.inspect { $0.counts(job) }
        for failing in 1...2 {
            var reads = 0
            store.readFaultInjection = {
                reads += 1
                return reads == failing
            }
            let refusal = #expect(throws: Refusal.self) { try core.deleteTask("t0", of: "j", at: now) }
            #expect(refusal?.kind == .unavailable)
        }
        store.readFaultInjection = nil
        try core.endTurn(at: now)
        #expect(core.inspect { $0.counts(job) } == before)
    }

    @Test func secondDeletionInATurnFindsNothing() throws {
        let job = try addJob("j", tasks: 1) { $0.autoComplete = true }
        try core.terminateJob("j", at: now)
        try core.endTurn(at: now)
        #expect(core.inspect { $0.job(job)?.state } == .completed)
        try core.deleteTask("t0", of: "j", at: now)
        let refusal = #expect(throws: Refusal.self) { try core.deleteTask("t0", of: "j", at: now) }
        #expect(refusal?.code == "TaskNotFound")
        try core.endTurn(at: now)
        #expect(core.inspect { $0.counts(job)?.total } == 0)
    }

    /// The turn is on disk: who asked for it must not be told that it came to nothing.
    @Test func failureAfterTheCommitIsNoRefusal() throws {
        _ = try addJob("other", tasks: 0) { $0.autoComplete = false }
        let node = core.inspect { $0.node(NodeID("node-1"), of: PoolID("pool")!) }!
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.endTurn(at: now)
        var answers: [StoreError?] = []
        let ticket = try core.beginSubmission(JobID("j")!, usesDependencies: false)
        var slice = TaskSlice()
        slice.definitions = [
            TaskDefinition(key: TaskKey(job: ticket.number, ordinal: 0), id: "t", command: "run", template: 0)
        ]
        slice.seeds = [TaskSeed(template: 0)]
        try core.addSlice(slice, to: ticket)
        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate()]
        core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: now)
        core.afterCommit(isPromise: true) { answers.append($0) }
        store.readFaultInjection = { true }
        let error = #expect(throws: StoreError.self) { try core.endTurn(at: now) }
        if let error { core.abandon(error) }
        #expect(answers == [nil])
        store.readFaultInjection = nil
        let next = try ServiceCore(store: store, substrate: substrate, now: now)
        #expect(next.inspect { $0.counts(ticket.number)?.total } == 1)
    }

    /// Its agent cannot be told to end, so nobody is told that it will be.
    @Test func rebootOfANodeThatDoesNotAnswerIsRefused() throws {
        let node = core.inspect { $0.node(NodeID("node-1"), of: PoolID("pool")!)! }
        func reboot() throws { try core.rebootNode("node-1", of: "pool", at: now) }
        #expect(#expect(throws: Refusal.self) { try reboot() }?.code == "NodeUnreachable")
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        core.receive(.nodeSilent(node), at: now)
        #expect(#expect(throws: Refusal.self) { try reboot() }?.code == "NodeUnreachable")
        core.receive(.nodeHeard(node), at: now)
        try reboot()
    }

    /// A later pool of the id has a proof of its own.
    @Test func proofOfARemovalIsOfOnePool() throws {
        let pool = PoolID("pool")!
        for round in 1...2 {
            let node = core.inspect { $0.node(NodeID("node-1"), of: pool)! }
            try core.deletePool("pool", at: now)
            try core.endTurn(at: now)
            core.receive(.nodeReleased(node, NodeRemoval(processesEnded: round)), at: now)
            core.receive(.poolVerified(pool, PoolVerification()), at: now)
            try core.endTurn(at: now)
            let record = try #require(try store.poolRemovals(limit: 10).first)
            let removal = try JSONCoding.decode(PoolRemoval.self, from: Array(record.removal.utf8))
            #expect((removal.nodes, removal.processesEnded, removal.isComplete) == (1, round, true))
            var spec = PoolSpec(id: pool)
            spec.dedicatedNodes = 1
            try core.addPool(spec, at: now)
            try core.endTurn(at: now)
        }
    }

    // MARK: What cannot be read

    private func restarted() throws -> ServiceCore {
        let core = try ServiceCore(store: store, substrate: substrate, now: now)
        try core.endTurn(at: now)
        return core
    }

    @Test func jobWhosePlanCannotBeReadIsTheOnlyOneThatSuffers() throws {
        let broken = try addJob("broken", tasks: 2)
        let whole = try addJob("whole", tasks: 2)
        let record = try #require(try store.job(number: broken))
        try store.commit([.putPlan(job: broken, DocumentRecord(version: 1, text: "{\"id\":"))])
        let core = try restarted()
        core.inspect { engine in
            #expect(engine.counts(whole)?.total == 2)
            #expect(engine.counts(broken)?.total == 2)
            #expect(engine.job(broken)?.state == .disabled)
            guard case .unreadable(let problem) = engine.waitReason(broken) else {
                Issue.record("it is not said to be unreadable")
                return
            }
            #expect(problem.contains("cannot be read"))
        }
        #expect(throws: Refusal.self) { try core.enableJob("broken", at: now) }
        #expect(throws: Refusal.self) {
            try core.beginSubmission(JobID("broken")!, usesDependencies: false)
        }
        // Nothing of it was written.
        #expect(try store.job(number: broken) == record)
        try core.deleteJob("broken", at: now)
        try core.endTurn(at: now)
        #expect(core.inspect { $0.jobNumber(JobID("broken")!) } == nil)
    }

    /// What each of them waits for, runs as, or runs on is not there; the others of their job go on.
    @Test func tasksWhoseRowsMakeNoSenseEndAndTheirJobGoesOn() throws {
        let texts = ["x", "9", "0-8", "5-3", "n9~1"]
        let job = try addJob("j", tasks: texts.count + 3)
        var writes: [StoreWrite] = []
        for (ordinal, text) in texts.enumerated() {
            let key = TaskKey(job: job, ordinal: UInt32(ordinal))
            writes += [
                .deleteTask(key),
                .addTask(
                    TaskDefinition(
                        key: key, id: "x\(ordinal)", command: "run", template: 0, dependencies: text)),
            ]
        }
        let untemplated = TaskKey(job: job, ordinal: UInt32(texts.count))
        writes += [
            .deleteTask(untemplated),
            .addTask(TaskDefinition(key: untemplated, id: "y", command: "run", template: 7)),
        ]
        var lost = TaskProgress(key: TaskKey(job: job, ordinal: UInt32(texts.count + 1)))
        (lost.state, lost.attempt, lost.node) = (.running, 1, NodeID("node-77"))
        try store.commit(writes + [.putTask(lost)])
        let core = try restarted()
        let counts = try #require(core.inspect { $0.counts(job) })
        #expect((counts.failed, counts.active) == (texts.count + 2, 1))
        #expect(try store.progress(of: lost.key)?.result?.failure?.code == "RowUnreadable")
        #expect(core.inspect { $0.waitReason(job) } == nil)
    }

    /// Ordinals of deleted tasks are not given again, and others may wait for them.
    @Test func taskThatWaitsForADeletedLastTaskIsRestored() throws {
        let job = try addJob("j", tasks: 2)
        let key = TaskKey(job: job, ordinal: 0)
        let waiting = TaskDefinition(key: key, id: "t0", command: "run", template: 0, dependencies: "1")
        try store.commit([.deleteTask(key), .addTask(waiting), .deleteTask(TaskKey(job: job, ordinal: 1))])
        let core = try restarted()
        #expect(core.inspect { $0.waitReason(job) } == .dependencies(example: 0, count: 1))
    }

    @Test func poolWhoseSpecCannotBeReadRunsNothingAndCanBeDeleted() throws {
        let job = try addJob("j", tasks: 1)
        try store.commit([.putPoolSpec(PoolID("pool")!, DocumentRecord(version: 1, text: "{"))])
        let core = try restarted()
        guard case .unreadable = core.inspect({ $0.waitReason(job) }) else {
            Issue.record("it is not said to be unreadable")
            return
        }
        try core.deletePool("pool", at: now)
        try core.endTurn(at: now)
        #expect(core.inspect { $0.pool(PoolID("pool")!)?.state } == .deleting)
    }

    /// Numbers and names that would end the service, at its start or when their turn comes. One row costs itself
    /// its use; the service stays.
    @Test(
        arguments: [
            "DELETE FROM pools", "UPDATE pools SET id = 'a/b'", "UPDATE progress SET blame = 255",
            "UPDATE progress SET blame = -255", "UPDATE progress SET attempt = 2147483647",
            "UPDATE progress SET retry_count = 2147483647, requeue_count = 2147483647",
            "UPDATE jobs SET task_count = 4000000000 WHERE id = 'broken'",
            "UPDATE tasks SET key = (job_of_key << 32) | 4000000000",
            "UPDATE nodes SET boot = 9223372036854775807", "UPDATE nodes SET start_task_attempt = 2147483647",
            "UPDATE clock SET boot_time = -9223372036854775808",
            "UPDATE clock SET wall = -9223372036854775808",
        ])
    func damagedRowDoesNotEndTheService(_ change: String) throws {
        let node = core.inspect { $0.node(NodeID("node-1"), of: PoolID("pool")!)! }
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        _ = try ServiceClock(store: store)
        let broken = try addJob("broken", tasks: 1)
        try store.database.execute(
            script: change.replacing("(job_of_key << 32)", with: "(\(broken) << 32)"))
        var clock = try ServiceClock(store: store)
        #expect(
            abs((clock.now().steady - SteadyTime(milliseconds: SystemClock.now().milliseconds)).milliseconds)
                < 86_400_000)
        _ = clock.takeNewAnchor(at: clock.now())
        let core = try restarted()
        for handle in core.inspect({ $0.nodesToReach }) {
            core.receive(.nodeLost(handle, reason: "gone", exits: []), at: now)
            try core.endTurn(at: now)
            core.receive(.nodeConnected(handle, running: [], queued: []), at: now)
            try core.endTurn(at: now)
            core.receive(.nodeLost(handle, reason: "gone", exits: []), at: now)
            try core.endTurn(at: now)
        }
        #expect(core.inspect { $0.jobNumber(JobID("broken")!) } == broken)
        _ = try restarted()
    }

    @Test func jobIsRefusedWhenNoNumberCanBeGiven() throws {
        try store.database.execute(script: "DELETE FROM counters")
        let error = #expect(throws: (any Error).self) { try addJob("j", tasks: 1) }
        #expect(error.map { "\($0)".contains("next_job") } == true)
    }

    // MARK: Retention

    /// Between the search and the removal the task was deleted, and another one of its id came and runs.
    @Test func filesOfALaterTaskOfTheIDAreKept() throws {
        let job = try addJob("j", tasks: 3) { $0.autoComplete = false }
        let node = core.inspect { $0.node(NodeID("node-1"), of: PoolID("pool")!)! }
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.terminateTask("t1", of: "j", at: now)
        try core.terminateTask("t2", of: "j", at: now)
        try core.endTurn(at: now)
        let found = (1...2).map {
            TaskFiles(key: TaskKey(job: job, ordinal: $0), id: "t\($0)", node: NodeID("node-1"))
        }
        _ = try core.deleteTask("t1", of: "j", at: now)
        try core.endTurn(at: now)
        core.removeOldFiles(of: found, in: job, at: now)
        try core.endTurn(at: now)
        #expect(try store.removals().map(\.id) == [RemovalID(found[1].key)])
    }

    @Test func watchersWaitByTheSteadyClock() throws {
        let job = try addJob("j", tasks: 1)
        var answered = 0
        let counts = core.inspect { $0.counts(job) }
        core.watch(
            JobWatcher(
                job: job, seen: counts, seenState: .active, notBefore: now.steady,
                deadline: now.steady + .seconds(30)
            ) { _ in answered += 1 })
        for wall in [now.wall + .seconds(7200), now.wall - .seconds(7200)] {
            try core.endTurn(at: Moment(wall: wall, steady: now.steady + .seconds(29)))
        }
        #expect(answered == 0)
        try core.endTurn(at: Moment(wall: now.wall - .seconds(7200), steady: now.steady + .seconds(30)))
        #expect(answered == 1)
    }
}
