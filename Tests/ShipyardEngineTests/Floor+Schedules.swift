import ShipyardCalendar
import ShipyardModel

@testable import ShipyardEngine

/// Schedules on the floor. Whoever makes the jobs of runs does it when a test says so.
extension Floor {
    /// 2030-01-01T00:00:00Z, a Tuesday.
    static let newYear = Instant(milliseconds: 1_893_456_000_000)

    static func at(_ seconds: Int64) -> Instant { newYear + .seconds(seconds) }

    /// Puts the clock at the new year.
    func setClock(_ seconds: Int64 = 0) {
        now.wall = Self.at(seconds)
        now.steady = now.steady + .seconds(1)
    }

    @discardableResult
    func addSchedule(
        _ id: String, every seconds: Int64? = nil, cron: String? = nil,
        _ change: (inout SchedulePolicy, inout Timetable) -> Void = { _, _ in }
    ) -> UInt32 {
        var (policy, table) = (SchedulePolicy(), Timetable())
        if let seconds { table.intervals = [Interval(every: .seconds(seconds), from: Self.newYear)!] }
        if let cron { table.crons = [try! CronExpression(cron)] }
        change(&policy, &table)
        let number = UInt32(engine.schedulesInOrder.count + 1)
        let record = ScheduleRecord(
            number: number, id: ScheduleID(id)!, isRecurrence: false, state: .active,
            cursor: now.wall - TimeSpan(milliseconds: 1), creationTime: now.wall)
        apply(.scheduleAdded(record, ScheduleRules(table, policy)))
        return number
    }

    /// Time passes by both clocks, and nobody is asleep: each moment at which something is due has its turn.
    func pass(to seconds: Int64) {
        let end = Self.at(seconds)
        while let next = engine.nextDeadline, now.wall + (next - now.steady) <= end {
            now = now + max(TimeSpan(milliseconds: 1), next - now.steady)
            apply(.timePassed)
        }
        if end > now.wall { now = now + (end - now.wall) }
        apply(.timePassed)
    }

    /// The machine sleeps, or the service is down: it finds itself so much later.
    func sleep(to seconds: Int64) {
        now = now + (Self.at(seconds) - now.wall)
        apply(.timePassed)
    }

    /// Somebody sets the wall clock. The core finds the times of runs in the database.
    func setWall(to seconds: Int64) {
        now.wall = Self.at(seconds)
        if engine.isBehind(now.wall) {
            let times = runs.filter { $0.state != .skipped && $0.cause == .clock && $0.due > now.wall }
            apply(.clockSetBack(Dictionary(grouping: times, by: \.key.schedule).mapValues { $0.map(\.due) }))
        }
        apply(.timePassed)
    }

    /// Every run as it was written last, in order.
    var runs: [RunRecord] {
        var rows: [RunKey: RunRecord] = [:]
        for write in writes {
            if case .putRun(let run) = write { rows[run.key] = run }
            if case .deleteRun(let key) = write { rows[key] = nil }
        }
        return rows.values.sorted { $0.key < $1.key }
    }

    func run(_ schedule: UInt32, _ number: UInt32) -> RunRecord? {
        runs.first { $0.key == RunKey(schedule: schedule, number: number) }
    }

    /// `2 active +60`: number, state, due time in seconds; why, where it was skipped.
    func told(_ schedule: UInt32 = 1) -> [String] {
        runs.filter { $0.key.schedule == schedule }.map { run in
            var text = "\(run.key.number) \(run.skip?.rawValue ?? run.state.rawValue) "
            text += "+\((run.due - Self.newYear).milliseconds / 1000)"
            if let last = run.dueUntil { text += "…\((last - Self.newYear).milliseconds / 1000)" }
            return text
        }
    }

    /// Runs that the engine has asked to be started, the latest once more where it was asked again.
    var startsAsked: [RunKey] {
        effects.compactMap { if case .startRun(let key) = $0 { key } else { nil } }
    }

    /// Makes the jobs of a run: one of a single task.
    @discardableResult
    func start(_ schedule: UInt32, _ number: UInt32, tasks: [TaskSeed] = .free(1)) -> UInt32 {
        let job = addJob(tasks)
        apply(.runStarted(RunKey(schedule: schedule, number: number), jobs: [job]))
        return job
    }

    /// Every task of the job that is at an agent ends.
    func endJob(_ job: UInt32, code: Int32 = 0) {
        while let item = atAgents.first(where: { TaskKey(rawValue: $0.work.key).job == job }) {
            atAgents.removeAll { $0.work == item.work }
            apply(.workExited(item.node, item.work, result(.exited(code))))
        }
    }

    /// A second engine, as after a restart.
    func restarted() -> Engine {
        var engine = self.restoredJobs()
        var schedules: [UInt32: ScheduleRecord] = [:]
        for write in writes {
            if case .putSchedule(let record) = write { schedules[record.number] = record }
        }
        for record in schedules.values.sorted(by: { $0.number < $1.number }) {
            engine.restoreSchedule(record, self.engine.schedules[record.number]!.rules)
        }
        for run in runs where !run.state.isOver { engine.restoreRun(run) }
        for write in writes { if case .putRunJob(let job) = write { engine.restoreRunJob(job) } }
        engine.finishRestoringSchedules(at: now)
        return engine
    }

    private func restoredJobs() -> Engine { restored() }
}
