import ShipyardAPI
import ShipyardModel

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
