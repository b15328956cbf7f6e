import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import TestSupport

/// One small history, made from a seed: pools, jobs, what every command will do, and what goes wrong.
struct Scenario {
    struct JobPart {
        var plan: JobPlan
        var tasks: [TaskPart]
        /// The first submission has so many of the tasks; the rest come in a second one.
        var firstCount: Int
        var submitAt: Instant
        var terminateAt: Instant?
    }
    struct TaskPart {
        /// A number, sometimes with a zero in front, where the job's tasks are numbered.
        var id: String
        var template: Int
        var dependencies: [Dependency]
        /// Exit codes of its attempts, the last one repeated.
        var exitCodes: [Int32]
        var milliseconds: Int64
        /// In place of its end comes that of its node's agent.
        var killsItsAgent = false
        var number: Int? { Int(id) }
    }

    /// A task that ends by itself only because histories must.
    static let endlessMilliseconds: Int64 = 600_000

    /// Due by the clock while the history goes on; each run has one job.
    struct SchedulePart {
        var id: ScheduleID
        var interval: TimeSpan
        var last: Instant
        var overlap: OverlapPolicy
        var maxRetries: Int
        var addAt: Instant
        var job: JobPart
        /// It runs after the first schedule instead of by the clock.
        var isFollower: Bool
        /// When files come for it.
        var files: [Instant] = []
    }

    var seed: UInt64
    var pool: PoolSpec
    var jobs: [JobPart] = []
    var schedules: [SchedulePart] = []
    /// Of `jobs`, then of `schedules`.
    var parts: [JobPart] { jobs + schedules.map(\.job) }
    var agentKills: [Instant] = []
    var resizes: [(at: Instant, nodes: Int)] = []
    var taskTerminations: [(at: Instant, job: Int, task: Int)] = []
    var taskDeletions: [(at: Instant, job: Int, task: Int)] = []
    /// The pool is deleted and made again under the same id.
    var poolDeletions: [Instant] = []
    /// An agent dies as well when the service does.
    var agentsDieWithTheService: Bool
    /// Agents that answer nothing for a while, and are ended for it in the end or not.
    var silences: [(at: Instant, length: Int64, isGivenUp: Bool)] = []
    /// Nodes that cannot start work for a while.
    var troubles: [(at: Instant, length: Int64)] = []
    /// How often an agent gives back what it should start.
    var returnPercent = 0
    var removalFailurePercent = 0
    var stagingFailurePercent = 0
    /// Of tasks whose command has ended and whose files are on their way for a while; a third of these uploads fail.
    var uploadPercent = 0
    /// Each service is of a newer program than the one before.
    var upgrades = false
    /// The wall clock is set; nothing may come of it.
    var clockSteps: [(at: Instant, by: TimeSpan)] = []
    var reboots: [Instant] = []
    /// A job is disabled for a while.
    var disablings: [(at: Instant, job: Int, length: Int64)] = []
    /// A job is deleted and added again under its id.
    var recreations: [(at: Instant, job: Int)] = []
    /// Tasks of some job are to run again.
    var reruns: [Rerun] = []

    struct Rerun {
        enum Kind: CaseIterable { case failed, all, tasks, from }
        var at: Instant
        var kind: Kind
        /// Which job, and which of its tasks, of those that are there then.
        var job: Int
        var task: Int
        /// Somebody else wants the same at the same time.
        var comesTwice: Bool
    }

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        agentsDieWithTheService = random.chance(25)
        pool = PoolSpec(id: PoolID("pool")!)
        pool.dedicatedNodes = 1 + random.below(3)
        pool.taskSlotsPerNode = 1 + random.below(3)
        pool.nodeFillType = random.chance(50) ? .pack : .spread
        if random.chance(50) {
            pool.startTask = StartTaskSpec(command: "prepare the node")
            pool.startTask?.maxTaskRetries = random.below(3)
            pool.startTask?.waitForSuccess = random.chance(80)
        }
        for number in 0...random.below(2) {
            jobs.append(Self.job(number, slots: pool.taskSlotsPerNode, &random))
        }
        for _ in 0..<random.below(3) {
            agentKills.append(Instant(milliseconds: 10 + Int64(random.below(400))))
        }
        for _ in 0..<2 where random.chance(25) {
            resizes.append((Instant(milliseconds: Int64(random.below(300))), 1 + random.below(4)))
        }
        if random.chance(25) { taskTerminations.append(someTask(&random)) }
        if random.chance(40) { taskDeletions = [someTask(&random), someTask(&random)] }
        if random.chance(15) { poolDeletions.append(Instant(milliseconds: 30 + Int64(random.below(200)))) }
        addFaults(&random)
        addSchedules(&random)
        addReruns(&random)
    }

    private mutating func addReruns(_ random: inout SeededRandom) {
        guard random.chance(60) else { return }
        for _ in 0...random.below(4) {
            reruns.append(
                Rerun(
                    at: Instant(milliseconds: 20 + Int64(random.below(600))),
                    kind: Rerun.Kind.allCases[random.below(4)], job: random.below(100), task: random.below(100),
                    comesTwice: random.chance(30)))
        }
    }

    private mutating func addFaults(_ random: inout SeededRandom) {
        let job = random.below(jobs.count)
        if random.chance(15), let task = jobs[job].tasks.indices.randomElement(using: &random) {
            jobs[job].tasks[task].killsItsAgent = true
        }
        func moment(_ random: inout SeededRandom) -> Instant {
            Instant(milliseconds: 10 + Int64(random.below(300)))
        }
        if random.chance(40) { returnPercent = 5 + random.below(45) }
        if random.chance(30) { removalFailurePercent = 50 }
        upgrades = random.chance(30)
        if random.chance(20) { stagingFailurePercent = 5 + random.below(30) }
        if random.chance(30) { uploadPercent = 10 + random.below(60) }
        for _ in 0..<random.below(3) where random.chance(40) {
            silences.append((moment(&random), 5 + Int64(random.below(200)), random.chance(50)))
        }
        for _ in 0..<random.below(3) where random.chance(40) {
            troubles.append((moment(&random), 1 + Int64(random.below(150))))
        }
        for _ in 0..<random.below(3) where random.chance(40) {
            let hours = TimeSpan.seconds(Int64(random.below(20) - 10) * 3600)
            clockSteps.append((moment(&random), hours))
        }
        if random.chance(15) { reboots.append(moment(&random)) }
        if random.chance(25) {
            disablings.append((moment(&random), random.below(jobs.count), 1 + Int64(random.below(100))))
        }
        for _ in 0..<2 where random.chance(25) {
            recreations.append((moment(&random), random.below(jobs.count)))
        }
    }

    private mutating func addSchedules(_ random: inout SeededRandom) {
        for number in 0..<random.below(3) where random.chance(50) {
            var job = Self.job(90 + number, slots: pool.taskSlotsPerNode, &random)
            job.plan.autoComplete = true
            job.plan.maxWallTime = nil
            for index in job.tasks.indices where job.tasks[index].milliseconds == Self.endlessMilliseconds {
                job.tasks[index].milliseconds = 9
            }
            let policies = OverlapPolicy.allCases
            schedules.append(
                SchedulePart(
                    id: ScheduleID("schedule-\(number)")!,
                    interval: TimeSpan(milliseconds: Int64(40 + random.below(150))),
                    last: Instant(milliseconds: Int64(100 + random.below(400))),
                    overlap: policies[random.below(policies.count)], maxRetries: random.below(2),
                    addAt: Instant(milliseconds: Int64(random.below(60))), job: job,
                    isFollower: !schedules.isEmpty && random.chance(40)))
            guard random.chance(40) else { continue }
            schedules[schedules.count - 1].files = (0..<1 + random.below(6)).map { _ in
                Instant(milliseconds: Int64(random.below(400)))
            }
        }
        // Back by hours would be thousands of times until the last.
        guard !schedules.isEmpty else { return }
        for index in clockSteps.indices where clockSteps[index].by < .zero {
            clockSteps[index].by = TimeSpan(milliseconds: clockSteps[index].by.milliseconds / 100_000)
        }
    }

    private func someTask(_ random: inout SeededRandom) -> (at: Instant, job: Int, task: Int) {
        let job = random.below(jobs.count)
        let task = random.below(max(1, jobs[job].tasks.count))
        return (Instant(milliseconds: 30 + Int64(random.below(200))), job, task)
    }

    private static func job(_ number: Int, slots: Int, _ random: inout SeededRandom) -> JobPart {
        var plan = JobPlan(id: JobID("job-\(number)")!)
        plan.autoComplete = random.chance(70)
        plan.priority = random.below(3) - 1
        plan.performsExitOptionsJobAction = random.chance(30)
        if random.chance(40) { plan.preparationCommand = "prepare the job" }
        if random.chance(40) { plan.releaseCommand = "release the job" }
        if random.chance(10) { plan.maxWallTime = TimeSpan(milliseconds: 200) }
        for _ in 0...random.below(3) {
            var template = TaskTemplate()
            template.maxTaskRetries = random.below(3)
            template.dependencyAction = random.chance(30) ? .satisfy : .block
            template.jobAction = random.chance(15) ? .terminate : .none
            if random.chance(15) {
                template.maxWallTime = TimeSpan(milliseconds: Int64(5 + random.below(60)))
            }
            template.requiredSlots = random.chance(30) ? 1 + random.below(slots) : 1
            plan.templates.append(template)
        }
        let count = random.below(12)
        let isNumbered = random.chance(30)
        var tasks: [TaskPart] = []
        for index in 0..<count {
            var dependencies: [Dependency] = []
            for _ in 0..<random.below(3) where index > 0 {
                let parent = Dependency.task(UInt32(random.below(index)))
                if !dependencies.contains(parent) { dependencies.append(parent) }
            }
            if isNumbered, index > 0, random.chance(30) {
                let first = random.below(index)
                dependencies.append(.numbers(first...(first + random.below(index - first))))
            }
            if index == count - 1, index > 0, random.chance(30) {
                dependencies = [.tasks(0...UInt32(index - 1))]
            }
            var codes: [Int32] = []
            for _ in 0...random.below(3) { codes.append(random.chance(75) ? 0 : Int32(1 + random.below(3))) }
            tasks.append(
                TaskPart(
                    id: isNumbered
                        ? (random.chance(15) && index > 0 ? "0\(index - 1)" : "\(index)") : "t\(index)",
                    template: random.below(plan.templates.count), dependencies: dependencies,
                    exitCodes: codes,
                    milliseconds: random.chance(3)
                        ? endlessMilliseconds : random.chance(50) ? 1 : Int64(1 + random.below(80))))
        }
        let submit = Instant(milliseconds: Int64(random.below(random.chance(25) ? 300 : 60)))
        let terminate = random.chance(15) ? submit + TimeSpan(milliseconds: Int64(random.below(300))) : nil
        let first = random.chance(25) ? random.below(count + 1) : count
        return JobPart(plan: plan, tasks: tasks, firstCount: first, submitAt: submit, terminateAt: terminate)
    }
}
