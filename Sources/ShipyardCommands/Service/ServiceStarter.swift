import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem

extension ServiceConnection {
    /// The real one: the Unix socket of the home.
    package static let ofProcess = ServiceConnection(
        open: { home, console throws(CommandFailure) in try ServiceStarter(home, console).connect() },
        openRunning: { home throws(CommandFailure) in
            try home.checkTrust()
            return UnixSocket.accepts(home.socket) ? ServiceClient(SocketTransport(home.socket)) : nil
        })
}

/// Connects to a home's service and starts it where it does not run.
///
/// Two commands may start it at once: the service locks its home, the second one finds the lock taken and
/// exits with 0 when the first one listens, and both commands find the same socket. A service that is about to
/// end has the lock and no socket: the next one waits for the lock.
struct ServiceStarter {
    /// A service that has much to recover may take a while before it listens.
    private static let secondsToListen = 30.0
    /// A service that could not start may have met another one at its end. So another one may be starting
    /// meanwhile, and then a second one is tried; what that one says is told at once.
    private static let secondsAfterFailure = 0.3

    private let home: HomeDirectory
    private let console: Console

    init(_ home: HomeDirectory, _ console: Console) {
        self.home = home
        self.console = console
    }

    func connect() throws(CommandFailure) -> ServiceClient {
        try home.check()
        if !UnixSocket.accepts(home.socket) { try start() }
        return ServiceClient(RestartingTransport(SocketTransport(home.socket), restart: restart))
    }

    /// For a service that went away meanwhile; another command may have been quicker.
    private func restart() throws(CommandFailure) {
        if !UnixSocket.accepts(home.socket) { try start() }
    }

    private func start() throws(CommandFailure) {
        do throws(SystemError) {
            try LocalFile.makeDirectories(home.path, mode: 0o700)
        } catch {
            throw CommandFailure(
                .serviceUnreachable, "\(error)", help: "choose another home with `--home DIR`")
        }
        try home.check()
        guard access(home.path, W_OK | X_OK) == 0 else {
            throw CommandFailure(
                .serviceUnreachable, "\(SystemError("write to", path: home.path, errno: errno))",
                help: "choose another home with `--home DIR`")
        }
        var oldLog = logLength()
        var process = try spawn()
        let limit = SystemClock.monotonicSeconds() + Self.secondsToListen
        var failures = 0
        var retry = 0.0
        while !UnixSocket.accepts(home.socket) {
            var status: Int32 = 0
            if process == 0 {
                if SystemClock.monotonicSeconds() >= retry {
                    oldLog = logLength()
                    process = try spawn()
                }
            } else if waitpid(process, &status, WNOHANG) == process {
                if status == 0 {
                    // It has given way to another one, which ended meanwhile: that was a service that stopped.
                    process = try spawn()
                } else {
                    failures += 1
                    guard failures < 2 else { throw notListening(since: oldLog) }
                    process = 0
                    retry = SystemClock.monotonicSeconds() + Self.secondsAfterFailure
                }
            }
            guard SystemClock.monotonicSeconds() < limit else { throw notListening(since: oldLog) }
            usleep(3000)
        }
    }

    /// The program itself. Of our environment it gets only what a service may have: it lives long, and tasks can read it.
    private func spawn() throws(CommandFailure) -> pid_t {
        do throws(SystemError) {
            let nothing = try FileDescriptor.open("/dev/null", O_RDONLY)
            let log = try FileDescriptor.open(home.log, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let process = try ProcessLaunch.start(
                "/proc/self/exe", ["shipyard-swift", "service", "run", "--home", home.path],
                environment: ServiceEnvironment.variables,
                ProcessLaunch.Streams(input: nothing.number, output: log.number, errors: log.number))
            _ = (nothing.number, log.number)
            return process
        } catch {
            throw CommandFailure(.serviceUnreachable, "cannot start the service: \(error)")
        }
    }

    private func logLength() -> Int { (try? LocalFile.read(home.log).count) ?? 0 }

    private func notListening(since offset: Int) -> CommandFailure {
        let log = ((try? LocalFile.read(home.log)) ?? []).dropFirst(offset)
        let lines = LocalFile.lastLines(10, of: log).map { "  | \($0)\n" }
        return CommandFailure(
            .serviceUnreachable, "the service did not start; its log is \(home.log)"
        ).preceded(by: lines.joined())
    }
}
