import ShipyardAPI

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
