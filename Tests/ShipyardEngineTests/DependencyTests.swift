import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Who waits for whom.
struct DependencyTests {
    @Test(
        arguments: [
            ([[], [.task(0)], [.task(0)], [.task(1), .task(2)]], [0, 1, 2, 3]),
            ([[.task(2)], [], [.task(1)]], [1, 2, 0]),
            ([[], [], [.tasks(0...1)]], [0, 1, 2]),
            ([[.tasks(1...2)], [], []], [1, 2, 0]),
            ([[], [], [.tasks(0...1), .task(0)]], [0, 1, 2]),
        ] as [([[Dependency]], [UInt32])])
    func tasksRunInTheOrderOfTheirDependencies(_ dependencies: [[Dependency]], order: [UInt32]) {
        let floor = Floor()
        floor.addJob(dependencies.map { TaskSeed(template: 0, dependencies: $0) })
        #expect(floor.endAll() == order)
        #expect(floor.engine.job(1)?.terminateReason == TerminateReason.allTasksComplete)
    }

    /// `4` and `04` are one number: the first of them to succeed satisfies it, and the second counts for nothing.
    @Test func numberIsSatisfiedByTheFirstTaskThatHasIt() {
        let floor = Floor(slots: 4)
        let seeds = [
            TaskSeed(template: 0, number: 4), TaskSeed(template: 0, number: 4),
            TaskSeed(template: 0, number: 5),
            TaskSeed(template: 0, dependencies: [.numbers(4...5)]),
        ]
        floor.addJob(seeds)
        #expect(floor.running() == [0, 1, 2])
        floor.end()
        floor.end()
        #expect(floor.running() == [2])
        floor.end()
        #expect(floor.running() == [3])
    }

    @Test func numberThatNoTaskHasBlocks() {
        let floor = Floor(slots: 4)
        let job = floor.addJob([
            TaskSeed(template: 0, number: 1), TaskSeed(template: 0, number: 3),
            TaskSeed(template: 0, dependencies: [.numbers(1...3)]),
        ])
        floor.end()
        floor.end()
        #expect(floor.engine.waitReason(job) == .dependencies(example: 2, count: 1))
        floor.addTasks([TaskSeed(template: 0, number: 2)], to: job)
        #expect(floor.endAll() == [3, 2])
    }

    @Test(arguments: [
        (DependencyAction.block, Int32(1), false), (.satisfy, 1, true), (.block, 0, true),
        (.satisfy, 0, true),
    ])
    func failedTaskLetsItsDependantsRunOnlyIfItSatisfies(_ action: DependencyAction, code: Int32, runs: Bool)
    {
        for dependency: Dependency in [.task(0), .tasks(0...0), .numbers(7...7)] {
            let floor = Floor()
            let job = floor.addJob(
                [TaskSeed(template: 0, number: 7), TaskSeed(template: 0, dependencies: [dependency])],
                .one { $1.dependencyAction = action })
            floor.end(code: code)
            #expect(floor.running() == (runs ? [1] : []))
            #expect((floor.engine.waitReason(job) == nil) == runs)
        }
    }

    @Test func taskThatFailsAndIsRetriedReleasesItsDependantsAtItsSuccess() {
        let floor = Floor(slots: 4)
        floor.addJob(
            .waiting([], [.task(0)]),
            .one {
                $1.maxTaskRetries = 1; $1.dependencyAction = .satisfy
            })
        floor.end(code: 1)
        #expect(floor.running() == [0])
        floor.end()
        #expect(floor.running() == [1])
    }

    /// One group however wide, not a look at each task for each other: quadratic work here would take minutes.
    @Test(.timeLimit(.minutes(10)))
    func fanInOfAHundredThousandIsCheap() {
        let count: UInt32 = 100_000
        let merges: [[Dependency]] = [
            [.tasks(0...(count - 1))], [.numbers(0...Int(count - 1))], (0..<count).map { .task($0) },
        ]
        let floor = Floor(slots: 4)
        floor.addJob(
            (0..<Int(count)).map { TaskSeed(template: 0, number: $0) }
                + merges.map { TaskSeed(template: 0, dependencies: $0) })
        let ended = floor.endAll()
        #expect(ended.count == Int(count) + merges.count)
        #expect(Set(ended.suffix(merges.count)) == [count, count + 1, count + 2])
    }

    /// Every task waits for a range of its own.
    @Test(.timeLimit(.minutes(10)))
    func manyRangesOfOneJobAreCheap() {
        let count = 20_000
        let floor = Floor(slots: 4)
        floor.addJob(
            (0..<count).map { index in
                TaskSeed(
                    template: 0, dependencies: index == 0 ? [] : [.numbers(max(0, index - 3)...(index - 1))],
                    number: index)
            })
        #expect(floor.endAll() == (0..<UInt32(count)).map { $0 })
    }
}
