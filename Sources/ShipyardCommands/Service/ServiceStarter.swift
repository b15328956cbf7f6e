import CLinux
import Glibc
import ShipyardModel
import ShipyardNode

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
        let limit = monotonicSeconds() + Self.secondsToListen
        var failures = 0
        var retry = 0.0
        while !UnixSocket.accepts(home.socket) {
            var status: Int32 = 0
            if process == 0 {
                if monotonicSeconds() >= retry {
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
                    retry = monotonicSeconds() + Self.secondsAfterFailure
                }
            }
            guard monotonicSeconds() < limit else { throw notListening(since: oldLog) }
            usleep(3000)
        }
    }

    /// The program itself, in a session of its own: a terminal's ctrl-C is not for the service.
    private func spawn() throws(CommandFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, home.log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A pipe or a lock of our caller must not live as long as the service.
        _ = shipyard_spawn_addclosefrom(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var defaults = sigset_t()
        sigemptyset(&defaults)
        // We ignore SIGPIPE, and our parent may have blocked more; a service inherits none of it.
        for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK) | shipyard_spawn_setsid_flag())

        let words = ["shipyard-swift", "service", "run", "--home", home.path]
        var arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var process: pid_t = 0
        // Of our environment only what a service may have: it lives long, and tasks can read it.
        var environment = OwnProcess.serviceEnvironment.map { strdup($0) } + [nil]
        defer { environment.forEach { free($0) } }
        let result = posix_spawn(
            &process, "/proc/self/exe", &actions, &attributes, &arguments, &environment)
        guard result == 0 else {
            throw CommandFailure(
                .serviceUnreachable, "cannot start the service: \(String(cString: strerror(result)))")
        }
        return process
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
