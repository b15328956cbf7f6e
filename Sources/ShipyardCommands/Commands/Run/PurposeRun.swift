import Glibc
import ShipyardAPI

/// One `run` at work: what it has made so far, so that it can be taken down at any moment.
struct PurposeRun {
    private let service: ServiceClient
    private let invocation: Invocation
    private let files: RunFiles
    private var hasPool = false
    private var jobs: [SubmissionResponse.Job] = []
    private var console: Console { invocation.console }
    private var keeps: Bool { invocation.has("keep") }

    init(_ service: ServiceClient, _ invocation: Invocation, _ files: RunFiles) {
        self.service = service
        self.invocation = invocation
        self.files = files
    }

    /// From the pool to the last words about every job.
    mutating func work() throws(CommandFailure) -> ExitCode {
        if let submission = files.poolSubmission() {
            let _: PoolResponse = try service.post("/pools", submission)
            hasPool = true
            let ready = try PoolWaiter(service, console).waitForNodes(of: files.poolID)
            guard ready == .done else { return ready }
        }
        let answer: SubmissionResponse = try service.post("/jobs", files.submission())
        jobs = answer.jobs
        JobsAddCommand.report(answer, on: console)
        let follower = JobFollower(service, console, paths: keeps ? .shown : .hidden)
        let outcome = try follower.follow(jobs.map(\.id), isInterrupted: { Interruption.hasCome })
        if Interruption.hasCome {
            console.say("interrupted: taking down what was made; ctrl-C once more leaves it as it is")
            return .failed
        }
        try printOutputs()
        try copyFiles()
        return outcome
    }

    /// True when nothing is left, or nothing was to be removed.
    mutating func tearDown() throws(CommandFailure) -> Bool {
        if keeps {
            if hasPool {
                console.say("pool \(files.poolID) stays: shipyard-swift pool del --poolid \(files.poolID)")
            }
            return true
        }
        for job in jobs { try remove(job.id) }
        guard hasPool else { return true }
        try service.delete(ServiceClient.pool(files.poolID))
        let removal = try PoolWaiter(service, console).waitForRemoval(of: files.poolID)
        guard let removal else { return true }
        PoolWaiter.report(removal, on: console)
        return removal.isComplete
    }

    /// Ends the job first: only a job that ended runs its release task.
    private func remove(_ id: String) throws(CommandFailure) {
        let path = ServiceClient.job(id)
        guard let job: JobResponse = try service.find(path) else { return }
        if job.state == "active" || job.state == "disabled" { try service.post(path / "terminate") }
        var seen = job
        while seen.state != "completed", let next: JobResponse = try service.find(path) {
            seen = next
            if seen.state != "completed" {
                seen = try service.waitForChange(of: id, seen: seen.progressToken, seconds: 1)
            }
        }
        try service.delete(path)
    }

    /// The merge task's output is what the job was for; so is that of a job with one task.
    private func printOutputs() throws(CommandFailure) {
        for job in jobs {
            var chosen: String?
            var count = 0
            try service.eachTask(of: job.id) { page throws(CommandFailure) in
                count += page.count
                chosen = chosen ?? page.first?.id
                if let merge = page.last(where: \.isMergeTask) { (chosen, count) = (merge.id, 1) }
                return true
            }
            guard let chosen, count == 1 else { continue }
            let file = (ServiceClient.task(chosen, of: job.id) / "files").file("stdout.txt")
            _ = try service.read(file) { piece in
                console.output.write(bytes: piece)
                return !console.output.isClosed
            }
        }
        console.output.flush()
    }

    private func copyFiles() throws(CommandFailure) {
        guard let directory = invocation.arguments["output"] else { return }
        let copier = FileCopier(service, invocation)
        var count = 0
        for job in jobs {
            try service.eachTask(of: job.id) { page throws(CommandFailure) in
                for task in page where task.nodeInfo != nil {
                    let path = ServiceClient.task(task.id, of: job.id)
                    count += try copier.copyMatching(
                        "*", below: path, to: "\(directory)/\(job.id)/\(task.id)")
                }
                return true
            }
        }
        console.say("copied \(counted(count, "file")) to \(directory)")
    }
}
