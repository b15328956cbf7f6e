import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Which task goes where, and when.
struct SchedulingTests {
    @Test func higherPriorityThenOlderJobThenSubmissionOrderRunsFirst() {
        let floor = Floor()
        let blocker = floor.addJob(.free(1))
        let old = floor.addJob(.free(2))
        let low = floor.addJob(.free(1), priority: -5)
        let young = floor.addJob(.free(1))
        let high = floor.addJob(.free(1), priority: 5)
        var order: [UInt32] = []
        while let work = floor.end() { order.append(TaskKey(rawValue: work.key).job) }
        #expect(order == [blocker, high, old, old, young, low])
        #expect([blocker, old, low, young, high].allSatisfy { floor.engine.job($0)?.state == .completed })
    }

    @Test(arguments: [
        (NodeFillType.spread, [2, 2, 2]), (.pack, [4, 2, 0]),
    ])
    func fillTypeLaysTasksOnNodes(_ fill: NodeFillType, expected: [Int]) {
        var rules = PoolRules()
        rules.nodeFillType = fill
        let floor = Floor(nodes: 3, slots: 4, rules)
        floor.addJob(.free(6))
        #expect((0..<3).map { floor.running(on: $0).count } == expected)
    }

    @Test(arguments: 1...5, 1...3)
    func slotsAreNeverOversubscribed(slots: Int, nodes: Int) {
        var rules = JobRules()
        rules.templates = (1...slots).map { count in
            var task = TaskRules()
            task.needs.slots = count
            return task
        }
        let floor = Floor(nodes: nodes, slots: slots)
        floor.addJob((0..<60).map { TaskSeed(template: $0 * 7 % slots) }, rules)
        var ended = 0
        while floor.first() != nil {
            for node in 0..<nodes {
                let used = floor.running(on: node).reduce(0) { $0 + Int($1) * 7 % slots + 1 }
                #expect(used <= slots)
            }
            // Not always the oldest, so that slots come free in every order.
            floor.end(on: ended % nodes)
            if floor.first(on: (ended + 1) % nodes) == nil { floor.end() }
            ended += 1
        }
        #expect(floor.engine.counts(1)?.succeeded == 60)
    }

    /// Without this a stream of small tasks would keep a large one waiting for ever.
    @Test func taskThatNeedsMoreSlotsHoldsBackWhatComesBehindIt() {
        var rules = JobRules.one()
        var large = TaskRules()
        large.needs.slots = 2
        rules.templates.append(large)
        let floor = Floor(slots: 2)
        floor.addJob([TaskSeed(template: 0), TaskSeed(template: 1), TaskSeed(template: 0)], rules)
        #expect(floor.running() == [0])
        floor.end()
        #expect(floor.running() == [1])
        floor.end()
        #expect(floor.running() == [2])
    }

    /// Planning refuses such a task; a pool that was made anew with fewer slots meets it all the same.
    @Test func taskThatFitsNoNodeHoldsBackNobodyAndSaysWhy() {
        let floor = Floor(slots: 2)
        let large = floor.addJob(.free(1), priority: 5, .one { $1.needs.slots = 3 })
        let small = floor.addJob(.free(1))
        #expect(floor.engine.counts(small)?.running == 1)
        #expect(floor.engine.waitReason(large) == .tooFewSlots(needed: 3, available: 2))
    }

    /// What waits at an agent starts the moment a slot is free there; long tasks wait at the service instead,
    /// because another node may come free first.
    @Test func onlyShortTasksAreSentAhead() {
        let floor = Floor(slots: 2)
        floor.addJob(.free(300))
        #expect(floor.running().count == 2)
        floor.engine.nodes[0].meanRunMicroseconds = 500
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        #expect(floor.running().count > 2)
        #expect(floor.running().count <= 2 + Limits.maximumQueuedSlots)
        let waiting = floor.running().filter { floor.state(1, $0) == .preparing }
        #expect(waiting.count == floor.running().count - 2)
    }

    /// It has waited for too long, so tasks there are not short, and none is sent ahead until they were seen to be.
    @Test func nodeThatHasReturnedATaskGetsNoneAhead() throws {
        let floor = Floor(slots: 2)
        floor.addJob(.free(300))
        floor.engine.nodes[0].meanRunMicroseconds = 500
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        let ahead = floor.running().count - 2
        #expect(ahead > 0)
        for _ in 0...ahead { floor.giveBack() }
        #expect(floor.running().count == 2)
    }

    @Test func returnedTaskRunsAgainUnderTheSameNumber() throws {
        let floor = Floor(nodes: 2)
        floor.addJob(.free(3))
        let item = try #require(floor.first())
        floor.apply(.workReturned(item.node, item.work))
        #expect(floor.entry(1, 0)?.attempt == 1)
        let sent = floor.count { if case .startWork(_, item.work) = $0 { true } else { false } }
        #expect(sent == 2)
    }

    /// The number was never used, so it must not stand in the history as an attempt without an end.
    @Test func returnedTaskThatIsTerminatedEndsTheNumberItHad() throws {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        let item = try #require(floor.first())
        floor.apply(
            .workReturned(item.node, item.work), .taskTerminated(TaskKey(job: job, ordinal: 0)))
        let last = try #require(floor.progress(job, 0).last)
        #expect((last.attempt, last.result?.failure?.code) == (1, "TaskEnded"))
    }

    /// A task that needs more than is free holds back the jobs behind it as well, not only its own.
    @Test func largeTaskHoldsBackTheJobsBehindIt() {
        let floor = Floor(slots: 2)
        floor.addJob(.free(1))
        let large = floor.addJob(.free(1), .one { $1.needs.slots = 2 })
        let small = floor.addJob(.free(3))
        #expect(floor.engine.counts(large)?.running == 0)
        #expect(floor.engine.counts(small)?.running == 0)
        floor.end()
        #expect(floor.engine.counts(large)?.running == 1)
    }

    @Test func aMillionTasksTakeUnderTwoHundredBytesEach() {
        let floor = Floor()
        let chain = (0..<1_000_000).map {
            TaskSeed(template: 0, dependencies: $0 == 0 ? [] : [.task(UInt32($0 - 1))])
        }
        floor.addJob(chain)
        floor.addJob(.free(1_000_000))
        let footprint = floor.engine.footprint
        #expect(footprint.tasks == 2_000_000)
        #expect(footprint.bytes / footprint.tasks < 200)
        #expect(MemoryLayout<TaskEntry>.stride == 40)
    }
}
