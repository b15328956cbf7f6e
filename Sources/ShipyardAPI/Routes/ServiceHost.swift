import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardService
import ShipyardStore

/// `service run`: the service of one home, from its lock to its last answer.
package enum ServiceHost {
    /// Nothing to do for this long ends a service that no pool, job or client needs.
    package static let defaultIdleLimit = TimeSpan.seconds(300)

    package enum Outcome: Sendable {
        case stopped
        /// Another service has the home; it is as good.
        case alreadyRunning
    }

    /// Serves until it is stopped or has been idle for `idleLimit`. Takes over the calling thread.
    package static func run(
        home: String, version: String, idleLimit: TimeSpan = defaultIdleLimit
    ) throws(ServiceFailure) -> Outcome {
        do {
            let layout = HomeLayout(home)
            let lock = try FileDescriptor.open(layout.lock, O_RDWR | O_CREAT, mode: 0o600)
            guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return .alreadyRunning }
            try serve(layout, version: version, idleLimit: idleLimit)
            // Held to here: two services on one home are impossible.
            _ = lock.number
            return .stopped
        } catch let failure as ServiceFailure {
            throw failure
        } catch {
            throw ServiceFailure("\(error)")
        }
    }

    private static func serve(_ layout: HomeLayout, version: String, idleLimit: TimeSpan) throws {
        signal(SIGPIPE, SIG_IGN)
        // The database is opened (and migrated) by the loop; readers need it to be there first.
        let loop = try ServiceLoop(
            home: layout.home, executable: try ownExecutable(), idleLimit: idleLimit, log: log)
        let routes = APIRoutes(
            loop: loop, readers: StoreReaderPool(path: layout.database), layout: layout,
            identity: .init(version: version, processID: getpid(), startTime: now()))
        stopOnSignals(loop)
        let router = routes.router()
        UserMask.exchange(for: 0o077)
        log("service \(version) of \(layout.home) begins, process \(getpid())")
        try loop.run(
            begin: {
                PackageSweep(layout).run()
                let socket = try LocalSocket.listen(name: "service.sock", in: layout.home)
                return try HTTPServer(listeningSocket: socket.release()) { router.reply(to: $0) }
            },
            end: { server in
                // First the name, so that the next command starts a new service instead of finding this one.
                unlink(layout.socket)
                server.stop()
            })
        log("service ends")
    }

    /// The program as it was started, also when its file has been replaced since.
    private static func ownExecutable() throws(ServiceFailure) -> String {
        guard let path = realpath("/proc/self/exe", nil) else {
            throw ServiceFailure("cannot tell which program this is: \(String(cString: strerror(errno)))")
        }
        defer { free(path) }
        return String(cString: path)
    }

    /// TERM and INT end the service as `service stop` does; the agents and their tasks go on.
    private static func stopOnSignals(_ loop: ServiceLoop) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        SignalThread.start(signals) { loop.stop() }
    }

    private static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    private static let log: @Sendable (String) -> Void = { line in
        let text = "\(now().iso8601) \(line)\n"
        _ = text.withCString { write(2, $0, strlen($0)) }
    }
}

/// A thread that does nothing but wait for signals, where a handler could do almost nothing.
private enum SignalThread {
    private final class Box {
        var signals: sigset_t
        let body: @Sendable () -> Void
        init(_ signals: sigset_t, _ body: @escaping @Sendable () -> Void) {
            self.signals = signals
            self.body = body
        }
    }

    static func start(_ signals: sigset_t, _ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Box(signals, body)).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                var number: Int32 = 0
                while sigwait(&box.signals, &number) == 0 { box.body() }
                return nil
            }, argument)
        pthread_detach(thread)
    }
}
