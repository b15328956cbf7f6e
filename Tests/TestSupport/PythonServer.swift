import Glibc

/// A web server on a free port of the loopback interface, for the life of this value. Nil without Python.
public final class PythonServer: Sendable {
    public let port: Int
    private let process: pid_t
    private let input: Int32

    /// The frame of every server: `Handler` is what a test adds.
    private static func script(_ handler: String) -> String {
        """
        import http.server, os, sys, threading, time
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
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        server.serve_forever()
        """
    }

    /// - Parameter handler: Python source of a class `Handler` on top of `Base`, which has `answer(status, body,
    ///   headers)` and a dictionary `counts` that lives as long as the server.
    public convenience init?(_ handler: String) { self.init(words: ["python3", "-c", Self.script(handler)]) }

    /// - Parameter words: a program that writes its port to standard output as its first line. Its standard input ends when
    ///   the tests do, also where they are killed: it should then end too.
    public init?(words: [String]) {
        var (outEnds, inEnds): ([Int32], [Int32]) = ([0, 0], [0, 0])
        guard pipe(&outEnds) == 0 else { return nil }
        defer { for end in outEnds { close(end) } }
        guard pipe(&inEnds) == 0 else { return nil }
        for end in outEnds + inEnds { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inEnds[0], 0)
        posix_spawn_file_actions_adddup2(&actions, outEnds[1], 1)
        let words = withoutOthersFiles(words)
        var arguments = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
        close(inEnds[0])
        close(outEnds[1])
        outEnds.removeLast()
        guard code == 0, let port = Self.port(outEnds[0]) else {
            close(inEnds[1])
            if code == 0 {
                kill(child, SIGKILL)
                waitpid(child, nil, 0)
            }
            return nil
        }
        self.port = port
        process = child
        input = inEnds[1]
    }

    private static func port(_ file: Int32) -> Int? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(file, &byte, 1) == 1, byte != 0x0A { line.append(byte) }
        return Int(String(decoding: line, as: UTF8.self))
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        close(input)
    }

    public func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }
}

/// A command that closes first whatever else it has inherited. Pipes that other tests have open would stay open as long as a
/// server runs, and who reads from them would never see their end.
func withoutOthersFiles(_ command: [String]) -> [String] {
    let script = #"for n in /proc/self/fd/*; do n=${n##*/}; [ "$n" -le 2 ] || eval "exec $n>&-"; done; exec "$@""#
    return ["/bin/bash", "-c", script, "bash"] + command
}
