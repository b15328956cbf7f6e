import Glibc
import ShipyardPlanner

/// One `python3` process and the stream to it; ended when this value goes.
final class PythonProcess {
    private static let readBytes = 1 << 16

    private let process: pid_t
    private let socket: Int32
    private var buffer: [UInt8] = []
    /// Up to where `buffer` has been handed out.
    private var consumed = 0

    init(script: String, searchPath: String) throws(PlannerWorldError) {
        // A socket rather than two pipes: writing to a process that is gone must be an error, not a signal.
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Self.failure("socketpair", errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)

        var process: pid_t = 0
        let code = Self.withCStrings(["python3", "-c", script]) { arguments in
            Self.withCStrings(Self.environment(searchPath)) { environment in
                posix_spawnp(&process, "python3", &actions, nil, arguments, environment)
            }
        }
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw Self.failure("start python3", code)
        }
        self.process = process
        socket = ends[0]
    }

    deinit {
        close(socket)
        // It may be in the middle of an endless generator.
        kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    private static func failure(_ operation: String, _ code: Int32) -> PlannerWorldError {
        guard code == ENOENT else {
            return PlannerWorldError("cannot \(operation): \(String(cString: strerror(code)))")
        }
        return PlannerWorldError(
            "python3 is not installed, and a `custom` factory needs it",
            help: "install python3, or write the values as a `product_iterables` sweep")
    }

    /// Ours, with the spec's directory and the working directory searched before what the user has set.
    private static func environment(_ searchPath: String) -> [String] {
        var variables: [String] = []
        var inherited = ""
        var position = 0
        while let entry = environ[position] {
            position += 1
            let variable = String(cString: entry)
            if variable.hasPrefix("PYTHONPATH=") {
                inherited = ":" + variable.dropFirst("PYTHONPATH=".count)
            } else if !variable.hasPrefix("PYTHONDONTWRITEBYTECODE=") {
                variables.append(variable)
            }
        }
        let here = getcwd(nil, 0)
        defer { free(here) }
        let directory = here.map { String(cString: $0) } ?? "."
        variables.append("PYTHONPATH=\(searchPath.isEmpty ? "." : searchPath):\(directory)\(inherited)")
        // Planning leaves nothing beside the user's files.
        variables.append("PYTHONDONTWRITEBYTECODE=1")
        return variables
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return body(copies + [nil])
    }

    /// False when the process is gone.
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The next line without its end; nil when the process is gone.
    func line(atMost limit: Int) throws(PlannerWorldError) -> ArraySlice<UInt8>? {
        var searched = consumed
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { consumed = end + 1 }
                return buffer[consumed..<end]
            }
            guard buffer.count - consumed <= limit else {
                throw PlannerWorldError("a generator gave more than \(limit) bytes for one task")
            }
            buffer.removeSubrange(..<consumed)
            consumed = 0
            searched = buffer.count
            guard fill() else { return nil }
        }
    }

    private func fill() -> Bool {
        let before = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.readBytes))
        var count = 0
        repeat {
            count = buffer.withUnsafeMutableBytes { bytes in
                bytes.baseAddress.map { read(socket, $0 + before, Self.readBytes) } ?? -1
            }
        } while count < 0 && errno == EINTR
        buffer.removeLast(Self.readBytes - max(0, count))
        return count > 0
    }
}
