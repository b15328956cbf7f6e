import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore

/// Runs one scenario to its end against the real core, engine and store, with a service that dies or a
/// write that fails wherever it is told to, and says which promises were broken.
final class Simulation {
    let scenario: Scenario
    let world: SimulatedWorld
    let store: StoreWriter
    private(set) var core: ServiceCore?
    private(set) var restarts = 0
    /// True when the act or the write that was to fail was reached.
    private(set) var faultWasMet = false

    private var users: [() -> Void] = []
    var submitted: Set<Int> = []
    private var poolsToRecreate = 0
    /// The simulation itself reads, which is no read of the service.
    private var looksItself = false
    var jobsToRecreate = 0
    var disablings = 0
    /// Numbers of jobs that the service has said are deleted.
    var deletedJobs: Set<UInt32> = []
    private(set) var deletedTasks: Set<TaskKey> = []

    init(seed: UInt64, dieBeforeAct: Int? = nil, failingWrite: Int? = nil, failingRead: Int? = nil) throws {
        scenario = Scenario(seed: seed)
        world = SimulatedWorld(scenario)
        world.dieBeforeAct = dieBeforeAct
        store = try StoreWriter(path: ":memory:")
        if let failingWrite {
            store.faultInjection = { [unowned self] number in
                if number == failingWrite { self.faultWasMet = true }
                return number == failingWrite
            }
        }
        guard let failingRead else { return }
        var reads = 0
        store.readFaultInjection = { [unowned self] in
            if self.looksItself { return false }
            reads += 1
            if reads == failingRead { self.faultWasMet = true }
            return reads == failingRead
        }
    }

    /// Everything that was found wrong; empty when every promise held.
    func run() throws -> [String] {
        // They hold this value, and it them: a leak of a whole database for each history.
        defer { users = [] }
        try startCore()
        planUsers()
        try drive(until: { self.isSettled })
        checkWaiting()
        for index in scenario.jobs.indices { world.schedule(.user(addUser { self.endJob(index) }), after: 1) }
        try drive(until: { self.jobsHaveEnded && self.nothingIsToBeRemoved })
        checkCounts()
        checkDirectories()
        world.schedule(.user(addUser { self.removePool() }), after: 1)
        try drive(until: { self.core?.inspect { $0.poolIDs.isEmpty } ?? false })
        check()
        return world.ledger.violations
    }

    // MARK: The service and its deaths

    private func startCore() throws {
        for _ in 0..<20 {
            do {
                core = try ServiceCore(store: store, world: world, home: "/home", now: world.moment)
                return
            } catch {
                died()
            }
        }
        throw SimulationFailure.cannotStart
    }

    private func died() {
        restarts += 1
        core = nil
        world.serviceDied()
        if scenario.agentsDieWithTheService { world.killAnAgent() }
    }

    /// Ends a turn; a failed commit or a death among the acts brings a new service.
    private func endTurn() throws {
        guard let core else { return }
        do {
            try core.endTurn(at: world.moment)
            checkCountsAreNotNegative(core)
            checkPreparations(core)
            guard world.isDead else { return }
            faultWasMet = true
            world.dieBeforeAct = nil
        } catch {
            core.abandon(error)
        }
        died()
        try startCore()
        try endTurn()
    }

    /// Until it is so in a committed turn.
    private func drive(until isDone: () -> Bool) throws {
        var steps = 0
        try endTurn()
        while true {
            if isDone() {
                try endTurn()
                if isDone() { return }
            }
            steps += 1
            guard steps < 20_000 else { return world.ledger.expect(false, "nothing ends: \(describe())") }
            // Files of tasks are due in days, which is nothing to wait for.
            let deadline = core?.nextDeadline.flatMap { deadline in
                deadline - world.moment.steady < .seconds(86_400) ? deadline : nil
            }
            guard let what = world.next(before: deadline) else {
                try endTurn()
                if deadline == nil, world.isQuiet, !isDone() {
                    return world.ledger.expect(false, "everything is quiet too early: \(describe())")
                }
                continue
            }
            if case .user(let number) = what {
                // Users see committed turns only.
                try endTurn()
                users[number]()
            }
            if let event = world.happen(what) { core?.receive(event, at: world.moment) }
            // Now and then several events share a turn, as under load.
            if steps % 3 != 0 { try endTurn() }
        }
    }

    private func describe() -> String {
        core?.inspect { $0.summary } ?? "no service"
    }

    // MARK: Users

    func addUser(_ act: @escaping () -> Void) -> Int {
        users.append(act)
        return users.count - 1
    }

    private func planUsers() {
        world.schedule(.user(addUser { self.addPool() }), after: 0)
        for (index, job) in scenario.jobs.enumerated() {
            world.schedule(.user(addUser { self.submit(index) }), after: 5 + job.submitAt.milliseconds)
            if let at = job.terminateAt {
                world.schedule(.user(addUser { self.endJob(index) }), after: at.milliseconds)
            }
        }
        for at in scenario.agentKills {
            world.schedule(.user(addUser { self.world.killAnAgent() }), after: at.milliseconds)
        }
        for resize in scenario.resizes {
            let act = addUser {
                guard let core = self.core else { return }
                try? core.resizePool("pool", dedicated: resize.nodes, lowPriority: 0, at: self.world.moment)
            }
            world.schedule(.user(act), after: resize.at.milliseconds)
        }
        for termination in scenario.taskTerminations {
            let act = addUser { self.terminateTask(termination.job, termination.task) }
            world.schedule(.user(act), after: termination.at.milliseconds)
        }
        for deletion in scenario.taskDeletions {
            let act = addUser { self.deleteTask(deletion.job, deletion.task) }
            world.schedule(.user(act), after: deletion.at.milliseconds)
        }
        planFaults()
        for at in scenario.poolDeletions {
            poolsToRecreate += 1
            world.schedule(.user(addUser { self.recreatePool() }), after: at.milliseconds)
        }
    }

    /// What a careful client does: when the answer is an error it asks again.
    func retry(_ act: @escaping () -> Void) {
        world.schedule(.user(addUser(act)), after: 10)
    }

    /// Reads that never fail.
    func look<Answer>(_ body: (StoreWriter) throws -> Answer) -> Answer? {
        looksItself = true
        defer { looksItself = false }
        return try? body(store)
    }

    private func addPool() {
        guard let core else { return retry(addPool) }
        if core.inspect({ $0.pool(scenario.pool.id) }) != nil { return }
        try? core.addPool(scenario.pool, at: world.moment)
        retry(addPool)
    }

    private func recreatePool() {
        guard let core, let record = core.inspect({ $0.pool(scenario.pool.id) }) else {
            poolsToRecreate -= 1
            return addPool()
        }
        if record.state == .active { try? core.deletePool("pool", at: world.moment) }
        retry(recreatePool)
    }

    /// Two users have the same wish.
    private func deleteTask(_ job: Int, _ task: Int) {
        guard let core, scenario.jobs[job].tasks.indices.contains(task) else { return }
        let (id, name) = (scenario.jobs[job].plan.id, scenario.jobs[job].tasks[task].id)
        for _ in 0..<2 {
            guard let number = core.inspect({ $0.jobNumber(id) }) else { return }
            guard (try? core.deleteTask(name, of: id.text, at: world.moment)) != nil else { continue }
            core.afterCommit(isPromise: true) { [unowned self] error in
                guard error == nil else { return }
                let isNew = self.deletedTasks.insert(TaskKey(job: number, ordinal: UInt32(task))).inserted
                self.world.ledger.expect(isNew, "task \(task) of job \(job) was deleted twice")
            }
        }
    }

    /// How many of a job's tasks are taken; nil when it takes no more.
    private func taken(_ index: Int, _ core: ServiceCore) -> Int? {
        core.inspect { engine in
            guard let number = engine.jobNumber(scenario.jobs[index].plan.id), let record = engine.job(number)
            else {
                return 0
            }
            if record.state == .deleting { return 0 }
            let hasEnded = record.state == .terminating || record.state == .completed
            return hasEnded || record.taskCount == scenario.jobs[index].tasks.count ? nil : record.taskCount
        }
    }

    func submit(_ index: Int) {
        let part = scenario.jobs[index]
        guard let core, core.inspect({ $0.pool(scenario.pool.id) }) != nil else {
            return retry { self.submit(index) }
        }
        guard let count = taken(index, core) else {
            submitted.insert(index)
            return
        }
        retry { self.submit(index) }
        guard let ticket = try? core.beginSubmission(part.plan.id, usesDependencies: true) else { return }
        world.ledger.jobs[ticket.number] = index
        world.ledger.expect(
            ticket.firstOrdinal == count, "job \(index) goes on at \(ticket.firstOrdinal) of \(count)")
        var slice = TaskSlice()
        let end = count < part.firstCount ? part.firstCount : part.tasks.count
        for (offset, task) in part.tasks.enumerated() where offset >= count && offset < end {
            let key = TaskKey(job: ticket.number, ordinal: UInt32(offset))
            let text = task.dependencies.isEmpty ? nil : Dependency.text(of: task.dependencies)
            slice.definitions.append(
                TaskDefinition(
                    key: key, id: task.id, command: "run", template: task.template, dependencies: text))
            slice.seeds.append(
                TaskSeed(template: task.template, dependencies: task.dependencies, number: task.number))
        }
        // The submission began in this turn, so nothing has thrown it away.
        try! core.addSlice(slice, to: ticket)
        var plan = part.plan
        // The templates come with the first submission; the second adds none.
        if !ticket.isNew { plan.templates = [] }
        plan.autoComplete = part.plan.autoComplete && end == part.tasks.count
        core.endSubmission(ticket, plan, pool: scenario.pool.id, at: world.moment)
        core.afterCommit(isPromise: true) { [unowned self] error in
            if error == nil { self.world.ledger.accepted.insert(ticket.number) }
        }
    }

    private func endJob(_ index: Int) {
        let id = scenario.jobs[index].plan.id
        guard let core, let number = core.inspect({ $0.jobNumber(id) }) else { return }
        let state = core.inspect { $0.job(number)?.state }
        if state == .completed || state == .terminating || state == .deleting { return }
        try? core.terminateJob(id.text, at: world.moment)
        retry { self.endJob(index) }
    }

    private func terminateTask(_ job: Int, _ task: Int) {
        let id = scenario.jobs[job].plan.id
        guard let core, let number = core.inspect({ $0.jobNumber(id) }),
            scenario.jobs[job].tasks.indices.contains(task)
        else { return }
        let key = TaskKey(job: number, ordinal: UInt32(task))
        // What waits in a job that is ending stays as it is.
        guard core.inspect({ $0.job(number)?.state.takesTasks }) == true else { return }
        world.ledger.terminated.insert(key)
        guard
            (try? core.terminateTask(scenario.jobs[job].tasks[task].id, of: id.text, at: world.moment)) != nil
        else { return }
        core.afterCommit(isPromise: true) { [unowned self] error in
            guard error == nil else { return }
            let row = self.look { try $0.progress(of: key) } ?? nil
            if let attempt = row?.attempt { self.world.ledger.endedByUser[key] = attempt }
        }
    }

    private func removePool() {
        guard let core, core.inspect({ $0.pool(scenario.pool.id) }) != nil else { return }
        try? core.deletePool("pool", at: world.moment)
        retry(removePool)
    }

    // MARK: Ends

    /// Every job has ended or cannot go on.
    private var isSettled: Bool {
        guard let core, submitted.count == scenario.jobs.count else { return false }
        guard poolsToRecreate == 0, jobsToRecreate == 0, disablings == 0 else { return false }
        return core.inspect { engine in
            scenario.jobs.allSatisfy { job in
                guard let number = engine.jobNumber(job.plan.id), let record = engine.job(number),
                    let counts = engine.counts(number)
                else { return false }
                if record.state == .completed || engine.blockage(number) != nil { return true }
                return record.state == .active && counts.active == 0 && counts.running == 0
            }
        }
    }

    private var jobsHaveEnded: Bool {
        guard let core else { return false }
        return core.inspect { engine in
            engine.jobsInOrder.allSatisfy { engine.job($0)?.state == .completed }
        }
    }

    /// What the database says must be what really happened.
    private func check() {
        for (number, index) in world.ledger.jobs.sorted(by: { $0.key < $1.key }) {
            guard look({ try $0.job(number: number) }) != nil else { continue }
            for ordinal in scenario.jobs[index].tasks.indices {
                check(TaskKey(job: number, ordinal: UInt32(ordinal)))
            }
        }
        for (name, agent) in world.agents {
            world.ledger.expect(!agent.isAlive, "\(name.node) is still alive")
        }
    }

    private func check(_ key: TaskKey) {
        guard let row = look({ try $0.progress(of: key) }) ?? nil else { return }
        let past = (look { try $0.pastAttempts(of: key) } ?? []).sorted { $0.attempt < $1.attempt }
        // Promise 3: each attempt has one record, and each but the last has its end.
        world.ledger.expect(
            past.map(\.attempt) == Array(1..<max(1, row.attempt)),
            "\(key) has attempts \(past.map(\.attempt))")
        world.ledger.expect(past.allSatisfy { $0.result != nil }, "\(key) has an attempt without an end")
        world.ledger.expect(
            row.state != .completed || row.result != nil, "\(key) is completed without an end")
        world.ledger.expect(row.state == .completed || row.state == .active, "\(key) is left \(row.state)")
        if world.ledger.endedByUser[key] != nil {
            world.ledger.expect(row.state == .completed, "\(key) was ended by a user and is \(row.state)")
        }
        for attempt in past + [row] where attempt.attempt > 0 {
            let work = WorkID(kind: .task, key: key.rawValue, attempt: attempt.attempt)
            guard world.ledger.hasRun(work) else { continue }
            world.ledger.expect(attempt.result != nil, "\(work) has no end record")
            guard let end = world.ledger.ends[work] else {
                world.ledger.expect(false, "\(work) is recorded as ended and still runs")
                continue
            }
            if !world.ledger.unheard.contains(work), let code = end,
                let known = attempt.result?.outcome.exitCode,
                attempt.result?.outcome != .endedByUser
            {
                world.ledger.expect(code == known, "\(work) exited with \(code), recorded \(known)")
            }
        }
    }
}

enum SimulationFailure: Error { case cannotStart }
