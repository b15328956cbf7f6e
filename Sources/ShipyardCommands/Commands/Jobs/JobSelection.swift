import ShipyardAPI

/// What a command about jobs means: a job, or the schedule of one with a `recurrence`.
enum JobTarget: Hashable {
    case job(String), schedule(String)
}

/// Walks the jobs that `jobs term` and its like mean, asking for each.
struct JobSelection {
    static let argument = Argument(
        "JOB", "the jobs; default those of --jobid or jobs.yaml", optional: true, repeats: true, values: .id(.job))
    static let options: [Option] = [
        .flag("all-jobs", "every job of this home"), SharedOptions.jobIDs, SharedOptions.jobScheduleID,
        .flag("all-jobschedules", "every job schedule of this home"),
        .flag("termtasks", "terminate running tasks first (they are, always)"), SharedOptions.wait,
    ]

    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// What became of all that was meant: one that is refused keeps nobody from the others.
    struct Outcome {
        /// Those that were done with.
        var done: [JobTarget] = []
        var code = ExitCode.done
    }

    /// Runs `body` for everything chosen whose question was answered with yes; returns that.
    func each(
        _ action: String, _ service: ServiceClient, _ body: (JobTarget) throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> Outcome {
        try walk(try targets(service)) { target throws(CommandFailure) in
            guard try isMeant(action, target, service) else { return false }
            try body(target)
            return true
        }
    }

    /// Goes on behind a refusal. `body` answers whether it has done something.
    func walk(
        _ targets: [JobTarget], _ body: (JobTarget) throws(CommandFailure) -> Bool
    ) throws(CommandFailure) -> Outcome {
        var outcome = Outcome()
        for target in targets {
            do throws(CommandFailure) {
                if try body(target) { outcome.done.append(target) }
            } catch {
                // Refused by the service: what is next may be another matter. All else would happen again.
                guard error.code == .failed else { throw error }
                if error.serviceCode == "JobCompleted" || error.serviceCode == "JobNotFound", invocation.has("all-jobs") {
                    // Of all jobs, those that have ended or gone are as they should be.
                    continue
                }
                invocation.console.report(error)
                outcome.code = .failed
            }
        }
        return outcome
    }

    /// Asks with what will be lost; where nobody is asked, nothing is looked up.
    private func isMeant(
        _ action: String, _ target: JobTarget, _ service: ServiceClient
    ) throws(CommandFailure) -> Bool {
        let (console, isYes) = (invocation.console, invocation.has("yes"))
        switch target {
        case .schedule(let id):
            let jobs = action == "deleting" ? "the jobs" : "the active job"
            return try console.confirm("\(action) job schedule \(id) with \(jobs) of its runs", yes: isYes)
        case .job(let id):
            guard !isYes, console.canAsk, let job: JobResponse = try service.find(ServiceClient.job(id))
            else {
                return try console.confirm("\(action) job \(id)", yes: isYes)
            }
            let question = action == "deleting" ? Losses.deleting(job) : Losses.terminating(job)
            return try console.confirm(question, yes: false)
        }
    }

    /// What the words and options name, else what the jobs file has. Each once.
    func targets(_ service: ServiceClient) throws(CommandFailure) -> [JobTarget] {
        let words = invocation.arguments.words
        let named = [
            ("all-jobs", "jobid"), ("all-jobschedules", "jobscheduleid"), ("jobid", "jobscheduleid"),
        ]
        for (one, other) in named where invocation.has(one) && invocation.has(other) {
            throw .usage("`--\(one)` and `--\(other)` exclude each other")
        }
        for option in ["all-jobs", "all-jobschedules", "jobid", "jobscheduleid"]
        where !words.isEmpty && invocation.has(option) {
            throw .usage("name the jobs as words or with `--\(option)`, not both")
        }
        if invocation.has("jobscheduleid") { return once(invocation.arguments.all("jobscheduleid").map { .schedule($0) }) }
        let ids = words + invocation.arguments.all("jobid")
        if !ids.isEmpty { return once(ids.map { .job($0) }) }
        var targets: [JobTarget] = []
        if invocation.has("all-jobschedules") {
            // Those of schedules files are told apart: `schedules del` is for them.
            targets = try service.schedules().filter(\.isRecurrence).map { .schedule($0.id) }
        }
        // Jobs of a schedule's runs come and go with it, and are jobs all the same.
        if invocation.has("all-jobs") { targets += try service.jobs().filter(isMeantByAll).map { .job($0.id) } }
        guard !invocation.has("all-jobs"), !invocation.has("all-jobschedules") else { return targets }
        return try SpecIDs(invocation).targets()
    }

    /// What has ended need not be ended, and nobody is asked about it.
    private func isMeantByAll(_ job: JobResponse) -> Bool {
        invocation.path != ["jobs", "term"] || !["completed", "deleting"].contains(job.state)
    }

    private func once(_ targets: [JobTarget]) -> [JobTarget] {
        var seen: Set<JobTarget> = []
        return targets.filter { seen.insert($0).inserted }
    }
}
