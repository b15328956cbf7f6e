import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Nodes come, fail, leave and go.
struct PoolLifeTests {
    private func rules(retries: Int = 0, waits: Bool = true, reboots: Bool = false) -> PoolRules {
        var rules = PoolRules()
        rules.hasStartTask = true
        rules.startTaskRetries = retries
        rules.waitsForStartTask = waits
        rules.rebootsOnStartTaskFailed = reboots
        return rules
    }

    @Test func taskWaitsForTheStartTaskOfItsNode() {
        let floor = Floor(nodes: 2, rules())
        floor.addJob(.free(2))
        #expect(floor.nodeState(0) == .waitingForStartTask)
        #expect(floor.running() == [])
        floor.end(.startTask, on: 1)
        #expect(floor.running(on: 1) == [0])
        #expect(floor.running(on: 0) == [])
    }

    @Test(arguments: [
        (0, false, 1), (2, false, 3), (0, true, 2), (1, true, 3),
    ])
    func startTaskFailsAfterItsRetries(_ retries: Int, reboots: Bool, attempts: Int) {
        let floor = Floor(rules(retries: retries, reboots: reboots))
        let job = floor.addJob(.free(1))
        for _ in 1..<attempts {
            floor.end(.startTask, code: 1)
            #expect(floor.nodeState(0) == .waitingForStartTask)
        }
        floor.end(.startTask, code: 1)
        #expect(floor.nodeState(0) == .startTaskFailed)
        #expect(floor.running(.startTask) == [])
        #expect(floor.engine.waitReason(job) == .nodesUnusable([.startTaskFailed: 1]))
    }

    /// It was not started, so nothing would hold the next attempt back.
    @Test(arguments: [true, false]) func startTaskWithoutItsSecretIsNotTriedAgain(_ waits: Bool) {
        let floor = Floor(rules(retries: -1, waits: waits, reboots: true))
        floor.end(.startTask, as: .notStarted(.secretMissing, "gone"))
        #expect(floor.running(.startTask) == [])
        #expect((floor.nodeState(0) == .startTaskFailed) == waits)
    }

    @Test func startTaskThatIsNotWaitedForHoldsNothingBack() {
        let floor = Floor(rules(waits: false))
        floor.addJob(.free(2))
        #expect(floor.running() == [0])
        floor.end(.startTask, code: 1)
        #expect(floor.endAll() == [0, 1])
    }

    @Test func shrinkingPoolLetsRunningTasksEnd() {
        let floor = Floor(nodes: 2)
        floor.addJob(.free(4))
        floor.apply(.poolResized(Floor.pool, dedicated: 0, lowPriority: 0))
        #expect([floor.nodeState(0), floor.nodeState(1)] == [.leavingPool, .leavingPool])
        #expect(floor.count { if case .removeNode = $0 { true } else { false } } == 0)
        floor.end(on: 0)
        #expect(floor.running() == [1])
        #expect(floor.count { if case .removeNode(NodeHandle(index: 0)) = $0 { true } else { false } } == 1)
        floor.end(on: 1)
        for node in 0...1 { floor.apply(.nodeRemoved(NodeHandle(index: node))) }
        #expect(floor.engine.waitReason(1) == .poolHasNoNodes)
        #expect(floor.engine.pool(Floor.pool)?.allocationState == .steady)
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        #expect(floor.endAll() == [2, 3])
        // A number is never used again.
        #expect(floor.engine.nodes(of: Floor.pool).map(\.record.id.text) == ["node-3"])
    }

    @Test func nodeThatLeavesAndGivesItsTaskBackGoes() {
        let floor = Floor()
        floor.addJob(.free(1))
        floor.apply(.poolResized(Floor.pool, dedicated: 0, lowPriority: 0))
        floor.giveBack()
        #expect(floor.count { if case .removeNode = $0 { true } else { false } } == 1)
    }

    @Test func idleNodesLeaveBeforeBusyOnes() {
        let floor = Floor(nodes: 3)
        floor.addJob(.free(1))
        floor.apply(.poolResized(Floor.pool, dedicated: 1, lowPriority: 0))
        #expect((0...2).map { floor.nodeState($0) } == [.running, .leavingPool, .leavingPool])
    }

    /// A second removal may still be at work when the next pool of the id has its own node there.
    @Test func nodeIsRemovedOnce() {
        let floor = Floor(nodes: 1)
        floor.addJob(.free(1))
        floor.apply(.poolResized(Floor.pool, dedicated: 0, lowPriority: 0))
        floor.end()
        floor.apply(.nodeLost(NodeHandle(index: 0), reason: "killed"))
        floor.apply(.poolDeleted(Floor.pool))
        #expect(floor.count { if case .removeNode = $0 { true } else { false } } == 1)
    }

    @Test func deletedPoolRequeuesItsTasksAndGoesWhenItsNodesHaveGone() {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(3))
        floor.apply(.poolDeleted(Floor.pool))
        #expect(floor.engine.counts(job)?.active == 3)
        #expect(floor.entry(job, 0)?.requeueCount == 1)
        #expect(floor.progress(job, 0).last?.result?.failure?.code == "NodeRemoved")
        #expect(floor.engine.waitReason(job) == .poolIsGone)
        floor.apply(.nodeRemoved(NodeHandle(index: 0)))
        #expect(floor.count { if case .verifyPoolRemoved = $0 { true } else { false } } == 0)
        floor.apply(.nodeRemoved(NodeHandle(index: 1)))
        #expect(floor.count { if case .verifyPoolRemoved = $0 { true } else { false } } == 1)
        #expect(floor.engine.pool(Floor.pool)?.state == .deleting)
        floor.apply(.poolRemoved(Floor.pool, removal: "{}"))
        #expect(floor.engine.pool(Floor.pool) == nil)
    }

    /// A job names its pool by id, so a new pool of that id is its pool.
    @Test func jobGoesOnInANewPoolOfTheSameId() {
        let floor = Floor()
        floor.addJob(.free(2))
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(NodeHandle(index: 0)))
        floor.apply(.poolRemoved(Floor.pool, removal: "{}"))
        floor.addPool(nodes: 1, slots: 1)
        #expect(floor.endAll() == [0, 1])
    }

    /// Also one that is disabled at the time.
    @Test func disabledJobGoesOnInANewPoolOfTheSameId() {
        let floor = Floor()
        let job = floor.addJob(.free(2))
        floor.apply(.jobDisabled(job))
        floor.endKilled()
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(NodeHandle(index: 0)))
        floor.apply(.poolRemoved(Floor.pool, removal: "{}"))
        floor.addPool(nodes: 1, slots: 1)
        #expect(floor.running() == [])
        floor.apply(.jobEnabled(job))
        #expect(floor.endAll() == [0, 1])
    }

    @Test func jobOfItsOwnPoolTakesThePoolWithIt() {
        let floor = Floor()
        floor.addJob(.free(1), .one { rules, _ in rules.removesPool = true })
        floor.end()
        #expect(floor.engine.pool(Floor.pool)?.state == .deleting)
    }

    private static let ownPool = JobRules.one { rules, _ in rules.removesPool = true }

    private func state(of floor: Floor) -> PoolState? { floor.engine.pool(Floor.pool)?.state }

    /// Whoever follows the job wants its files, and says so again and again.
    @Test func aPoolOfItsOwnWaitsForWhoHoldsItAndNoLonger() {
        let floor = Floor(autoPoolJob: 1)
        floor.addJob(.free(1), Self.ownPool)
        floor.apply(.poolHeld(job: 1, until: floor.now.steady + .seconds(60)))
        floor.end()
        #expect(floor.job(1)?.state == .completed && state(of: floor) == .active)
        floor.pass(until: floor.now.steady + .seconds(59))
        floor.apply(.poolHeld(job: 1, until: floor.now.steady + .seconds(60)))
        floor.pass(until: floor.now.steady + .seconds(59))
        #expect(state(of: floor) == .active)
        floor.pass(until: floor.now.steady + .seconds(1))
        #expect(state(of: floor) == .deleting)
    }

    @Test func aHeldPoolGoesAtOnceWhereItIsLetGoWhereItsJobIsDeletedAndAfterARestart() {
        for end in ["let go", "deleted", "restart", "let go before"] {
            let floor = Floor(autoPoolJob: 1)
            floor.addJob(.free(1), Self.ownPool)
            floor.apply(.poolHeld(job: 1, until: floor.now.steady + .seconds(60)))
            if end == "let go before" { floor.apply(.poolReleased(job: 1)) }
            floor.end()
            switch end {
            case "let go": floor.apply(.poolReleased(job: 1))
            case "deleted": floor.apply(.jobDeleted(1))
            case "restart":
                var engine = floor.restored(Self.ownPool)
                #expect(engine.pool(Floor.pool)?.state == .deleting)
                #expect(engine.takeTurn(at: floor.now).effects.contains(.removeNode(NodeHandle(index: 0))))
                continue
            default: break
            }
            #expect(state(of: floor) == .deleting, "\(end)")
            #expect(floor.engine.nextDeadline == nil || end == "deleted", "\(end)")
        }
    }

    /// A user has removed the held one, and made his own of its name; a pool that is shared or kept is nobody's to hold.
    @Test func onlyThePoolThatTheJobMadeGoesWhenAHoldEnds() {
        let floor = Floor(autoPoolJob: 1)
        floor.addJob(.free(1), Self.ownPool)
        floor.apply(.poolHeld(job: 1, until: floor.now.steady + .seconds(60)))
        floor.end()
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(NodeHandle(index: 0)))
        floor.apply(.poolRemoved(Floor.pool, removal: ""))
        floor.addPool(nodes: 0, slots: 1)
        floor.pass(until: floor.now.steady + .seconds(120))
        #expect(state(of: floor) == .active)
        let kept = Floor()
        kept.addJob(.free(1))
        kept.apply(.poolHeld(job: 1, until: kept.now.steady + .seconds(60)))
        kept.end()
        kept.pass(until: kept.now.steady + .seconds(120))
        #expect(state(of: kept) == .active)
    }

    @Test func aPoolThatAUserRemovesIsUnwantedAndOneThatGoesWithItsJobIsNot() {
        func written(_ end: (Floor) -> Void) -> [Bool] {
            let floor = Floor(autoPoolJob: 1)
            floor.addJob(.free(1), Self.ownPool)
            end(floor)
            floor.apply(.poolDeleted(Floor.pool))
            return floor.writes.compactMap { if case .putPool(let pool) = $0 { pool.isUnwanted } else { nil } }
        }
        #expect(written { $0.end() }.contains(true) == false)
        #expect(written { _ in }.last == true)
    }

    /// The service comes back to an agent that lives, and that may never have got what it was sent: orders, and their
    /// ends.
    @Test func whatAnAgentDoesNotKnowOfIsSentAgain() throws {
        let node = NodeHandle(index: 0)
        let floor = Floor(slots: 2, rules(waits: false))
        func sentAgain(to agent: [WorkID]) -> [Effect] {
            let before = floor.effects.count
            floor.apply(.nodeConnected(node, running: agent, queued: []))
            return Array(floor.effects[before...])
        }
        let start = try #require(floor.first(.startTask)).work
        #expect(sentAgain(to: []) == [.startWork(node, start)])
        let prepared = floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        let preparation = try #require(floor.first(.jobPreparation)).work
        #expect(sentAgain(to: [start]) == [.startWork(node, preparation)])
        #expect(sentAgain(to: [start, preparation]) == [])
        floor.end(.jobPreparation)
        let ended = try #require(floor.first()).work
        floor.apply(.taskTerminated(TaskKey(job: prepared, ordinal: 0)))
        let end = Effect.killWork(node, ended, .endedByUser)
        #expect(sentAgain(to: [start]) == [.startWork(node, ended), end])
        #expect(sentAgain(to: [start, ended]) == [end])
        floor.endKilled()
        let disabled = floor.addJob(.free(1))
        let requeued = try #require(floor.first()).work
        floor.apply(.jobDisabled(disabled))
        #expect(sentAgain(to: [start, requeued]) == [.killWork(node, requeued, .endedByUser)])
    }

    @Test func ordersOfALostNodeDoNotReachItsNextAgent() throws {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        let item = try #require(floor.first(.jobPreparation))
        // The end of the preparation sends the task in the turn in which the node is lost.
        floor.apply(
            .workExited(item.node, item.work, floor.result(.exited(0))),
            .nodeLost(NodeHandle(index: 0), reason: "killed"))
        let sent = floor.effects.compactMap {
            if case .startWork(_, let work) = $0, work.kind == .task { work.attempt } else { nil }
        }
        #expect(sent == [2])
        floor.end()
        #expect(floor.engine.job(job)?.state == .completed)
    }
}
