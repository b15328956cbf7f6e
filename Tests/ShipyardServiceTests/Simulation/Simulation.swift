import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

@testable import ShipyardService

/// Runs one scenario to its end against the real loop, core, engine and store, with a service that dies or a
/// write that fails wherever it is told to, and says which promises were broken.
final class Simulation {
    let scenario: Scenario
    let substrate: SimulatedSubstrate
    let store: StoreWriter
    /// Of the latest turn.
    private(set) var core: ServiceCore?
    private(set) var restarts = 0
    /// True when the act or the write that was to fail was reached.
    private(set) var faultWasMet = false

    private var users: [() -> Void] = []
    /// Runs whose jobs are being made.
    var startsUnderWay: Set<RunKey> = []
    /// Attempts whose jobs a commit has made.
    var attemptsMade: Set<String> = []
    var schedulesAdded = 0
    /// What came of files, as commits have it.
    var filesTold: [FileEvent: FileVerdict] = [:]
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
        substrate = SimulatedSubstrate(scenario)
        substrate.dieBeforeAct = dieBeforeAct
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
        defer {
            users = []
            phases = []
            substrate.whenCommitted = {}
            substrate.whenGivenUp = {}
        }
        substrate.whenCommitted = { [unowned self] in
            guard let core else { return }
            checkCountsAreNotNegative(core)
            checkPreparations(core)
        }
        substrate.whenGivenUp = { [unowned self] in
            restarts += 1
            core = nil
            startsUnderWay = []
            if scenario.agentsDieWithTheService { substrate.killAnAgent() }
        }
        planUsers()
        phases = [
            (
                { [unowned self] in isSettled && !substrate.hasOutdatedAgents },
                { [unowned self] in letJobsEnd() }
            ),
            (
                { [unowned self] in jobsHaveEnded && nothingIsToBeRemoved },
                { [unowned self] in letThePoolGo() }
            ),
            ({ [unowned self] in core?.inspect { $0.poolIDs.isEmpty } ?? false }, {}),
        ]
        try runServices()
        check()
        return substrate.ledger.violations
    }

    /// Until when a part of the history goes on, and what comes then.
    private var phases: [(isOver: () -> Bool, next: () -> Void)] = []
    private var steps = 0
    private var quietSteps = 0

    private func letJobsEnd() {
        checkWaiting()
        for index in scenario.jobs.indices {
            substrate.schedule(.user(addUser { self.endJob(index) }), after: 1)
        }
        for index in scenario.schedules.indices {
            substrate.schedule(.user(addUser { self.endSchedule(index) }), after: 1)
        }
    }

    private func letThePoolGo() {
        checkCounts()
        checkOutputs()
        checkDirectories()
        checkRuns()
        substrate.schedule(.user(addUser { self.removePool() }), after: 1)
    }

    // MARK: The service and its deaths

    /// One service after the other: each runs the loop of the real one until it dies, or all is over.
    private func runServices() throws {
        for _ in 0..<20 {
            var runner = LoopRunner(
                store: store, time: SimulatedTime(substrate: substrate), substrate: substrate,
                // A dead service does nothing any more, just as one without a home.
                homeLoss: { [unowned self] in substrate.isDead ? "the service is dead" : nil }, log: { _ in })
            do {
                try runner.prepare()
            } catch {
                substrate.reset()
                continue
            }
            let mail = LoopMail(
                take: { [unowned self] core, _ in take(core) }, refuse: { _ in (commands: 0, stop: false) })
            if case .stopped = try runner.run(LoopLimit(), mail) { return }
            faultWasMet = true
            substrate.dieBeforeAct = nil
            substrate.reset()
        }
        throw SimulationFailure.cannotStart
    }

    /// The loop is ready for who comes to it. Users come, and whether all is over is looked at between two turns.
    private func take(_ core: ServiceCore) -> (commands: Int, stop: Bool) {
        if substrate.isDead { return (0, false) }
        self.core = core
        while !substrate.isInTurn, let phase = phases.first, phase.isOver() {
            phases.removeFirst()
            phase.next()
        }
        if phases.isEmpty || isStuck(core) { return (0, true) }
        let users = substrate.takeUsers()
        for number in users { self.users[number]() }
        _ = core.takeSubscriptions()
        let starts = core.takeRunStarts()
        for start in starts { makeJobs(of: start) }
        return (users.count + starts.count, false)
    }

    private func isStuck(_ core: ServiceCore) -> Bool {
        steps += 1
        // Files of tasks are due in days, which is nothing to wait for.
        let deadline = core.nextDeadline.flatMap {
            $0 - substrate.moment.steady < .seconds(86_400) ? $0 : nil
        }
        let isQuiet = substrate.isQuiet && deadline == nil && !substrate.isInTurn
        quietSteps = isQuiet ? quietSteps + 1 : 0
        guard steps >= 20_000 || quietSteps >= 5 else { return false }
        substrate.ledger.expect(
            false, "\(isQuiet ? "everything is quiet too early" : "nothing ends"): \(describe())")
        return true
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
        substrate.schedule(.user(addUser { self.addPool() }), after: 0)
        for (index, job) in scenario.jobs.enumerated() {
            substrate.schedule(.user(addUser { self.submit(index) }), after: 5 + job.submitAt.milliseconds)
            if let at = job.terminateAt {
                substrate.schedule(.user(addUser { self.endJob(index) }), after: at.milliseconds)
            }
        }
        for at in scenario.agentKills {
            substrate.schedule(.user(addUser { self.substrate.killAnAgent() }), after: at.milliseconds)
        }
        for resize in scenario.resizes {
            let act = addUser {
                guard let core = self.core else { return }
                try? core.resizePool(
                    "pool", dedicated: resize.nodes, lowPriority: 0, at: self.substrate.moment)
            }
            substrate.schedule(.user(act), after: resize.at.milliseconds)
        }
        for termination in scenario.taskTerminations {
            let act = addUser { self.terminateTask(termination.job, termination.task) }
            substrate.schedule(.user(act), after: termination.at.milliseconds)
        }
        for deletion in scenario.taskDeletions {
            let act = addUser { self.deleteTask(deletion.job, deletion.task) }
            substrate.schedule(.user(act), after: deletion.at.milliseconds)
        }
        planFaults()
        planSchedules()
        for at in scenario.poolDeletions {
            poolsToRecreate += 1
            substrate.schedule(.user(addUser { self.recreatePool() }), after: at.milliseconds)
        }
    }

    /// What a careful client does: when the answer is an error it asks again.
    func retry(_ act: @escaping () -> Void) {
        substrate.schedule(.user(addUser(act)), after: 10)
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
        try? core.addPool(scenario.pool, at: substrate.moment)
        retry(addPool)
    }

    private func recreatePool() {
        guard let core, let record = core.inspect({ $0.pool(scenario.pool.id) }) else {
            poolsToRecreate -= 1
            return addPool()
        }
        if record.state == .active { try? core.deletePool("pool", at: substrate.moment) }
        retry(recreatePool)
    }

    /// Two users have the same wish.
    private func deleteTask(_ job: Int, _ task: Int) {
        guard let core, scenario.jobs[job].tasks.indices.contains(task) else { return }
        let (id, name) = (scenario.jobs[job].plan.id, scenario.jobs[job].tasks[task].id)
        for _ in 0..<2 {
            guard let number = core.inspect({ $0.jobNumber(id) }) else { return }
            guard (try? core.deleteTask(name, of: id.text, at: substrate.moment)) != nil else { continue }
            core.afterCommit(isPromise: true) { [unowned self] error in
                guard error == nil else { return }
                let isNew = self.deletedTasks.insert(TaskKey(job: number, ordinal: UInt32(task))).inserted
                self.substrate.ledger.expect(isNew, "task \(task) of job \(job) was deleted twice")
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
        substrate.ledger.jobs[ticket.number] = index
        substrate.ledger.expect(
            ticket.firstOrdinal == count, "job \(index) goes on at \(ticket.firstOrdinal) of \(count)")
        let end = count < part.firstCount ? part.firstCount : part.tasks.count
        // The submission began in this turn, so nothing has thrown it away.
        try! core.addSlice(TaskSlice(part.tasks, count..<max(count, end), of: ticket.number), to: ticket)
        var plan = part.plan
        // The templates come with the first submission; the second adds none.
        if !ticket.isNew { plan.templates = [] }
        plan.autoComplete = part.plan.autoComplete && end == part.tasks.count
        core.endSubmission(ticket, plan, pool: scenario.pool.id, at: substrate.moment)
        core.afterCommit(isPromise: true) { [unowned self] error in
            if error == nil { self.substrate.ledger.accepted.insert(ticket.number) }
        }
    }

    private func endJob(_ index: Int) {
        let id = scenario.jobs[index].plan.id
        guard let core, let number = core.inspect({ $0.jobNumber(id) }) else { return }
        let state = core.inspect { $0.job(number)?.state }
        if state == .completed || state == .terminating || state == .deleting { return }
        if (try? core.terminateJob(id.text, at: substrate.moment)) != nil {
            core.afterCommit(isPromise: true) { [unowned self] error in
                if error == nil { self.substrate.ledger.endedJobs.insert(number) }
            }
        }
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
        substrate.ledger.terminated.insert(key)
        guard
            (try? core.terminateTask(scenario.jobs[job].tasks[task].id, of: id.text, at: substrate.moment))
                != nil
        else { return }
        core.afterCommit(isPromise: true) { [unowned self] error in
            guard error == nil else { return }
            let row = self.look { try $0.progress(of: key) } ?? nil
            if let attempt = row?.attempt { self.substrate.ledger.endedByUser[key] = attempt }
        }
    }

    private func removePool() {
        guard let core, core.inspect({ $0.pool(scenario.pool.id) }) != nil else { return }
        try? core.deletePool("pool", at: substrate.moment)
        retry(removePool)
    }

    // MARK: Ends

    /// Every job has ended or cannot go on.
    private var isSettled: Bool {
        guard let core, submitted.count == scenario.jobs.count else { return false }
        guard poolsToRecreate == 0, jobsToRecreate == 0, disablings == 0, schedulesAreSettled(core) else {
            return false
        }
        return core.inspect { engine in
            scenario.jobs.allSatisfy { job in
                guard let number = engine.jobNumber(job.plan.id), let record = engine.job(number),
                    let counts = engine.counts(number)
                else { return false }
                if record.state == .completed { return true }
                if let reason = engine.waitReason(number) {
                    // Unusable nodes come back.
                    if case .nodesUnusable(let states) = reason { return states[.unusable] == nil }
                    return true
                }
                return record.state == .active && counts.active == 0 && counts.running == 0
            }
        }
    }

    private var jobsHaveEnded: Bool {
        guard let core else { return false }
        return core.inspect { engine in
            engine.jobsInOrder.allSatisfy { engine.job($0)?.state == .completed }
                && engine.schedulesInOrder.allSatisfy { engine.schedule($0)?.state == .completed }
        }
    }

    /// What the database says must be what really happened.
    private func check() {
        for (number, index) in substrate.ledger.jobs.sorted(by: { $0.key < $1.key }) {
            guard look({ try $0.job(number: number) }) != nil else { continue }
            for ordinal in scenario.parts[index].tasks.indices {
                check(TaskKey(job: number, ordinal: UInt32(ordinal)))
            }
        }
        for (name, agent) in substrate.agents {
            substrate.ledger.expect(!agent.isAlive, "\(name.node) is still alive")
        }
    }

    private func check(_ key: TaskKey) {
        guard let row = look({ try $0.progress(of: key) }) ?? nil else { return }
        let past = (look { try $0.pastAttempts(of: key) } ?? []).sorted { $0.attempt < $1.attempt }
        // Promise 3: each attempt has one record, and each but the last has its end.
        substrate.ledger.expect(
            past.map(\.attempt) == Array(1..<max(1, row.attempt)),
            "\(key) has attempts \(past.map(\.attempt))")
        substrate.ledger.expect(past.allSatisfy { $0.result != nil }, "\(key) has an attempt without an end")
        substrate.ledger.expect(
            row.state != .completed || row.result != nil, "\(key) is completed without an end")
        substrate.ledger.expect(
            row.state == .completed || row.state == .active, "\(key) is left \(row.state)")
        if substrate.ledger.endedByUser[key] != nil {
            substrate.ledger.expect(row.state == .completed, "\(key) was ended by a user and is \(row.state)")
        }
        for attempt in past + [row] where attempt.attempt > 0 {
            let work = WorkID(kind: .task, key: key.rawValue, attempt: attempt.attempt)
            guard substrate.ledger.hasRun(work) else { continue }
            substrate.ledger.expect(attempt.result != nil, "\(work) has no end record")
            guard let end = substrate.ledger.ends[work] else {
                substrate.ledger.expect(false, "\(work) is recorded as ended and still runs")
                continue
            }
            if !substrate.ledger.unknownEnds.contains(work), let code = end,
                let known = attempt.result?.outcome.exitCode,
                attempt.result?.outcome != .endedByUser
            {
                substrate.ledger.expect(code == known, "\(work) exited with \(code), recorded \(known)")
            }
        }
    }
}

enum SimulationFailure: Error { case cannotStart }

extension TaskSlice {
    /// Some of a job's tasks.
    init(_ tasks: [Scenario.TaskPart], _ range: Range<Int>, of job: UInt32) {
        self.init()
        for offset in range {
            let task = tasks[offset]
            let text = task.dependencies.isEmpty ? nil : Dependency.text(of: task.dependencies)
            definitions.append(
                TaskDefinition(
                    key: TaskKey(job: job, ordinal: UInt32(offset)), id: task.id, command: "run",
                    template: task.template, dependencies: text))
            seeds.append(
                TaskSeed(template: task.template, dependencies: task.dependencies, number: task.number))
        }
    }
}
