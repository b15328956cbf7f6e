import Glibc
import ShipyardAPI
import ShipyardModel

/// One `run` at work: what it has made so far, so that it can be taken down at any moment.
struct PurposeRun {
    private let service: ServiceClient
    private let invocation: Invocation
    private let files: RunFiles
    private var hasPool = false
    private var jobs: [SubmissionResponse.Job] = []
    /// Pools that the jobs made for themselves.
    private var ownPools: [String] = []
    private var lease: PoolLease?
    private var watch: RunGuard?
    /// `--output` has not got everything, so the nodes have the only copy.
    private var holdsOnlyCopy = false { didSet { watch?.tell(.holds(holdsOnlyCopy)) } }
    private var console: Console { invocation.console }
    private var keeps: Bool { invocation.has("keep") || holdsOnlyCopy }

    init(_ service: ServiceClient, _ invocation: Invocation, _ files: RunFiles) {
        self.service = service
        self.invocation = invocation
        self.files = files
    }

    /// From the pool to the last words about every job.
    mutating func work() throws(CommandFailure) -> ExitCode {
        try files.submission().refuseErrors(console)
        try checkJobsAreFree()
        try makeOutput()
        if Interruption.hasCome { return try interrupted() }
        if let submission = files.poolSubmission() {
            if !invocation.has("keep") { watch = RunGuard(home: try HomeDirectory(invocation).path) }
            watch?.tell(.pool(files.poolID))
            let _: PoolResponse = try service.submit("/pools", submission)
            hasPool = true
            let ready = try PoolWaiter(service, console).waitForNodes(
                of: files.poolID, isInterrupted: { Interruption.hasCome })
            if Interruption.hasCome { return try interrupted() }
            guard ready == .done else { return ready }
        }
        for id in files.jobIDs { watch?.tell(.job(id)) }
        let answer: SubmissionResponse = try service.submit("/jobs", files.submission())
        jobs = answer.jobs
        if !files.hasPool { lease = PoolLease(jobs, try invocation.service()) }
        JobsAddCommand.report(answer, on: console)
        let follower = JobFollower(
            service, console, paths: invocation.has("keep") && files.hasPool ? .shown : .hidden, awaitsPools: false)
        if !files.hasPool {
            for job in jobs {
                if let seen = try service.find(job) { ownPools += try follower.poolsMade(for: [seen]) }
            }
        }
        let outcome = try follower.follow(
            jobs.map(\.id), numbers: answer.numbers, isInterrupted: { Interruption.hasCome })
        if Interruption.hasCome { return try interrupted() }
        try printOutputs()
        return max(outcome, try copyFiles())
    }

    /// Before hours of work that would have nowhere to go.
    private func makeOutput() throws(CommandFailure) {
        guard files.store == nil, let directory = invocation.arguments["output"] else { return }
        do throws(SystemError) {
            try LocalFile.makeDirectories(directory)
        } catch {
            throw CommandFailure(.failed, "--output \(directory) cannot be made: \(error.reason)")
        }
    }

    private mutating func interrupted() throws(CommandFailure) -> ExitCode {
        // Whoever interrupts it once more wants what is left as it is.
        dismissGuard()
        if keeps {
            console.say("interrupted: what was made stays, and its jobs go on")
            for job in jobs {
                console.say("  shipyard-swift jobs wait \(job.id)   follows it")
                console.say("  shipyard-swift jobs term \(job.id)   ends it")
            }
        } else {
            console.say("interrupted: taking down what was made; ctrl-C once more leaves it as it is")
            // What tasks have done so far was asked for.
            if files.store == nil, invocation.arguments["output"] != nil {
                for job in jobs { _ = try RunMakings.end(job, service) }
                _ = try copyFiles()
            }
        }
        return .interrupted
    }

    /// Before anything is made. The service checks it once more, when it takes the jobs.
    private func checkJobsAreFree() throws(CommandFailure) {
        for id in files.jobIDs {
            guard let job: JobResponse = try service.find(ServiceClient.job(id)), job.state != "deleting"
            else {
                continue
            }
            throw CommandFailure(
                .failed,
                "job \(id) is there already (\(job.state), in pool \(job.poolId)) and is not this run's",
                help: job.state == "active"
                    ? "it may be at work: `shipyard-swift jobs wait \(id)` follows it; or give the job in the file another id"
                    : "delete it with `shipyard-swift jobs del --jobid \(id)`, or give the job in the file another id"
            )
        }
    }

    /// True when nothing is left, or nothing was to be removed.
    mutating func tearDown() throws(CommandFailure) -> Bool {
        lease?.end()
        defer { dismissGuard() }
        let (isOfRun, isOfJobs) = (try tearDownRun(), try letPoolsGo())
        return isOfRun && isOfJobs
    }

    private mutating func dismissGuard() {
        watch?.dismiss()
        watch = nil
    }

    /// They go with their jobs, also where the jobs stay. False where something of one is left.
    private func letPoolsGo() throws(CommandFailure) -> Bool {
        var isClean = true
        for job in jobs where lease != nil {
            try RunMakings.ignoringRefusal { () throws(CommandFailure) in try service.post(ServiceClient.act("releasepool", on: job)) }
        }
        for pool in ownPools where try !JobFollower(service, console).isGoneAsItShould(pool) { isClean = false }
        return isClean
    }

    private func tearDownRun() throws(CommandFailure) -> Bool {
        if keeps {
            if holdsOnlyCopy {
                console.say(
                    files.hasPool
                        ? "not everything was copied, so the files stay on the nodes and the jobs with them:"
                        : "not everything was copied, and what was not goes with the pools of the jobs, as `auto_pool` says; the jobs stay:")
                for job in jobs { console.say("  shipyard-swift jobs del --jobid \(job.id)") }
            }
            if hasPool {
                if !holdsOnlyCopy, !jobs.isEmpty {
                    let (verb, ids) = (jobs.count == 1 ? "stays" : "stay", jobs.map(\.id).joined(separator: " "))
                    console.say("\(jobs.count == 1 ? "job" : "jobs") \(ids) \(verb): shipyard-swift jobs del \(ids)")
                }
                console.say("pool \(files.poolID) stays: shipyard-swift pool del --poolid \(files.poolID)")
            }
            return true
        }
        return try RunMakings(pool: hasPool ? files.poolID : nil, jobs: jobs).remove(service, console)
    }

    /// The merge task's output is what the job was for; so is that of a job with one task.
    private func printOutputs() throws(CommandFailure) {
        var isLeftOut = false
        for job in jobs {
            guard try service.find(job) != nil else { continue }
            var chosen: String?
            var count = 0
            try service.eachTask(of: job.id) { page throws(CommandFailure) in
                count += page.count
                chosen = chosen ?? page.first?.id
                if let merge = page.last(where: \.isMergeTask) { (chosen, count) = (merge.id, 1) }
                return true
            }
            isLeftOut = isLeftOut || count > 1
            guard let chosen, count == 1 else { continue }
            let file = (ServiceClient.task(chosen, of: job.id) / "files").file("stdout.txt")
            _ = try service.read(file) { piece in
                console.output.write(bytes: piece)
                return !console.output.isClosed
            }
        }
        console.output.flush()
        if isLeftOut, !keeps, invocation.arguments["output"] == nil {
            console.say("what the tasks printed goes with their pool: --output DIR copies it before, --keep leaves the pool")
        }
    }

    private mutating func copyFiles() throws(CommandFailure) -> ExitCode {
        if files.store != nil { return try checkStored() }
        guard let directory = invocation.arguments["output"] else { return .done }
        let copier = FileCopier(service, invocation)
        var outcome = FileCopier.Outcome()
        // Until it is known that everything was copied.
        holdsOnlyCopy = true
        for job in jobs {
            guard try service.find(job) != nil else { continue }
            try service.eachTask(of: job.id) { page throws(CommandFailure) in
                for task in page where task.nodeInfo != nil {
                    let path = ServiceClient.task(task.id, of: job.id)
                    let copied = try copier.copyMatching(
                        "*", below: path, to: [job.id, task.id], in: directory)
                    outcome.add(copied)
                    // A command that ran has left its output at least; its pool may have gone with the job.
                    if copied.isEmpty, task.executionInfo.exitCode != nil {
                        outcome.leaveOut(
                            "\(directory)/\(job.id)/\(task.id): its files are gone", holdsData: false)
                    }
                }
                return true
            }
        }
        holdsOnlyCopy = outcome.isIncomplete
        copier.report(outcome, to: directory)
        return outcome.code
    }

    /// The nodes have stored what there was. Where one could not, its pool has the only copy.
    private mutating func checkStored() throws(CommandFailure) -> ExitCode {
        var isIncomplete = false
        for job in jobs {
            guard try service.find(job) != nil else { continue }
            try service.eachTask(of: job.id) { page in
                for task in page {
                    let code = task.executionInfo.failureInfo?.code ?? ""
                    if code.hasPrefix("FileUpload") || task.executionInfo.uploadFailureInfo != nil {
                        isIncomplete = true
                    }
                }
                return true
            }
        }
        holdsOnlyCopy = isIncomplete
        return isIncomplete ? .failed : .done
    }

    private func max(_ left: ExitCode, _ right: ExitCode) -> ExitCode {
        left.rawValue >= right.rawValue ? left : right
    }
}

extension SubmissionResponse {
    /// By job.
    var numbers: [String: UInt32] {
        Dictionary(
            jobs.compactMap { job in job.number.map { (job.id, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
