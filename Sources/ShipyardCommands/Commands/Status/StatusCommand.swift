import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `status`: what there is and what goes on, on one screen.
enum StatusCommand {
    static let command = Command("status", "show service, pools, jobs and the last failures on one screen")
        .details(
            "Jobs that go on come first, and then those that ended last. Of a failure there is the reason, and the last line that "
                + "the task has written to stderr.txt. No service is started: where none runs the exit code is 4.",
            "`pool list`, `jobs list` and `jobs tasks list` have all of each kind, `jobs show JOB` one job as a tree, "
                + "`logs JOB` what its tasks print, `service status` the service's own numbers. `watch -c shipyard-swift status` shows it again "
                + "every two seconds."
        )
        .example("status", "shows how things are")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let home = try HomeDirectory(invocation)
        guard let client = try invocation.runningService() else {
            invocation.console.say("the service of \(home.path) does not run, so nothing new starts")
            invocation.console.say("  what its nodes run goes on; every command that needs the service starts it")
            return .serviceUnreachable
        }
        let state = try State(client)
        if invocation.isRaw {
            invocation.console.printRaw(try state.raw(client))
        } else {
            StatusScreen(invocation.console, at: SystemClock.now()).show(state)
        }
        return .done
    }

    /// What the service says, one question after the other.
    struct State {
        struct Failure {
            var job: JobResponse
            var task: TaskResponse
        }

        var service: ServiceResponse
        var pools: [PoolResponse] = []
        /// Of the pools that are shown.
        var nodes: [String: [NodeResponse]] = [:]
        /// Those that go on first.
        var jobs: [JobResponse] = []
        /// The latest first.
        var failures: [Failure] = []

        static let poolsShown = 5
        static let jobsShown = 8
        static let failuresShown = 5

        init(_ client: ServiceClient) throws(CommandFailure) {
            service = try client.get("/service")
            guard service.problem == nil else { return }
            pools = try client.pools()
            for pool in pools.prefix(Self.poolsShown) {
                // It may go in between.
                let list = try client.find(ServiceClient.pool(pool.id) / "nodes", as: ListResponse<NodeResponse>.self)
                nodes[pool.id] = list?.value ?? []
            }
            jobs = try client.jobs().sorted { left, right in
                let (first, second) = (Self.isOver(left), Self.isOver(right))
                if first != second { return second }
                return Self.moment(left) > Self.moment(right)
            }
            try findFailures(client)
        }

        static func isOver(_ job: JobResponse) -> Bool { job.state == "completed" || job.state == "deleting" }

        /// ISO 8601 of one zone: its order is that of texts.
        private static func moment(_ job: JobResponse) -> String { job.endTime ?? job.creationTime }

        /// Of the jobs that changed last, since a home may have thousands with failures.
        private mutating func findFailures(_ client: ServiceClient) throws(CommandFailure) {
            let failed = jobs.filter { $0.taskCounts.failed > 0 }.prefix(Self.failuresShown)
            for job in failed {
                for task in try client.failures(of: job.id, count: Self.failuresShown) {
                    failures.append(Failure(job: job, task: task))
                }
            }
            failures.sort { ($0.task.executionInfo.endTime ?? "") > ($1.task.executionInfo.endTime ?? "") }
            failures = Array(failures.prefix(Self.failuresShown))
        }

        func raw(_ client: ServiceClient) throws(CommandFailure) -> JSONValue {
            .present([
                ("service", try client.tree("/service")), ("pools", .array(pools.map(RawShape.pool))),
                ("jobs", .array(jobs.map(RawShape.job))),
                (
                    "failures",
                    .array(
                        failures.map { failure in
                            ["jobId": .string(failure.job.id), "task": RawShape.task(failure.task)]
                        })
                ),
            ])
        }
    }
}

/// The screen for people.
struct StatusScreen {
    private let console: Console
    private let now: Instant

    init(_ console: Console, at now: Instant) {
        self.console = console
        self.now = now
    }

    func show(_ state: StatusCommand.State) {
        let service = state.service
        console.print(
            "service \(service.version) runs as process \(service.processId) since \(LocalTime.text(service.startTime, at: now)), "
                + "home \(service.home)")
        if let problem = service.problem { return console.warn(DisplayText.printable(problem)) }
        for line in ServiceStatusCommand.troubles(service) { console.print(line) }
        show(state.pools, state.nodes)
        show(state.jobs)
        show(state.failures)
    }

    private func show(_ pools: [PoolResponse], _ nodes: [String: [NodeResponse]]) {
        guard !pools.isEmpty else { return console.print("\nno pools: `pool add` makes one, `run` one for itself") }
        console.print("")
        var table = Table()
        for title in ["pool", "state", "nodes"] { table.column(title) }
        table.column("slots in use", .right)
        table.column("reason")
        for pool in pools.prefix(StatusCommand.State.poolsShown) {
            let own = nodes[pool.id] ?? []
            let used = own.reduce(0) { $0 + $1.runningTaskSlotsCount }
            let counts = pool.nodeCounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            let trouble = own.lazy.compactMap(\.cannotStartReason).first
            table.row(
                pool.id, pool.state, counts.isEmpty ? "none" : counts.joined(separator: ", "),
                "\(used) of \(own.count * pool.taskSlotsPerNode)", pool.problem ?? trouble ?? "")
        }
        console.print(table)
        more(pools.count - StatusCommand.State.poolsShown, "pool list")
    }

    private func show(_ jobs: [JobResponse]) {
        guard !jobs.isEmpty else { return console.print("\nno jobs") }
        console.print("")
        var table = Table()
        for title in ["job", "state"] { table.column(title) }
        for title in ["running", "waiting", "succeeded", "failed"] { table.column(title, .right) }
        for title in ["since", "reason"] { table.column(title) }
        for job in jobs.prefix(StatusCommand.State.jobsShown) {
            let counts = job.taskCounts
            table.row(
                [job.id, job.state]
                    + [counts.running, counts.active, counts.succeeded, counts.failed].map(String.init)
                    + [LocalTime.text(job.endTime ?? job.creationTime, at: now), JobsListCommand.reason(job)])
        }
        console.print(table)
        more(jobs.count - StatusCommand.State.jobsShown, "jobs list")
    }

    private func show(_ failures: [StatusCommand.State.Failure]) {
        guard let first = failures.first else { return }
        console.print("")
        var table = Table()
        for title in ["failed task", "of job", "ended", "reason"] { table.column(title) }
        for failure in failures {
            table.row(
                failure.task.id, failure.job.id, LocalTime.text(failure.task.executionInfo.endTime, at: now),
                TaskReason.words(failure.task))
        }
        console.print(table)
        console.print(
            "more: shipyard-swift logs \(first.job.id) --failed, jobs tasks list --jobid \(first.job.id) --failed")
    }

    private func more(_ count: Int, _ command: String) {
        if count > 0 { console.print("… and \(count) more: shipyard-swift \(command)") }
    }
}
