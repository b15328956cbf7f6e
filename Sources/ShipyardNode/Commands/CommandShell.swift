import Glibc

/// Turns the form of a command into the words that are executed.
enum CommandShell {
    static func words(for form: CommandForm) -> [String] {
        switch form {
        case .words(let words): words
        case .script(let text): scriptPrefix + [text]
        }
    }

    // As options and not as a first line of the script: so line numbers in the shell's messages are the user's.
    private static let scriptPrefix: [String] = {
        for bash in ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"] where access(bash, X_OK) == 0 {
            return [bash, "-e", "-o", "pipefail", "-c"]
        }
        return ["/bin/sh", "-e", "-c"]
    }()
}
