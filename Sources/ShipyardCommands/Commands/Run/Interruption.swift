import Glibc

/// Whether ctrl-C or a termination signal has come.
///
/// The first one only sets a flag, so that the work can be taken down in order; the second ends the program.
struct Interruption {
    // Written by a signal handler and read between two requests: a plain flag of the width that C promises.
    nonisolated(unsafe) private static var flag: sig_atomic_t = 0

    static var hasCome: Bool { flag != 0 }

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    static func begin() -> Interruption {
        flag = 0
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interruption.flag = 1 }
            // SA_RESETHAND: the second signal finds the default again. No SA_RESTART: a wait ends at once.
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
        // Some parents start their children with these signals blocked.
        var wanted = sigset_t()
        sigemptyset(&wanted)
        for number in signals { sigaddset(&wanted, number) }
        pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
        return Interruption()
    }

    func end() {
        for number in Self.signals { signal(number, SIG_DFL) }
    }
}
