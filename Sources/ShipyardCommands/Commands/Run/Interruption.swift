import Glibc

/// Whether ctrl-C or a termination signal has come.
///
/// The first one only sets a flag, so that the work can be taken down in order; the second ends the program.
struct Interruption {
    // Written by a signal handler and read between two requests: a plain flag of the width that C promises.
    nonisolated(unsafe) private static var flag: sig_atomic_t = 0
    // Read by the handler, so they are set before they are of use, and never freed.
    nonisolated(unsafe) private static var lastWords: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) private static var watch: Int32 = -1

    static var hasCome: Bool { flag != 0 }

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    static func begin() -> Interruption {
        flag = 0
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                if Interruption.flag != 0 { Interruption.leave(number) }
                Interruption.flag = 1
            }
            // No SA_RESTART: a wait ends at once.
            action.sa_flags = 0
            sigaction(number, &action, nil)
        }
        // Some parents start their children with these signals blocked.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        for number in signals { sigaddset(&wanted, number) }
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        return Interruption()
    }

    /// What the second signal says before it ends the program.
    func say(_ words: String) { Self.lastWords = strdup(words + "\n") }

    /// - Parameter stream: of a guard, which the second signal dismisses; -1 for none.
    static func dismissesAtSecond(_ stream: Int32) { watch = stream }

    /// In a signal handler: nothing but system calls.
    private static func leave(_ number: Int32) {
        if watch >= 0 { _ = send(watch, StaticString("done\n").utf8Start, 5, Int32(MSG_NOSIGNAL)) }
        if let lastWords { _ = write(2, lastWords, strlen(lastWords)) }
        signal(number, SIG_DFL)
        raise(number)
    }

    func end() {
        for number in Self.signals { signal(number, SIG_DFL) }
    }
}
