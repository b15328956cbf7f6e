import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `schedules list`.
enum SchedulesListCommand {
    static let command = Command("list", "list the schedules with their next run and last outcome")
        .details(
            "With an ID everything about one schedule. Jobs with a `recurrence` are schedules too. Times are by the "
                + "schedule's own clock."
        )
        .takes(Argument("ID", "one schedule; else all", optional: true, values: .id(.schedule)))
        .example("schedules list", "shows every schedule")
        .example("schedules list nightly --raw", "prints one schedule as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (service, console) = (try invocation.service(), invocation.console)
        if let id = invocation.arguments.words.first {
            if invocation.isRaw {
                console.printRaw(try service.tree(ServiceClient.schedule(id)))
            } else {
                show(try service.get(ServiceClient.schedule(id)), on: console, at: SystemClock.now())
            }
            return .done
        }
        if invocation.isRaw {
            let tree = try service.tree("/schedules")
            console.printRaw(RawShape.pages("schedules", tree["value"]?.arrayValue ?? []))
            return .done
        }
        let schedules = try service.schedules()
        guard !schedules.isEmpty else {
            console.say("no schedules found")
            return .done
        }
        print(schedules, on: console, at: SystemClock.now())
        return .done
    }

    static func print(_ schedules: [ScheduleResponse], on console: Console, at now: Instant) {
        var table = Table()
        for title in ["schedule", "state", "next run", "", "active runs"] { table.column(title) }
        table.column("version", .right)
        table.column("last outcome")
        for schedule in schedules { table.row(row(schedule, at: now)) }
        console.print(table)
        for schedule in schedules {
            if let problem = schedule.problem {
                console.warn("schedule \(schedule.id) cannot be used: \(DisplayText.printable(problem))")
            }
            if let alarm = ScheduleText.alarm(schedule) { console.warn(DisplayText.printable(alarm)) }
        }
    }

    private static func row(_ schedule: ScheduleResponse, at now: Instant) -> [String] {
        let next = schedule.executionInfo.nextRunTime
        var running = schedule.activeRuns.map { "#\($0)" }.joined(separator: ", ")
        if schedule.queuedRuns > 0 {
            running += (running.isEmpty ? "" : ", ") + "\(schedule.queuedRuns) waiting"
        }
        return [
            schedule.id, schedule.state, schedule.nextRunTimeLocal ?? next ?? "",
            next.flatMap { ScheduleText.distance($0, at: now) } ?? "", running, String(schedule.version),
            ScheduleText.outcome(schedule.lastRun),
        ]
    }

    private static func show(_ schedule: ScheduleResponse, on console: Console, at now: Instant) {
        console.print("schedule \(schedule.id): \(schedule.state), version \(schedule.version)")
        if schedule.isRecurrence { console.print("  of a job with a `recurrence`") }
        for key in schedule.keys ?? [] {
            console.print("  \(key.name): \(DisplayText.printable(key.value))")
        }
        if let next = schedule.executionInfo.nextRunTime {
            console.print(
                "  next run: \(schedule.nextRunTimeLocal ?? next)" + ScheduleText.inBrackets(next, at: now))
        }
        if let job = schedule.executionInfo.recentJob { console.print("  latest job: \(job.id)") }
        if let last = schedule.lastRun { console.print("  last outcome: \(ScheduleText.outcome(last))") }
        if let problem = schedule.problem {
            console.warn("it cannot be used: \(DisplayText.printable(problem))")
        }
        if let alarm = ScheduleText.alarm(schedule) { console.warn(DisplayText.printable(alarm)) }
    }
}

/// `schedules history`.
enum SchedulesHistoryCommand {
    static let command = Command("history", "show the runs of a schedule, the latest first")
        .details(
            "A run has the time at which it was due, when it started and how much later that was, how it ended or why it was "
                + "skipped, the version of the schedule that it ran, and its jobs. Times are by the schedule's clock."
        )
        .takes(Argument("ID", "the schedule", values: .id(.schedule)))
        .options(.value("limit", "N", values: .number, "how many runs; default 20"))
        .example("schedules history nightly", "shows the last twenty runs")
        .example("schedules history nightly --limit 1000 --raw", "prints them as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = invocation.arguments.words.first ?? ""
        let limit = max(1, try invocation.arguments.number("limit") ?? 20)
        let (service, console) = (try invocation.service(), invocation.console)
        if invocation.isRaw {
            let path = (ServiceClient.schedule(id) / "runs").query("limit", String(min(limit, 1000)))
            console.printRaw(RawShape.pages("runs", try service.tree(path)["value"]?.arrayValue ?? []))
            return .done
        }
        let runs = try service.runs(of: id, count: limit)
        guard !runs.isEmpty else {
            console.say("schedule \(id) has had no run")
            return .done
        }
        var table = Table()
        table.column("run", .right)
        for title in ["due", "started", "delay", "outcome", "by"] { table.column(title) }
        table.column("version", .right)
        for title in ["jobs", "reason"] { table.column(title) }
        for run in runs { table.row(row(run)) }
        console.print(table)
        return .done
    }

    private static func row(_ run: RunResponse) -> [String] {
        let due = run.dueTimeLocal ?? run.dueTime
        let delay = run.delayMilliseconds.map { $0 < 0 ? "" : ScheduleText.length($0) } ?? ""
        let outcome = run.state + (run.attempt > 1 ? ", attempt \(run.attempt)" : "")
        return [
            String(run.number), run.dueUntilTime.map { "\(due) to \($0)" } ?? due,
            run.startTimeLocal ?? run.startTime ?? "", delay,
            outcome, run.cause, String(run.version), run.jobs.map(\.id).joined(separator: ", "),
            run.reason ?? "",
        ]
    }
}
