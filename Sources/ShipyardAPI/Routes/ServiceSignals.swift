import Glibc
import ShipyardModel
import ShipyardService
import ShipyardSystem

/// What signals do to the service: those that ask it to leave stop it in order, and those that end it leave a
/// line first.
enum ServiceSignals {
    private static let stopping = [SIGTERM, SIGINT, SIGHUP, SIGQUIT]
    /// Of errors of the program and of limits of the system, and those that end a process by default though nobody
    /// sends them to one.
    private static let fatal = [
        SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF,
        SIGUSR1,
        SIGUSR2,
    ]

    /// Before any other thread is started: each inherits what is blocked.
    static func set() {
        var signals = set(of: stopping)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        giveWayOut()
        for number in fatal { tellBeforeDying(of: number) }
    }

    /// `stop` may be called more than once.
    static func onStop(_ stop: @escaping @Sendable (Int32) -> Void) throws(SystemError) {
        try startThread {
            // A thread that does nothing but wait for signals, where a handler could do almost nothing.
            var signals = set(of: stopping)
            var number: Int32 = 0
            while sigwait(&signals, &number) == 0 { stop(number) }
        }
    }

    /// Waits so long for a signal that asks the service to leave. For a time in which no other thread does.
    static func isStopped(withinSeconds seconds: Int) -> Bool {
        var signals = set(of: stopping)
        var time = timespec(tv_sec: seconds, tv_nsec: 0)
        return sigtimedwait(&signals, nil, &time) > 0
    }

    private static func set(of numbers: [Int32]) -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in numbers { sigaddset(&signals, number) }
        return signals
    }

    /// A stack for the handler, for the case that the main thread's own is used up.
    private static func giveWayOut() {
        let size = 64 << 10
        var stack = stack_t()
        stack.ss_sp = malloc(size)
        stack.ss_size = size
        sigaltstack(&stack, nil)
    }

    private static func tellBeforeDying(of number: Int32) {
        var action = sigaction()
        // Only `write` may be called here; the second time the signal does what it does by default.
        action.__sigaction_handler.sa_handler = { number in
            let text: StaticString = "the service was ended by signal "
            write(2, text.utf8Start, text.utf8CodeUnitCount)
            var digits: (UInt8, UInt8, UInt8) = (
                48 + UInt8(truncatingIfNeeded: number / 10 % 10), 48 + UInt8(truncatingIfNeeded: number % 10),
                10
            )
            write(2, &digits, 3)
            raise(number)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND) | UInt32(SA_NODEFER) | UInt32(SA_ONSTACK))
        sigaction(number, &action, nil)
    }
}
