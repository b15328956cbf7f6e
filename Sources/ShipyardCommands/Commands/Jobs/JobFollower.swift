import ShipyardAPI
import ShipyardDiagnostics
import ShipyardSystem

/// Follows jobs to their end and says how they ended.
struct JobFollower {
    /// Short enough that what moves is shown to move.
    private static let longPollSeconds = 2

    private let service: ServiceClient
    private let console: Console
    private let display: ProgressDisplay
    private let paths: JobSummary.Paths
    private let home: String?
    private let failures: FailureWatch
    private let awaitsPools: Bool

    /// - Parameters:
    ///   - home: as it was given on the command line, for the commands that are proposed.
    ///   - awaitsPools: pools that go with their jobs are followed to their end, too.
    init(
        _ service: ServiceClient, _ console: Console, paths: JobSummary.Paths = .shown, home: String? = nil,
        awaitsPools: Bool = true
    ) {
        self.awaitsPools = awaitsPools
        self.service = service
        self.console = console
        self.paths = paths
        self.home = home
        failures = FailureWatch(service, console)
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

    /// As the other, until ctrl-C ends the following and not the jobs, which is said then.
    func follow(_ ids: [String], numbers: [String: UInt32] = [:]) throws(CommandFailure) -> ExitCode {
        let interruption = Interruption.begin()
        defer { interruption.end() }
        let outcome = try follow(ids, numbers: numbers, isInterrupted: { Interruption.hasCome })
        if outcome == .interrupted { console.say(GoesOn.words(for: ids, home: home)) }
        return outcome
    }

    /// Exit code 0 when every job ended well. `isInterrupted` is asked between two looks.
    ///
    /// - Parameter numbers: of the jobs that are meant, where that is known.
    func follow(
        _ ids: [String], numbers: [String: UInt32] = [:], isInterrupted: () -> Bool
    ) throws(CommandFailure) -> ExitCode {
        let start = SystemClock.monotonicSeconds()
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
            let present = jobs.filter { !$0.isGone }.map(\.job)
            for job in present { try failures.look(at: job, isAlone: ids.count == 1, clear: display.clear) }
            show(present, elapsed: SystemClock.monotonicSeconds() - start)
            // One job: the service answers on every change. Several: look at each about once a second.
            let seconds = jobs.count == 1 ? Self.longPollSeconds : 1
            let job = jobs[next].job
            jobs[next].take(try service.findChange(of: job.id, seen: job.progressToken, seconds: seconds))
            for index in jobs.indices where index != next && !hasEnded(jobs[index]) {
                jobs[index].take(try service.find(ServiceClient.job(jobs[index].job.id)))
            }
        }
        display.clear()
        if isInterrupted(), jobs.contains(where: { !hasEnded($0) }) { return .interrupted }
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

    /// The pools that `auto_pool` made for these jobs. Of a short job the pool may have gone before anybody looks: that it has
    /// is told all the same.
    func poolsMade(for jobs: [JobResponse]) throws(CommandFailure) -> [String] {
        var pools: [String] = []
        for job in jobs {
            let pool: PoolResponse? = try service.find(ServiceClient.pool(job.poolId))
            let isOwn = pool.map { $0.autoPoolJobId == job.id } ?? true
            if isOwn, !pools.contains(job.poolId) { pools.append(job.poolId) }
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

    private func show(_ jobs: [JobResponse], elapsed: Double) {
        let sum = jobs.reduce(TaskCountsResponse()) { $0 + $1.taskCounts }
        let name = jobs.count == 1 ? jobs[0].id : "\(jobs.count) jobs"
        let longest = jobs.compactMap(\.longestRunningTask).max { $0.elapsedMilliseconds < $1.elapsedMilliseconds }
        display.show(
            sum, of: name, at: SystemClock.monotonicSeconds(), elapsed: elapsed,
            // Of short tasks it says nothing.
            longest: longest.flatMap { $0.elapsedMilliseconds < 1000 ? nil : ($0.id, Double($0.elapsedMilliseconds) / 1000) })
    }
}

/// Says of each task that it has failed when it fails: whoever watches a long job may mend it, or end it, at once.
final class FailureWatch {
    /// The rest is in the summary, and in `jobs tasks list --failed`.
    private static let shown = 10
    /// Of a job with more failures nobody looks for new ones among the old.
    private static let most = 200

    private let service: ServiceClient
    private let console: Console
    private var told: Set<String> = []
    /// By job: how many had failed when it was looked at last.
    private var counts: [String: Int] = [:]

    init(_ service: ServiceClient, _ console: Console) {
        self.service = service
        self.console = console
    }

    /// - Parameter clear: takes the progress line away; it is drawn again below what is said.
    func look(at job: JobResponse, isAlone: Bool, clear: () -> Void) throws(CommandFailure) {
        let failed = job.taskCounts.failed
        guard failed > counts[job.id] ?? 0, told.count <= Self.shown else { return }
        counts[job.id] = failed
        for task in try service.failures(of: job.id, count: Self.most) {
            guard told.insert("\(job.id)/\(task.id)").inserted else { continue }
            clear()
            guard told.count <= Self.shown else {
                return console.say("further failures: shipyard-swift jobs tasks list --jobid \(job.id) --failed")
            }
            let name = isAlone ? "task \(task.id)" : "task \(task.id) of job \(job.id)"
            let text = DisplayText.printable("\(name) failed: \(TaskReason.words(task))")
            console.say(Style.red(text, if: console.colours(console.messages)))
        }
    }
}
