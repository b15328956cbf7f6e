import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `jobs list`.
enum JobsListCommand {
    static let command = Command("list", "list the jobs")
        .options(
            .value("jobid", "ID", aliases: ["job-id"], values: .id(.job), "only this job; default all of them"),
            SharedOptions.jobScheduleID)
        .example("jobs list", "shows every job with its tasks by state")
        .example("jobs list --jobid sweep --raw", "prints one job as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (service, console) = (try invocation.service(), invocation.console)
        if let id = invocation.arguments["jobscheduleid"] {
            let schedule: ScheduleResponse = try service.get(ServiceClient.schedule(id))
            if invocation.isRaw {
                console.printRaw(RawShape.jobSchedule(schedule))
            } else {
                SchedulesListCommand.print([schedule], on: console, at: SystemClock.now())
            }
            return .done
        }
        if let id = invocation.arguments["jobid"] {
            let job: JobResponse = try service.get(ServiceClient.job(id))
            invocation.isRaw ? console.printRaw(RawShape.job(job)) : show([job], on: console)
            return .done
        }
        let jobs = try service.jobs()
        let schedules = try service.schedules()
        if invocation.isRaw {
            console.printRaw([
                "jobs": RawShape.pages("jobs", jobs.map(RawShape.job)),
                "job_schedules": RawShape.pages("jobschedules", schedules.map(RawShape.jobSchedule)),
            ])
        } else {
            show(jobs, on: console)
            guard !schedules.isEmpty else { return .done }
            console.print("")
            SchedulesListCommand.print(schedules, on: console, at: SystemClock.now())
        }
        return .done
    }

    private static func show(_ jobs: [JobResponse], on console: Console) {
        guard !jobs.isEmpty else { return console.say("no jobs found") }
        var table = Table()
        for title in ["job", "state", "pool"] { table.column(title) }
        for title in ["priority", "active", "running", "succeeded", "failed"] { table.column(title, .right) }
        for title in ["created", "reason"] { table.column(title) }
        let now = SystemClock.now()
        for job in jobs { table.row(row(job, at: now)) }
        console.print(table)
        if let problem = jobs.lazy.compactMap(\.stateProblem).first {
            console.warn("nothing moves until this is over: \(DisplayText.printable(problem))")
        }
    }

    static func reason(_ job: JobResponse) -> String {
        job.isBlocked ? "blocked: \(job.blockedReason ?? "")" : job.terminateReason ?? ""
    }

    private static func row(_ job: JobResponse, at now: Instant) -> [String] {
        let counts = job.taskCounts
        return [
            job.id, job.state, job.poolId, String(job.priority), String(counts.active),
            String(counts.running), String(counts.succeeded), String(counts.failed), LocalTime.text(job.creationTime, at: now), reason(job),
        ]
    }
}
