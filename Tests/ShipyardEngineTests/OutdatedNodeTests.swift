import ShipyardModel
import Testing

@testable import ShipyardEngine

/// A node whose agent is of an older version keeps what it has, gets nothing new, and is started anew when it has
/// nothing left.
struct OutdatedNodeTests {
    private let node = NodeHandle(index: 0)

    private func orders(to end: Effect, _ floor: Floor) -> Int { floor.count { $0 == end } }

    private func reboots(_ floor: Floor) -> Int { orders(to: .shutDownNode(node), floor) }

    /// A service comes back to the agent, which has all that it was given.
    private func upgrade(_ floor: inout Floor) {
        let works = floor.atAgents.filter { $0.node == node }.map(\.work)
        floor.apply(.nodeConnected(node, running: works, queued: [], isOutdated: true))
    }

    @Test func nodeGetsNothingNewAndIsStartedAnewWhenItsLastTaskHasEnded() {
        var floor = Floor(slots: 2)
        floor.addJob(.free(3))
        #expect(floor.running() == [0, 1])
        upgrade(&floor)
        floor.end()
        #expect(floor.running() == [1])
        #expect(reboots(floor) == 0)
        floor.end()
        #expect(floor.running() == [])
        #expect(reboots(floor) == 1)
        // Once, whatever else happens until it has left.
        floor.apply(.timePassed)
        #expect(reboots(floor) == 1)
        floor.lose(0)
        #expect(floor.running() == [2])
        floor.end()
        #expect(reboots(floor) == 1)
    }

    @Test func nodeThatHasNothingIsStartedAnewAtOnceAndWithoutBlame() {
        var floor = Floor()
        for _ in 0..<10 {
            let before = floor.now
            upgrade(&floor)
            floor.lose(0)
            // No pause: nothing is wrong with the node.
            #expect(floor.now == before)
        }
        #expect(reboots(floor) == 10)
        #expect(floor.nodeState(0) == .idle)
    }

    @Test func startTaskThatRunsIsWaitedFor() {
        var rules = PoolRules()
        rules.hasStartTask = true
        var floor = Floor(rules)
        upgrade(&floor)
        #expect(reboots(floor) == 0)
        floor.end(.startTask)
        #expect(reboots(floor) == 1)
    }

    /// Its agent was started, and no service has heard of it until it was an old one.
    @Test func startTaskThatWasNotBegunIsForTheNextAgent() {
        var rules = PoolRules()
        rules.hasStartTask = true
        let floor = Floor(rules)
        floor.end(.startTask)
        floor.connects = false
        floor.lose(0)
        #expect(floor.nodeState(0) == .rebooting)
        floor.apply(.nodeConnected(node, running: [], queued: [], isOutdated: true))
        #expect(floor.running(.startTask) == [])
        #expect(reboots(floor) == 1)
        floor.connects = true
        floor.lose(0)
        #expect(floor.running(.startTask).count == 1)
    }

    @Test func workOfJobsOnTheNodeIsWaitedFor() {
        let rules = JobRules.one { rules, _ in (rules.hasPreparation, rules.hasRelease) = (true, true) }
        var floor = Floor()
        let job = floor.addJob(.free(1), rules)
        upgrade(&floor)
        floor.end(.jobPreparation)
        #expect(reboots(floor) == 0)
        #expect(floor.running() == [0])
        floor.end()
        // The job ends, and is released where it was prepared.
        #expect(floor.running(.jobRelease).count == 1)
        #expect(reboots(floor) == 0)
        floor.end(.jobRelease)
        #expect(floor.engine.job(job)?.state == .completed)
        #expect(reboots(floor) == 1)
    }

    @Test func nodeThatLeavesItsPoolIsNotStartedAnew() {
        var floor = Floor()
        floor.addJob(.free(1))
        upgrade(&floor)
        floor.apply(.poolDeleted(Floor.pool))
        #expect(reboots(floor) == 0)
    }
}
