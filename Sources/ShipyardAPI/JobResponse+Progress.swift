extension JobResponse {
    /// What a client has seen of a job, as text: the `counts` of `GET /jobs/{job}/wait`. The service answers as
    /// soon as its own text differs from the client's. No client looks into it.
    package var progressToken: String {
        let counts = taskCounts
        return "\(state):\(counts.active),\(counts.running),\(counts.succeeded),\(counts.failed)"
            + (isBlocked ? ":blocked" : "")
    }
}

extension TaskCountsResponse {
    package var total: Int { active + running + completed }
}

extension TaskCountsResponse {
    /// No task at all.
    package init() { self.init(active: 0, running: 0, completed: 0, succeeded: 0, failed: 0) }

    package static func + (left: TaskCountsResponse, right: TaskCountsResponse) -> TaskCountsResponse {
        TaskCountsResponse(
            active: left.active + right.active, running: left.running + right.running,
            completed: left.completed + right.completed, succeeded: left.succeeded + right.succeeded,
            failed: left.failed + right.failed)
    }
}

extension SubmissionRequest {
    package init(files: [File], workingDirectory: String) {
        self.init(files: files, workingDirectory: workingDirectory, recreate: false)
    }
}

extension SubmissionRequest.File {
    package init(of kind: String, path: String, name: String, text: String) {
        self.init(kind: kind, path: path, name: name, text: text)
    }
}
