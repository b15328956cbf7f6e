import ShipyardAPI

/// `jobs stats`: what jobs have done and how long their tasks took.
enum JobsStatsCommand {
    static let command = Command("stats", "show what jobs have done and how long their tasks took")
        .options(SharedOptions.jobID)
        .example("jobs stats --jobid sweep", "shows one job; without --jobid all jobs of the home")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        var jobs: [JobResponse]
        if let id = invocation.arguments["jobid"] {
            jobs = [try service.get(ServiceClient.job(id))]
        } else {
            jobs = try service.jobs()
        }
        guard !jobs.isEmpty else {
            invocation.console.say("no jobs found")
            return .done
        }
        for job in jobs {
            var times = TaskTimes()
            try service.eachTask(of: job.id) { page throws(CommandFailure) in
                for task in page { times.add(task.executionInfo, of: task.id) }
                return true
            }
            for line in lines(job, times) { invocation.console.print(line) }
        }
        return .done
    }

    static func lines(_ job: JobResponse, _ times: TaskTimes) -> [String] {
        let counts = job.taskCounts
        var lines = [
            "job \(job.id): \(job.state)" + (job.terminateReason.map { " (\($0))" } ?? "")
                + ", pool \(job.poolId)",
            "  tasks: \(counts.total): \(counts.active) active, \(counts.running) running, "
                + "\(counts.succeeded) succeeded, \(counts.failed) failed",
            "  retries: \(times.retries), requeues: \(times.requeues)",
        ]
        guard times.count > 0 else { return lines }
        let mean = durationText(seconds: times.wallSeconds / Double(times.count))
        lines.append(
            "  wall time: \(durationText(seconds: times.wallSeconds)) in all, \(mean) for a task, "
                + "\(durationText(seconds: times.longestSeconds)) the longest (\(times.longestTask))")
        lines.append("  CPU time: \(durationText(seconds: times.cpuSeconds))")
        return lines
    }
}

/// Sums over the tasks of a job.
struct TaskTimes {
    private(set) var count = 0
    private(set) var wallSeconds = 0.0
    private(set) var cpuSeconds = 0.0
    private(set) var longestSeconds = 0.0
    private(set) var longestTask = ""
    private(set) var retries = 0
    private(set) var requeues = 0

    mutating func add(_ info: ExecutionResponse, of task: String) {
        retries += info.retryCount
        requeues += info.requeueCount
        guard let wall = info.wallTimeMilliseconds else { return }
        count += 1
        wallSeconds += wall / 1000
        cpuSeconds += ((info.userTimeMilliseconds ?? 0) + (info.systemTimeMilliseconds ?? 0)) / 1000
        if wall / 1000 >= longestSeconds { (longestSeconds, longestTask) = (wall / 1000, task) }
    }
}
