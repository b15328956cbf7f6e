import ShipyardModel
import ShipyardPlanner
import ShipyardService

/// What really ran, in the order in which it ran, checked against the promises as it happens.
struct Ledger {
    /// Jobs whose submission was answered.
    var accepted: Set<UInt32> = []
    /// Tasks whose end a user was promised, and the attempt that it found.
    var endedByUser: [TaskKey: Int32] = [:]
    /// Jobs that a user was promised to be ended.
    var endedJobs: Set<UInt32> = []
    private(set) var violations: [String] = []
    /// Work that has begun, ever: promise 3 says once for each number.
    private var begun: Set<WorkID> = []
    private var nodeOfWork: [WorkID: SimulatedSubstrate.NodeName] = [:]
    /// Ended on a node that was removed before the service had stored the exit: lost, or not.
    private(set) var unknownEnds: Set<WorkID> = []
    /// How each attempt at a task ended: an exit code, or nil when it was killed or lost with its node.
    private(set) var ends: [WorkID: Int32?] = [:]
    private var readyNodes: Set<SimulatedSubstrate.NodeName> = []
    private var preparedNodes: [Int64: Set<SimulatedSubstrate.NodeName>] = [:]
    /// Slots of what runs on a node: promise 5.
    private var usedSlots: [SimulatedSubstrate.NodeName: Int] = [:]
    private var startsOfNode: [SimulatedSubstrate.NodeName: Int] = [:]
    /// Job number to position in the scenario, as jobs were accepted.
    var jobs: [UInt32: Int] = [:]

    mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { violations.append(what()) }
    }

    /// A command starts; answers how long it will run.
    mutating func began(
        _ assignment: WorkAssignment, on name: SimulatedSubstrate.NodeName, _ scenario: Scenario
    )
        -> TimeSpan
    {
        let work = assignment.id
        if work.kind == .startTask {
            startsOfNode[name, default: 0] += 1
            return TimeSpan(milliseconds: 3)
        }
        if work.kind == .task {
            expect(begun.insert(work).inserted, "\(work) ran twice under one number")
            if let last = endedByUser[TaskKey(rawValue: work.key)] {
                expect(work.attempt <= last, "\(work) began after its task was ended")
            }
            let killed = agentsKilledBy[TaskKey(rawValue: work.key)] ?? 0
            expect(
                killed < Self.mostAgentsKilledByATask,
                "\(work) begins, and its task has ended \(killed) agents")
            nodeOfWork[work] = name
            usedSlots[name, default: 0] += assignment.needs.slots
            expect(
                usedSlots[name] ?? 0 <= scenario.pool.taskSlotsPerNode,
                "\(name.node) has more running than slots")
            checkOrder(of: work, on: name, scenario)
        }
        if work.kind == .jobPreparation {
            // Some are still at it when their job is to end.
            return TimeSpan(milliseconds: (scenario.seed + UInt64(work.key)) % 3 == 0 ? 150 : 4)
        }
        guard work.kind == .task, let task = part(work, scenario) else { return TimeSpan(milliseconds: 4) }
        return TimeSpan(milliseconds: task.milliseconds)
    }

    func part(_ work: WorkID, _ scenario: Scenario) -> Scenario.TaskPart? {
        let key = TaskKey(rawValue: work.key)
        return jobs[key.job].map { scenario.parts[$0].tasks[Int(key.ordinal)] }
    }

    private mutating func checkOrder(
        of work: WorkID, on name: SimulatedSubstrate.NodeName, _ scenario: Scenario
    ) {
        let key = TaskKey(rawValue: work.key)
        guard let index = jobs[key.job] else { return expect(false, "\(work) of an unknown job") }
        let job = scenario.parts[index]
        if let start = scenario.pool.startTask, start.waitForSuccess {
            expect(readyNodes.contains(name), "\(work) started before the start task of \(name.node)")
        }
        if job.plan.preparationCommand != nil {
            expect(
                preparedNodes[Int64(key.job)]?.contains(name) == true,
                "\(work) started before its preparation")
        }
        for dependency in job.tasks[Int(key.ordinal)].dependencies {
            // Of each of these lists one must have ended well.
            let alternatives: [[UInt32]] =
                switch dependency.upstream {
                case .task(let parent): [[parent]]
                case .tasks(let range): range.map { [$0] }
                case .numbers(let range):
                    range.map { number in
                        job.tasks.indices.filter { job.tasks[$0].number == number }.map(UInt32.init)
                    }
                }
            for parents in alternatives {
                let isAllowed = parents.contains { isSatisfied($0, of: key.job, job) }
                expect(isAllowed, "\(work) started before \(parents) allowed it")
            }
        }
        for earlier in 1..<max(1, work.attempt) {
            let before = WorkID(kind: .task, key: work.key, attempt: earlier)
            guard begun.contains(before) else { continue }
            guard let end = ends[before] else {
                expect(false, "\(work) started while \(before) was still running")
                continue
            }
            if let code = end, !unknownEnds.contains(before) {
                expect(code != 0, "\(work) ran again after \(before) had succeeded")
            }
        }
    }

    private func isSatisfied(_ parent: UInt32, of number: UInt32, _ job: Scenario.JobPart) -> Bool {
        let key = TaskKey(job: number, ordinal: parent)
        let task = job.tasks[Int(parent)]
        let satisfies = job.plan.templates[task.template].dependencyAction == .satisfy
        let attempts = (1...20).map { WorkID(kind: .task, key: key.rawValue, attempt: Int32($0)) }
        if attempts.contains(where: { ends[$0] == .some(.some(0)) }) { return true }
        // A task that was ended before it ran satisfies as well, if failing does.
        return satisfies && (attempts.contains { ends[$0] != nil } || terminated.contains(key))
    }

    var terminated: Set<TaskKey> = []

    mutating func failedBeforeItBegan(_ work: WorkID) { ends[work] = .some(nil) }
    /// It has ended with 0, and is a failure all the same.
    mutating func uploadFailed(_ work: WorkID) { ends[work] = .some(nil) }

    /// A command ends; answers its exit code.
    mutating func ended(
        _ assignment: WorkAssignment, on name: SimulatedSubstrate.NodeName, _ scenario: Scenario, killed: Bool
    ) -> Int32 {
        let work = assignment.id
        switch work.kind {
        case .startTask:
            let fails = (Int(scenario.seed) + (startsOfNode[name] ?? 0) * 7) % 5 == 0
            if !fails, !killed { readyNodes.insert(name) }
            return fails ? 1 : 0
        case .jobPreparation:
            let fails = (Int(scenario.seed) + name.node.text.utf8.count + Int(work.key)) % 11 == 0
            if !fails, !killed { preparedNodes[work.key, default: []].insert(name) }
            return fails ? 1 : 0
        case .jobRelease: return 0
        case .task:
            usedSlots[name, default: 0] -= assignment.needs.slots
            guard let task = part(work, scenario) else { return 0 }
            // Whoever ends it does not wait for its own end.
            expect(
                killed || task.milliseconds < Scenario.endlessMilliseconds
                    || !(endedJobs.contains(TaskKey(rawValue: work.key).job)
                        || endedByUser[TaskKey(rawValue: work.key)] != nil),
                "\(work) went on to its own end, and a user had ended it")
            let code = task.exitCodes[min(Int(work.attempt) - 1, task.exitCodes.count - 1)]
            ends[work] = .some(killed ? nil : code)
            return code
        }
    }

    /// The node is dead: so is all that ran there.
    mutating func ended(everythingOn name: SimulatedSubstrate.NodeName, _ agent: FakeAgent?) {
        readyNodes.remove(name)
        usedSlots[name] = 0
        for work in agent?.running.keys.sorted(by: { $0.key < $1.key }) ?? [] where work.kind == .task {
            ends[work] = .some(nil)
        }
    }

    /// The node is gone with its directory; the next one of its name is another.
    mutating func removed(_ name: SimulatedSubstrate.NodeName, _ agent: FakeAgent?) {
        unknownEnds.formUnion((agent?.exits ?? []).map(\.work))
        for job in preparedNodes.keys { preparedNodes[job]?.remove(name) }
    }

    /// A task's command has ended its node's agent. It is not allowed to go on with that for ever.
    mutating func killedItsAgent(_ work: WorkID) {
        agentsKilledBy[TaskKey(rawValue: work.key), default: 0] += 1
    }
    /// Each loss counts at least a twelfth of what a task may have on its account.
    private static let mostAgentsKilledByATask = 12
    private var agentsKilledBy: [TaskKey: Int] = [:]

    /// What a task leaves when it succeeds: nothing, now and then.
    static func output(of work: WorkID) -> TaskOutput {
        (work.key + Int64(work.attempt)) % 4 == 0 ? .absent : .document("{\"is\":\"\(work)\"}")
    }

    func hasRun(_ work: WorkID) -> Bool { begun.contains(work) }
}
