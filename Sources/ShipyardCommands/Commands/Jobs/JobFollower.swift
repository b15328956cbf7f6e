import ShipyardAPI
import ShipyardDiagnostics
import ShipyardSystem

/// Follows jobs to their end and says how they ended.
struct JobFollower {
    /// Short enough that ctrl-C is noticed soon.
    private static let longPollSeconds = 2

    private let service: ServiceClient
    private let console: Console
    private let display: ProgressDisplay
    private let paths: JobSummary.Paths
    private let awaitsPools: Bool

    /// - Parameter awaitsPools: pools that go with their jobs are followed to their end, too.
    init(_ service: ServiceClient, _ console: Console, paths: JobSummary.Paths = .shown, awaitsPools: Bool = true) {
        self.awaitsPools = awaitsPools
        self.service = service
        self.console = console
        self.paths = paths
        display = ProgressDisplay(console)
    }

    /// A job as it was seen last. Somebody may delete it meanwhile, and make another of the same id: that one is
    /// no news of this.
    private struct Followed {
        var job: JobResponse
        var isGone = false

        mutating func take(_ next: JobResponse?) {
            if let next, next.number == nil || job.number == nil || next.number == job.number {
                job = next
            } else {
                isGone = true
            }
        }
    }

    /// Exit code 0 when every job ended well. `isInterrupted` is asked between two looks.
    ///
    /// - Parameter numbers: of the jobs that are meant, where that is known.
    func follow(
        _ ids: [String], numbers: [String: UInt32] = [:], isInterrupted: () -> Bool = { false }
    ) throws(CommandFailure) -> ExitCode {
        var jobs: [Followed] = []
        var outcome = ExitCode.done
        for id in ids {
            let path = ServiceClient.job(id)
            guard let job: JobResponse = try numbers[id] == nil ? service.get(path) : service.find(path)
            else {
                console.say("job \(id): deleted by somebody else before it could be followed")
                outcome = .failed
                continue
            }
            var followed = Followed(job: job)
            if let number = numbers[id], let seen = followed.job.number, seen != number {
                followed.isGone = true
            }
            jobs.append(followed)
        }
        let autoPools = awaitsPools ? try poolsMade(for: jobs.filter { !$0.isGone }.map(\.job)) : []
        var told: String?
        while let next = jobs.firstIndex(where: { !hasEnded($0) }), !isInterrupted() {
            tellTrouble(of: jobs[next].job, &told)
            show(jobs.filter { !$0.isGone }.map(\.job))
            // One job: the service answers on every change. Several: look at each about once a second.
            let seconds = jobs.count == 1 ? Self.longPollSeconds : 1
            let job = jobs[next].job
            jobs[next].take(try service.findChange(of: job.id, seen: job.progressToken, seconds: seconds))
            for index in jobs.indices where index != next && !hasEnded(jobs[index]) {
                jobs[index].take(try service.find(ServiceClient.job(jobs[index].job.id)))
            }
        }
        display.clear()
        if isInterrupted() { return .failed }
        for followed in jobs where try !tell(followed) { outcome = .failed }
        for pool in autoPools where try !isGoneAsItShould(pool) { outcome = .failed }
        return outcome
    }

    /// Once, and again where it has become another one. Somebody looks at this and wonders why nothing moves.
    private func tellTrouble(of job: JobResponse, _ told: inout String?) {
        guard let problem = job.stateProblem, problem != told else { return }
        told = problem
        display.clear()
        console.warn("nothing moves until this is over: \(DisplayText.printable(problem))")
    }

    /// The last words about a job; false where it did not end well.
    private func tell(_ followed: Followed) throws(CommandFailure) -> Bool {
        let job = followed.job
        guard followed.isGone else {
            try JobSummary(service, console, paths).show(job)
            return JobSummary.isSuccess(job)
        }
        let counts = job.taskCounts
        console.say(
            "job \(job.id): deleted by somebody else, when \(counts.succeeded + counts.failed) of "
                + "\(counted(counts.total, "task")) had ended")
        return false
    }

    /// The pools that `auto_pool` made for these jobs and that are still there.
    func poolsMade(for jobs: [JobResponse]) throws(CommandFailure) -> [String] {
        var pools: [String] = []
        for job in jobs {
            let pool: PoolResponse? = try service.find(ServiceClient.pool(job.poolId))
            if let pool, pool.autoPoolJobId == job.id { pools.append(pool.id) }
        }
        return pools
    }

    /// Says what became of a pool that should end with its job: what was checked when it was removed, or that
    /// it stays. False where something of it is left.
    func isGoneAsItShould(_ id: String) throws(CommandFailure) -> Bool {
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
    private func hasEnded(_ followed: Followed) -> Bool {
        if followed.isGone { return true }
        let job = followed.job
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
        display.show(sum, of: name, at: SystemClock.monotonicSeconds())
    }
}
