import CMicroHTTPD
import ShipyardHTTPClient
import Synchronization

/// What libmicrohttpd's threads call. Each request has its own `Exchange`, which only its thread touches.
final class ServerCore: Sendable {
    let isStopping = Atomic(false)
    /// Requests whose handler was called and whose answer is not all sent.
    let activeExchanges = Atomic(0)
    let connections: ConnectionTable
    private let handler: @Sendable (HTTPRequest) -> HTTPReply

    init(connections: ConnectionTable, _ handler: @escaping @Sendable (HTTPRequest) -> HTTPReply) {
        self.connections = connections
        self.handler = handler
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
        context.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The library keeps the answer for us until `end`.
    func begin(target: UnsafePointer<CChar>?, connection: OpaquePointer?) -> UnsafeMutableRawPointer? {
        guard let target, let connection else { return nil }
        let exchange = Exchange(target: String(cString: target), connection: connection)
        return Unmanaged.passRetained(exchange).toOpaque()
    }

    func end(_ context: UnsafeMutableRawPointer) {
        let exchange = Unmanaged<Exchange>.fromOpaque(context).takeRetainedValue()
        guard exchange.isActive else { return }
        activeExchanges.subtract(1, ordering: .acquiringAndReleasing)
        connections.isQuiet(exchange.connection)
    }

    /// Called once when the headers are in, then for each piece of the body, then once at its end.
    func handle(
        _ exchange: Exchange, method: UnsafePointer<CChar>?, bytes: UnsafePointer<CChar>?, count: inout Int
    ) -> MHD_Result {
        guard exchange.hasHeaders else {
            exchange.readHeaders()
            if exchange.isFromStranger { return exchange.send(Self.stranger) }
            if let problem = exchange.problem { return exchange.send(Self.malformed(problem)) }
            return exchange.isTooLarge ? exchange.send(Self.tooLarge) : MHD_Result.YES
        }
        if count > 0 {
            connections.isAlive(exchange.connection)
            exchange.append(UnsafeRawBufferPointer(start: bytes, count: count))
            count = 0
            return .YES
        }
        exchange.isActive = true
        connections.isServed(exchange.connection)
        activeExchanges.add(1, ordering: .acquiringAndReleasing)
        let reply = reply(to: exchange, method: method.map { String(cString: $0) } ?? "")
        connections.isQuiet(exchange.connection)
        return exchange.send(reply)
    }

    private func reply(to exchange: Exchange, method: String) -> HTTPReply {
        if exchange.isTooLarge { return Self.tooLarge }
        if isStopping.load(ordering: .acquiring) {
            return .error(503, "ServiceStopping", "the service is about to exit; try again in a moment")
        }
        guard let known = HTTPMethod(rawValue: method) else {
            return .error(501, "MethodNotKnown", "the method \(method) is not known")
        }
        guard var request = exchange.takeRequest(known) else {
            return .error(400, "InvalidURL", "the path or query is not well encoded")
        }
        // The library keeps the connection open while its handler runs.
        request.isAbandoned = { [unowned self, socket = exchange.socket] in
            isStopping.load(ordering: .acquiring) || Exchange.hasHungUp(socket)
        }
        var reply = handler(request)
        switch reply.body {
        case .bytes: break
        case .stream(let next): reply.body = .stream(watched(next, exchange))
        case .sized(let count, let next): reply.body = .sized(count, watched(next, exchange))
        }
        return reply
    }

    /// The stream, cut off when the server stops or the client has gone.
    private func watched(_ next: @escaping HTTPReply.Pieces, _ exchange: Exchange) -> HTTPReply.Pieces {
        { [unowned exchange] () throws(HTTPReply.BrokenStream) in
            while let piece = try next() {
                self.connections.isAlive(exchange.connection)
                if self.isStopping.load(ordering: .acquiring) { throw HTTPReply.BrokenStream() }
                if !piece.isEmpty { return piece }
                if exchange.hasHungUp { throw HTTPReply.BrokenStream() }
            }
            return nil
        }
    }

    private static var stranger: HTTPReply {
        .error(403, "WrongUser", "this service is another user's")
    }

    /// Where it ends is not sure, so nothing else is read from this connection.
    private static func malformed(_ problem: String) -> HTTPReply {
        var reply = HTTPReply.error(400, "InvalidHeaderValue", "the request is not well formed: \(problem)")
        reply.headers.append(HTTPHeader("Connection", "close"))
        return reply
    }

    private static var tooLarge: HTTPReply {
        .error(
            413, "RequestBodyTooLarge", "a request may have \(HTTPServer.maximumBodyBytes >> 20) MiB at most")
    }
}
