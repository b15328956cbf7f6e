import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `jobs show`: a job as a run of its tasks.
enum JobsShowCommand {
    static let command = Command("show", "show a job as a tree of its tasks, in the order in which they run")
        .details(
            "Each task stands once, below the last of those that it comes after; where there are more, it says so. LOGS is "
                + "the task's directory on its node, with stdout.txt, stderr.txt and wd. Of a job with more than 500 tasks "
                + "the first failures and some that run are shown."
        )
        .takes(Argument("JOB", "the job; default the one of --jobid", optional: true, values: .id(.job)))
        .options(
            SharedOptions.jobID, .value("format", "FORMAT", values: .choice(["text", "json"]), "how it is printed")
        )
        .example("jobs show ingest", "shows the steps of a run")
        .example("jobs show ingest --format json", "the same for programs")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let path = ServiceClient.job(try JobArgument.job(invocation)) / "run"
        let service = try invocation.service()
        if invocation.isRaw || invocation.arguments["format"] == "json" {
            invocation.console.printRaw(try service.tree(path))
            return .done
        }
        RunView(invocation.console).show(try service.get(path))
        return .done
    }
}

/// A run for people.
struct RunView {
    private static let deepestIndent = 20
    private static let namesShown = 4

    private let console: Console

    init(_ console: Console) { self.console = console }

    func show(_ view: RunViewResponse) {
        for line in heading(view) { console.print(DisplayText.printable(line)) }
        guard !view.tasks.isEmpty || !view.nodeWork.isEmpty else { return }
        var table = Table()
        for title in ["task", "state"] { table.column(title) }
        table.column("time", .right)
        for title in ["result", "after", "node", "logs", "reason"] { table.column(title) }
        for work in view.nodeWork where work.kind == "jobPreparation" { add(work, to: &table) }
        for task in view.tasks { add(task, to: &table) }
        for work in view.nodeWork where work.kind != "jobPreparation" { add(work, to: &table) }
        console.print(table)
        for task in view.tasks { showOutput(of: task) }
        guard !view.isWhole else { return }
        console.say(
            "\(counted(view.job.taskCounts.total, "task")): the first failures and some that run are shown; "
                + "all: shipyard-swift jobs tasks list --jobid \(view.job.id)")
    }

    private func heading(_ view: RunViewResponse) -> [String] {
        let job = view.job
        var first = "job \(job.id): \(job.state)"
        if let reason = job.terminateReason { first += " (\(reason))" }
        if let elapsed = view.elapsedMilliseconds {
            first += "\(job.endTime == nil ? " for" : " after") \(durationText(seconds: Double(elapsed) / 1000))"
        }
        var lines = [first + ", pool \(job.poolId)"]
        if let cause = view.cause {
            var text = "  run \(cause.run)" + (cause.scheduleId.map { " of schedule \($0)" } ?? "")
            text += cause.file.map { ", started by \($0)" } ?? ", started by \(Self.starter(cause.cause))"
            text += ", due \(LocalTime.text(cause.dueTime, at: SystemClock.now()))"
            if cause.attempt > 1 { text += ", attempt \(cause.attempt)" }
            lines.append(text + ": \(cause.state)")
            let parameters = (cause.parameters ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            if !parameters.isEmpty { lines.append("  with " + parameters.joined(separator: " ")) }
        }
        let counts = job.taskCounts
        let facts = [
            (counts.succeeded, "succeeded"), (counts.failed, "failed"), (counts.running, "running"),
            (counts.active, job.state == "completed" ? "never ran" : "waiting"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        lines.append("  \(counted(counts.total, "task"))" + (facts.isEmpty ? "" : ": " + facts.joined(separator: ", ")))
        if let reason = job.blockedReason { lines.append("  blocked: \(reason)") }
        return lines
    }

    private static func starter(_ cause: String) -> String {
        switch cause {
        case "clock": "the clock"
        case "after": "the end of another run"
        case "user": "a user"
        case "trigger": "a file"
        default: "a \(cause)"
        }
    }

    private func add(_ item: RunViewResponse.Task, to table: inout Table) {
        let task = item.task
        let indent = min(item.level, Self.deepestIndent)
        let branch = indent == 0 ? "" : String(repeating: "  ", count: indent - 1) + "└ "
        table.row(
            branch + task.id + (task.isMergeTask ? " (merge)" : ""), task.state,
            time(task, item.elapsedMilliseconds), result(item), after(item),
            task.nodeInfo?.nodeId ?? "", logs(task.nodeInfo?.taskDirectory, isThere: item.isNodeThere), reason(item))
    }

    private func add(_ work: RunViewResponse.NodeWork, to table: inout Table) {
        let info = work.executionInfo
        table.row(
            work.kind == "jobPreparation" ? "(preparation)" : "(release)", info.result == nil ? "running" : "completed",
            info.wallTimeMilliseconds.map { durationText(seconds: $0 / 1000) } ?? "", outcome(info), "", work.nodeId,
            logs(work.directory, isThere: work.isThere), info.failureInfo?.message ?? "")
    }

    /// What nobody should miss, so it stands where it is never cut.
    private func reason(_ item: RunViewResponse.Task) -> String {
        if let waitReason = item.waitReason { return waitReason }
        let (task, info) = (item.task, item.task.executionInfo)
        guard task.state == "completed", info.result == "failure" else { return "" }
        return TaskReason.words(
            exitCode: info.exitCode, code: info.failureInfo?.code, message: info.failureInfo?.message,
            upload: info.uploadFailureInfo?.message, lastLine: task.lastErrorLine, withExitCode: false)
    }

    private func logs(_ directory: String?, isThere: Bool) -> String {
        guard let directory else { return "" }
        return isThere ? directory : "gone with its node"
    }

    private func time(_ task: TaskResponse, _ elapsed: Int64?) -> String {
        if let elapsed { return durationText(seconds: Double(elapsed) / 1000) }
        guard task.state == "completed" else { return "" }
        return task.executionInfo.wallTimeMilliseconds.map { durationText(seconds: $0 / 1000) } ?? ""
    }

    private func result(_ item: RunViewResponse.Task) -> String {
        let task = item.task
        var text = ""
        if let transfer = task.transferInfo {
            text = TaskTransferLine(transfer).words
        } else if task.state == "completed" {
            text = outcome(task.executionInfo)
        }
        guard item.attempt > 1 else { return text }
        let attempt = task.state == "active" ? "attempt \(item.attempt + 1) to come" : "attempt \(item.attempt)"
        return text.isEmpty ? attempt : "\(text), \(attempt)"
    }

    private func outcome(_ info: ExecutionResponse) -> String {
        guard let result = info.result else { return "" }
        if result == "success" { return result }
        if let code = info.exitCode, info.failureInfo.map({ $0.code == "FailureExitCode" }) ?? true {
            return "exit code \(code)"
        }
        return info.failureInfo?.code ?? "failed"
    }

    /// Where it stands below what it comes after, that says enough.
    private func after(_ item: RunViewResponse.Task) -> String {
        guard item.dependencyCount > 1 else { return "" }
        let names = item.task.dependsOn.prefix(Self.namesShown)
        let rest = item.dependencyCount - names.count
        return names.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private func showOutput(of item: RunViewResponse.Task) {
        guard let output = item.output else { return }
        let text = String(output.reversed().drop(while: \.isWhitespace).reversed())
        console.print("output of \(item.task.id): \(DisplayText.printable(text))")
    }
}
