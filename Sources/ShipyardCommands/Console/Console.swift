import Glibc
import ShipyardDiagnostics

/// The user's terminal, or the files that stand for it: results go to `output`, everything that is told
/// about the work to `messages`.
package final class Console {
    package let output: OutputStream
    package let messages: OutputStream
    /// Nil where nobody can answer a question.
    private let readAnswer: (() -> String?)?
    package let usesColour: Bool
    /// Says more about what is done (`--verbose`).
    package var isVerbose = false
    /// A question was answered with no.
    private(set) var wasDenied = false

    package init(
        output: OutputStream, messages: OutputStream, environment: Environment,
        readAnswer: (() -> String?)? = nil
    ) {
        self.output = output
        self.messages = messages
        self.readAnswer = readAnswer
        // no-color.org: any value that is not empty counts.
        usesColour = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    package static func ofProcess() -> Console {
        let canAsk = isatty(0) == 1
        return Console(
            output: OutputStream(descriptor: 1), messages: OutputStream(descriptor: 2),
            environment: .ofProcess, readAnswer: canAsk ? { readLine() } : nil)
    }

    /// One line to the results.
    package func print(_ text: some StringProtocol) { output.line(text) }

    /// One line about the work. Written at once: people watch it.
    package func say(_ text: some StringProtocol) {
        messages.line(text)
        messages.flush()
    }

    package func warn(_ text: some StringProtocol) {
        say(Style.yellow("warning: ", if: colours(messages)) + text)
    }

    package func report(_ failure: CommandFailure) {
        output.flush()
        if let preface = failure.preface { messages.write(preface) }
        guard !failure.message.isEmpty else { return messages.flush() }
        say(Style.red("error: ", if: colours(messages)) + DisplayText.printableLines(failure.message))
        if let help = failure.help { say("  help: \(DisplayText.printableLines(help))") }
    }

    package func colours(_ stream: OutputStream) -> Bool { usesColour && stream.isTerminal }

    package func flush() {
        output.flush()
        messages.flush()
    }

    /// Whether there is somebody to answer.
    package var canAsk: Bool { readAnswer != nil }

    /// Asks as Batch Shipyard does. Without a terminal nobody could answer, so that is a failure rather than
    /// a hang.
    package func confirm(_ action: String, yes: Bool) throws(CommandFailure) -> Bool {
        if yes { return true }
        guard let readAnswer else {
            throw .usage(
                "cannot ask whether \(action) is meant: standard input is no terminal",
                help: "add `-y` to answer yes")
        }
        output.flush()
        while true {
            messages.write("Confirm \(action) [y/n]: ")
            messages.flush()
            switch readAnswer()?.lowercased() {
            case "y", "yes": return true
            case "n", "no", nil:
                say("not done")
                wasDenied = true
                return false
            default: continue
            }
        }
    }
}

/// Colour for terminals; the caller says whether.
package enum Style {
    package static func red(_ text: String, if wanted: Bool) -> String { wrapped(text, "31", wanted) }
    package static func green(_ text: String, if wanted: Bool) -> String { wrapped(text, "32", wanted) }
    package static func yellow(_ text: String, if wanted: Bool) -> String { wrapped(text, "33", wanted) }
    package static func bold(_ text: String, if wanted: Bool) -> String { wrapped(text, "1", wanted) }
    package static func dim(_ text: String, if wanted: Bool) -> String { wrapped(text, "2", wanted) }

    private static func wrapped(_ text: String, _ code: String, _ wanted: Bool) -> String {
        wanted ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
