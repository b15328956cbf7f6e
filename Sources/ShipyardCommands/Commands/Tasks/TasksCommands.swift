import Glibc
import ShipyardAPI
import ShipyardModel

/// `jobs tasks list`.
enum TasksListCommand {
    static let command = Command("list", "list the tasks of jobs")
        .takes(Argument("JOB", "the job; default that of --jobid or those of jobs.yaml", optional: true, values: .id(.job)))
        .options(
            .flag("all", "the tasks of every job of this home"),
            SharedOptions.jobID, SharedOptions.taskID,
            .flag("failed", "only tasks that failed"),
            .flag("poll-until-tasks-complete", "list again every 5 seconds until all tasks have ended")
        )
        .example("jobs tasks list sweep --failed", "shows the failed tasks of one job")
        .example("jobs tasks list --jobid sweep --taskid task-00007", "shows one task with its attempts")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let polls = invocation.has("poll-until-tasks-complete")
        if polls, invocation.isRaw {
            throw .usage("`--poll-until-tasks-complete` and `--raw` exclude each other")
        }
        let word = invocation.arguments.words.first
        guard [invocation.has("all"), invocation.has("jobid"), word != nil].count(where: { $0 }) < 2 else {
            throw .usage("JOB, `--jobid` and `--all` exclude each other")
        }
        if invocation.has("taskid") { return try showOne(invocation) }
        let service = try invocation.service()
        let jobs = invocation.has("all") ? try service.jobs().map(\.id) : try jobs(invocation)
        while true {
            try show(jobs, service, invocation)
            guard polls, try anyOpen(jobs, service) else { return .done }
            invocation.console.flush()
            sleep(5)
        }
    }

    private static func jobs(_ invocation: Invocation) throws(CommandFailure) -> [String] {
        if let word = invocation.arguments.words.first { return [word] }
        return try SpecIDs(invocation).jobs()
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
            .query("tails", invocation.isRaw ? nil : "200")
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
        let word = invocation.arguments.words.first
        let job = if let word { word } else { try SpecIDs(invocation).singleJob(for: "taskid") }
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

/// `jobs tasks count`.
enum TasksCountCommand {
    static let command = Command("count", "count the tasks of jobs by state")
        .options(SharedOptions.jobID)
        .example("jobs tasks count --jobid sweep", "shows how many tasks are active, running, completed")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let jobs = try SpecIDs(invocation).jobs()
        let service = try invocation.service()
        var table = Table()
        table.column("job")
        for title in ["active", "running", "completed", "succeeded", "failed"] { table.column(title, .right) }
        var raw: [(String, JSONValue?)] = []
        for job in jobs {
            let counts: TaskCountsResponse = try service.get(ServiceClient.job(job) / "taskcounts")
            raw.append((job, RawShape.taskCounts(counts)))
            let numbers = [counts.active, counts.running, counts.completed, counts.succeeded, counts.failed]
            table.row([job] + numbers.map(String.init))
        }
        invocation.isRaw ? invocation.console.printRaw(.present(raw)) : invocation.console.print(table)
        return .done
    }
}

/// `jobs tasks term`: ends tasks that run or wait.
enum TasksTerminateCommand {
    static let command = Command("term", "terminate tasks that run or wait")
        .options(
            .flag("force", "also tasks that do not run yet (they are, always)"),
            SharedOptions.jobID, SharedOptions.taskID, SharedOptions.wait
        )
        .example("jobs tasks term --jobid sweep --taskid task-00007 -y", "ends one task")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let selection = try TaskSelection(invocation)
        var ended: [ServicePath] = []
        try selection.each("terminating") { path, task throws(CommandFailure) in
            guard task.state != "completed" else { return }
            try selection.client().post(path / "terminate")
            ended.append(path)
        }
        invocation.console.say("\(counted(ended.count, "task")) terminated")
        guard invocation.has("wait") else { return .done }
        for path in ended {
            while let task: TaskResponse = try selection.client().find(path), task.state != "completed" {
                usleep(50_000)
            }
        }
        return .done
    }
}

/// `jobs tasks del`: removes tasks with their records and files.
enum TasksDeleteCommand {
    static let command = Command("del", "delete tasks with their records and files")
        .options(SharedOptions.jobID, SharedOptions.taskID, SharedOptions.wait)
        .example("jobs tasks del --jobid sweep --taskid task-00007 -y", "deletes one task")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let selection = try TaskSelection(invocation)
        var removals: [(job: String, removal: DeletionResponse)] = []
        try selection.each("deleting") { path, task throws(CommandFailure) in
            removals.append((task.jobId, try selection.client().deleteWithFiles(path)))
        }
        let count = counted(removals.count, "task")
        guard invocation.has("wait") else {
            invocation.console.say("\(count) deleted; nodes are removing the files")
            return .done
        }
        var isGone = true
        let waiter = FileRemovalWaiter(selection.client(), invocation.console)
        for (job, removal) in removals where try !waiter.wait(for: removal, of: job) { isGone = false }
        invocation.console.say(isGone ? "\(count) deleted" : "\(count) deleted, some of their files are not")
        return isGone ? .done : .failed
    }
}
