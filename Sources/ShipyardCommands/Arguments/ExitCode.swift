/// What the program's exit code says. The numbers are a promise to scripts.
package enum ExitCode: Int32, Sendable {
    case done = 0
    /// A task or a job failed; or the answer of a question such as `pool exists` is no.
    case failed = 1
    case usage = 2
    case specRefused = 3
    case serviceUnreachable = 4
    case internalError = 70
    /// By ctrl-C or a termination signal, as shells count.
    case interrupted = 130

    /// For help and pages.
    static let meanings: [(code: String, meaning: String)] = [
        ("0", "done"), ("1", "a task or job failed (or the answer is no)"), ("2", "wrong usage"), ("3", "spec refused"),
        ("4", "service not reachable"), ("70", "internal error"),
        ("130", "interrupted by ctrl-C or a termination signal"),
    ]
}

/// Why a command ends early: what is told to the user, and with which exit code.
package struct CommandFailure: Error, Sendable {
    package var code: ExitCode
    /// The fact in one sentence; empty where everything has been told already.
    package var message: String
    /// What to do about it.
    package var help: String?
    /// Printed as it is before the message: rendered diagnostics, the end of a log.
    package var preface: String?
    /// The service's word for programs, where it has refused something.
    package var serviceCode: String?

    package init(_ code: ExitCode, _ message: String, help: String? = nil) {
        self.code = code
        self.message = message
        self.help = help
    }

    package func preceded(by text: String) -> CommandFailure {
        var copy = self
        copy.preface = text
        return copy
    }

    package static func usage(_ message: String, help: String? = nil) -> CommandFailure {
        CommandFailure(.usage, message, help: help)
    }
}
