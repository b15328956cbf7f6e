import Glibc
import ShipyardModel

/// What goes wrong with an attempt before its command runs.
extension Outcome {
    static func programNotFound(_ program: String, searchPath: String) -> Outcome {
        let reason =
            program.utf8.contains(UInt8(ascii: "/"))
            ? "does not exist, or the interpreter that its first line names does not"
            : "is in no directory of PATH (\(searchPath))"
        return .notStarted(.programNotFound, "The program `\(program)` \(reason).")
    }

    static func launchFailed(_ program: String, errno: Int32) -> Outcome {
        let reason = SystemError("", errno: errno).reason
        return .notStarted(.launchFailed, "The program `\(program)` could not be started: \(reason).")
    }

    /// A directory or a log file of the task could not be made: the node's trouble, not the command's.
    static func notStored(_ error: SystemError, isDirectory: Bool) -> Outcome {
        let isFull = error.errno == ENOSPC || error.errno == EDQUOT
        return .notStarted(
            isFull ? .diskFull : isDirectory ? .directoryNotMade : .fileNotMade, "\(error.description).")
    }
}

/// What `node-stage` prints when it could: nothing, or one line of JSON.
struct StagedAnswer {
    /// The task has done its work under an earlier attempt, and its command is not run again.
    var isDone = false
    /// For the manifest of `node-upload`.
    var line: String?

    init(_ answer: String) {
        guard let text = answer.split(separator: "\n").last.map(String.init), let json = try? JSONValue(parsing: text)
        else { return }
        if case .bool(true)? = json["isDone"] { isDone = true }
        if json["fetchedDigests"] != nil { line = text }
    }
}

/// What a process that moves files prints when it could not: one line of JSON with `code`, `message`, and `isInput` where it
/// was data and no resource file.
struct StagingAnswer {
    private let line: (code: String, message: String, isInput: Bool)?
    private let end: String

    init(_ answer: String, status: Int32) {
        end =
            status & 0x7F != 0
            ? "was ended by signal \(status & 0x7F)" : "ended with exit code \(status >> 8 & 0xFF)"
        for line in answer.split(separator: "\n").reversed() {
            guard let json = try? JSONValue(parsing: String(line)), let code = json["code"]?.stringValue,
                let message = json["message"]?.stringValue
            else { continue }
            var isInput = false
            if case .bool(true)? = json["isInput"] { isInput = true }
            self.line = (code, message, isInput)
            return
        }
        line = nil
    }

    /// Of `node-stage`.
    var outcome: Outcome {
        // It broke down before it could say why: that is ours.
        guard let line else {
            return .stagingFailed(
                .unknown, "Putting the task's files in place \(end) and gave no reason; see stderr.txt.")
        }
        let fault = StagingFault(code: line.code) ?? .unknown
        return line.isInput ? .inputFailed(fault, line.message) : .stagingFailed(fault, line.message)
    }

    /// Of `node-upload`.
    var uploadFailure: UploadFailure {
        guard let line else {
            return UploadFailure(.miscError, "Storing the task's files \(end) and gave no reason.")
        }
        return UploadFailure(UploadFault(code: line.code) ?? .miscError, line.message)
    }
}
