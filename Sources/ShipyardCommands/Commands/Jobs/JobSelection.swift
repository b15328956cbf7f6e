import ShipyardAPI

/// Walks the jobs that `jobs term` and `jobs del` mean, asking for each.
struct JobSelection {
    static let options: [Option] = [
        .flag("all-jobs", "every job of this home"), SharedOptions.jobID, SharedOptions.jobScheduleID,
        .flag("all-jobschedules", "every job schedule of this home"),
        .flag("termtasks", "terminate running tasks first (they are, always)"), SharedOptions.wait,
    ]

    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// Runs `body` for every chosen job whose question was answered with yes; returns those.
    func each(
        _ action: String, _ service: ServiceClient, _ body: (String) throws(CommandFailure) -> Void
    ) throws(CommandFailure) -> [String] {
        var chosen: [String] = []
        for id in try ids(service) {
            guard try isMeant(action, id, service) else { continue }
            try body(id)
            chosen.append(id)
        }
        return chosen
    }

    /// Asks with what will be lost; where nobody is asked, nothing is looked up.
    private func isMeant(
        _ action: String, _ id: String, _ service: ServiceClient
    ) throws(CommandFailure) -> Bool {
        let (console, isYes) = (invocation.console, invocation.has("yes"))
        guard !isYes, console.canAsk, let job: JobResponse = try service.find(ServiceClient.job(id)) else {
            return try console.confirm("\(action) job \(id)", yes: isYes)
        }
        let question = action == "deleting" ? Losses.deleting(job) : Losses.terminating(job)
        return try console.confirm(question, yes: false)
    }

    private func ids(_ service: ServiceClient) throws(CommandFailure) -> [String] {
        let (all, one) = (invocation.has("all-jobs"), invocation.has("jobid"))
        if all, one { throw .usage("`--all-jobs` and `--jobid` exclude each other") }
        if invocation.has("jobscheduleid") || invocation.has("all-jobschedules") {
            throw CommandFailure(.failed, "there are no job schedules yet")
        }
        return all ? try service.jobs().map(\.id) : try SpecIDs(invocation).jobs()
    }
}
