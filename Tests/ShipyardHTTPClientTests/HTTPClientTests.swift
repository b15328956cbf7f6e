import Glibc
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

private let hasPython = PythonServer(handler) != nil

private let handler = """
    class Handler(Base):
        def any(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            path = self.path.split("?")[0]
            count = self.counts[path] = self.counts.get(path, 0) + 1
            if path == "/echo":
                head = f"{self.command} {self.path} {self.headers.get('X-One')} {length}\\n"
                self.answer(200, head.encode() + body, [("X-Answer", " yes ")])
            elif path == "/big": self.answer(200, b"x" * (8 << 20))
            elif path == "/moved": self.answer(302, b"", [("Location", "/echo")])
            elif path == "/file": self.answer(302, b"", [("Location", "file:///etc/passwd")])
            elif path == "/flaky": self.answer(503 if count < 3 else 200, b"at last" if count >= 3 else b"busy")
            elif path == "/slow": time.sleep(3); self.answer(200, b"")
            elif path == "/short":
                self.send_response(200); self.send_header("Content-Length", "100"); self.end_headers()
                self.wfile.write(b"only this"); self.close_connection = True
            else: self.answer(404, b"nothing here")
        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = any
    """

@Suite(.blocking, .enabled(if: hasPython, "python3 is not installed")) struct HTTPClientTests {
    let server: PythonServer
    let client: HTTPClient

    init() throws {
        server = try #require(PythonServer(handler))
        client = try HTTPClient()
    }

    private func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test(arguments: [HTTPMethod.get, .post, .put, .patch, .delete])
    func methodHeadersAndBodyTravel(_ method: HTTPMethod) throws {
        var request = OutgoingRequest(method, server.url("/echo?a=b"))
        request.headers = [HTTPHeader("X-One", "eins")]
        if method != .get { request.body = Array("body".utf8) }
        let response = try client.send(request)
        #expect(response.status == 200)
        let expected = method == .get ? "GET /echo?a=b eins 0\n" : "\(method.rawValue) /echo?a=b eins 4\nbody"
        #expect(text(response) == expected)
        #expect(response.header("x-answer") == "yes")
    }

    @Test func oneClientSendsManyRequests() throws {
        for method in [HTTPMethod.post, .get, .head, .get, .put, .delete] {
            let response = try client.send(OutgoingRequest(method, server.url("/echo")))
            #expect(response.status == 200)
            #expect(response.body.isEmpty == (method == .head))
        }
    }

    @Test func anEmptyBodyIsABody() throws {
        #expect(text(try client.send(OutgoingRequest(.post, server.url("/echo")))) == "POST /echo None 0\n")
    }

    /// `X-One` without a value is there, and so are dots where they are names.
    @Test func pathsAndHeadersAreSentAsTheyAreGiven() throws {
        var request = OutgoingRequest(.get, server.url("/a/../b/./echo/../../echo"))
        request.headers = [HTTPHeader("X-One", "")]
        #expect(text(try client.send(request)) == "GET /echo  0\n")
        request.url = server.url("/b/../echo")
        request.keepsDots = true
        #expect(try client.send(request).status == 404)
    }

    @Test func theHeadComesBeforeTheBodyAndMayRefuseIt() throws {
        var events: [String] = []
        func ask(_ path: String, isWanted: Bool) throws -> HTTPResponse {
            try client.sendOnce(
                OutgoingRequest(.get, server.url(path)),
                onHead: {
                    events.append("head \($0.status) \($0.header("X-Answer") ?? "none")")
                    return isWanted
                },
                onBody: { bytes in
                    events.append("body")
                    return !bytes.isEmpty
                })
        }
        _ = try ask("/echo", isWanted: true)
        #expect(events == ["head 200 yes", "body"])
        let error = #expect(throws: HTTPError.self) { try ask("/big", isWanted: false) }
        #expect(error?.kind == .cancelled && events.count == 3)
        // That of an error is nobody's but who reads it.
        #expect(try ask("/nothing", isWanted: false).body == Array("nothing here".utf8))
        #expect(events.count == 3)
    }

    @Test func aBodyIsStreamed() throws {
        var total = 0
        var largest = 0
        let response = try client.send(OutgoingRequest(.get, server.url("/big"))) { bytes in
            total += bytes.count
            largest = max(largest, bytes.count)
            return true
        }
        #expect(total == 8 << 20 && largest < 1 << 20 && response.body.isEmpty)
    }

    @Test func anErrorsBodyIsCollectedAlsoWhenStreaming() throws {
        let response = try client.send(OutgoingRequest(.get, server.url("/none"))) { _ in
            Issue.record("an error was streamed")
            return true
        }
        #expect(response.status == 404 && text(response) == "nothing here")
    }

    @Test func theReceiverMayEndATransfer() {
        let error = #expect(throws: HTTPError.self) {
            try client.send(OutgoingRequest(.get, server.url("/big"))) { _ in false }
        }
        #expect(error?.kind == .cancelled)
    }

    @Test func redirectsAreFollowedByDownloadsOnly() throws {
        #expect(try client.send(OutgoingRequest(.get, server.url("/moved"))).status == 302)
        var request = OutgoingRequest(.get, server.url("/moved"))
        request.followsRedirects = true
        #expect(try client.send(request).status == 200)
        request.url = server.url("/file")
        #expect(throws: HTTPError.self) { try client.send(request) }
    }

    @Test func failuresSayWhereAndWhat() throws {
        let dead = #expect(throws: HTTPError.self) {
            try client.send(OutgoingRequest(.get, "http://user:secret@127.0.0.1:1/a?sig=secret"))
        }
        #expect(dead?.kind == .unreachable)
        #expect(
            dead?.description.hasPrefix("http://127.0.0.1:1/a: could not connect (Connection refused)")
                == true)
        let unknown = #expect(throws: HTTPError.self) {
            try client.send(OutgoingRequest(.get, "http://no-such-host.invalid/"))
        }
        #expect(unknown?.kind == .unknownHost)
        var slow = OutgoingRequest(.get, server.url("/slow"))
        slow.timeout = TimeSpan(milliseconds: 100)
        #expect(#expect(throws: HTTPError.self) { try client.send(slow) }?.kind == .timedOut)
        let file = #expect(throws: HTTPError.self) {
            try client.send(OutgoingRequest(.get, "file:///etc/passwd"))
        }
        #expect(file?.kind == .invalidURL)
        let short = #expect(throws: HTTPError.self) {
            try client.send(OutgoingRequest(.get, server.url("/short")))
        }
        #expect(short?.kind == .interrupted)
    }

    @Test func downloadsAreRepeatedUntilTheyWork() throws {
        let file = try #require(tmpfile())
        defer { fclose(file) }
        #expect(try client.download(server.url("/flaky"), toFile: fileno(file)).status == 200)
        var bytes = [UInt8](repeating: 0, count: 20)
        #expect(pread(fileno(file), &bytes, 20, 0) == 7)
        #expect(bytes.starts(with: "at last".utf8))
    }

    @Test func aDownloadThatCannotBeWrittenSaysSo() throws {
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let error = #expect(throws: HTTPError.self) {
            try client.download(server.url("/echo"), toFile: full)
        }
        #expect(error?.kind == .writeFailed(errno: ENOSPC) || error?.kind == .writeFailed(errno: EINVAL))
    }

    @Test func aMissingFileIsNotFetchedAgain() throws {
        let file = try #require(tmpfile())
        defer { fclose(file) }
        #expect(try client.download(server.url("/missing"), toFile: fileno(file)).status == 404)
        #expect(lseek(fileno(file), 0, SEEK_END) == 0)
    }
}

@Suite struct UnixSocketPathTests {
    @Test func aShortPathIsTakenAsItIs() throws {
        #expect(try UnixSocketPath("/tmp/a.sock").text == "/tmp/a.sock")
    }

    @Test func aLongPathIsReachedThroughItsDirectory() throws {
        let directory = "/tmp/./" + String(repeating: "./", count: 60)
        #expect(try UnixSocketPath(directory + "a.sock").text.hasSuffix("/a.sock"))
        #expect(try UnixSocketPath(directory + "a.sock").text.hasPrefix("/proc/self/fd/"))
        #expect(throws: HTTPError.self) { try UnixSocketPath(directory + "nowhere/a.sock") }
    }

    /// A value that comes from elsewhere could bring headers of its own.
    @Test func aHeaderHoldsNoEndOfALine() throws {
        let client = try HTTPClient()
        for value in ["a\r\nX-Other: b", "a\nb", "a\u{0}b"] {
            var request = OutgoingRequest(.get, "http://127.0.0.1:1/")
            request.headers = [HTTPHeader("If-Match", value)]
            let failure = #expect(throws: HTTPError.self) { try client.send(request) }
            #expect(failure?.kind == .invalidURL)
        }
    }
}
