import ShipyardModel
import ShipyardPlanner
import Testing

@testable import ShipyardEngine

/// What becomes of one task: retries, requeues, and the ways to end it.
struct TaskLifeTests {
    @Test(arguments: TaskState.allCases, TaskState.allCases)
    func tasksMoveOnlyAsTheTableSays(from: TaskState, to: TaskState) {
        let moves: [TaskState: Set<TaskState>] = [
            .active: [.preparing, .running, .completed],
            .preparing: [.active, .running, .completed],
            .running: [.active, .completed],
            .completed: [.active],
        ]
        #expect(from.mayMove(to: to) == (moves[from]?.contains(to) ?? false))
    }

    @Test(
        arguments: [
            // limit, exit codes, attempts, retries, succeeded
            (0, [1], 1, 0, false), (0, [0], 1, 0, true),
            (2, [1, 1, 1], 3, 2, false), (2, [1, 0], 2, 1, true),
            (-1, [1, 2, 3, 4, 5, 6, 7, 0], 8, 7, true),
        ] as [(Int, [Int32], Int32, Int32, Bool)])
    func nonZeroExitCodeIsRetriedUpToTheLimit(
        _ limit: Int, codes: [Int32], attempts: Int32, retries: Int32, succeeded: Bool
    ) throws {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $1.maxTaskRetries = limit })
        for code in codes { floor.end(code: code) }
        let entry = try #require(floor.entry(job, 0))
        #expect(entry.state == .completed)
        #expect((entry.attempt, entry.retryCount, entry.requeueCount) == (attempts, retries, 0))
        #expect(floor.engine.counts(job)?.succeeded == (succeeded ? 1 : 0))
        // Each attempt has its own end in the rows, in order.
        let ends = floor.progress(job, 0).filter { $0.result != nil }
        #expect(ends.map(\.attempt) == Array(1...attempts))
        #expect(ends.map { $0.result?.outcome.exitCode } == codes)
    }

    @Test func lostNodeRequeuesAndCountsNoRetry() throws {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $1.maxTaskRetries = 1 })
        floor.lose(0)
        floor.end(code: 1)
        floor.lose(0)
        floor.end(code: 1)
        let entry = try #require(floor.entry(job, 0))
        #expect((entry.attempt, entry.retryCount, entry.requeueCount) == (4, 1, 2))
        #expect(entry.state == .completed)
        let ends = floor.progress(job, 0).compactMap { row in
            row.result.map { (row.attempt, $0.failure?.code ?? "") }
        }
        #expect(ends.map(\.0) == [1, 2, 3, 4])
        #expect(ends.map(\.1) == ["NodeLost", "FailureExitCode", "NodeLost", "FailureExitCode"])
    }

    @Test func echoesOfWhatHasEndedChangeNothing() throws {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(2), .one { $1.maxTaskRetries = 5 })
        let item = try #require(floor.first())
        floor.end(code: 1)
        let before = floor.entry(job, 0)?.attempt
        floor.apply(.workExited(item.node, item.work, floor.result(.exited(0))))
        floor.apply(.workReturned(item.node, item.work))
        floor.apply(.workStarted(item.node, item.work))
        #expect(floor.entry(job, 0)?.attempt == before)
        #expect(floor.state(job, 0) == .running)
        #expect(floor.engine.counts(job)?.running == 2)
    }

    @Test func terminatedTaskIsEndedWhereverItIs() throws {
        let floor = Floor()
        let job = floor.addJob(.free(2), .one { $1.maxTaskRetries = -1 })
        floor.apply(.taskTerminated(TaskKey(job: job, ordinal: 1)))
        #expect(floor.state(job, 1) == .completed)
        floor.apply(.taskTerminated(TaskKey(job: job, ordinal: 0)))
        #expect(floor.state(job, 0) == .running)
        #expect(floor.count { if case .killWork(_, _, .endedByUser) = $0 { true } else { false } } == 1)
        // Whatever its exit says: it was being ended.
        floor.end(code: 143)
        #expect(floor.engine.counts(job)?.failed == 2)
        #expect(floor.engine.job(job)?.state == .completed)
    }

    @Test func terminatedTaskOnALostNodeIsNotRunAgain() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.apply(.taskTerminated(TaskKey(job: job, ordinal: 0)))
        floor.lose(0)
        #expect(floor.state(job, 0) == .completed)
        #expect(floor.progress(job, 0).last?.result?.failure?.code == "TaskEnded")
    }

    /// The order to end it may have died with the service: the next one gives it again, by what is stored of the task or
    /// of its job.
    @Test(
        arguments: [
            // state of the job, of the task, failed tasks when it has come back; nil where the job has gone
            (.active, true, 1), (.terminating, false, 1), (.deleting, false, nil), (.disabling, false, 0),
            (.active, false, 0),
        ] as [(JobState, Bool, Int?)])
    func endOfATaskIsAskedForAfterARestart(_ state: JobState, isEnding: Bool, failed: Int?) throws {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        let item = try #require(floor.first())
        var row = try #require(floor.entry(job, 0))
        row.isEnding = isEnding
        let known = floor.engine.job(job)
        var record = try #require(known)
        record.state = state
        var engine = Engine.restored(from: floor.writes + [.putJob(record)], [:], at: floor.now)
        engine.restoreTask(row.key, template: 0, number: nil)
        engine.restoreProgress(row)
        engine.finishRestoring(at: floor.now)
        engine.apply(.nodeConnected(item.node, running: [item.work], queued: []), at: floor.now)
        let end = Effect.killWork(item.node, item.work, .endedByUser)
        #expect(
            engine.takeTurn(at: floor.now).effects == (state == .active && !isEnding ? [] : [end]))
        engine.apply(.workReturned(item.node, item.work), at: floor.now)
        #expect(engine.counts(job)?.failed == failed)
    }

    /// The agent gives the task back on its own while the order to end it is on its way: it finds nothing to kill.
    @Test func returnedTaskThatIsBeingEndedEndsAndItsJobGoesOn() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.apply(.taskTerminated(TaskKey(job: job, ordinal: 0)))
        floor.giveBack()
        #expect(floor.state(job, 0) == .completed)
        #expect(floor.progress(job, 0).last?.result?.failure?.code == "TaskEnded")
        #expect(floor.engine.job(job)?.state == .completed)
        #expect(floor.running() == [])
    }

    @Test(arguments: [true, false])
    func jobThatEndsDoesSoWhenItsTasksAreReturned(isDeleted: Bool) {
        let floor = Floor(slots: 2)
        let job = floor.addJob(.free(2))
        floor.apply(isDeleted ? .jobDeleted(job) : .jobTerminated(job, reason: "x"))
        floor.giveBack()
        floor.giveBack()
        #expect(floor.engine.job(job)?.state == (isDeleted ? nil : .completed))
    }

    @Test func jobIsDisabledWhenItsTasksAreReturned() {
        let floor = Floor()
        let job = floor.addJob(.free(1))
        floor.apply(.jobDisabled(job))
        floor.giveBack()
        #expect(floor.engine.job(job)?.state == .disabled)
        floor.apply(.jobEnabled(job))
        #expect(floor.running() == [0])
        // It never ran, so it is the same attempt and no requeue.
        #expect(floor.entry(job, 0)?.attempt == 1)
        #expect(floor.entry(job, 0)?.requeueCount == 0)
    }

    /// An exit of its own was faster than the kill: it counts, or the task would run again after it had succeeded.
    @Test(arguments: [Int32(0), 1])
    func exitOfItsOwnStandsWhileAJobIsDisabled(code: Int32) {
        let floor = Floor()
        let job = floor.addJob(.free(1), .one { $1.maxTaskRetries = 1 })
        floor.apply(.jobDisabled(job))
        floor.end(code: code)
        #expect(floor.engine.counts(job)?.succeeded == (code == 0 ? 1 : 0))
        #expect(floor.entry(job, 0)?.retryCount == code)
        #expect(floor.entry(job, 0)?.requeueCount == 0)
    }

    /// Twice in one turn, before the database knows of it; of a living job and of one that has ended.
    @Test func deletingATaskTwiceCountsOnce() {
        let floor = Floor()
        let job = floor.addJob(.free(3))
        _ = floor.endAll()
        let key = TaskKey(job: job, ordinal: 0)
        floor.apply(
            .endedTaskDeleted(key, succeeded: true), .endedTaskDeleted(key, succeeded: true))
        #expect(floor.engine.counts(job)?.succeeded == 2)
        let other = floor.addJob(.free(1), autoComplete: true)
        let last = TaskKey(job: other, ordinal: 0)
        floor.end()
        // The job ends by the first deletion, so the second finds one that has ended.
        let third = floor.addJob(.waiting([.task(0)]))
        let only = TaskKey(job: third, ordinal: 0)
        floor.apply(.taskDeleted(only), .endedTaskDeleted(only, succeeded: nil))
        #expect(floor.engine.counts(third)?.active == 0)
        floor.apply(.endedTaskDeleted(last, succeeded: true))
        #expect(floor.engine.counts(other)?.succeeded == 0)
    }

    @Test func deletedTaskIsNeitherRunNorCountedNorWaitedFor() {
        let floor = Floor()
        let job = floor.addJob(.waiting([], [], [.task(1)]))
        let key = TaskKey(job: job, ordinal: 1)
        floor.apply(.taskDeleted(key))
        // Whatever comes for it in the same turn or later finds nothing.
        floor.apply(.taskDeleted(key), .taskTerminated(key))
        #expect(floor.engine.counts(job)?.total == 2)
        floor.end()
        #expect(floor.running() == [])
        #expect(floor.engine.waitReason(job) == .dependencies(example: 2, count: 1))
        floor.apply(.taskDeleted(TaskKey(job: job, ordinal: 2)))
        #expect(floor.engine.job(job)?.state == .completed)
    }

    /// Else a service that never stops would hold every task that it ever had.
    @Test func completedJobKeepsItsCountsOnly() {
        let floor = Floor()
        let job = floor.addJob(.free(100))
        #expect(floor.endAll().count == 100)
        #expect(floor.engine.footprint.tasks == 0)
        #expect(floor.engine.counts(job)?.succeeded == 100)
        // Echoes and late wishes find nothing, and a task is deleted all the same.
        floor.apply(
            .taskTerminated(TaskKey(job: job, ordinal: 3)), .taskDeleted(TaskKey(job: job, ordinal: 3)))
        floor.apply(.endedTaskDeleted(TaskKey(job: job, ordinal: 3), succeeded: true))
        #expect(floor.engine.counts(job)?.succeeded == 99)
        floor.apply(.jobDeleted(job))
        #expect(floor.engine.job(job) == nil)
    }

    /// A task may wait for one that came after it, and that one may be deleted.
    @Test func taskThatWaitsForADeletedLastTaskIsRestored() {
        let floor = Floor()
        let job = floor.addJob(.waiting([.task(1)], []), autoComplete: false)
        floor.apply(.taskDeleted(TaskKey(job: job, ordinal: 1)))
        floor.end()
        var engine = Engine.restored(from: floor.writes, [:], at: floor.now)
        engine.restoreTask(TaskKey(job: job, ordinal: 0), template: 0, number: nil)
        engine.restoreHoles(of: job)
        engine.restoreDependencies([.task(1)], of: TaskKey(job: job, ordinal: 0))
        engine.finishRestoring(at: floor.now)
        #expect(engine.waitReason(job) == .dependencies(example: 0, count: 1))
    }

    /// Its ordinal stays its own: the database has given the next one to the next task.
    @Test func deletedLastTaskLeavesAHoleAfterARestart() throws {
        let floor = Floor()
        let job = floor.addJob(.free(2), autoComplete: false)
        floor.apply(.taskDeleted(TaskKey(job: job, ordinal: 1)))
        var engine = Engine.restored(from: floor.writes, [:], at: floor.now)
        engine.restoreTask(TaskKey(job: job, ordinal: 0), template: 0, number: nil)
        engine.finishRestoring(at: floor.now)
        engine.apply(.tasksAdded(job: job, .free(1), JobAddition()), at: floor.now)
        #expect(engine.job(job)?.taskCount == 3)
        #expect(engine.state(of: TaskKey(job: job, ordinal: 1)) == nil)
        #expect(engine.state(of: TaskKey(job: job, ordinal: 2)) == .active)
        #expect(engine.counts(job)?.active == 2)
    }
}
