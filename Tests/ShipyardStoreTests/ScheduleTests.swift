import ShipyardModel
import Testing

@testable import ShipyardStore

struct ScheduleTests {
    private let store = try! StoreWriter(path: ":memory:")

    private func record(_ number: UInt32, _ id: String) -> ScheduleRecord {
        var record = ScheduleRecord(
            number: number, id: ScheduleID(id)!, isRecurrence: number % 2 == 0, state: .disabled,
            cursor: Instant(milliseconds: 5), creationTime: Instant(milliseconds: 3))
        record.version = 2
        record.lastRun = 7
        record.failedStarts = 3
        record.stateTransitionTime = Instant(milliseconds: 4)
        record.backfillParallel = 9
        record.pool = PoolID("farm_s1")
        return record
    }

    private func version(_ schedule: UInt32, _ version: Int, _ bundle: String) -> ScheduleVersionRecord {
        ScheduleVersionRecord(
            schedule: schedule, version: version, definition: "{\"v\":\(version)}", bundle: bundle,
            time: Instant(milliseconds: 6))
    }

    private func run(_ number: UInt32, _ cause: RunCause, due: Int64, _ state: RunState) -> RunRecord {
        var run = RunRecord(
            RunKey(schedule: 1, number: number), cause, due: Instant(milliseconds: due), version: 2,
            recordTime: Instant(milliseconds: due + 1))
        run.state = state
        return run
    }

    @Test func schedulesAreReadAsTheyWereWritten() throws {
        let (first, second) = (record(1, "a"), record(2, "b"))
        try store.commit([
            .putSchedule(first), .putSchedule(second),
            .addScheduleVersion(version(1, 1, "x"), bundle: "one"),
            .addScheduleVersion(version(1, 2, "y"), bundle: "two"),
            .addScheduleVersion(version(2, 2, "y"), bundle: "two"),
        ])
        #expect(try store.schedules() == [first, second])
        #expect(try store.schedule(ScheduleID("b")!) == second)
        #expect(try store.newestScheduleVersions()[1] == version(1, 2, "y"))
        #expect(try store.scheduleVersion(1, 1) == version(1, 1, "x"))
        #expect(try store.bundle("x") == "one" && store.bundle("y") == "two")
        // What another needs stays.
        try store.commit([.deleteSchedule(1)])
        #expect(try store.schedules() == [second])
        #expect(try store.bundle("x") == nil && store.bundle("y") == "two")
        #expect(try store.scheduleVersion(1, 1) == nil)
        #expect(try store.reserveScheduleNumber() == 1 && store.reserveScheduleNumber() == 2)
    }

    @Test func runsAreReadAsTheyWereWritten() throws {
        var whole = run(1, .run(RunKey(schedule: 4, number: 5)), due: 10, .failed)
        whole.dueUntil = Instant(milliseconds: 11)
        whole.begin = Instant(milliseconds: 12)
        whole.attempt = 3
        whole.startTime = Instant(milliseconds: 13)
        whole.endTime = Instant(milliseconds: 14)
        whole.reason = "why"
        whole.parameters = "{}"
        whole.request = "key"
        var skipped = run(2, .clock, due: 20, .skipped)
        skipped.skip = .startWindow
        let others = [
            run(3, .job(9), due: 30, .scheduled), run(4, .event(77), due: 40, .queued),
            run(5, .user, due: 50, .starting), run(6, .backfill, due: 60, .active),
            run(7, .clock, due: 70, .succeeded),
        ]
        let job = RunJobRecord(run: whole.key, attempt: 2, job: 8, id: JobID("a", run: 1, attempt: 2, of: ScheduleID("s")!))
        try store.commit(
            [.putSchedule(record(1, "s")), .putRun(whole), .putRun(skipped), .putRunJob(job)]
                + others.map(StoreWrite.putRun))
        #expect(try store.run(whole.key) == whole)
        #expect(try store.runs(of: 1, limit: 100).reversed() == [whole, skipped] + others)
        #expect(try store.runs(of: 1, before: 4, limit: 2).map(\.key.number) == [3, 2])
        #expect(try store.runsUnderWay() == others.dropLast())
        #expect(try store.run(of: 1, request: "key") == whole && store.run(of: 1, request: "other") == nil)
        #expect(try store.runJobs() == [job] && store.runJobs(of: whole.key) == [job])
        #expect(try store.endedRuns(of: 1).map(\.number) == [1, 2, 7])
        #expect(try store.dueTimesOfRuns(after: Instant(milliseconds: 20)) == [1: [Instant(milliseconds: 70)]])
        #expect(try store.dueTimesOfRuns() == [1: [Instant(milliseconds: 70)]])
        let range = Instant(milliseconds: 10)..<Instant(milliseconds: 30)
        #expect(try store.dueTimesOfRuns(of: 1, in: range) == [Instant(milliseconds: 10)])
        try store.commit([.deleteRun(whole.key)])
        #expect(try store.run(whole.key) == nil && store.runJobs().isEmpty)
    }

    /// Of a row that makes no sense nobody knows whether it has run.
    @Test func unreadableRowsRunNothing() throws {
        try store.commit([.putSchedule(record(1, "s")), .putRun(run(1, .clock, due: 1, .active))])
        try store.database.execute(script: "UPDATE schedules SET state = 'odd'; UPDATE runs SET cause = 'odd'")
        #expect(try store.schedules().map(\.state) == [.disabled])
        let read = try store.run(RunKey(schedule: 1, number: 1))
        #expect(read?.state == .failed && read?.reason?.contains("odd") == true)
    }
}
