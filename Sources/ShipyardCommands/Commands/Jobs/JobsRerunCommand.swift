import ShipyardAPI

/// `jobs rerun`: tasks that ended run again.
enum JobsRerunCommand {
    static let command = Command("rerun", "run tasks of a job again that have ended")
        .details(
            "The job keeps its id, its plan and the record of every attempt. A job that had ended goes on, with what of it "
                + "never ran; a pool that it had made for itself is made again. What is not run again stays as it is, and "
                + "its files and outputs are there for what is.",
            "--failed runs what failed, and all that comes after it. Tasks that run now are refused by name, and nothing is "
                + "changed then. With --wait the exit code is the outcome."
        )
        .takes(Argument("JOB", "the job; default the one of --jobid", optional: true, values: .id(.job)))
        .options(
            .flag("failed", "tasks that failed, and all that come after them"),
            .value("task", "ID", values: .id(.task), repeats: true, "just this task"),
            .value("from", "ID", values: .id(.task), repeats: true, "this task and all that come after it"),
            .flag("all", "every task of the job"), SharedOptions.jobID,
            .flag("wait", "follow the job to its end; the exit code is the outcome")
        )
        .example("jobs rerun ingest --failed --wait", "runs again what failed, and follows it")
        .example("jobs rerun ingest --from convert", "runs a step and all that come after it")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let body = try body(invocation)
        let job = try JobArgument.job(invocation)
        let service = try invocation.service()
        let answer: RerunResponse = try service.postOnce(ServiceClient.job(job) / "rerun", body)
        for line in lines(answer, body) { invocation.console.say(line) }
        let isNothing = answer.tasksRerun + answer.tasksWaiting == 0 && !answer.wasReopened
        guard invocation.has("wait"), !isNothing else { return .done }
        return try JobFollower(service, invocation.console, home: invocation.arguments["home"]).follow(
            [answer.jobId], numbers: [answer.jobId: answer.number])
    }

    private static func body(_ invocation: Invocation) throws(CommandFailure) -> RerunRequestBody {
        let choices = ["failed", "task", "from", "all"].filter(invocation.has)
        guard choices.count == 1 else {
            throw .usage(
                choices.isEmpty
                    ? "say which tasks: `--failed`, `--task ID`, `--from ID` or `--all`"
                    : "`--\(choices[0])` and `--\(choices[1])` exclude each other")
        }
        var body = RerunRequestBody()
        switch choices[0] {
        case "failed": body.failed = true
        case "all": body.all = true
        case "task": body.tasks = invocation.arguments.all("task")
        default: body.from = invocation.arguments.all("from")
        }
        body.submissionId = ServiceClient.randomIdentity()
        return body
    }

    private static func lines(_ answer: RerunResponse, _ body: RerunRequestBody) -> [String] {
        let job = "job \(answer.jobId)"
        if answer.tasksRerun == 0, !answer.wasReopened {
            guard answer.tasksWaiting == 0 else {
                return ["\(job): \(counted(answer.tasksWaiting, "task")) to run already, nothing else was asked for"]
            }
            return ["\(job): nothing to run again" + (body.failed == true ? ", as no task has failed" : "")]
        }
        var text = "\(job): \(counted(answer.tasksRerun, "task")) to run again"
        if answer.tasksWaiting > 0 { text += "; of those after them \(answer.tasksWaiting) had not run yet" }
        var lines = [text]
        if answer.otherTasks > 0 {
            lines.append("  the job goes on, so \(counted(answer.otherTasks, "other task")) that never ran may run as well")
        }
        if answer.poolWasMade { lines.append("  pool \(answer.poolId) was gone and is made again") }
        if answer.jobState == "disabled" || answer.jobState == "disabling" {
            lines.append("  the job is disabled: shipyard-swift jobs enable --jobid \(answer.jobId)")
        }
        return lines
    }
}

/// The job of commands that take one as a word.
enum JobArgument {
    static func job(_ invocation: Invocation) throws(CommandFailure) -> String {
        let (word, option) = (invocation.arguments.ownWords.first, invocation.arguments["jobid"])
        guard word == nil || option == nil else {
            throw .usage("give the job either as a word or with `--jobid`")
        }
        if let id = word ?? option { return id }
        let jobs = try SpecIDs(invocation).jobs()
        guard jobs.count == 1 else { throw .usage("jobs.yaml has \(jobs.count) jobs: say which") }
        return jobs[0]
    }
}
