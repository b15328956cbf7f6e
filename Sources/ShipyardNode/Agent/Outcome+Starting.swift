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

/// What `node-stage` prints when it could not put a task's files in place: one line of JSON with `code`,
/// `message`.
enum StagingAnswer {
    static func fault(_ answer: String, status: Int32) -> (StagingFault, String) {
        for line in answer.split(separator: "\n").reversed() {
            guard let json = try? JSONValue(parsing: String(line)), let code = json["code"]?.stringValue,
                let message = json["message"]?.stringValue
            else { continue }
            return (StagingFault(code: code) ?? .unknown, message)
        }
        // It broke down before it could say why: that is ours.
        let end =
            status & 0x7F != 0
            ? "was ended by signal \(status & 0x7F)" : "ended with exit code \(status >> 8 & 0xFF)"
        return (.unknown, "Putting the task's files in place \(end) and gave no reason; see stderr.txt.")
    }
}
