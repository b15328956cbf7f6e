import Glibc
import ShipyardModel
import ShipyardService
import ShipyardSystem
import Synchronization

/// Where the service is reached: its socket and the server behind it.
///
/// The socket's name may go while the service lives, such as by a cleaner of temporary directories. Nobody could find
/// the service then, and none could take its place while it has the lock: so it listens anew.
final class ServiceEndpoint: Sendable {
    /// A socket with its server. What has come to its name since is another's.
    private final class Listening: Sendable {
        let socket: FileDescriptor
        let identity: FileIdentity?
        let server: HTTPServer

        init(
            _ layout: HomeLayout, _ handler: @escaping @Sendable (HTTPRequest) -> HTTPReply
        ) throws {
            socket = try LocalSocket.listen(name: layout.socketName, in: layout.home)
            identity = FileIdentity(at: layout.socket)
            server = try HTTPServer(listeningSocket: socket.number, handler: handler)
        }

        /// Before the descriptor is closed.
        deinit { server.stop() }
    }

    private struct State {
        var now: Listening
        /// Whoever is connected there is served on.
        var before: [Listening] = []
        var trouble: String?
        var nextTrial: Int64 = 0
    }

    // Removing the name again and again must not cost a server each time.
    private static let maximumBefore = 3
    private static let trialMicroseconds: Int64 = 1_000_000

    private let layout: HomeLayout
    private let handler: @Sendable (HTTPRequest) -> HTTPReply
    private let log: @Sendable (String) -> Void
    private let state: Mutex<State>
    /// Ends servers: that waits for those who are being answered.
    private let closer: Workers

    init(
        _ layout: HomeLayout, _ homeGuard: HomeGuard, _ loop: ServiceLoop, _ router: Router,
        log: @escaping @Sendable (String) -> Void
    ) throws {
        PackageSweep(layout).run()
        let gate = TokenGate(router, loop)
        let handler: @Sendable (HTTPRequest) -> HTTPReply = { request in
            // Also for those who only read: they would be shown what is in no file any more.
            if let loss = homeGuard.loss {
                loop.wake()
                return APIFailure(Refusal.homeLost(loss)).reply
            }
            return gate.reply(to: request)
        }
        self.layout = layout
        self.handler = handler
        self.log = log
        closer = try Workers(count: 1)
        state = Mutex(State(now: try Listening(layout, handler)))
    }

    /// Listens anew where the name has gone. Another file that has come to it is nobody's to delete but its maker's;
    /// a socket that is not ours is one that nobody serves, because the home is locked.
    func keep() {
        state.withLock { state in
            var status = stat()
            let isThere = lstat(layout.socket, &status) == 0
            if isThere, FileIdentity(status) == state.now.identity { return }
            let now = SystemClock.monotonicMicroseconds()
            guard now >= state.nextTrial, isThere || errno == ENOENT else { return }
            state.nextTrial = now + Self.trialMicroseconds
            do {
                guard !isThere || status.st_mode & S_IFMT == S_IFSOCK else {
                    throw SystemError("listen", path: layout.socket, errno: EEXIST)
                }
                let anew = try Listening(layout, handler)
                state.before.append(state.now)
                state.now = anew
                state.trouble = nil
                log("the socket \(layout.socket) was removed; the service listens anew")
            } catch {
                if state.trouble != "\(error)" { log("cannot be found: \(error)") }
                state.trouble = "\(error)"
            }
            guard state.before.count > Self.maximumBefore else { return }
            let oldest = state.before.removeFirst()
            closer.run { oldest.server.stop() }
        }
    }

    func close() {
        state.withLock { state in
            // First the name, so that the next command starts a new service instead of finding this one.
            if state.now.identity != nil, FileIdentity(at: layout.socket) == state.now.identity {
                unlink(layout.socket)
            }
            for listening in state.before + [state.now] { listening.server.stop() }
        }
    }
}
