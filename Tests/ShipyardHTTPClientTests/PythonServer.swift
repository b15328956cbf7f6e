import Glibc

/// A web server on a free port of the loopback interface, for the life of this value. Nil without Python.
final class PythonServer {
    let port: Int
    private let process: pid_t

    private static let script = """
        import http.server, sys, time
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            counts = {}
            def log_message(self, *arguments): pass
            def answer(self, status, body, headers=()):
                self.send_response(status)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(body)
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
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    init?() {
        var pipeEnds: [Int32] = [0, 0]
        guard pipe(&pipeEnds) == 0 else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 1)
        posix_spawn_file_actions_addclose(&actions, pipeEnds[0])
        let words = ["python3", "-c", Self.script]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, "python3", &actions, nil, &arguments, environ)
        close(pipeEnds[1])
        defer { close(pipeEnds[0]) }
        guard code == 0 else { return nil }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(pipeEnds[0], &byte, 1) == 1, byte != 0x0A { line.append(byte) }
        guard let port = Int(String(decoding: line, as: UTF8.self)) else { return nil }
        self.port = port
        process = child
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }
}
