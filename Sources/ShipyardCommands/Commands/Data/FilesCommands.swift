import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `data files list`.
enum FilesListCommand {
    static let command = Command("list", "list the files of tasks")
        .options(SharedOptions.jobID, SharedOptions.taskID)
        .example("data files list --jobid sweep --taskid task-00007", "lists what one task left behind")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        if let task = invocation.arguments["taskid"] {
            let job = try SpecIDs(invocation).singleJob(for: "taskid")
            return try show(task, of: job, service, invocation.console)
        }
        var code = ExitCode.done
        for job in try SpecIDs(invocation).jobs() {
            try service.eachTask(of: job) { page throws(CommandFailure) in
                for task in page where task.nodeInfo != nil {
                    if try show(task.id, of: job, service, invocation.console) != .done { code = .failed }
                }
                return !invocation.console.output.isClosed
            }
        }
        return code
    }

    /// A list that is not whole says so, with its exit code too: a script would take it for all there is.
    private static func show(
        _ task: String, of job: String, _ service: ServiceClient, _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        let listing = try service.files(below: ServiceClient.task(task, of: job))
        let files = listing.value
        console.print("task \(task) of job \(job): \(counted(files.count, "file"))")
        var table = Table()
        table.column("bytes", .right)
        table.column("modified")
        table.column("file")
        let now = SystemClock.now()
        for file in files {
            let size = file.isDirectory ? "" : String(file.contentLength)
            let target = file.linkTarget.map { " -> \($0)" } ?? ""
            table.row(size, LocalTime.text(file.lastModified, at: now), file.name + (file.isDirectory ? "/" : target))
        }
        if table.rowCount > 0 { console.print(table) }
        let leftOut = listing.leftOut ?? []
        for sentence in leftOut { console.warn("not listed: \(DisplayText.printable(sentence))") }
        return leftOut.isEmpty ? .done : .failed
    }
}

/// `data files node`: copies files out of a node's root directory.
enum FilesNodeCommand {
    static let command = Command("node", "copy files out of a node's directory")
        .options(
            .flag("all", "copy every file that matches the pattern"),
            .value("filespec", "NODE,FILE", "which file"), SharedOptions.poolID
        )
        .example(
            "data files node --poolid small --filespec NODE,startup/stdout.txt",
            "copies what a node's start task printed"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let text = try invocation.fileSpec("NODE,FILE")
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw .usage("`--filespec` takes two parts, `NODE,FILE`, not `\(text)`")
        }
        let path = try ServiceClient.pool(SpecIDs(invocation).pool()) / "nodes" / parts[0]
        let copier = FileCopier(try invocation.service(), invocation)
        guard invocation.has("all") else {
            try copier.copyOne(parts[1], below: path)
            return .done
        }
        let outcome = try copier.copyMatching(parts[1], below: path, to: [parts[0]])
        guard !outcome.isEmpty else {
            throw CommandFailure(.failed, "no file matches `\(parts[1])`")
        }
        copier.report(outcome, to: "./\(parts[0])")
        return outcome.code
    }
}

/// `data files task`: copies files out of a task's directory.
enum FilesTaskCommand {
    static let command = Command("task", "copy files out of a task's directory")
        .details(
            "Without --all the file is copied to the current directory. With --all the third part is a pattern "
                + "over the paths in the task's directory, and the files go to ./JOB/TASK/PATH. Links are copied as links. What "
                + "cannot be copied, such as a socket, is named, and the exit code is 1."
        )
        .options(.flag("all", "copy every file that matches the pattern"), SharedOptions.fileSpec)
        .example("data files task --filespec sweep,task-00007,wd/out.csv", "copies one file to ./out.csv")
        .example(
            "data files task --all --filespec 'sweep,task-00007,wd/*'", "copies all that the task left behind"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let wanted = try TaskFile(parsing: invocation.fileSpec("JOB,TASK,FILE"))
        let service = try invocation.service()
        let file = try wanted.resolved(service)
        let copier = FileCopier(service, invocation)
        let path = ServiceClient.task(file.task, of: file.job)
        guard invocation.has("all") else {
            try copier.copyOne(file.file, below: path)
            return .done
        }
        let outcome = try copier.copyMatching(file.file, below: path, to: [file.job, file.task])
        guard !outcome.isEmpty else {
            throw CommandFailure(.failed, "no file matches `\(file.file)`")
        }
        copier.report(outcome, to: "./\(file.job)/\(file.task)")
        return outcome.code
    }
}

/// `data files stream`: follows a file of a task while the task runs.
enum FilesStreamCommand {
    static let command = Command("stream", "print a task's file as it grows, until the task has ended")
        .options(
            .flag("disk", "write to ./JOB/TASK/FILE instead"),
            SharedOptions.fileSpec
        )
        .example("data files stream --filespec sweep,task-00007,stdout.txt", "follows one task's output")
        .example(
            "data files stream --filespec sweep,@FIRSTRUNNING,",
            "follows stdout.txt of the first running task"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let wanted = try TaskFile(parsing: invocation.fileSpec("JOB,TASK,FILE"))
        let service = try invocation.service()
        let file = try wanted.resolved(service)
        let streamer = FileStreamer(service, invocation.console)
        guard invocation.has("disk") else {
            try streamer.follow(file)
            return .done
        }
        guard !file.file.split(separator: "/").contains("..") else {
            throw .usage("`\(file.file)` leaves the task's directory")
        }
        let target =
            [file.job, file.task].reduce(BytePath("")) { $0 / BytePath($1) } / BytePath(shown: file.file)
        try write(file, as: target, streamer)
        invocation.console.say("written to \(file.job)/\(file.task)/\(file.file)")
        return .done
    }

    /// Nothing is made or emptied before there is something to write: the file may not exist.
    private static func write(
        _ file: TaskFile, as name: BytePath, _ streamer: FileStreamer
    ) throws(CommandFailure) {
        let tree = TargetTree(".")
        // Under its own name from the start: somebody may want to look at it while it grows.
        func open() throws(TargetTree.Failure) -> TargetTree.File {
            let target = try tree.file(name)
            try target.publish()
            return target
        }
        var target: TargetTree.File?
        var failure: TargetTree.Failure?
        try streamer.follow(file) { piece in
            do throws(TargetTree.Failure) {
                if target == nil { target = try open() }
            } catch {
                failure = error
            }
            return target?.append(piece) ?? false
        }
        do throws(TargetTree.Failure) {
            if let failure { throw failure }
            // An empty file has no piece.
            if target == nil { target = try open() }
            try target?.check()
        } catch {
            throw CommandFailure(error)
        }
    }
}
