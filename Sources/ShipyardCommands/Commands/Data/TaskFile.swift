import Glibc
import ShipyardAPI
import ShipyardModel

/// What `--filespec JOB,TASK,FILE` names.
struct TaskFile: Equatable {
    var job: String
    var task: String
    var file: String

    /// `@FIRSTRUNNING` stands for the first task of the job that is seen running.
    static let firstRunning = "@FIRSTRUNNING"

    /// Three parts; the file may be empty and is then `stdout.txt`.
    init(parsing text: String) throws(CommandFailure) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw .usage("`--filespec` takes three parts, `JOB,TASK,FILE`, not `\(text)`")
        }
        guard parts[2].utf8.count < Int(PATH_MAX) else {
            throw .usage("the third part of `--filespec` has \(parts[2].utf8.count) bytes, and no path has so many")
        }
        self.init(job: parts[0], task: parts[1], file: parts[2].isEmpty ? "stdout.txt" : parts[2])
    }

    init(job: String, task: String, file: String) {
        self.job = job
        self.task = task
        self.file = file
    }

    /// Replaces `@FIRSTRUNNING`, waiting until some task of the job runs.
    func resolved(_ service: ServiceClient) throws(CommandFailure) -> TaskFile {
        guard task == Self.firstRunning else { return self }
        var filter = TaskFilter()
        filter.state = "running"
        filter.pageSize = 1
        while true {
            var found: String?
            try service.eachTask(of: job, filter: filter) { page throws(CommandFailure) in
                found = page.first?.id
                return false
            }
            if let found { return TaskFile(job: job, task: found, file: file) }
            let state: JobResponse = try service.get(ServiceClient.job(job))
            guard state.state == "active" else {
                throw CommandFailure(.failed, "job \(job) is \(state.state): none of its tasks will run")
            }
            sleep(1)
        }
    }

    var path: ServicePath { ServiceClient.task(task, of: job) / "files" }
    /// Where its bytes are asked for.
    var location: ServicePath { path.file(BytePath(shown: file)) }
}

extension Invocation {
    /// The option, else what the user answers.
    func fileSpec(_ parts: String) throws(CommandFailure) -> String {
        guard let given = arguments["filespec"] else {
            throw .usage("`--filespec \(parts)` says which file")
        }
        return given
    }
}
