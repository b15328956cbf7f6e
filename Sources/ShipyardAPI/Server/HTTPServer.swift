import CMicroHTTPD
import Glibc
import ShipyardHTTPClient
import ShipyardModel
import Synchronization

/// Why the server cannot run.
package struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    package var message: String
    package var description: String { message }
}

/// Serves HTTP on a socket that already listens, with a thread for each connection: a handler may wait, for
/// the service's loop or for a file to grow, without holding up other clients.
package final class HTTPServer: Sendable {
    /// A submission of a million inline tasks is about 50 MB of YAML; longer ones belong in a factory.
    package static let maximumBodyBytes = 64 << 20
    /// Each costs a thread. A dashboard has a handful of connections, `wait` one.
    static let maximumConnections: UInt32 = 256
    /// From here on each new connection ends the one that has been idle for longest: a client that opens
    /// hundreds and asks nothing must not keep others out. The rest is room for those that are just ending.
    static let crowd = 192
    /// A connection on which nothing is asked is closed after this.
    static let idleSeconds: UInt32 = 300
    /// How long `stop` waits for handlers and streams to come to their end.
    static let drainMilliseconds = 5_000

    private let core: ServerCore
    /// Nil after `stop`. The daemon calls back until then, so the core must outlive it.
    private let daemon: Mutex<DaemonHandle?>

    /// - Parameter listeningSocket: Unix or TCP, bound and listening. It stays the caller's to close.
    package init(
        listeningSocket: Int32, handler: @escaping @Sendable (HTTPRequest) -> HTTPReply
    ) throws(HTTPServerError) {
        if let reason = shipyard_mhd_load_error() {
            throw HTTPServerError(message: "\(String(cString: reason)); install the package libmicrohttpd12")
        }
        core = ServerCore(connections: ConnectionTable(crowd: Self.crowd), handler)
        var settings = shipyard_mhd_settings()
        settings.listening_socket = listeningSocket
        settings.connection_limit = Self.maximumConnections
        settings.idle_seconds = Self.idleSeconds
        settings.context = Unmanaged.passUnretained(core).toOpaque()
        settings.begin = { ServerCore.from($0)?.begin(target: $1, connection: $2) }
        settings.handle = { core, _, _, method, _, bytes, count, context in
            guard let core = ServerCore.from(core), let exchange = Exchange.from(context?.pointee), let count
            else { return .NO }
            return core.handle(exchange, method: method, bytes: bytes, count: &count.pointee)
        }
        settings.end = { core, _, context, _ in
            guard let context, let exchange = context.pointee else { return }
            ServerCore.from(core)?.end(exchange)
            context.pointee = nil
        }
        settings.connection = { core, connection, _, news in
            guard let core = ServerCore.from(core), let connection else { return }
            switch news {
            case .CONNECTION_NOTIFY_STARTED:
                core.connections.began(connection, socket: shipyard_mhd_socket(connection))
            case .CONNECTION_NOTIFY_CLOSED: core.connections.ended(connection)
            default: break
            }
        }
        guard let started = shipyard_mhd_start(&settings) else {
            throw HTTPServerError(message: "the HTTP server could not start on socket \(listeningSocket)")
        }
        daemon = Mutex(DaemonHandle(pointer: started))
    }

    /// Accepts no more, lets running handlers end, then closes every connection. May be called twice.
    package func stop() {
        let stopped = daemon.withLock { handle in
            defer { handle = nil }
            return handle
        }
        guard let stopped else { return }
        core.isStopping.store(true, ordering: .releasing)
        _ = shipyard_mhd_quiesce(stopped.pointer)
        var waited = 0
        while core.activeExchanges.load(ordering: .acquiring) > 0, waited < Self.drainMilliseconds {
            usleep(2_000)
            waited += 2
        }
        shipyard_mhd_stop(stopped.pointer)
    }

    deinit { stop() }
}

/// The daemon's pointer; libmicrohttpd lets any thread stop it.
private struct DaemonHandle: @unchecked Sendable {
    let pointer: OpaquePointer
}
