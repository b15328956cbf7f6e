import ShipyardAPI

/// Follows jobs to their end and says how they ended.
struct JobFollower {
    /// Short enough that ctrl-C is noticed soon.
    private static let longPollSeconds = 2

    private let service: ServiceClient
    private let console: Console
    private let display: ProgressDisplay
    private let paths: JobSummary.Paths

    init(_ service: ServiceClient, _ console: Console, paths: JobSummary.Paths = .shown) {
        self.service = service
        self.console = console
        self.paths = paths
        display = ProgressDisplay(console)
    }

    /// Exit code 0 when every job ended well. `isInterrupted` is asked between two looks.
    func follow(
        _ ids: [String], isInterrupted: () -> Bool = { false }
    ) throws(CommandFailure) -> ExitCode {
        let start = monotonicSeconds()
        var jobs: [JobResponse] = []
        for id in ids { jobs.append(try service.get(ServiceClient.job(id))) }
        let autoPools = try poolsMade(for: jobs)
        while let next = jobs.firstIndex(where: { !hasEnded($0) }), !isInterrupted() {
            show(jobs)
            // One job: the service answers on every change. Several: look at each about once a second.
            let seconds = jobs.count == 1 ? Self.longPollSeconds : 1
            jobs[next] = try service.waitForChange(
                of: jobs[next].id, seen: jobs[next].progressToken, seconds: seconds)
            for index in jobs.indices where index != next && !hasEnded(jobs[index]) {
                jobs[index] = try service.get(ServiceClient.job(jobs[index].id))
            }
        }
        display.clear()
        if isInterrupted() { return .failed }
        let elapsed = monotonicSeconds() - start
        var outcome = ExitCode.done
        for job in jobs {
            try JobSummary(service, console, paths).show(job, elapsed: elapsed)
            if !JobSummary.isSuccess(job) { outcome = .failed }
        }
        for pool in autoPools where try !isGoneAsItShould(pool) { outcome = .failed }
        return outcome
    }

    /// The pools that `auto_pool` made for these jobs and that are still there.
    private func poolsMade(for jobs: [JobResponse]) throws(CommandFailure) -> [String] {
        var pools: [String] = []
        for job in jobs {
            let pool: PoolResponse? = try service.find(ServiceClient.pool(job.poolId))
            if let pool, pool.autoPoolJobId == job.id { pools.append(pool.id) }
        }
        return pools
    }

    /// Says what became of a pool that should end with its job: what was checked when it was removed, or that
    /// it stays. False where something of it is left.
    private func isGoneAsItShould(_ id: String) throws(CommandFailure) -> Bool {
        let pool: PoolResponse? = try service.find(ServiceClient.pool(id))
        if let pool, pool.state != "deleting" {
            console.say("pool \(id) stays: shipyard-swift pool del --poolid \(id)")
            return true
        }
        guard let removal = try PoolWaiter(service, console).waitForRemoval(of: id) else { return true }
        PoolWaiter.report(removal, on: console)
        return removal.isComplete
    }

    /// A job without `auto_complete` never completes by itself: for a follower its end is that all its tasks
    /// have ended.
    private func hasEnded(_ job: JobResponse) -> Bool {
        switch job.state {
        case "completed", "deleting": return true
        case "terminating": return false
        default: break
        }
        if job.isBlocked { return true }
        let counts = job.taskCounts
        return job.onAllTasksComplete.lowercased() == "noaction" && counts.active + counts.running == 0
    }

    private func show(_ jobs: [JobResponse]) {
        let sum = jobs.reduce(TaskCountsResponse()) { $0 + $1.taskCounts }
        let name = jobs.count == 1 ? jobs[0].id : "\(jobs.count) jobs"
        display.show(sum, of: name, at: monotonicSeconds())
    }
}
