import Glibc
import ShipyardAPI
import ShipyardModel

/// `jobs tasks list`.
enum TasksListCommand {
    static let command = Command("list", "list the tasks of jobs")
        .options(
            .flag("all", "the tasks of every job of this home"),
            SharedOptions.jobID, SharedOptions.taskID,
            .flag("failed", "only tasks that failed"),
            .flag("poll-until-tasks-complete", "list again every 5 seconds until all tasks have ended")
        )
        .example("jobs tasks list --jobid sweep --failed", "shows the failed tasks of one job")
        .example("jobs tasks list --jobid sweep --taskid task-00007", "shows one task with its attempts")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let polls = invocation.has("poll-until-tasks-complete")
        if polls, invocation.isRaw {
            throw .usage("`--poll-until-tasks-complete` and `--raw` exclude each other")
        }
        if invocation.has("all"), invocation.has("jobid") {
            throw .usage("`--all` and `--jobid` exclude each other")
        }
        if invocation.has("taskid") { return try showOne(invocation) }
        let service = try invocation.service()
        let jobs = invocation.has("all") ? try service.jobs().map(\.id) : try SpecIDs(invocation).jobs()
        while true {
            try show(jobs, service, invocation)
            guard polls, try anyOpen(jobs, service) else { return .done }
            invocation.console.flush()
            sleep(5)
        }
    }

    private static func show(
        _ jobs: [String], _ service: ServiceClient, _ invocation: Invocation
    ) throws(CommandFailure) {
        if invocation.isRaw { return try showRaw(jobs, service, invocation) }
        for job in jobs {
            var listing = TaskListing(invocation.console, job: job)
            try each(of: job, service, invocation) { listing.add($0) }
            listing.end()
        }
    }

    private static func showRaw(
        _ jobs: [String], _ service: ServiceClient, _ invocation: Invocation
    ) throws(CommandFailure) {
        var listing = RawTaskListing(invocation.console.output)
        for job in jobs.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            // Whether there is such a job is known before anything of it is written.
            var hasBegun = false
            try each(of: job, service, invocation) { task in
                if !hasBegun { listing.begin(job) }
                hasBegun = true
                listing.add(task)
            }
            if !hasBegun { listing.begin(job) }
            listing.end()
        }
        listing.finish()
    }

    private static func each(
        of job: String, _ service: ServiceClient, _ invocation: Invocation, _ body: (TaskLine) -> Void
    ) throws(CommandFailure) {
        let path = (ServiceClient.job(job) / "tasks").query("limit", "all")
            .query("result", invocation.has("failed") ? "failure" : nil)
        try service.eachItem(path) { item throws(JSONError) in
            body(try TaskLine(item))
            return !invocation.console.output.isClosed
        }
    }

    private static func anyOpen(_ jobs: [String], _ service: ServiceClient) throws(CommandFailure) -> Bool {
        for job in jobs {
            let counts: TaskCountsResponse = try service.get(ServiceClient.job(job) / "taskcounts")
            if counts.active + counts.running > 0 { return true }
        }
        return false
    }

    private static func showOne(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let job = try SpecIDs(invocation).singleJob(for: "taskid")
        let id = invocation.arguments["taskid"] ?? ""
        let task: TaskResponse = try invocation.service().get(ServiceClient.task(id, of: job))
        if invocation.isRaw {
            invocation.console.printRaw(RawShape.task(task))
        } else {
            for line in TaskDetails.lines(task) { invocation.console.print(line) }
        }
        return .done
    }
}
