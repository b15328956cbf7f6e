import ShipyardAPI
import ShipyardDiagnostics

/// The last words about a job: how it ended, and each failed task with the end of what it wrote.
struct JobSummary {
    /// A screenful. The rest is one `jobs tasks list` away.
    static let failedTasksShown = 10
    static let linesShown = 5
    /// Enough for five long lines.
    private static let tailBytes: Int64 = 4096

    /// Paths are of no use where the nodes are about to go.
    enum Paths { case shown, hidden }

    private let service: ServiceClient
    private let console: Console
    private let paths: Paths

    init(_ service: ServiceClient, _ console: Console, _ paths: Paths = .shown) {
        self.service = service
        self.console = console
        self.paths = paths
    }

    static func isSuccess(_ job: JobResponse) -> Bool {
        let (counts, reason) = (job.taskCounts, job.terminateReason ?? "AllTasksComplete")
        // A job that somebody deletes ends without a reason, and with tasks that never ran.
        let isWhole = job.state != "deleting" && counts.active + counts.running == 0
        return isWhole && counts.failed == 0 && !job.isBlocked && reason == "AllTasksComplete"
    }

    func show(_ job: JobResponse) throws(CommandFailure) {
        console.say(headline(job))
        if job.isBlocked { console.say("  blocked: \(job.blockedReason ?? "no task can run any more")") }
        guard job.taskCounts.failed > 0 else { return }
        var filter = TaskFilter()
        filter.onlyFailures = true
        filter.pageSize = Self.failedTasksShown
        do throws(CommandFailure) {
            try service.eachTask(of: job.id, filter: filter) { page throws(CommandFailure) in
                for task in page { try show(task) }
                return false
            }
        } catch {
            // How the job ended is known all the same.
            guard error.code == .failed else { throw error }
            return console.say("  its tasks cannot be shown: \(DisplayText.printable(error.message))")
        }
        let rest = job.taskCounts.failed - Self.failedTasksShown
        if rest > 0 {
            console.say("  … and \(rest) more: shipyard-swift jobs tasks list --jobid \(job.id) --failed")
        }
    }

    private func headline(_ job: JobResponse) -> String {
        let counts = job.taskCounts
        let isGood = Self.isSuccess(job)
        var text = "job \(job.id): " + outcome(of: job, isGood: isGood)
        text += ", \(counts.succeeded) of \(counted(counts.total, "task")) succeeded"
        if counts.failed > 0 { text += ", \(counts.failed) failed" }
        if counts.active > 0 { text += ", \(counts.active) never ran" }
        if let time = job.runTimeMilliseconds { text += " in \(durationText(seconds: Double(time) / 1000))" }
        return isGood
            ? Style.green(text, if: console.colours(console.messages))
            : Style.red(text, if: console.colours(console.messages))
    }

    private func outcome(of job: JobResponse, isGood: Bool) -> String {
        if job.state == "deleting" { return "deleted" }
        if job.isBlocked { return "blocked" }
        if let reason = job.terminateReason, reason != "AllTasksComplete" { return "ended (\(reason))" }
        return isGood ? "done" : "failed"
    }

    private func show(_ task: TaskResponse) throws(CommandFailure) {
        let info = task.executionInfo
        var text = "  task \(task.id): "
        if let code = info.exitCode, info.failureInfo.map({ $0.code == "FailureExitCode" }) ?? true {
            text += "exit code \(code)"
            // It stands for a signal.
            if code > 128, let message = info.failureInfo?.message { text += ": \(message)" }
        } else {
            text += info.failureInfo.map { "\($0.code): \($0.message)" } ?? "failed"
        }
        if let upload = info.uploadFailureInfo { text += "; \(upload.message)" }
        if info.retryCount > 0 { text += " (retried \(counted(info.retryCount, "time")))" }
        console.say(DisplayText.printable(text))
        guard let directory = task.nodeInfo?.taskDirectory else { return }
        if paths == .shown { console.say("    \(directory)/stderr.txt") }
        for line in try lastLines(of: task) { console.say("    | \(DisplayText.printable(line))") }
    }

    private func lastLines(of task: TaskResponse) throws(CommandFailure) -> [String] {
        let path = ServiceClient.task(task.id, of: task.jobId)
        let length =
            try service.files(below: path).value.first { $0.name == "stderr.txt" }?.contentLength ?? 0
        guard length > 0 else { return [] }
        let start = max(0, length - Self.tailBytes)
        let bytes = try service.bytes((path / "files").file("stderr.txt"), from: start) ?? []
        return LocalFile.lastLines(Self.linesShown, of: bytes)
    }
}
