import ShipyardModel
import ShipyardPlanner
import TestSupport
import Testing

@testable import ShipyardEngine

/// Tasks that can never run are known to be such, at once and after a restart.
struct NeverRunTests {
    private func stranded(_ engine: borrowing Engine, _ job: UInt32) -> [UInt32] {
        let count = engine.job(job)?.taskCount ?? 0
        let list = (0..<UInt32(count)).filter { engine.neverRuns(TaskKey(job: job, ordinal: $0)) }
        #expect(engine.tasksThatNeverRun(job) == list.count)
        return list
    }

    @Test func whoWaitsForAFailureNeverRuns() {
        let floor = Floor(slots: 2)
        // 0 fails; 2 waits for it, 3 for 2, 4 for the range of both, 5 for 1 only.
        let job = floor.addJob(
            .waiting([], [], [.task(0)], [.task(2)], [.tasks(0...1)], [.task(1)]), autoComplete: false)
        #expect(stranded(floor.engine, job) == [])
        floor.end(code: 1)
        #expect(stranded(floor.engine, job) == [2, 3, 4])
        #expect(stranded(floor.restored(), job) == [2, 3, 4])
        // What comes later and waits for one of those does not run either.
        floor.addTasks(.waiting([.task(3)], [.tasks(1...4)], [.task(5)]), to: job)
        #expect(stranded(floor.engine, job) == [2, 3, 4, 6, 7])
        #expect(floor.endAll() == [1, 5, 8])
        #expect(floor.engine.waitReason(job) == .dependencies(example: 2, count: 5))
        // Ended by a user they are done with, and the next one is named.
        floor.apply(
            .taskTerminated(TaskKey(job: job, ordinal: 2)), .taskDeleted(TaskKey(job: job, ordinal: 3)))
        #expect(stranded(floor.engine, job) == [4, 6, 7])
        #expect(floor.engine.waitReason(job) == .dependencies(example: 4, count: 3))
        #expect(stranded(floor.restored(), job) == [4, 6, 7])
    }

    /// A failure that satisfies is none; and one whose end by a user would satisfy leaves those after it a way to run.
    @Test func endByAUserMayStillSatisfy() {
        var rules = JobRules.one { $1.dependencyAction = .block }
        rules.templates.append(TaskRules())
        rules.templates[1].dependencyAction = .satisfy
        let floor = Floor()
        let job = floor.addJob(
            [
                TaskSeed(template: 0), TaskSeed(template: 1, dependencies: [.task(0)]),
                TaskSeed(template: 0, dependencies: [.task(1)]),
            ], autoComplete: false, rules)
        floor.end(code: 1)
        #expect(stranded(floor.engine, job) == [1])
        #expect(stranded(floor.restored(rules), job) == [1])
        floor.apply(.taskTerminated(TaskKey(job: job, ordinal: 1)))
        #expect(floor.running() == [2])
        #expect(stranded(floor.engine, job) == [])
    }

    /// Tasks that were ended or deleted while they waited for their turn are passed over, wherever they were.
    @Test func queueGoesOnPastThoseThatHaveEnded() throws {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(8), autoComplete: false)
        for ordinal: UInt32 in [2, 4, 7] {
            floor.apply(.taskTerminated(TaskKey(job: job, ordinal: ordinal)))
        }
        floor.apply(.taskDeleted(TaskKey(job: job, ordinal: 5)))
        // Both slots come free in one turn, so one choice follows the other.
        let (node, first) = try #require(floor.first())
        let second = WorkID(TaskKey(job: job, ordinal: 1), attempt: 1)
        floor.apply(
            .workExited(node, first, floor.result(.exited(0))),
            .workExited(node, second, floor.result(.exited(0))))
        #expect(floor.running() == [0, 1, 3, 6])
        #expect(floor.engine.counts(job)?.running == 2)
        #expect(floor.engine.counts(job)?.active == 0)
    }

    /// A number may still come with a task of its own.
    @Test func whoWaitsForANumberMayRun() {
        let floor = Floor()
        let job = floor.addJob(
            [TaskSeed(template: 0, number: 1), TaskSeed(template: 0, dependencies: [.numbers(1...1)])],
            autoComplete: false)
        floor.end(code: 1)
        #expect(stranded(floor.engine, job) == [])
        #expect(floor.engine.waitReason(job) == .dependencies(example: 1, count: 1))
        floor.addTasks([TaskSeed(template: 0, number: 1)], to: job)
        #expect(floor.endAll() == [2, 1])
    }

    /// Calls within calls would end here, and so would a look at every task for each.
    @Test(.timeLimit(.minutes(5)))
    func aLongChainIsDecided() {
        let count = 300_000
        let floor = Floor()
        let job = floor.addJob(
            (0..<count).map {
                TaskSeed(template: 0, dependencies: $0 == 0 ? [] : [.task(UInt32($0 - 1))])
            }, autoComplete: false)
        floor.end(code: 1)
        #expect(floor.engine.tasksThatNeverRun(job) == count - 1)
        for _ in 0..<1000 {
            #expect(floor.engine.waitReason(job) == .dependencies(example: 1, count: count - 1))
        }
    }

    /// Every one of many failures is looked up among many ranges.
    @Test(.timeLimit(.minutes(5)))
    func manyFailuresAmongManyRangesAreCheap() {
        let (groups, size) = (5_000, 5)
        let floor = Floor(slots: 4)
        var seeds: [TaskSeed] = []
        for group in 0..<groups {
            let first = UInt32(group * (size + 1))
            seeds += .free(size)
            seeds.append(TaskSeed(template: 0, dependencies: [.tasks(first...(first + UInt32(size) - 1))]))
        }
        let job = floor.addJob(seeds, autoComplete: false)
        for _ in 0..<groups * size { floor.end(code: 1) }
        #expect(floor.engine.tasksThatNeverRun(job) == groups)
        #expect(floor.running() == [])
    }

    /// Whatever the graph and whatever happens: exactly those never run that a plain look at all of it finds, in the
    /// living engine and in one made from its rows.
    @Test(arguments: 0..<UInt64(150))
    func decisionsAreThoseOfAPlainLook(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let count = Int.random(in: 2...14, using: &random)
        var rules = JobRules.one()
        rules.templates.append(TaskRules())
        rules.templates[1].dependencyAction = .satisfy
        let seeds = (0..<count).map { index in
            TaskSeed(
                template: Int.random(in: 0...1, using: &random),
                dependencies: index == 0 ? [] : dependencies(of: index, &random))
        }
        let floor = Floor(slots: 2)
        let half = Int.random(in: 1...count, using: &random)
        let job = floor.addJob(Array(seeds[..<half]), autoComplete: false, rules)
        var isWhole = false
        for _ in 0..<3 * count {
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                let ordinal = UInt32.random(in: 0..<UInt32(count), using: &random)
                floor.apply(.taskTerminated(TaskKey(job: job, ordinal: ordinal)))
            case 1:
                // What a task that is deleted has satisfied is not in the rows any more.
                let key = TaskKey(job: job, ordinal: .random(in: 0..<UInt32(count), using: &random))
                if floor.engine.known(key)?.entry.flags.contains(.satisfied) != true {
                    floor.apply(.taskDeleted(key))
                }
            case 2:
                if !isWhole { floor.addTasks(Array(seeds[half...]), to: job) }
                isWhole = true
            case 3: floor.endKilled()
            default: floor.end(code: .random(in: 0...1, using: &random))
            }
            let present = Array(seeds[..<(isWhole ? count : half)])
            let expected = plainLook(floor, job, present, rules)
            #expect(stranded(floor.engine, job) == expected)
            #expect(stranded(floor.restored(rules), job) == expected)
        }
    }

    private func dependencies(of index: Int, _ random: inout SeededRandom) -> [Dependency] {
        (0..<Int.random(in: 0...2, using: &random)).map { _ in
            let low = UInt32.random(in: 0..<UInt32(index), using: &random)
            return Bool.random(using: &random)
                ? .task(low) : .tasks(low...UInt32.random(in: low..<UInt32(index), using: &random))
        }
    }

    private func plainLook(
        _ floor: Floor, _ job: UInt32, _ seeds: [TaskSeed], _ rules: JobRules
    ) -> [UInt32] {
        var lost: Set<UInt32> = []
        var never: [UInt32] = []
        // Each waits for earlier ones only.
        for (index, seed) in seeds.enumerated() {
            let ordinal = UInt32(index)
            let satisfies = rules.templates[seed.template].dependencyAction == .satisfy
            let isDeleted = floor.engine.state(of: TaskKey(job: job, ordinal: ordinal)) == nil
            let row = floor.entry(job, ordinal)
            if row?.state == .completed {
                // One that was deleted after it had ended has done for its dependants what it could.
                if row?.result?.isSuccess != true, !satisfies { lost.insert(ordinal) }
            } else if isDeleted {
                lost.insert(ordinal)
            } else if seed.dependencies.contains(where: { waits(for: lost, $0) }) {
                never.append(ordinal)
                if !satisfies { lost.insert(ordinal) }
            }
        }
        return never
    }

    private func waits(for lost: Set<UInt32>, _ dependency: Dependency) -> Bool {
        switch dependency.upstream {
        case .task(let ordinal): lost.contains(ordinal)
        case .tasks(let range): range.contains(where: lost.contains)
        case .numbers: false
        }
    }
}
