import ShipyardAPI

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
        let path = "\(file.job)/\(file.task)/\(file.file)"
        guard !path.split(separator: "/").contains("..") else {
            throw .usage("`\(file.file)` leaves the task's directory")
        }
        try write(file, to: path, streamer)
        invocation.console.say("written to \(path)")
        return .done
    }

    /// Nothing is made or emptied before there is something to write: the file may not exist.
    private static func write(
        _ file: TaskFile, to path: String, _ streamer: FileStreamer
    ) throws(CommandFailure) {
        var target: LocalFile.Target?
        var failure: CommandFailure?
        try streamer.follow(file) { piece in
            do throws(CommandFailure) {
                if target == nil { target = try LocalFile.Target(path) }
            } catch {
                failure = error
            }
            return target?.append(piece) ?? false
        }
        if let failure { throw failure }
        // An empty file has no piece.
        if target == nil { target = try LocalFile.Target(path) }
        try target?.check()
    }
}
