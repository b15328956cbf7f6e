import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// What waits at an agent is not told as running; nodes that a user takes away.
struct WaitingAtAgentTests {
    /// A floor whose tasks are known to be short, with more of them at the agent than run.
    private func floor(_ tasks: Int) -> (Floor, UInt32) {
        let floor = Floor(slots: 2)
        floor.addJob(.free(20))
        while let item = floor.first() {
            floor.atAgents.removeAll { $0.work == item.work }
            let usage = ResourceUsage(wall: 1000)
            floor.apply(
                .workExited(
                    item.node, item.work,
                    AttemptResult(.exited(0), startTime: floor.now.wall, endTime: floor.now.wall, usage: usage)))
        }
        return (floor, floor.addJob(.free(tasks)))
    }

    private func counts(active: Int, running: Int, succeeded: Int, failed: Int) -> TaskCounts {
        var counts = TaskCounts()
        (counts.active, counts.running, counts.succeeded, counts.failed) = (active, running, succeeded, failed)
        return counts
    }

    private func mayMove(_ job: UInt32, _ floor: Floor) -> Bool { floor.engine.mayMove(job) }

    private func node(_ floor: Floor) -> NodeStatus { floor.engine.nodes(of: Floor.pool)[0] }

    @Test func onlyWhatRunsIsCountedAsRunning() throws {
        let (floor, job) = floor(8)
        #expect(floor.engine.counts(job)?.running == 8)
        #expect(floor.engine.shownCounts(job) == counts(active: 6, running: 2, succeeded: 0, failed: 0))
        #expect(node(floor).runningTasks == 2 && node(floor).usedSlots == 2)
        // One ends, and the agent begins with the next at once.
        floor.end()
        #expect(floor.engine.shownCounts(job)?.running == 1)
        let third = floor.atAgents[1]
        floor.apply(.workStarted(third.node, third.work))
        #expect(floor.engine.shownCounts(job) == counts(active: 5, running: 2, succeeded: 1, failed: 0))
        floor.apply(.workStarted(third.node, third.work))
        #expect(floor.engine.shownCounts(job)?.running == 2)
        // Given back or ended, none is counted twice.
        floor.apply(.workReturned(floor.atAgents[6].node, floor.atAgents[6].work))
        #expect(floor.engine.shownCounts(job)?.total == 8)
        while floor.end() != nil {}
        #expect(floor.engine.shownCounts(job) == floor.engine.counts(job))
        #expect(node(floor).runningTasks == 0 && node(floor).usedSlots == 0)
    }

    @Test func aNewServiceHearsFromTheAgentWhatWaits() {
        let (floor, job) = floor(6)
        var engine = floor.restored()
        let works = floor.atAgents.map(\.work)
        engine.apply(
            .nodeConnected(NodeHandle(index: 0), running: Array(works[..<2]), queued: Array(works[2...])), at: floor.now)
        #expect(engine.shownCounts(job)?.running == 2)
        #expect(engine.nodes(of: Floor.pool)[0].runningTasks == 2)
        #expect(engine.nodes(of: Floor.pool)[0].record.state == .running)
    }

    @Test func theLongestRunningTaskIsTheOldestThatRuns() {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(3))
        #expect(floor.engine.longestRunning(job)?.task.ordinal == 0 || floor.engine.longestRunning(job)?.task.ordinal == 1)
        #expect(floor.engine.longestRunning(99) == nil)
        while floor.end() != nil {}
        #expect(floor.engine.longestRunning(job) == nil)
    }

    @Test func aDeletedNodeGoesAtOnceAndItsTasksRunElsewhere() {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(2))
        #expect(floor.running().count == 2)
        floor.apply(.nodeDeleted(NodeHandle(index: 0)))
        #expect(floor.count { $0 == .removeNode(NodeHandle(index: 0)) } == 1)
        #expect(floor.engine.pool(Floor.pool)?.targetDedicatedNodes == 1)
        #expect(floor.running().count == 1)
        #expect(floor.engine.counts(job) == counts(active: 1, running: 1, succeeded: 0, failed: 0))
        // Once more is nothing more.
        floor.apply(.nodeDeleted(NodeHandle(index: 0)))
        #expect(floor.engine.pool(Floor.pool)?.targetDedicatedNodes == 1)
        #expect(floor.count { $0 == .removeNode(NodeHandle(index: 0)) } == 1)
        let launched = floor.count { if case .launchNode = $0 { true } else { false } }
        floor.apply(.nodeRemoved(NodeHandle(index: 0)))
        #expect(floor.count { if case .launchNode = $0 { true } else { false } } == launched)
        #expect(floor.engine.pool(Floor.pool)?.allocationState == .steady)
        #expect(floor.endAll().count == 2)
    }

    @Test func aJobGoesToAnotherPoolWhileNoNodeHasAnythingOfIt() {
        let floor = Floor()
        let other = PoolID("other")!
        var record = floor.engine.pool(Floor.pool)!
        (record.id, record.targetDedicatedNodes) = (other, 1)
        let first = floor.addJob(.free(1))
        let job = floor.addJob(.free(1))
        #expect(!mayMove(job, floor))
        floor.apply(.jobDisabled(job), .jobMoved(job, other), .jobEnabled(job))
        #expect(floor.engine.job(job)?.pool == other && floor.running().count == 1)
        floor.apply(.poolAdded(record, PoolRules()))
        #expect(floor.running().count == 2)
        // It has run there, so it stays while the pool does.
        floor.apply(.jobDisabled(first))
        floor.endKilled()
        #expect(floor.engine.job(first)?.state == .disabled && !mayMove(first, floor))
        floor.apply(.jobMoved(first, other))
        #expect(floor.engine.job(first)?.pool == Floor.pool)
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(NodeHandle(index: 0)), .poolRemoved(Floor.pool, removal: ""))
        #expect(mayMove(first, floor))
        floor.apply(.jobMoved(first, other), .jobEnabled(first))
        #expect(floor.endAll().count == 2)
        #expect(floor.engine.job(first)?.state == .completed)
    }
}
