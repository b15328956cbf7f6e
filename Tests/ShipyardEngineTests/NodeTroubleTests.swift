import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Nodes that die, fall silent, or cannot start work.
struct NodeTroubleTests {
    /// As many as a task sees before it is given up.
    private static let deaths = Int(Limits.maximumBlame / Limits.blame)

    private func launches(_ floor: Floor) -> Int {
        floor.count { if case .launchNode = $0 { true } else { false } }
    }

    // MARK: Agents that die

    @Test func pauseBeforeTheNextAgentGrowsAndTheNodeIsNeverGivenUp() {
        let floor = Floor()
        floor.connects = false
        let job = floor.addJob(.free(1))
        var pauses: [Int64] = []
        for _ in 0..<12 {
            let before = floor.now.steady
            floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
            // Told again, or late: there is no agent that could be lost.
            let launched = launches(floor)
            if let next = floor.engine.nextDeadline {
                floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
                #expect(launches(floor) == launched)
                floor.pass(until: next)
            }
            pauses.append((floor.now.steady - before).milliseconds / 1000)
        }
        #expect(pauses == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
        #expect(floor.nodeState(0) == .unusable)
        #expect(floor.engine.waitReason(job) == .nodesUnusable([.unusable: 1]))
        // What was wrong has passed.
        floor.connects = true
        floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
        floor.pass(until: floor.engine.nextDeadline!)
        #expect(floor.endAll() == [0])
    }

    /// Tries are not what counts: six of them within a second say nothing.
    @Test func nodeIsUnusableAfterMinutesNotAfterTries() {
        let floor = Floor()
        floor.connects = false
        for _ in 0..<7 {
            floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
            #expect(floor.nodeState(0) == .rebooting)
            if let next = floor.engine.nextDeadline { floor.pass(until: next) }
        }
        floor.connects = true
        floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
        floor.pass(until: floor.engine.nextDeadline!)
        #expect(floor.nodeState(0) == .idle)
    }

    @Test func goodNewsForgivesLosses() {
        let floor = Floor()
        floor.addJob(.free(4))
        for _ in 0..<2 { floor.apply(.nodeLost(NodeHandle(index: 0), reason: "killed")) }
        #expect(floor.engine.nextDeadline != nil)
        floor.pass(until: floor.engine.nextDeadline!)
        floor.end()
        let launched = launches(floor)
        floor.lose(0)
        #expect(launches(floor) == launched + 1)
        #expect(floor.engine.nextDeadline == nil)
        // So does a long life without any work.
        floor.lose(0)
        floor.now = floor.now + Limits.longLife
        floor.apply(.nodeLost(NodeHandle(index: 0), reason: "killed"))
        #expect(floor.engine.nextDeadline == nil)
    }

    @Test func rebootEndsThePauseAndALivingAgent() {
        let floor = Floor()
        floor.addJob(.free(1))
        floor.connects = false
        for _ in 0..<3 {
            floor.apply(.nodeLost(NodeHandle(index: 0), reason: "no agent"))
            if let next = floor.engine.nextDeadline, floor.now.steady < SteadyTime(milliseconds: 1000) {
                floor.pass(until: next)
            }
        }
        floor.connects = true
        let launched = launches(floor)
        floor.apply(.nodeRebootAsked(NodeHandle(index: 0)))
        #expect(launches(floor) == launched + 1)
        #expect(floor.engine.nextDeadline == nil)
        floor.apply(.nodeRebootAsked(NodeHandle(index: 0)))
        #expect(floor.count { $0 == .shutDownNode(NodeHandle(index: 0)) } == 1)
        let blamed = floor.engine.jobs[1]?.tasks[0].blame
        floor.lose(0)
        // The user's wish is no fault of the task.
        #expect(floor.engine.jobs[1]?.tasks[0].blame == blamed)
        #expect(floor.running() == [0])
    }

    /// A leaving agent gives every order back, and would be given it again in the next turn.
    @Test func nodeThatWillRebootGetsNothingNew() {
        let floor = Floor(slots: 2)
        floor.addJob(.free(3))
        floor.apply(.nodeRebootAsked(NodeHandle(index: 0)))
        floor.giveBack()
        #expect(floor.running() == [1])
        floor.lose(0)
        #expect(floor.running().count == 2)
        #expect(floor.endAll().count == 3)
    }

    // MARK: Tasks that kill their nodes

    @Test func taskThatSawTooManyNodesDieEndsAndTheNodesLive() throws {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.waiting([], [], [.task(0)]), .one { $1.maxTaskRetries = -1 })
        for _ in 0..<Self.deaths {
            let item = try #require(floor.atAgents.first { TaskKey(rawValue: $0.work.key).ordinal == 0 })
            floor.lose(item.node.index)
        }
        let row = try #require(floor.entry(job, 0))
        #expect((row.state, row.result?.failure?.code) == (.completed, "NodeLost"))
        #expect(row.requeueCount == Int32(Self.deaths) - 1)
        #expect(floor.running() == [1])
        floor.end()
        #expect(floor.engine.waitReason(job) == .dependencies(example: 2, count: 1))
        #expect((0...1).allSatisfy { floor.nodeState($0) == .idle })
    }

    /// What waits at an agent, or is being prepared, has not begun.
    @Test func taskThatDidNotRunIsNotToBlame() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        for _ in 1..<Self.deaths { floor.lose(0) }
        floor.end(.jobPreparation)
        // The next one was not there before.
        #expect(floor.engine.jobs[job]?.tasks[0].blame == 0)
        #expect(floor.endAll() == [0])
        #expect(floor.engine.counts(job)?.succeeded == 1)
    }

    /// It would take the node from all jobs, for ever.
    @Test func preparationThatSawTooManyNodesDieIsNotRunThereAgain() {
        let floor = Floor(slots: 2)
        let other = floor.addJob(.free(1))
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        // Suspected already, it is not given up for what a preparation beside it may have done.
        floor.engine.jobs[other]?.tasks[0].blame = Limits.maximumBlame - Limits.blame - 1
        floor.lose(0)
        #expect(floor.endAll() == [0])
        #expect(floor.engine.counts(other)?.succeeded == 1)
        for _ in 1..<Self.deaths {
            #expect(floor.running(.jobPreparation).count == 1)
            floor.lose(0)
        }
        #expect(floor.running(.jobPreparation) == [])
        #expect(floor.engine.waitReason(job) == .preparationFailedEverywhere)
        let records = floor.writes.compactMap { if case .putNodeJob(let record) = $0 { record } else { nil } }
        #expect(records.last?.result?.failure?.code == "PreparationLosesNodes")
        // A new node is another try.
        floor.apply(.poolResized(Floor.pool, dedicated: 2, lowPriority: 0))
        floor.end(.jobPreparation)
        #expect(floor.endAll() == [0])
    }

    /// What a preparation that has ended has left is decided from its row as it was when it ended.
    @Test(
        arguments: [
            (.exited(0), true), (.nodeLost(.died, ""), true), (.nodeLost(.diedOfPreparation, ""), false),
            (.exited(1), false), (.endedByUser, false),
        ] as [(Outcome, Bool)])
    func nodesOfARestoredJobAreUsedAsBefore(_ outcome: Outcome, isOfUse: Bool) {
        let floor = Floor()
        let rules = JobRules.one { rules, _ in rules.hasPreparation = true }
        let job = floor.addJob(.free(1), rules)
        var engine = Engine.restored(from: floor.writes, [job: rules], at: floor.now)
        engine.restoreTask(TaskKey(job: job, ordinal: 0), template: 0, number: nil)
        engine.restoreNodeJob(
            NodeJobRecord(
                job: job, pool: Floor.pool, node: NodeID("node-1"), boot: 1, isRelease: false, attempt: 1,
                result: AttemptResult(outcome, at: floor.now.wall)))
        engine.finishRestoring(at: floor.now)
        #expect((engine.waitReason(job) == nil) == isOfUse)
    }

    /// Every attempt has one instance so far: what names another is of nobody here.
    @Test func otherInstancesAreEchoes() throws {
        let floor = Floor(nodes: 1, slots: 1)
        let job = floor.addJob(
            .free(1), .one { rules, _ in (rules.hasPreparation, rules.hasRelease) = (true, true) })
        for kind in [WorkKind.jobPreparation, .task, .jobRelease] {
            let item = try #require(floor.first(kind))
            var other = item.work
            other.instance = 1
            let writes = floor.writes.count
            floor.apply(
                .workStarted(item.node, other), .workReturned(item.node, other),
                .workExited(item.node, other, floor.result(.exited(1))))
            #expect(floor.writes.count == writes)
            floor.end(kind)
        }
        #expect(floor.engine.counts(job)?.succeeded == 1)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    /// A machine's end, and a user's wish, is nobody's fault.
    @Test func preparationIsNotBlamedForARebootOfItsNode() {
        let floor = Floor()
        floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        for _ in 0...Self.deaths {
            floor.apply(.nodeRebootAsked(NodeHandle(index: 0)))
            floor.lose(0)
        }
        #expect(floor.running(.jobPreparation).count == 1)
    }

    /// Else the harmless ones beside it would be taken for the culprit, as they are there each time.
    @Test func suspectRunsAloneBeforeTheLastTime() {
        let floor = Floor(slots: 3)
        floor.addJob(.free(3))
        for _ in 1..<Self.deaths { floor.lose(0) }
        #expect(floor.running().count == 1)
        floor.lose(0)
        #expect(floor.engine.counts(1)?.failed == 1)
        #expect(floor.running().count == 1)
        #expect(floor.endAll().count == 2)
        #expect(floor.engine.counts(1)?.succeeded == 2)
        #expect(floor.engine.nodes[0].stock.taken == .none)
    }

    /// The machine's end is nobody's fault; and what ended a service may have ended the node, or be the task.
    @Test(arguments: [(true, 1, false), (false, 0, false), (false, 1, true)])
    func nodeThatWasFoundDeadIsBlamedLittle(diedWithTheMachine: Bool, missing: Int, isGivenUp: Bool) throws {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        var engine = Engine()
        for case .putPool(let record) in floor.writes where engine.pool(record.id) == nil {
            engine.restorePool(record, PoolRules())
        }
        engine.restoreNode(
            floor.engine.nodeRecord(NodeHandle(index: 0)), diedWithTheMachine: diedWithTheMachine)
        engine.restoreJob(try #require(floor.job(job)), .one(), counts: nil)
        engine.restoreTask(TaskKey(job: job, ordinal: 0), template: 0, number: nil)
        var row = try #require(floor.entry(job, 0))
        row.blame = Int32(Limits.maximumBlame - Limits.blameForUnseenLoss) - 1 + Int32(missing)
        engine.restoreProgress(row)
        engine.finishRestoring(at: floor.now)
        engine.apply(.nodeLost(NodeHandle(index: 0), reason: "not there"), at: floor.now)
        #expect((engine.counts(job)?.failed == 1) == isGivenUp)
        // One that is seen counts fully, whatever was before.
        engine.apply(.nodeConnected(NodeHandle(index: 0), running: [], queued: []), at: floor.now)
        _ = engine.takeTurn(at: floor.now)
        engine.apply(.nodeLost(NodeHandle(index: 0), reason: "killed"), at: floor.now)
        #expect(engine.counts(job)?.failed == 1)
    }

    // MARK: Silence

    @Test func silentNodeIsUnknownAndGetsNothingNew() {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(1), autoComplete: false)
        floor.apply(.nodeSilent(NodeHandle(index: 0)))
        #expect(floor.engine.nodes(of: Floor.pool).map(\.record.state) == [.unknown])
        floor.addTasks(.free(1), to: job)
        #expect(floor.running() == [0])
        floor.apply(.nodeHeard(NodeHandle(index: 0)))
        #expect(floor.engine.nodes(of: Floor.pool).map(\.record.state) == [.running])
        #expect(floor.running() == [0, 1])
    }

    /// The service was started anew, and its agent has not answered since.
    @Test func nodeThatIsNotReachedIsUnknown() {
        let floor = Floor()
        var engine = Engine.restored(from: floor.writes, [:], at: floor.now)
        engine.finishRestoring(at: floor.now)
        engine.apply(.nodeSilent(NodeHandle(index: 0)), at: floor.now)
        #expect(engine.nodes(of: Floor.pool).map(\.record.state) == [.unknown])
        engine.apply(.nodeConnected(NodeHandle(index: 0), running: [], queued: []), at: floor.now)
        #expect(engine.nodes(of: Floor.pool).map(\.record.state) == [.idle])
    }

    @Test func jobEndsWhenItsSilentNodeIsLost() {
        let floor = Floor()
        let job = floor.addJob(.free(2))
        floor.apply(.nodeSilent(NodeHandle(index: 0)))
        floor.apply(.jobTerminated(job, reason: TerminateReason.userTerminate))
        #expect(floor.engine.job(job)?.state == .terminating)
        floor.lose(0)
        #expect(floor.engine.job(job)?.state == .completed)
        #expect(floor.engine.nodes(of: Floor.pool).map(\.record.state) == [.idle])
    }

    // MARK: Nodes that cannot start work

    @Test func tasksGoElsewhereWhileANodeCannotStartWork() {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(2), autoComplete: false)
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack()
        floor.end(on: 1)
        #expect(floor.running(on: 1) == [0])
        #expect(floor.running(on: 0) == [])
        #expect(floor.engine.nodes(of: Floor.pool).map(\.cannotStartReason) == ["the disk is full", nil])
        floor.addTasks(.free(1), to: job)
        floor.apply(.nodeCanStartWork(NodeHandle(index: 0)))
        #expect(floor.running(on: 0) == [2])
    }

    @Test func tasksThatWaitForAPreparationGoElsewhereWhenItsNodeIsInTrouble() {
        let floor = Floor(nodes: 2)
        let node = NodeHandle(index: 0)
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        floor.apply(.nodeCannotStartWork(node, reason: "the disk is full"))
        // It had begun before, and ends well.
        floor.end(.jobPreparation, on: 0)
        #expect(floor.running(on: 0) == [])
        floor.end(.jobPreparation, on: 1)
        #expect(floor.running(on: 1) == [0])
        floor.addTasks(.free(1), to: job)
        floor.apply(.nodeCanStartWork(node))
        #expect(floor.running(on: 0) == [1])
    }

    @Test func tasksThatWaitForAPreparationThatWasGivenBackGoElsewhere() {
        let floor = Floor(nodes: 2)
        floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack(.jobPreparation)
        floor.end(.jobPreparation, on: 1)
        #expect(floor.running(on: 1) == [0])
    }

    /// A moment of trouble is none of the user's business; a lasting one is.
    @Test func lastingTroubleOfAllNodesBlocksAJobUntilItIsOver() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack()
        #expect(floor.running() == [])
        #expect(floor.engine.waitReason(job) == nil)
        floor.pass(until: floor.engine.nextDeadline!)
        #expect(
            floor.engine.waitReason(job)
                == .nodesCannotStart(node: NodeID("node-1"), reason: "the disk is full"))
        floor.apply(.nodeCanStartWork(NodeHandle(index: 0)))
        #expect(floor.engine.waitReason(job) == nil)
        #expect(floor.endAll() == [0])
    }

    @Test func preparationsThatWereGivenBackAreSentAgain() {
        var rules = PoolRules()
        rules.hasStartTask = true
        let floor = Floor(rules)
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack(.startTask)
        #expect(floor.running(.startTask) == [])
        floor.apply(.nodeCanStartWork(NodeHandle(index: 0)))
        floor.end(.startTask)
        let job = floor.addJob(
            .free(1), .one { rules, _ in (rules.hasPreparation, rules.hasRelease) = (true, true) })
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack(.jobPreparation)
        floor.apply(.nodeCanStartWork(NodeHandle(index: 0)))
        floor.end(.jobPreparation)
        floor.end()
        // A job does not wait for a release that cannot run.
        floor.giveBack(.jobRelease)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    /// Its number has ended with the node, and the next agent has been told of the next.
    @Test func preparationThatWasGivenBackByALostNodeIsNotSentAgain() throws {
        let node = NodeHandle(index: 0)
        let floor = Floor()
        floor.addJob(.free(1), .one { rules, _ in rules.hasPreparation = true })
        floor.apply(.nodeCannotStartWork(node, reason: "the disk is full"))
        floor.giveBack(.jobPreparation)
        floor.lose(0)
        floor.apply(.nodeCannotStartWork(node, reason: "the disk is full"))
        floor.apply(.nodeCanStartWork(node))
        let sent = floor.effects.compactMap {
            if case .startWork(_, let work) = $0, work.kind == .jobPreparation { work.attempt } else { nil }
        }
        #expect(sent == [1, 2])
    }

    // MARK: Work that nobody has given

    /// Left alone it would keep its slots for as long as it likes, and its number from the task that gets it next.
    @Test func workThatTheEngineDoesNotKnowIsEndedWhenItsAgentConnects() {
        let floor = Floor(nodes: 1, slots: 4)
        let node = NodeHandle(index: 0)
        let job = floor.addJob(.free(2))
        let known = floor.atAgents.map(\.work)
        #expect(known.count == 2)
        floor.end()
        let ended = known[0]
        let living = known[1]
        let unknown = [
            WorkID(kind: .task, key: living.key, attempt: living.attempt + 1),
            WorkID(kind: .task, key: TaskKey(job: job, ordinal: 9).rawValue, attempt: 1),
            WorkID(kind: .task, key: TaskKey(job: job + 1, ordinal: 0).rawValue, attempt: 1),
            WorkID(kind: .jobPreparation, key: Int64(job), attempt: 1),
            WorkID(kind: .startTask, key: 0, attempt: 1), ended,
        ]
        floor.apply(.nodeConnected(node, running: [living] + unknown[..<3], queued: Array(unknown[3...])))
        let killed = floor.kills
        #expect(Set(killed) == Set(unknown))
        #expect(killed.count == unknown.count)
        // Their ends are nobody's, and the job's own task goes on.
        for work in unknown { floor.apply(.workExited(node, work, floor.result(.exited(9)))) }
        #expect(floor.state(job, 1) == .running)
        floor.end()
        #expect(floor.engine.job(job)?.state == .completed)
    }
}
