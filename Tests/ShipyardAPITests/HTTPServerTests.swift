import Glibc
import ShipyardAPI
import ShipyardHTTPClient
import ShipyardModel
import Synchronization
import TestSupport
import Testing

@Suite(.blocking) struct HTTPServerTests {
    private let socket = ListeningSocket()

    private func serve(_ handler: @escaping @Sendable (HTTPRequest) -> HTTPReply) throws -> HTTPServer {
        try HTTPServer(listeningSocket: socket.descriptor, handler: handler)
    }

    private func ask(
        _ method: HTTPMethod = .get, _ target: String = "/", body: [UInt8] = []
    ) throws -> HTTPResponse {
        try HTTPClient().send(
            OutgoingRequest(method, "http://shipyard" + target, unixSocket: socket.path, body: body))
    }

    @Test func aRequestArrivesWhole() throws {
        let server = try serve { request in
            let text =
                "\(request.method.rawValue) \(request.segments.map(\.shown)) \(request.queryValue("q") ?? "-") "
            return HTTPReply(
                status: 201, headers: [HTTPHeader("X-Name", request.header("x-name") ?? "")],
                body: .bytes(Array(text.utf8) + request.body))
        }
        defer { server.stop() }
        let client = try HTTPClient()
        for method in [HTTPMethod.get, .post, .put, .patch, .delete] {
            var request = OutgoingRequest(method, "http://h/a%2Fb/c?q=1%202", unixSocket: socket.path)
            request.headers = [HTTPHeader("X-Name", "ä")]
            if method != .get { request.body = Array("body".utf8) }
            let response = try client.send(request)
            #expect(response.status == 201 && response.header("X-Name") == "ä")
            let end = method == .get ? "" : "body"
            #expect(
                String(decoding: response.body, as: UTF8.self)
                    == "\(method.rawValue) [\"a/b\", \"c\"] 1 2 \(end)")
        }
    }

    @Test func aLargeBodyComesBack() throws {
        let server = try serve { HTTPReply(status: 200, body: .bytes($0.body)) }
        defer { server.stop() }
        let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try ask(.post, body: body).body == body)
    }

    @Test func aBodyTooLargeIsRefused() throws {
        let server = try serve { _ in HTTPReply(status: 200) }
        defer { server.stop() }
        let body = [UInt8](repeating: 0x20, count: HTTPServer.maximumBodyBytes + 1)
        // The answer comes before the body is sent; a client that goes on sending may lose it.
        let status = try? ask(.post, body: body).status
        #expect(status == 413 || status == nil)
        #expect(try ask().status == 200)
    }

    @Test func aWaitingHandlerHoldsUpNobody() throws {
        let (begun, release) = (Flag(), Flag())
        let server = try serve { request in
            if request.path == "/slow" {
                begun.set()
                release.wait()
            }
            return HTTPReply(status: 200)
        }
        defer { server.stop() }
        let slow = ClientThread(OutgoingRequest(.get, "http://h/slow", unixSocket: socket.path))
        begun.wait()
        #expect(try ask().status == 200)
        release.set()
        #expect(slow.join()?.status == 200)
    }

    /// One that works for long, such as on a plan, need not be cut off: it hears of the stop, and its client of the answer.
    @Test func aWaitingHandlerHearsOfTheStopAndIsAnswered() throws {
        let begun = Flag()
        let server = try serve { request in
            begun.set()
            while !request.isAbandoned() { usleep(2_000) }
            return HTTPReply(status: 503)
        }
        let client = ClientThread(OutgoingRequest(.get, "http://h/", unixSocket: socket.path))
        begun.wait()
        server.stop()
        #expect(client.join()?.status == 503)
    }

    @Test func aStreamIsPulledToItsEnd() throws {
        let server = try serve { _ in
            var count = 0
            return HTTPReply(
                status: 200,
                body: .stream {
                    count += 1
                    if count > 30 { return nil }
                    return count.isMultiple(of: 3) ? [] : [UInt8](repeating: UInt8(count), count: 100_000)
                })
        }
        defer { server.stop() }
        let body = try ask().body
        #expect(body.count == 2_000_000 && body.first == 1 && body.last == 29)
    }

    @Test func aStreamEndsWhenItsClientHasGone() throws {
        let ended = Flag()
        let server = try serve { _ in
            let guardian = Guardian(ended)
            return HTTPReply(
                status: 200,
                body: .stream {
                    usleep(5_000)
                    return guardian.pieces.next()
                })
        }
        defer { server.stop() }
        _ = try? HTTPClient().send(OutgoingRequest(.get, "http://h/", unixSocket: socket.path)) { _ in false }
        for _ in 0..<400 where !ended.isSet { usleep(5_000) }
        #expect(ended.isSet)
    }

    @Test func stoppingLetsRunningHandlersEnd() throws {
        let begun = Flag()
        let server = try serve { _ in
            begun.set()
            usleep(300_000)
            return HTTPReply(status: 200, body: .bytes(Array("done".utf8)))
        }
        let running = ClientThread(OutgoingRequest(.get, "http://h/", unixSocket: socket.path))
        begun.wait()
        server.stop()
        #expect(running.join()?.body == Array("done".utf8))
        server.stop()
        #expect(fcntl(socket.descriptor, F_GETFD) >= 0)
    }

    @Test func aStreamWithoutEndDoesNotHoldUpStopping() throws {
        let begun = Flag()
        let server = try serve { _ in
            HTTPReply(
                status: 200,
                body: .stream {
                    begun.set()
                    usleep(5_000)
                    return []
                })
        }
        let tail = ClientThread(OutgoingRequest(.get, "http://h/", unixSocket: socket.path))
        begun.wait()
        let start = ContinuousClock.now
        server.stop()
        // Well below the time that it would wait for a stream of its own accord.
        #expect(ContinuousClock.now - start < .seconds(2))
        // Cut off, so that nobody takes it for the whole.
        #expect(tail.join() == nil)
    }

    @Test func aFileThatIsCutShortIsNoAnswer() throws {
        let server = try serve { request in
            var left = request.path == "/whole" ? 3 : 2
            return HTTPReply(
                status: 200,
                body: .sized(3_000) { () throws(HTTPReply.BrokenStream) in
                    guard left > 0 else {
                        if request.path == "/short" { throw HTTPReply.BrokenStream() } else { return nil }
                    }
                    left -= 1
                    return [UInt8](repeating: 1, count: 1_000)
                })
        }
        defer { server.stop() }
        #expect(try ask(.get, "/whole").body.count == 3_000)
        #expect(throws: HTTPError.self) { try ask(.get, "/short") }
    }

    @Test func theConnectionThatIsIdleForLongestMakesRoom() throws {
        let server = try serve { _ in HTTPReply(status: 200) }
        defer { server.stop() }
        var crowd: [Int32] = []
        for number in 0..<400 {
            crowd.append(socket.connect())
            // Some say a part of a request and then nothing.
            if number.isMultiple(of: 2) { _ = send(crowd[number], "GET / HT", 8, Int32(MSG_NOSIGNAL)) }
        }
        defer { for connection in crowd { close(connection) } }
        // On a loaded machine the last of the crowd may still wait to be accepted, and nobody fits behind them.
        var status: Int?
        for _ in 0..<200 where status == nil {
            status = try? ask().status
            if status == nil { usleep(50_000) }
        }
        #expect(status == 200)
    }

    /// An answer that nobody reads is not being given. One that is read goes on, however long it takes.
    @Test func aCrowdThatAsksAndDoesNotReadKeepsNobodyOut() throws {
        let server = try serve { request in
            switch request.path {
            case "/endless": HTTPReply(status: 200, body: .stream { [UInt8](repeating: 1, count: 64 << 10) })
            case "/large": HTTPReply(status: 200, body: .bytes([UInt8](repeating: 1, count: 4 << 20)))
            default: HTTPReply(status: 200)
            }
        }
        defer { server.stop() }
        let reader = socket.connect()
        defer { close(reader) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        func takesMore() -> Bool { read(reader, &buffer, buffer.count) > 0 }
        _ = send(reader, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n", 36, Int32(MSG_NOSIGNAL))
        var crowd: [Int32] = []
        defer { for connection in crowd { close(connection) } }
        for number in 0..<300 {
            let connection = socket.connect()
            crowd.append(connection)
            // Nobody waits for the answer of one that cannot be let in.
            var patience = timeval(tv_sec: 0, tv_usec: 200_000)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            let path = number.isMultiple(of: 2) ? "/endless" : "/large"
            let request = "GET \(path) HTTP/1.1\r\nHost: h\r\n\r\n"
            _ = send(connection, request, request.utf8.count, Int32(MSG_NOSIGNAL))
            _ = recv(connection, &buffer, 12, 0)
            for _ in 0..<8 { #expect(takesMore()) }
        }
        var status: Int?
        for _ in 0..<40 where status == nil {
            status = try? ask().status
            if status == nil { usleep(50_000) }
        }
        #expect(status == 200)
        for _ in 0..<8 { #expect(takesMore()) }
    }

    @Test func badURLsAndMethodsAreAnswered() throws {
        let server = try serve { _ in HTTPReply(status: 200) }
        defer { server.stop() }
        #expect(try ask(.get, "/%zz").status == 400)
        #expect(try ask(.get, "/a%00b").status == 400)
        #expect(raw("BREW / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").hasPrefix("HTTP/1.1 501"))
    }

    @Test func manyClientsAtOnceAreServed() throws {
        let server = try serve { HTTPReply(status: 200, body: .bytes($0.body)) }
        defer { server.stop() }
        let clients = (0..<32).map { number in
            ClientThread(
                OutgoingRequest(.post, "http://h/", unixSocket: socket.path, body: Array("\(number)".utf8)))
        }
        for (number, client) in clients.enumerated() {
            #expect(client.join()?.body == Array("\(number)".utf8))
        }
    }

    /// Sends bytes as they are and reads the answer to its end.
    private func raw(_ text: String) -> String {
        let connection = socket.connect()
        defer { close(connection) }
        _ = send(connection, text, text.utf8.count, 0)
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = read(connection, &buffer, buffer.count), count > 0 {
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
    /// Ten seconds at most, so that a failing test ends.
    func wait() {
        for _ in 0..<5_000 where !isSet { usleep(2_000) }
    }
}

/// Tells by its end that the stream which holds it was given up.
private final class Guardian {
    private let flag: Flag
    var pieces = sequence(first: [UInt8](repeating: 1, count: 10)) { _ in [] }
    init(_ flag: Flag) { self.flag = flag }
    deinit { flag.set() }
}
