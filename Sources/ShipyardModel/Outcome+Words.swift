import Glibc

/// Who is to blame for a failure, in Azure Batch's words.
package enum FailureCategory: String, Sendable, CaseIterable {
    case userError, serverError
}

/// An outcome that is no success as Azure Batch tells it: `code` is one of its own where it has one, `message` is
/// one sentence. For people and scripts; nothing is decided from it.
package struct FailureInfo: Hashable, Sendable {
    package var category: FailureCategory
    package var code: String
    package var message: String

    package init(category: FailureCategory, code: String, message: String) {
        self.category = category
        self.code = code
        self.message = message
    }
}

extension Outcome {
    /// Of a command that ran to an end that was its own; a signal is told as a shell tells it.
    package var exitCode: Int32? {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        // Its command has succeeded: that much holds.
        case .uploadFailed, .outputRefused: 0
        case .notStarted, .stagingFailed, .inputFailed, .nodeLost, .endedByUser, .overWallTime, .outOfMemory,
            .skipped, .unreadable:
            nil
        }
    }

    /// Nil for success.
    package var failure: FailureInfo? {
        switch self {
        case .exited(0): nil
        case .exited(let code): user("FailureExitCode", Self.sentence(forExit: code))
        case .signalled(let signal): user("FailureExitCode", Self.sentence(forSignal: signal))
        case .notStarted(let fault, let text):
            FailureInfo(category: fault.category, code: fault.code, message: text)
        case .uploadFailed(let fault, let text): user(fault.code, text)
        case .outputRefused(let fault, let text): user(fault.code, text)
        case .stagingFailed(let fault, let text), .inputFailed(let fault, let text):
            FailureInfo(category: fault.category, code: fault.code, message: text)
        case .nodeLost(let loss, let text):
            FailureInfo(category: .serverError, code: loss.code, message: text)
        case .endedByUser: user("TaskEnded", "Task Was Ended by User Request")
        case .overWallTime(let limit): user("TaskEnded", Self.sentence(forWallTime: limit))
        case .outOfMemory:
            user("TaskOutOfMemory", "The task used more memory than it was given and was ended.")
        case .skipped: user("TaskSkipped", "The task was not run, because of how what it depends on ended.")
        case .unreadable(let text):
            FailureInfo(category: .serverError, code: "RowUnreadable", message: text)
        }
    }

    private func user(_ code: String, _ message: String) -> FailureInfo {
        FailureInfo(category: .userError, code: code, message: message)
    }

    /// A shell tells a signal of what it ran by 128 and its number.
    private static func sentence(forExit code: Int32) -> String {
        guard code > 128, let name = signalNames[code - 128] else { return "The command ended with exit code \(code)." }
        let hint = code - 128 == SIGKILL ? ", as when memory runs out" : ""
        return "The command ended with exit code \(code), which stands for signal \(code - 128) (SIG\(name))\(hint)."
    }

    private static func sentence(forSignal signal: Int32) -> String {
        let name = signalNames[signal].map { " (SIG\($0))" } ?? ""
        let hint = signal == SIGKILL ? " If nobody did that, the machine may have run out of memory." : ""
        return "The command was ended by signal \(signal)\(name).\(hint)"
    }

    private static let signalNames: [Int32: String] = [
        SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGTRAP: "TRAP", SIGABRT: "ABRT",
        SIGBUS: "BUS", SIGFPE: "FPE", SIGKILL: "KILL", SIGUSR1: "USR1", SIGSEGV: "SEGV", SIGUSR2: "USR2",
        SIGPIPE: "PIPE", SIGALRM: "ALRM", SIGTERM: "TERM", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ", SIGSYS: "SYS",
    ]

    fileprivate static let wallTimeWords = (
        before: "The task ran longer than its max_wall_time of ", after: " s and was ended."
    )

    private static func sentence(forWallTime limit: TimeSpan) -> String {
        let (seconds, fraction) = limit.milliseconds.quotientAndRemainder(dividingBy: 1000)
        let length = fraction == 0 ? "\(seconds)" : "\(seconds).\(padded(fraction, 3))"
        return wallTimeWords.before + length + wallTimeWords.after
    }
}

extension StartFault {
    package var code: String {
        switch self {
        case .programNotFound: "CommandProgramNotFound"
        case .launchFailed: "CommandLaunchFailed"
        case .directoryNotMade: "ResourceDirectoryCreateFailed"
        case .fileNotMade: "ResourceFileCreateFailed"
        case .diskFull: "DiskFull"
        case .nodeCannotStartWork: "NodeCannotStartWork"
        case .rowMissing: "TaskRowMissing"
        case .secretMissing: "SecretMissing"
        case .taskFilesMissing: "TaskFilesNotFound"
        case .outputMissing: "TaskOutputNotFound"
        }
    }

    fileprivate var category: FailureCategory {
        switch self {
        case .programNotFound, .launchFailed, .secretMissing, .taskFilesMissing, .outputMissing: .userError
        case .directoryNotMade, .fileNotMade, .diskFull, .nodeCannotStartWork, .rowMissing: .serverError
        }
    }
}

extension StagingFault {
    package var code: String {
        switch self {
        case .blobNotFound: "BlobNotFound"
        case .blobAccessDenied: "BlobAccessDenied"
        case .blobDownloadMiscError: "BlobDownloadMiscError"
        case .blobDownloadTimedOut: "BlobDownloadTimedOut"
        case .resourceDirectoryCreateFailed: "ResourceDirectoryCreateFailed"
        case .resourceFileCreateFailed: "ResourceFileCreateFailed"
        case .resourceFileWriteFailed: "ResourceFileWriteFailed"
        case .resourceFileChecksumMismatch: "ResourceFileChecksumMismatch"
        case .diskFull: "DiskFull"
        case .applicationPackageError: "ApplicationPackageError"
        case .unknown: "Unknown"
        }
    }

    fileprivate var category: FailureCategory { self == .unknown ? .serverError : .userError }
}

extension UploadFault {
    package var code: String {
        switch self {
        case .containerNotFound: "FileUploadContainerNotFound"
        case .accessDenied: "FileUploadAccessDenied"
        case .miscError: "FileUploadMiscError"
        case .timedOut: "FileUploadTimedOut"
        case .insufficientSpace: "FileUploadInsufficientSpace"
        }
    }

    /// As the process that stores files says it, which is a program of its own.
    package init?(code: String) {
        guard let known = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = known
    }
}

extension OutputFault {
    package var code: String {
        switch self {
        case .tooLarge: "TaskOutputTooLarge"
        case .notJSON: "TaskOutputNotJSON"
        case .notAFile: "TaskOutputNotAFile"
        case .notReadable: "TaskOutputNotReadable"
        }
    }
}

extension UploadFailure {
    package var failure: FailureInfo {
        FailureInfo(category: .userError, code: fault.code, message: message)
    }
}

extension NodeLoss {
    package var code: String {
        switch self {
        case .died: "NodeLost"
        case .left: "NodeRemoved"
        case .diedOfPreparation: "PreparationLosesNodes"
        }
    }
}

// MARK: Reading words back

extension Outcome {
    /// What versions before this one stored and sent instead of an outcome with no exit. The only place where words
    /// are looked at; nothing that is made today comes here.
    package init(words: FailureInfo) {
        let (code, text) = (words.code, words.message)
        if code == Outcome.endedByUser.failure?.code {
            self = Self.wallTime(in: text).map(Outcome.overWallTime) ?? .endedByUser
        } else if let fault = StartFault.allCases.first(where: {
            $0.code == code && $0.category == words.category
        }) {
            self = .notStarted(fault, text)
        } else if let fault = StagingFault(code: code) {
            self = .stagingFailed(fault, text)
        } else if let loss = NodeLoss.allCases.first(where: { $0.code == code }) {
            self = .nodeLost(loss, text)
        } else {
            self = .unreadable(text)
        }
    }

    private static func wallTime(in text: String) -> TimeSpan? {
        guard text.hasPrefix(wallTimeWords.before), text.hasSuffix(wallTimeWords.after) else { return nil }
        let length = text.dropFirst(wallTimeWords.before.count).dropLast(wallTimeWords.after.count)
        let parts = length.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let seconds = Int64(parts[0]) else { return nil }
        guard let fraction = parts.count == 2 ? Int64(parts[1]) : 0 else { return nil }
        return TimeSpan(milliseconds: saturatingSum(saturatingProduct(seconds, 1000), fraction))
    }
}

extension StagingFault {
    /// As the process that puts files in place says it, which is a program of its own.
    package init?(code: String) {
        guard let known = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = known
    }
}
