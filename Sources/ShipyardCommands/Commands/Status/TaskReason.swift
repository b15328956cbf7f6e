import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel

/// Why a task failed, in one line: what is known of its end, and the last line that it has written to stderr.txt.
enum TaskReason {
    static func words(_ task: TaskResponse) -> String {
        let info = task.executionInfo
        return words(
            exitCode: info.exitCode, code: info.failureInfo?.code, message: info.failureInfo?.message,
            upload: info.uploadFailureInfo?.message, lastLine: task.lastErrorLine)
    }

    /// - Parameter withExitCode: where no column has it.
    static func words(
        exitCode: Int32?, code: String?, message: String?, upload: String?, lastLine: String?,
        withExitCode: Bool = true
    ) -> String {
        var parts: [String] = []
        if let exitCode, code == "FailureExitCode" {
            // Above 128 it stands for a signal, and the sentence says which.
            if exitCode > 128, let message {
                parts.append(message)
            } else if withExitCode {
                parts.append("exit code \(exitCode)")
            }
        } else if let message {
            parts.append(withExitCode ? [code, message].compactMap(\.self).joined(separator: ": ") : message)
        }
        if let upload { parts.append(upload) }
        if let lastLine, !lastLine.isEmpty { parts.append(lastLine) }
        return parts.joined(separator: "; ")
    }
}

extension ServiceClient {
    /// The first failed tasks of a job, with the last line of what each has written; none where it is gone.
    func failures(of job: String, count: Int) throws(CommandFailure) -> [TaskResponse] {
        let path = (Self.job(job) / "tasks").query("limit", String(count)).query("result", "failure")
            .query("tails", String(count))
        return try find(path, as: ListResponse<TaskResponse>.self)?.value ?? []
    }
}
