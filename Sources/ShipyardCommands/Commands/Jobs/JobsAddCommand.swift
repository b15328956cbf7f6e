import ShipyardAPI

/// `jobs add`: submits the jobs of jobs.yaml.
enum JobsAddCommand {
    static let command = Command("add", "submit the jobs of jobs.yaml")
        .details(
            "Every file is checked first; a spec with an error changes nothing. Tasks are added to a job that is "
                + "still active.",
            "The pool is that of pool.yaml, whose id is all that is looked at. Without such a file it is the one pool that there is; "
                + "of several, none is chosen.",
            "With --wait the command follows the jobs to their end: exit code 0 when every task succeeded, 1 when "
                + "one failed or can never run. Failed tasks are shown with the last lines they wrote."
        )
        .options(
            .flag("recreate", "delete a completed job of the same id first"), SharedOptions.strict,
            SharedOptions.parameter,
            .value("tail", "FILE", "follow this file of the last job's last task"),
            .flag("wait", "follow the jobs to their end; the exit code is the outcome")
        )
        .example("jobs add --configdir etl --wait", "submits the jobs of a directory and follows them")
        .example("jobs add --param scene=opening", "gives a parameter of the jobs its value")
        .example("jobs add --tail stdout.txt", "shows what the last task prints")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var request = try SpecFiles(invocation).submission(
            ["credentials", "config", "pool", "jobs"], needed: ["jobs"])
        request.recreate = invocation.has("recreate")
        request.isStrict = invocation.has("strict")
        request.parameters = try invocation.arguments.parameters()
        request.generated = try GeneratorRuns.made(for: request)
        let service = try invocation.service()
        if request.recreate, try !mayRecreate(request, service, invocation) { return .done }
        let answer: SubmissionResponse = try service.submit("/jobs", request)
        report(answer, on: invocation.console)
        for id in answer.schedules ?? [] {
            let schedule: ScheduleResponse? = try service.find(ServiceClient.schedule(id))
            let next = schedule?.executionInfo.nextRunTime.map { ", next job \($0)" } ?? ""
            invocation.console.say("job schedule \(id) added\(next)")
        }
        if let file = invocation.arguments["tail"], let job = answer.jobs.last {
            try tail(file, of: job.id, service, invocation)
        }
        guard invocation.has("wait") else { return .done }
        return try JobFollower(service, invocation.console, home: invocation.arguments["home"]).follow(
            answer.jobs.map(\.id), numbers: answer.numbers)
    }

    /// `--recreate` loses the records and files of completed jobs: says so, and asks where somebody can answer.
    private static func mayRecreate(
        _ request: SubmissionRequest, _ service: ServiceClient, _ invocation: Invocation
    ) throws(CommandFailure) -> Bool {
        for id in try SpecIDs.jobs(of: request) {
            guard let job: JobResponse = try service.find(ServiceClient.job(id)), job.state == "completed"
            else {
                continue
            }
            guard invocation.console.canAsk, !invocation.has("yes") else {
                invocation.console.say(Losses.deleting(job))
                continue
            }
            guard try invocation.console.confirm(Losses.deleting(job), yes: false) else { return false }
        }
        return true
    }

    static func report(_ answer: SubmissionResponse, on console: Console) {
        for warning in answer.warnings {
            console.messages.write(warning.hasSuffix("\n") ? warning : warning + "\n")
        }
        for job in answer.jobs {
            let tasks = counted(job.tasksAdded, "task")
            console.say(
                job.isNew
                    ? "job \(job.id) added to pool \(job.poolId) with \(tasks)"
                    : "\(tasks) added to job \(job.id) in pool \(job.poolId)")
        }
    }

    /// The last task that is no merge task: a merge task starts only when all others have ended.
    private static func tail(
        _ file: String, of job: String, _ service: ServiceClient, _ invocation: Invocation
    ) throws(CommandFailure) {
        var last: String?
        try service.eachTask(of: job) { page throws(CommandFailure) in
            last = page.last { !$0.isMergeTask }?.id ?? last
            return true
        }
        guard let last else { return }
        let stream = FileStreamer(service, invocation.console)
        try stream.follow(TaskFile(job: job, task: last, file: file))
    }
}
