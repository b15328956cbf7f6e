import ShipyardAPI

/// What a command about jobs means: a job, or the schedule of one with a `recurrence`.
enum JobTarget: Hashable {
    case job(String), schedule(String)
}

/// Walks the jobs that `jobs term` and its like mean, asking for each.
struct JobSelection {
    static let options: [Option] = [
        .flag("all-jobs", "every job of this home"), SharedOptions.jobID, SharedOptions.jobScheduleID,
        .flag("all-jobschedules", "every job schedule of this home"),
        .flag("termtasks", "terminate running tasks first (they are, always)"), SharedOptions.wait,
    ]

    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// Runs `body` for everything chosen whose question was answered with yes; returns that.
    func each(
        _ action: String, _ service: ServiceClient, _ body: (JobTarget) throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> [JobTarget] {
        var chosen: [JobTarget] = []
        for target in try targets(service) {
            guard try isMeant(action, target, service) else { continue }
            try body(target)
            chosen.append(target)
        }
        return chosen
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

    /// What the options name, else what the jobs file has.
    func targets(_ service: ServiceClient) throws(CommandFailure) -> [JobTarget] {
        let named = [
            ("all-jobs", "jobid"), ("all-jobschedules", "jobscheduleid"), ("jobid", "jobscheduleid"),
        ]
        for (one, other) in named where invocation.has(one) && invocation.has(other) {
            throw .usage("`--\(one)` and `--\(other)` exclude each other")
        }
        if let id = invocation.arguments["jobscheduleid"] { return [.schedule(id)] }
        var targets: [JobTarget] = []
        if invocation.has("all-jobschedules") {
            // Those of schedules files are told apart: `schedules del` is for them.
            targets = try service.schedules().filter(\.isRecurrence).map { .schedule($0.id) }
        }
        // Jobs of a schedule's runs come and go with it, and are jobs all the same.
        if invocation.has("all-jobs") { targets += try service.jobs().map { .job($0.id) } }
        guard !invocation.has("all-jobs"), !invocation.has("all-jobschedules") else { return targets }
        return try SpecIDs(invocation).targets()
    }
}
