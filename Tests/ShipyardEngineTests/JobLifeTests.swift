import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// How jobs end, stop and go on.
struct JobLifeTests {
    @Test func autoCompleteEndsAJobWithoutTasksAtOnce() {
        let floor = Floor()
        let job = floor.addJob([])
        #expect(floor.engine.job(job)?.state == .completed)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.allTasksComplete)
    }

    @Test func jobWithoutAutoCompleteStaysForMoreTasks() {
        let floor = Floor()
        let job = floor.addJob(.free(1), autoComplete: false)
        floor.end()
        #expect(floor.engine.job(job)?.state == .active)
        floor.addTasks(.free(1), to: job)
        #expect(floor.endAll() == [1])
    }

    @Test func jobThatLearnsToCompleteEndsNow() {
        let floor = Floor()
        let job = floor.addJob(.free(1), autoComplete: false)
        floor.end()
        floor.now = floor.now + .seconds(60)
        var addition = JobAddition()
        addition.autoComplete = true
        floor.apply(.tasksAdded(job: job, [], addition))
        #expect(floor.engine.job(job)?.state == .completed)
        #expect(floor.engine.job(job)?.endTime == floor.now.wall)
    }

    /// Templates of a later submission come after those that are there, and its switches with them.
    @Test func aSubmissionAddsItsRulesToTheJobs() {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(1), autoComplete: false)
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .active)
        var (retried, terminating, addition) = (TaskRules(), TaskRules(), JobAddition())
        retried.maxTaskRetries = 1
        terminating.jobAction = .terminate
        addition.templates = [retried, terminating]
        addition.performsJobAction = true
        floor.apply(.tasksAdded(job: job, [TaskSeed(template: 1)], addition))
        #expect(floor.engine.templateCount(job) == 3)
        floor.end(code: 1)
        #expect(floor.engine.counts(job)?.failed == 1)
        floor.end(code: 1)
        #expect(floor.engine.counts(job)?.failed == 2)
        // No switch of an addition turns anything off.
        floor.apply(.tasksAdded(job: job, [TaskSeed(template: 0), TaskSeed(template: 2)], JobAddition()))
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .active)
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    @Test func failureThatTerminatesEndsTheJobAndWhatRuns() {
        let floor = Floor(slots: 2)
        let job = floor.addJob(
            .free(3),
            .one {
                $0.performsJobAction = true; $1.jobAction = .terminate; $1.maxTaskRetries = 1
            })
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .active)
        floor.end(code: 1)
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .terminating)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.taskFailed)
        floor.end(code: 143)
        #expect(floor.engine.job(job)?.state == .completed)
        // The task that waited never runs.
        #expect(floor.state(job, 2) == .active || floor.state(job, 2) == nil)
        #expect(floor.running() == [])
        #expect(floor.engine.counts(job)?.active == 1)
    }

    /// Batch Shipyard sends no job action unless one is written somewhere in the job.
    @Test func jobActionNeedsTheJobsSwitch() {
        let floor = Floor()
        let job = floor.addJob(.free(2), .one { $1.jobAction = .terminate })
        floor.end(code: 1)
        #expect(floor.running() == [1])
        #expect(floor.engine.job(job)?.state == .active)
    }

    @Test func failureThatDisablesRequeuesWhatRunsUntilTheJobIsEnabled() throws {
        let floor = Floor(slots: 2)
        let job = floor.addJob(
            .free(3),
            .one {
                $0.performsJobAction = true; $1.jobAction = .disable
            })
        floor.end(code: 1)
        #expect(floor.engine.job(job)?.state == .disabling)
        floor.endKilled()
        #expect(floor.engine.job(job)?.state == .disabled)
        #expect(floor.running() == [])
        #expect(floor.engine.waitReason(job) == .disabled)
        let requeued = try #require(floor.entry(job, 1))
        #expect((requeued.state, requeued.retryCount, requeued.requeueCount) == (.active, 0, 1))
        floor.apply(.jobEnabled(job))
        #expect(floor.endAll() == [1, 2])
        #expect(floor.engine.job(job)?.state == .completed)
    }

    @Test func wallTimeEndsAJobCountedFromItsCreation() throws {
        let floor = Floor()
        floor.now = Moment(milliseconds: 5000)
        let job = floor.addJob(.free(2), .one { rules, _ in rules.maxWallTime = .seconds(10) })
        #expect(floor.engine.nextDeadline == SteadyTime(milliseconds: 15_000))
        floor.now = Moment(milliseconds: 14_999)
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.state == .active)
        floor.now = Moment(milliseconds: 15_000)
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.state == .terminating)
        #expect(floor.engine.nextDeadline == nil)
        floor.end(code: 143)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.maxWallClockTimeExpiry)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    /// Whatever has become of the job since, and however the wall clock was set.
    @Test func wallTimeIsOfTheJobsWholeLifeByASteadyClock() throws {
        let floor = Floor()
        floor.now = Moment(wall: Instant(milliseconds: 1 << 40), steady: SteadyTime(milliseconds: 5000))
        let job = floor.addJob(.free(2), .one { rules, _ in rules.maxWallTime = .seconds(10) })
        floor.now = Moment(milliseconds: 12_000)
        floor.apply(.jobDisabled(job))
        floor.endKilled()
        floor.apply(.jobEnabled(job))
        #expect(floor.engine.job(job)?.stateTransitionTime == Instant(milliseconds: 12_000))
        floor.now.wall = floor.now.wall + .seconds(7200)
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.state == .active)
        floor.now.wall = floor.now.wall - .seconds(9000)
        floor.now.steady = SteadyTime(milliseconds: 14_999)
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.state == .active)
        // The same in a service that was started since.
        let record = try #require(floor.job(job))
        var engine = Engine()
        engine.restoreJob(record, .one { rules, _ in rules.maxWallTime = .seconds(10) }, counts: nil)
        #expect(engine.nextDeadline == SteadyTime(milliseconds: 15_000))
        floor.now.steady = SteadyTime(milliseconds: 15_000)
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.terminateReason == TerminateReason.maxWallClockTimeExpiry)
    }

    /// As is the largest number that there is, which no clock can show.
    @Test(arguments: [TimeSpan.seconds(200_000_000 * 86_400), TimeSpan(milliseconds: .max)])
    func limitOfAMillionYearsIsALimit(_ limit: TimeSpan) {
        let floor = Floor()
        floor.now = Moment(milliseconds: 1 << 41)
        let job = floor.addJob(.free(1), .one { rules, _ in rules.maxWallTime = limit })
        floor.apply(.timePassed)
        #expect(floor.engine.job(job)?.state == .active)
        #expect(TimeSpan.seconds(.max) == TimeSpan(milliseconds: .max))
    }

    @Test func jobsThatHaveEndedCostNothing() {
        let floor = Floor()
        for _ in 0..<3 { floor.addJob(.free(2), .one { rules, _ in rules.maxWallTime = .seconds(10) }) }
        #expect(floor.engine.tally.busyJobs == 3)
        _ = floor.endAll()
        #expect(floor.engine.tally.busyJobs == 0)
        #expect(floor.engine.nextDeadline == nil)
        let open = floor.addJob(.free(3), autoComplete: false)
        #expect(floor.engine.tally.busyJobs == 1)
        floor.apply(.jobDeleted(open))
        floor.endKilled()
        #expect(floor.engine.tally.busyJobs == 0)
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(NodeHandle(index: 0)))
        floor.apply(.poolRemoved(Floor.pool, removal: "{}"))
        #expect(floor.engine.isBusy == false)
    }

    @Test func deletedJobFreesItsIdWhenItsTasksHaveEnded() {
        let floor = Floor()
        let job = floor.addJob(.free(2))
        let id = floor.engine.job(job)!.id
        floor.apply(.jobDeleted(job))
        let written = floor.writes.count
        // A second time it is neither written nor ended anew.
        floor.apply(.jobDeleted(job))
        #expect(floor.engine.job(job)?.state == .deleting)
        #expect(floor.kills.count == 1 && floor.writes.count == written)
        floor.end(code: 143)
        #expect(floor.engine.jobNumber(id) == nil)
        #expect(
            floor.count { if case .removeFiles(_, RemovalID(job: job), _) = $0 { true } else { false } }
                == 1)
    }

    // MARK: Preparation and release

    @Test func preparationRunsOnceForEachNodeAndBeforeEveryTaskThere() {
        let floor = Floor(nodes: 2, slots: 2)
        let job = floor.addJob(.free(6), .one { rules, _ in rules.hasPreparation = true })
        #expect(floor.running() == [])
        #expect(floor.running(.jobPreparation).count == 2)
        #expect(floor.state(job, 0) == .preparing)
        floor.end(.jobPreparation, on: 0)
        #expect(floor.running().count == 2)
        floor.end(.jobPreparation, on: 1)
        #expect(floor.running().count == 4)
        #expect(floor.endAll().count == 6)
        #expect(
            floor.count {
                if case .startWork(_, let work) = $0 { work.kind == .jobPreparation } else { false }
            } == 2)
    }

    @Test func nodeWhosePreparationFailedIsNotUsedForTheJobAgain() throws {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(3), .one { rules, _ in rules.hasPreparation = true })
        let other = floor.addJob(.free(1))
        floor.end(.jobPreparation, on: 0, code: 1)
        // The other job may use the node all the same.
        #expect(floor.first(on: 0).map { TaskKey(rawValue: $0.work.key).job } == other)
        floor.end(.jobPreparation, on: 1)
        floor.end(on: 0)
        #expect(floor.running(on: 0) == [])
        #expect(floor.engine.waitReason(job) == nil)
        #expect(Set(floor.endAll()) == [0, 1, 2])
        // A preparation that failed is no attempt of the task that waited for it.
        #expect(floor.entry(job, 0)?.attempt == 1)
        #expect(floor.entry(job, 0)?.requeueCount == 0)
    }

    /// The pool goes, and its tasks go back to the queue, before the preparation has ended there.
    @Test(arguments: [Int32(0), 1])
    func preparationThatEndsAfterItsTasksHaveGoneChangesNothing(code: Int32) {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(3), .one { rules, _ in rules.hasPreparation = true })
        let item = floor.first(.jobPreparation)!
        floor.apply(.poolDeleted(Floor.pool))
        floor.apply(.workExited(item.node, item.work, floor.result(.exited(code))))
        #expect(floor.engine.counts(job)?.active == 3)
        #expect(floor.engine.counts(job)?.running == 0)
        #expect(floor.running() == [])
    }

    @Test func preparationThatFailsOnOneNodeThenOnTheOtherBlocksTheJob() {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(.free(3), .one { rules, _ in rules.hasPreparation = true })
        floor.end(.jobPreparation, code: 1)
        #expect(floor.engine.waitReason(job) == nil)
        floor.end(.jobPreparation, code: 1)
        #expect(floor.engine.waitReason(job) == .preparationFailedEverywhere)
        #expect(floor.engine.counts(job)?.active == 3)
        floor.apply(.poolResized(Floor.pool, dedicated: 3, lowPriority: 0))
        floor.end(.jobPreparation)
        #expect(floor.endAll().count == 3)
    }

    @Test(arguments: [Int32(0), 1])
    func releaseRunsAfterTheEndWherePreparationRanAndTheJobWaitsForIt(code: Int32) {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(
            .free(1), .one { rules, _ in (rules.hasPreparation, rules.hasRelease) = (true, true) })
        floor.end(.jobPreparation)
        #expect(floor.running(.jobRelease) == [])
        floor.end()
        #expect(floor.engine.job(job)?.state == .terminating)
        #expect(floor.running(.jobRelease).count == 1)
        floor.end(.jobRelease, code: code)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    /// What it writes must not find its way into the files of a later job of this id.
    @Test(arguments: [true, false])
    func jobThatEndsEndsItsPreparationsAndWaitsForThem(isDeleted: Bool) {
        let floor = Floor(nodes: 2)
        let job = floor.addJob(
            .free(2), .one { rules, _ in (rules.hasPreparation, rules.hasRelease) = (true, true) })
        floor.end(.jobPreparation, on: 0)
        let item = floor.first(.jobPreparation)!
        floor.apply(isDeleted ? .jobDeleted(job) : .jobTerminated(job, reason: "enough"))
        #expect(floor.count { $0 == .killWork(item.node, item.work, .endedByUser) } == 1)
        floor.endKilled()
        floor.end(.jobRelease)
        #expect(floor.engine.job(job)?.state == (isDeleted ? .deleting : .terminating))
        // The service comes back: whether its order to end it arrived, nobody knows.
        floor.apply(.nodeConnected(item.node, running: [item.work], queued: []))
        #expect(floor.count { $0 == .killWork(item.node, item.work, .endedByUser) } == 2)
        floor.end(.jobPreparation, code: 143)
        #expect(floor.engine.job(job)?.state == (isDeleted ? nil : .completed))
        #expect(floor.running(.jobRelease) == [])
    }

    @Test func jobThatEndsDoesNotWaitForAPreparationThatCannotRun() {
        let floor = Floor(nodes: 3)
        let job = floor.addJob(.free(3), .one { rules, _ in rules.hasPreparation = true })
        let lost = floor.first(.jobPreparation, on: 2)!.node
        // One was given back before the end, one is after it, and one dies with its node.
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 0), reason: "the disk is full"))
        floor.giveBack(.jobPreparation)
        floor.apply(.jobTerminated(job, reason: TerminateReason.userTerminate))
        floor.apply(.nodeCannotStartWork(NodeHandle(index: 1), reason: "the disk is full"))
        floor.giveBack(.jobPreparation)
        #expect(floor.engine.job(job)?.state == .terminating)
        floor.lose(lost.index)
        #expect(floor.engine.job(job)?.state == .completed)
        floor.apply(.nodeCanStartWork(NodeHandle(index: 0)), .nodeCanStartWork(NodeHandle(index: 1)))
        #expect(floor.running(.jobPreparation) == [])
    }

    /// It may still speak; and when it is lost instead, nobody waits any longer.
    @Test(arguments: [true, false])
    func releaseIsNotSentToASilentNode(isHeard: Bool) {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasRelease = true })
        let item = floor.first()!
        floor.apply(.nodeSilent(item.node), .workExited(item.node, item.work, floor.result(.exited(0))))
        #expect(floor.engine.job(job)?.state == .terminating)
        #expect(floor.running(.jobRelease) == [])
        if isHeard {
            floor.apply(.nodeHeard(item.node))
            floor.end(.jobRelease)
        } else {
            floor.lose(0)
        }
        #expect(floor.engine.job(job)?.state == .completed)
    }

    @Test func silentNodeThatIsRemovedIsNotWaitedFor() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasRelease = true })
        let item = floor.first()!
        floor.apply(.nodeSilent(item.node), .workExited(item.node, item.work, floor.result(.exited(0))))
        floor.apply(.poolDeleted(Floor.pool), .nodeRemoved(item.node))
        #expect(floor.engine.job(job)?.state == .completed)
    }

    @Test func lostNodeIsNotWaitedForByTheReleaseOfAJob() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { rules, _ in rules.hasRelease = true })
        floor.end()
        #expect(floor.engine.job(job)?.state == .terminating)
        floor.lose(0)
        #expect(floor.engine.job(job)?.state == .completed)
    }
}
