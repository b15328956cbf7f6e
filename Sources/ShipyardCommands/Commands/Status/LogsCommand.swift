import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel

/// `logs`: what tasks print.
enum LogsCommand {
    static let command = Command("logs", "print what the tasks of a job have printed")
        .details(
            "stdout.txt goes to standard output and stderr.txt to standard error. Of one task they are printed as they are; of "
                + "several each line has the task's id in front, and one longer than 64 KiB is cut. Without TASK it is every task of the job that has run or "
                + "runs, 100 of them at the most.",
            "With -f it goes on until the tasks have ended, those too that begin meanwhile. `data files stream` follows one "
                + "file of a task, whatever its name, and `data files task` copies files; `service logs` is for the service itself."
        )
        .takes(
            Argument("JOB", "the job", values: .id(.job)),
            Argument("TASK", "only these tasks", optional: true, repeats: true, values: .id(.task))
        )
        .options(
            .flag("follow", short: "f", "go on printing what is added, until the tasks have ended"),
            .flag("failed", "only tasks that failed")
        )
        .example("logs sweep", "prints what the tasks of a job have printed")
        .example("logs sweep task-00007 -f", "follows one task")
        .example("logs sweep --failed", "prints what those wrote that failed")
        .runs(run)

    static let howFilesStay =
        "what must outlive its pool is stored by `output_data`; a pool that `auto_pool` makes stays with `keep_alive: true`"

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        let interruption = Interruption.begin()
        defer { interruption.end() }
        var reader = try LogReader(invocation.service(), invocation.console, job: words[0], tasks: Array(words.dropFirst()))
        reader.onlyFailures = invocation.has("failed")
        try reader.read()
        while invocation.has("follow"), !reader.isOver, !invocation.console.output.isClosed, !Interruption.hasCome {
            usleep(LogReader.pause)
            try reader.read()
        }
        if Interruption.hasCome {
            if invocation.has("follow") { invocation.console.say(GoesOn.words(for: [words[0]], invocation)) }
            return .interrupted
        }
        return reader.finish()
    }
}

/// Reads what is new of the files of tasks, again and again.
private struct LogReader {
    static let pause: UInt32 = 300_000
    /// What one person reads, and what one service is asked for several times a second.
    private static let mostTasks = 100
    private static let files = ["stdout.txt", "stderr.txt"]

    private struct Followed {
        var id: String
        var offsets: [Int64] = [0, 0]
        var lines: [LabelledLines]
        var isOver = false
        /// Neither file was there.
        var isGone: Bool { found == 0 }
        var found = 0
    }

    private let service: ServiceClient
    private let console: Console
    private let job: String
    private let named: [String]
    var onlyFailures = false
    private var tasks: [Followed] = []
    private var left = 0
    private(set) var isOver = false
    private var blockedReason: String?

    init(_ service: ServiceClient, _ console: Console, job: String, tasks named: [String]) throws(CommandFailure) {
        (self.service, self.console, self.job, self.named) = (service, console, job, named)
        // A job or a task that is not there is told before anything is printed.
        let _: JobResponse = try service.get(ServiceClient.job(job))
        for id in named { let _: TaskResponse = try service.get(ServiceClient.task(id, of: job)) }
    }

    private var hasPrefixes: Bool { named.count != 1 }

    /// One look at all of them.
    mutating func read() throws(CommandFailure) {
        // Asked first: what is read after the end is all that there will ever be.
        let state: JobResponse? = try service.find(ServiceClient.job(job))
        let states = try statesOfTasks()
        for task in states where !tasks.contains(where: { $0.id == task.id }) {
            guard tasks.count < Self.mostTasks else {
                left += 1
                continue
            }
            tasks.append(Followed(id: task.id, lines: Self.files.map { _ in LabelledLines(label: task.id) }))
        }
        for index in tasks.indices where !tasks[index].isOver {
            let state = states.first { $0.id == tasks[index].id }?.state
            for file in Self.files.indices { try read(file, of: index, isLast: state == "completed") }
            tasks[index].isOver = state == nil || state == "completed"
        }
        console.flush()
        blockedReason = state?.blockedReason
        let counts = state?.taskCounts
        let jobIsOver = counts.map { $0.active + $0.running == 0 } ?? true
        let mayCome = !jobIsOver && state?.isBlocked == false && state?.state != "completed"
        let allOver = tasks.allSatisfy(\.isOver)
        isOver = named.isEmpty ? !mayCome && allOver : allOver && tasks.count == named.count || !mayCome && allOver
    }

    /// Those that have run or run, as they are now.
    private mutating func statesOfTasks() throws(CommandFailure) -> [TaskResponse] {
        left = 0
        if !named.isEmpty {
            var found: [TaskResponse] = []
            for id in named {
                let task: TaskResponse? = try service.find(ServiceClient.task(id, of: job))
                if let task, isMeant(task) { found.append(task) }
            }
            return found
        }
        var found: [TaskResponse] = []
        var filter = TaskFilter()
        filter.onlyFailures = onlyFailures
        try service.eachTask(of: job, filter: filter) { page throws(CommandFailure) in
            let meant = page.filter(isMeant)
            let room = max(0, Self.mostTasks - found.count)
            found += meant.prefix(room)
            left += meant.count - min(meant.count, room)
            // How many more there are is worth a number, and not a million requests.
            return left < 10_000
        }
        return found
    }

    private func isMeant(_ task: TaskResponse) -> Bool {
        guard task.nodeInfo != nil else { return false }
        return !onlyFailures || task.executionInfo.result == "failure" && task.state == "completed"
    }

    private mutating func read(_ file: Int, of index: Int, isLast: Bool) throws(CommandFailure) {
        let path = (ServiceClient.task(tasks[index].id, of: job) / "files").file(Self.files[file])
        let stream = stream(of: file)
        var task = tasks[index]
        defer { tasks[index] = task }
        do throws(CommandFailure) {
            let isThere = try service.read(path, from: task.offsets[file]) { [hasPrefixes] piece in
                task.offsets[file] += Int64(piece.count)
                if hasPrefixes {
                    stream.write(bytes: task.lines[file].add(piece))
                } else {
                    stream.write(bytes: piece)
                }
                return !stream.isClosed && !Interruption.hasCome
            }
            if isThere { task.found += 1 }
        } catch {
            // Gone with its node, or never made: others may be there.
            guard error.code == .failed else { throw error }
        }
        if isLast { stream.write(bytes: task.lines[file].finish()) }
    }

    private func stream(of file: Int) -> OutputStream { file == 0 ? console.output : console.messages }

    /// What is not shown.
    mutating func finish() -> ExitCode {
        for index in tasks.indices {
            for file in Self.files.indices { stream(of: file).write(bytes: tasks[index].lines[file].finish()) }
        }
        console.flush()
        let gone = tasks.filter(\.isGone)
        if let first = gone.first {
            let others = gone.count == 1 ? "" : " and \(gone.count - 1) more"
            console.say("what `\(first.id)`\(others) printed is not there any more: it went with the node")
            console.say("  " + LogsCommand.howFilesStay)
        }
        let reason = blockedReason.map { ": \(DisplayText.printable($0))" } ?? "; -f waits for them"
        if onlyFailures {
            if tasks.isEmpty { console.say("job \(job): no task has failed") }
        } else if tasks.isEmpty, named.isEmpty {
            console.say("job \(job): no task has run yet\(reason)")
        } else {
            let missing = named.filter { id in !tasks.contains { $0.id == id } }
            for id in missing { console.say("job \(job): task `\(id)` has not run\(reason)") }
        }
        if left > 0 {
            console.say(
                "only the first \(Self.mostTasks) tasks are shown; name others: shipyard-swift logs \(job) TASK…")
        }
        return gone.isEmpty || gone.count < tasks.count ? .done : .failed
    }
}

/// What a command says when ctrl-C ends it and not what it follows.
enum GoesOn {
    static func words(for jobs: [String], _ invocation: Invocation) -> String {
        words(for: jobs, home: invocation.arguments["home"])
    }

    /// - Parameter home: where it was given on the command line, and so must be again.
    static func words(for jobs: [String], home: String?) -> String {
        let option = home.map { " --home '\($0.replacing("'", with: #"'\''"#))'" } ?? ""
        let list = jobs.count > 5 ? "--configdir DIR" : jobs.joined(separator: " ")
        let what = jobs.count == 1 ? "job \(jobs[0]) goes on" : "\(jobs.count) jobs go on"
        return "interrupted; \(what)\n  shipyard-swift jobs wait \(list)\(option)   follows \(jobs.count == 1 ? "it" : "them") again\n"
            + "  shipyard-swift jobs term \(list)\(option)   ends \(jobs.count == 1 ? "it" : "them")"
    }
}
