import Glibc
import ShipyardModel

/// The words for what goes wrong with an attempt. Codes are Azure Batch's, sentences are ours.
enum AttemptFailure {
    static func exitCode(_ code: Int32) -> FailureInfo {
        FailureInfo(
            category: .userError, code: "FailureExitCode",
            message: "The command ended with exit code \(code).")
    }

    static func signalled(_ signal: Int32) -> FailureInfo {
        let name = names[signal].map { " (SIG\($0))" } ?? ""
        let hint = signal == SIGKILL ? " If nobody did that, the machine may have run out of memory." : ""
        return FailureInfo(
            category: .userError, code: "FailureExitCode",
            message: "The command was ended by signal \(signal)\(name).\(hint)")
    }

    static func wallTime(_ limit: TimeSpan) -> FailureInfo {
        let seconds = limit.milliseconds / 1000
        let fraction = limit.milliseconds % 1000
        let length = fraction == 0 ? "\(seconds)" : "\(seconds).\(padded(fraction, 3))"
        return FailureInfo(
            category: .userError, code: "TaskEnded",
            message: "The task ran longer than its max_wall_time of \(length) s and was ended.")
    }

    static func programNotFound(_ program: String, searchPath: String) -> FailureInfo {
        let reason =
            program.utf8.contains(UInt8(ascii: "/"))
            ? "does not exist, or the interpreter that its first line names does not"
            : "is in no directory of PATH (\(searchPath))"
        return FailureInfo(
            category: .userError, code: "CommandProgramNotFound",
            message: "The program `\(program)` \(reason).")
    }

    static func launch(_ program: String, errno: Int32) -> FailureInfo {
        let reason = SystemError("", errno: errno).reason
        return FailureInfo(
            category: .userError, code: "CommandLaunchFailed",
            message: "The program `\(program)` could not be started: \(reason).")
    }

    /// A directory or a log file of the task could not be made: the node's trouble, not the command's.
    static func storage(_ error: SystemError, isDirectory: Bool) -> FailureInfo {
        let isFull = error.errno == ENOSPC || error.errno == EDQUOT
        let code =
            isFull ? "DiskFull" : isDirectory ? "ResourceDirectoryCreateFailed" : "ResourceFileCreateFailed"
        return FailureInfo(category: .serverError, code: code, message: "\(error.description).")
    }

    private static let names: [Int32: String] = [
        SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGTRAP: "TRAP", SIGABRT: "ABRT",
        SIGBUS: "BUS", SIGFPE: "FPE", SIGKILL: "KILL", SIGUSR1: "USR1", SIGSEGV: "SEGV", SIGUSR2: "USR2",
        SIGPIPE: "PIPE", SIGALRM: "ALRM", SIGTERM: "TERM", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ", SIGSYS: "SYS",
    ]
}
