import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// Tasks that ended and run again.
struct RerunTests {
    /// 0 → 1 and 2 → 3, and 4 after all of them.
    private static let diamond: [TaskSeed] = .waiting(
        [], [.task(0)], [.task(0)], [.task(1), .task(2)], [.tasks(0...3)])

    private func ended(_ codes: [Int32], _ rules: JobRules = .one(), slots: Int = 1) -> (Floor, UInt32) {
        let floor = Floor(slots: slots)
        let job = floor.addJob(Self.diamond, rules)
        for code in codes { floor.end(code: code) }
        return (floor, job)
    }

    // MARK: Which tasks

    @Test func aScopeNamesTheTasksThatItSays() {
        // 2 fails, so 3 and 4 never run.
        let (floor, job) = ended([0, 0, 1])
        #expect(floor.job(job)?.state == .active)
        #expect(floor.tasks(.failed, of: job) == RerunTasks(completed: [2], active: [3, 4]))
        #expect(floor.tasks(.all, of: job) == RerunTasks(completed: [0, 1, 2], active: [3, 4]))
        #expect(floor.tasks(.tasks([1]), of: job) == RerunTasks(completed: [1]))
        #expect(floor.tasks(.from([1]), of: job) == RerunTasks(completed: [1], active: [3, 4]))
        #expect(floor.tasks(.from([0]), of: job) == RerunTasks(completed: [0, 1, 2], active: [3, 4]))
        #expect(floor.tasks(.from([4]), of: job) == RerunTasks(active: [4]))
        #expect(floor.tasks(.from([3, 1]), of: job) == RerunTasks(completed: [1], active: [3, 4]))
    }

    /// What ran in spite of a failure runs again after it, and what runs is told apart.
    @Test func whatComesAfterAFailureRunsAgainAlsoWhereItRan() {
        let (floor, job) = ended([1], .one { $1.dependencyAction = .satisfy }, slots: 1)
        #expect(floor.running() == [1])
        #expect(floor.tasks(.failed, of: job) == RerunTasks(completed: [0], active: [2, 3, 4], running: [1]))
        _ = floor.endAll()
        #expect(floor.job(job)?.state == .completed)
        floor.recall(job)
        #expect(floor.tasks(.failed, of: job) == RerunTasks(completed: [0, 1, 2, 3, 4]))
    }

    @Test func numbersAreFollowedAndATaskMayComeBeforeWhatItWaitsFor() {
        let floor = Floor(slots: 4)
        let job = floor.addJob([
            TaskSeed(template: 0, dependencies: [.task(3)]),
            TaskSeed(template: 0, number: 7), TaskSeed(template: 0, number: 9),
            TaskSeed(template: 0, dependencies: [.numbers(6...8)], number: 20),
        ])
        #expect(floor.tasks(.from([1]), of: job).active == [0, 3])
        #expect(floor.tasks(.from([2]), of: job) == RerunTasks(running: [2]))
    }

    // MARK: What becomes of them

    @Test func aJobThatHadEndedGoesOnAndAttemptsGoOnCounting() {
        let (floor, job) = ended([0, 0, 0, 0, 0])
        #expect(floor.job(job)?.state == .completed)
        floor.now = floor.now + .seconds(60)
        floor.rerun(.from([1]), of: job)
        #expect(floor.job(job)?.state == .active)
        #expect(floor.job(job)?.endTime == nil && floor.job(job)?.terminateReason == nil)
        let counts = floor.engine.counts(job)
        #expect(counts.map { [$0.active, $0.running, $0.succeeded] } == [2, 1, 2])
        #expect(floor.engine.isBusy == true)
        #expect(floor.end() == WorkID(TaskKey(job: job, ordinal: 1), attempt: 2))
        #expect(floor.endAll() == [3, 4])
        #expect(floor.job(job)?.state == .completed)
        #expect(floor.job(job)?.endTime == floor.now.wall)
        #expect(floor.entry(job, 4)?.attempt == 2 && floor.entry(job, 2)?.attempt == 1)
    }

    @Test func justOneTaskRunsAgainAndWhatRanAfterItStays() {
        let (floor, job) = ended([0, 0, 0, 0, 0])
        floor.rerun(.tasks([0]), of: job)
        #expect(floor.endAll() == [0])
        #expect(floor.job(job)?.state == .completed)
    }

    @Test func anEndOfTheSameTurnIsWrittenBeforeTheTaskIsActiveAgain() throws {
        let floor = Floor()
        let job = floor.addJob(.free(2))
        let work = try #require(floor.first())
        floor.engine.apply(.workExited(work.node, work.work, floor.result(.exited(3))), at: floor.now)
        floor.atAgents = []
        floor.rerun(.tasks([0]), of: job)
        let key = TaskKey(job: job, ordinal: 0)
        let rows = floor.rowsWritten(of: key)
        #expect(rows.map(\.0) == ["running 1", "completed 1 exited 3", "reactivated", "running 2"])
        #expect(floor.endAll() == [0, 1])
        #expect(floor.entry(job, 0)?.attempt == 2)
    }

    @Test func countersBeginAnew() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $1.maxTaskRetries = 1 })
        floor.end(code: 1)
        floor.end(code: 1)
        #expect(floor.job(job)?.state == .completed)
        floor.rerun(.failed, of: job)
        floor.end(code: 1)
        #expect(floor.entry(job, 0)?.retryCount == 1)
        #expect(floor.end(code: 0)?.attempt == 4)
        #expect(floor.engine.counts(job)?.succeeded == 1)
    }

    /// In memory and after a restart.
    @Test func whatHasYetToRunWaitsForWhatRunsAgain() {
        let (floor, job) = ended([0, 0, 1])
        // 3 waits for 1 and 2 now, and 4 for all.
        floor.rerun(.tasks([0, 1]), of: job)
        #expect(floor.running() == [0])
        floor.rerun(.tasks([2]), of: job)
        let restored = floor.restored()
        let neverRun = restored.tasksThatNeverRun(job)
        #expect(neverRun == 0)
        #expect(floor.engine.tasksThatNeverRun(job) == 0)
        #expect(floor.endAll() == [0, 1, 2, 3, 4])
        #expect(floor.job(job)?.state == .completed)
    }

    /// It runs on; when its node dies, it waits like any other.
    @Test func whatRunsGoesOnAndWaitsWhenItComesBack() {
        let floor = Floor(slots: 1)
        let job = floor.addJob(.waiting([], [.task(0)]))
        floor.end()
        #expect(floor.running() == [1])
        floor.rerun(.tasks([0]), of: job)
        #expect(floor.running() == [1])
        floor.lose(0)
        #expect(floor.running() == [0])
        floor.end()
        #expect(floor.running() == [1])
    }

    @Test func whatRunsAndComesBackNeverRunsWhereItWaitsForAFailure() {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.waiting([], [.task(0)], [.task(1)]))
        floor.end()
        #expect(floor.running() == [1])
        floor.rerun(.tasks([0]), of: job)
        #expect(floor.running() == [1, 0])
        let work = floor.atAgents[1]
        floor.apply(.workExited(work.node, work.work, floor.result(.exited(1))))
        floor.atAgents.remove(at: 1)
        #expect(floor.engine.tasksThatNeverRun(job) == 0)
        floor.lose(0)
        #expect(floor.engine.tasksThatNeverRun(job) == 2)
        #expect(floor.running() == [])
        floor.rerun(.failed, of: job)
        #expect(floor.endAll() == [0, 1, 2])
    }

    @Test func tasksThatNeverRanGoOnWithAJobThatWasEnded() {
        let floor = Floor()
        let job = floor.addJob(.free(3))
        floor.apply(.jobTerminated(job, reason: TerminateReason.userTerminate))
        floor.endKilled()
        #expect(floor.job(job)?.state == .completed)
        floor.recall(job)
        #expect(floor.tasks(.failed, of: job) == RerunTasks(completed: [0], active: [1, 2]))
        floor.rerun(.tasks([0]), of: job)
        #expect(floor.endAll().sorted() == [0, 1, 2])
        #expect(floor.job(job)?.terminateReason == TerminateReason.allTasksComplete)
    }

    @Test func theWallTimeOfAJobBeginsAnew() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $0.maxWallTime = .seconds(100); _ = $1 })
        floor.end()
        floor.pass(until: SteadyTime(milliseconds: 500_000))
        floor.rerun(.all, of: job)
        #expect(floor.job(job)?.state == .active)
        let restored = floor.restored(.one { $0.maxWallTime = .seconds(100); _ = $1 })
        let deadline = restored.nextDeadline
        #expect(deadline == SteadyTime(milliseconds: 600_000))
        floor.pass(until: SteadyTime(milliseconds: 600_000))
        #expect(floor.job(job)?.state == .terminating)
    }

    // MARK: Preparation and release

    @Test func aNodeThatWasReleasedIsPreparedAgainUnderNumbersThatGoOn() {
        let rules = JobRules.one { $0.hasPreparation = true; $0.hasRelease = true; _ = $1 }
        let floor = Floor()
        let job = floor.addJob(.free(1), rules)
        #expect(floor.end(.jobPreparation)?.attempt == 1)
        floor.end()
        #expect(floor.end(.jobRelease)?.attempt == 2)
        #expect(floor.job(job)?.state == .completed)
        floor.rerun(.all, of: job)
        #expect(floor.running() == [])
        #expect(floor.end(.jobPreparation)?.attempt == 3)
        floor.end()
        #expect(floor.end(.jobRelease)?.attempt == 4)
        #expect(floor.job(job)?.state == .completed)
    }

    @Test func aNodeThatIsPreparedIsNotPreparedAgain() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $0.hasPreparation = true; _ = $1 })
        floor.end(.jobPreparation)
        floor.end()
        floor.rerun(.all, of: job)
        #expect(floor.first(.jobPreparation) == nil)
        #expect(floor.endAll() == [0])
    }

    @Test func aReleaseAloneRunsAtEachEnd() {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $0.hasRelease = true; _ = $1 })
        floor.end()
        #expect(floor.end(.jobRelease)?.attempt == 2)
        floor.rerun(.all, of: job)
        floor.end()
        #expect(floor.end(.jobRelease)?.attempt == 4)
        #expect(floor.job(job)?.state == .completed)
    }

    @Test func aPreparationThatFailedIsTriedAgain() {
        let floor = Floor()
        let rules = JobRules.one { $0.hasPreparation = true; _ = $1 }
        let job = floor.addJob(.free(1), rules)
        floor.end(.jobPreparation, code: 1)
        #expect(floor.engine.waitReason(job) == .preparationFailedEverywhere)
        #expect(floor.engine.hasFailedPreparations(job) == true)
        floor.rerun(.failed, of: job)
        #expect(floor.end(.jobPreparation)?.attempt == 2)
        #expect(floor.endAll() == [0])
    }

    /// Its release is on record too, and is the older one.
    @Test func aRestartKnowsThatANodeIsBeingPreparedAgain() {
        let rules = JobRules.one { $0.hasPreparation = true; $0.hasRelease = true; _ = $1 }
        let floor = Floor()
        let job = floor.addJob(.free(1), rules)
        floor.end(.jobPreparation)
        floor.end()
        floor.end(.jobRelease)
        floor.rerun(.all, of: job)
        #expect(floor.ordersAfterARestart(rules) == ["jobPreparation \(job)#3"])
    }

    @Test func aRestartKnowsThatAPreparationMayBeTriedAgain() {
        let rules = JobRules.one { $0.hasPreparation = true; _ = $1 }
        let floor = Floor()
        let job = floor.addJob(.free(1), rules)
        floor.end(.jobPreparation, code: 1)
        #expect(floor.ordersAfterARestart(rules) == [])
        // Nobody is there to do it before the restart.
        floor.apply(.nodeSilent(NodeHandle(index: 0)))
        floor.rerun(.failed, of: job)
        #expect(floor.ordersAfterARestart(rules) == ["jobPreparation \(job)#2"])
    }

    // MARK: Runs of schedules

    private func scheduled(_ condition: AfterRule.Condition) -> (Floor, job: UInt32, follower: UInt32) {
        let floor = Floor()
        floor.setClock()
        let schedule = floor.addSchedule("first", every: 3600)
        let follower = floor.addSchedule("second") { policy, _ in
            policy.after = [AfterRule(.schedule("first"), condition)]
        }
        floor.pass(to: 0)
        let job = floor.start(schedule, 1)
        floor.end(code: 1)
        return (floor, job, follower)
    }

    @Test(arguments: [AfterRule.Condition.succeeded, .failed, .completed])
    func aRunIsCorrectedAndFollowedOnce(_ condition: AfterRule.Condition) {
        let (floor, job, follower) = scheduled(condition)
        let before = condition == .succeeded ? 0 : 1
        #expect(floor.engine.schedule(follower)?.lastRun == UInt32(before))
        floor.rerun(.failed, of: job)
        #expect(floor.corrections.isEmpty)
        floor.end(code: 1)
        #expect(floor.corrections == ["failed: job job-1: 1 of 1 tasks failed"])
        floor.rerun(.failed, of: job)
        floor.end()
        #expect(floor.corrections.last == "succeeded: ")
        #expect(floor.engine.schedule(follower)?.lastRun == 1)
        floor.rerun(.all, of: job)
        floor.end()
        #expect(floor.corrections.count == 3)
        #expect(floor.engine.schedule(follower)?.lastRun == 1)
    }

    @Test func aRunIsNotCorrectedByAnAttemptBeforeItsLast() {
        let floor = Floor()
        floor.setClock()
        let schedule = floor.addSchedule("first", every: 3600) { policy, _ in policy.maxRetries = 1 }
        floor.pass(to: 0)
        let first = floor.start(schedule, 1)
        floor.end(code: 1)
        floor.pass(to: 1)
        let last = floor.start(schedule, 1)
        floor.end(code: 1)
        #expect(floor.run(schedule, 1)?.state == .failed)
        floor.rerun(.all, of: first)
        floor.end()
        #expect(floor.corrections == [])
        floor.rerun(.all, of: last)
        floor.end()
        #expect(floor.corrections == ["succeeded: "])
    }

    /// It has another job, which goes on.
    @Test func aRunThatIsNotOverTakesItsJobBack() {
        let floor = Floor(slots: 2)
        floor.setClock()
        let schedule = floor.addSchedule("first", every: 3600)
        floor.pass(to: 0)
        let key = RunKey(schedule: schedule, number: 1)
        let jobs = [floor.addJob(.free(1)), floor.addJob(.free(1))]
        floor.apply(.runStarted(key, jobs: jobs))
        floor.end(code: 1)
        #expect(floor.engine.run(key)?.state == .active)
        floor.rerun(.failed, of: jobs[0])
        floor.end()
        #expect(floor.engine.run(key)?.state == .active)
        floor.end()
        #expect(floor.engine.run(key) == nil)
        #expect(floor.runs.last { $0.key == key }?.state == .succeeded)
    }
}

extension Floor {
    /// All that is written of a task in the order in which it was.
    func rowsWritten(of key: TaskKey) -> [(String, StoreWrite)] {
        writes.compactMap { write in
            switch write {
            case .putTask(let row) where row.key == key:
                let end = row.result?.outcome.exitCode.map { " exited \($0)" } ?? ""
                return ("\(row.state) \(row.attempt)\(end)", write)
            case .reactivateTask(let other) where other == key: return ("reactivated", write)
            default: return nil
            }
        }
    }

    /// What the node is given when the next service has found it.
    func ordersAfterARestart(_ rules: JobRules) -> [String] {
        var engine = restored(rules)
        let nodeJobs = self.nodeJobs.values
        for record in nodeJobs where !record.isRelease { engine.restoreNodeJob(record) }
        for record in nodeJobs where record.isRelease { engine.restoreNodeJob(record) }
        engine.apply(.nodeConnected(NodeHandle(index: 0), running: [], queued: []), at: now)
        return engine.takeTurn(at: now).effects.compactMap {
            if case .startWork(_, let work) = $0 { work.description } else { nil }
        }
    }

    var corrections: [String] {
        writes.compactMap {
            if case .correctRun(_, let state, let reason, _) = $0 { "\(state): \(reason ?? "")" } else { nil }
        }
    }

    private func dependencies(of job: UInt32) -> [TaskDependencies] {
        seeds[job]?.enumerated().map { TaskDependencies(UInt32($0), $1.dependencies) } ?? []
    }

    func tasks(_ scope: RerunScope, of job: UInt32) -> RerunTasks {
        engine.tasks(scope, of: job, dependencies(of: job))
    }

    /// As the service does for a job that has ended.
    func recall(_ job: UInt32) {
        guard !engine.knowsTasks(of: job) else { return }
        engine.beginRecall(of: job)
        let rows = rows()
        for (index, seed) in (seeds[job] ?? []).enumerated() {
            engine.restoreTask(
                TaskKey(job: job, ordinal: UInt32(index)), template: seed.template, number: seed.number)
        }
        for row in rows.values where row.key.job == job { engine.restoreProgress(row) }
        let nodeJobs = self.nodeJobs.values.filter { $0.job == job }
        for record in nodeJobs where !record.isRelease { engine.recallNodeJob(record) }
        for record in nodeJobs where record.isRelease { engine.recallNodeJob(record) }
    }

    func rerun(_ scope: RerunScope, of job: UInt32) {
        recall(job)
        let found = tasks(scope, of: job)
        apply(.tasksRerun(job, found.completed, dependencies(of: job)))
    }

    /// What node_jobs holds.
    private var nodeJobs: [String: NodeJobRecord] {
        var found: [String: NodeJobRecord] = [:]
        for write in writes {
            switch write {
            case .putNodeJob(let record): found["\(record.job) \(record.node) \(record.isRelease)"] = record
            case .passPreparations(let job):
                for (key, record) in found where record.job == job && !record.isRelease {
                    found[key]?.isPast = true
                }
            default: break
            }
        }
        return found
    }
}
