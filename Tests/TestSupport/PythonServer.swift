import Glibc

/// A web server on a free port of the loopback interface, for the life of this value. Nil without Python.
public final class PythonServer {
    public let port: Int
    private let process: pid_t

    /// The frame of every server: `Handler` is what a test adds.
    private static func script(_ handler: String) -> String {
        """
        import http.server, time
        class Base(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            counts = {}
            def log_message(self, *arguments): pass
            def answer(self, status, body, headers=()):
                self.send_response(status)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(body)
        \(handler)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """
    }

    /// - Parameter handler: Python source of a class `Handler` on top of `Base`, which has `answer(status, body,
    ///   headers)` and a dictionary `counts` that lives as long as the server.
    public init?(_ handler: String) {
        var pipeEnds: [Int32] = [0, 0]
        guard pipe(&pipeEnds) == 0 else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 1)
        posix_spawn_file_actions_addclose(&actions, pipeEnds[0])
        let words = ["python3", "-c", Self.script(handler)]
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
        guard let port = Int(String(decoding: line, as: UTF8.self)) else {
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
            return nil
        }
        self.port = port
        process = child
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    public func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }
}
