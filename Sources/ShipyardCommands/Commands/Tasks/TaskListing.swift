import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// The table of a job's tasks, written page by page: a job may have a million.
struct TaskListing {
    /// Each page is a table of its own; only the first has headings, and all have the width of its columns
    /// at least.
    private static let pageRows = 1000

    private let console: Console
    private let job: String
    private var pages = 0
    private var table = Self.emptyPage

    init(_ console: Console, job: String) {
        self.console = console
        self.job = job
    }

    mutating func add(_ task: TaskLine) {
        table.cell(task.id)
        table.cell(task.state)
        table.cell(task.result)
        table.cell(task.exitCode)
        table.cell(task.retryCount)
        table.cell(task.wallTimeMilliseconds?.number.map { durationText(seconds: $0 / 1000) } ?? "")
        table.cell(task.node?.nodeID)
        if let transfer = task.transfer {
            table.cell(transfer.words)
        } else if let upload = task.uploadFailure?.message {
            table.cell(upload)
        } else {
            table.cell(reason(task))
        }
        if table.rowCount == Self.pageRows { endPage() }
    }

    /// An exit code has its own column.
    private func reason(_ task: TaskLine) -> String {
        guard task.failure != nil else { return "" }
        return TaskReason.words(
            exitCode: task.exitCode?.number.map { Int32(clamping: Int($0)) }, code: task.failure?.code?.text,
            message: task.failure?.message?.text, upload: nil, lastLine: task.lastErrorLine?.text, withExitCode: false)
    }

    mutating func end() {
        if table.rowCount > 0 { endPage() }
        if pages == 0 { console.say("job \(job): no tasks found") }
    }

    private mutating func endPage() {
        if pages == 0 { console.print("job \(job):") }
        console.print(table, withHeading: pages == 0)
        if pages == 0 { console.flush() }
        pages += 1
        table = Self.emptyPage
    }

    private static var emptyPage: Table {
        var table = Table()
        for title in ["task", "state", "result"] { table.column(title) }
        table.column("exit code", .right)
        table.column("retries", .right)
        table.column("wall time", .right)
        for title in ["node", "reason"] { table.column(title) }
        return table
    }
}

/// How far the files of a task have come.
struct TaskTransferLine {
    private var isUpload = false
    private var files = 0.0
    private var bytes = 0.0
    private var totalFiles = 0.0
    private var totalBytes = 0.0
    private var bytesPerSecond: Double?

    init(_ item: JSONSlice) throws(JSONError) {
        try item.eachMember { name, value in
            if name.isText("direction") {
                isUpload = value.isText("upload")
            } else if name.isText("files") {
                files = value.number ?? 0
            } else if name.isText("bytes") {
                bytes = value.number ?? 0
            } else if name.isText("totalFiles") {
                totalFiles = value.number ?? 0
            } else if name.isText("totalBytes") {
                totalBytes = value.number ?? 0
            } else if name.isText("bytesPerSecond") {
                bytesPerSecond = value.number
            }
        }
    }

    init(_ response: TransferResponse) {
        isUpload = response.direction == "upload"
        (files, totalFiles) = (Double(response.files), Double(response.totalFiles))
        (bytes, totalBytes) = (Double(response.bytes), Double(response.totalBytes))
        bytesPerSecond = response.bytesPerSecond.map(Double.init)
    }

    var words: String {
        let rate = bytesPerSecond.map { ", \(sizeText(Int64(min($0, 9e18))))/s" } ?? ""
        return "\(isUpload ? "uploading" : "fetching") \(Int(files)) of \(Int(totalFiles)) files, "
            + "\(sizeText(Int64(min(bytes, 9e18)))) of \(sizeText(Int64(min(totalBytes, 9e18))))\(rate)"
    }
}

/// Everything about one task, for people.
enum TaskDetails {
    static func lines(_ task: TaskResponse) -> [String] {
        var lines = ["task \(task.id) of job \(task.jobId): \(task.state)"]
        if let command = task.commandLine {
            lines.append("  command: " + DisplayText.printableLines(command, indent: "    "))
        }
        if let transfer = task.transferInfo { lines.append("  files: " + TaskTransferLine(transfer).words) }
        if !task.dependsOn.isEmpty { lines.append("  depends on: " + task.dependsOn.joined(separator: ", ")) }
        if let node = task.nodeInfo {
            lines.append("  node: \(node.nodeId) of pool \(node.poolId)")
            lines.append("  directory: \(node.taskDirectory)")
        }
        lines += attempt(task.executionInfo, indent: "  ")
        if let output = task.output { lines.append("  output: " + shown(output)) }
        for (number, earlier) in (task.attempts ?? []).enumerated() {
            lines.append("  attempt \(number + 1):")
            lines += attempt(earlier, indent: "    ")
        }
        return lines
    }

    // As much as a person reads. `--raw` has all of it.
    private static let shownCharacters = 2000

    private static func shown(_ output: JSONValue) -> String {
        let text = output.compactText
        let shown = String(text.prefix(shownCharacters))
        return DisplayText.printableLines(shown, indent: "    ")
            + (shown.count < text.count ? " … (\(text.utf8.count) bytes; `--raw` shows all)" : "")
    }

    private static func attempt(_ info: ExecutionResponse, indent: String) -> [String] {
        var lines: [String] = []
        let now = SystemClock.now()
        if let start = info.startTime { lines.append("\(indent)started: \(LocalTime.text(start, at: now))") }
        if let end = info.endTime { lines.append("\(indent)ended: \(LocalTime.text(end, at: now))") }
        if let result = info.result {
            lines.append("\(indent)result: \(result)" + (info.exitCode.map { ", exit code \($0)" } ?? ""))
        }
        if let failure = info.failureInfo {
            let message = DisplayText.printableLines(failure.message, indent: indent + "  ")
            lines.append("\(indent)failure: \(failure.code) (\(failure.category)): \(message)")
        }
        if let failure = info.uploadFailureInfo {
            let message = DisplayText.printableLines(failure.message, indent: indent + "  ")
            lines.append("\(indent)upload: \(failure.code) (\(failure.category)): \(message)")
        }
        let cpu = (info.userTimeMilliseconds ?? 0) + (info.systemTimeMilliseconds ?? 0)
        // All zero: a lost node took the numbers with it, or nothing was started.
        if let wall = info.wallTimeMilliseconds, wall + cpu > 0 || (info.peakMemoryBytes ?? 0) > 0 {
            lines.append(
                "\(indent)wall time \(durationText(seconds: wall / 1000)), "
                    + "CPU time \(durationText(seconds: cpu / 1000))"
                    + (info.peakMemoryBytes.map { ", peak memory \($0 / 1_048_576) MiB" } ?? ""))
        }
        return lines
    }
}
