import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardSystem

/// One `python3` process with all that it starts, and the stream to it; ended when this value goes.
///
/// What we start is a supervisor in a session of its own, whose child runs the generators. It sees our end of the
/// stream close, also when this process is killed, and then kills every descendant, be it in whatever session.
final class PythonProcess {
    private static let readBytes = 1 << 16
    /// How often a wait looks whether it has been long enough.
    private static let lookMilliseconds: Int32 = 50
    /// How long the supervisor gets to end what the generators have started: on a machine that is not out of breath
    /// it needs a tenth of a second.
    private static let endMilliseconds = 3000

    /// In the environment of the generators and of what they start, with a value that nothing else has.
    private static let markVariable = "SHIPYARD_GENERATOR"

    private let process: pid_t
    private let tree: StartedTree
    private let socket: Int32
    private var buffer: [UInt8] = []
    /// Up to where `buffer` has been handed out.
    private var consumed = 0

    init(script: String, searchPath: String, caller: GeneratorCaller) throws(PlannerWorldError) {
        guard let python = caller.python() else {
            throw PlannerWorldError(
                "python3 is not installed, and a `custom` factory needs it",
                help: "install python3, or write the values as a `product_iterables` sweep")
        }
        guard access(caller.workingDirectory, X_OK) == 0 else {
            throw Self.failure("enter \(caller.workingDirectory)", errno)
        }
        // A socket rather than two pipes: writing to a process that is gone must be an error, not a signal.
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Self.failure("socketpair", errno) }
        let mark = randomSuffix()
        let variables = caller.variables(searchPath: searchPath).filter {
            !$0.hasPrefix(Self.markVariable + "=")
        }
        defer { close(ends[1]) }
        let process: pid_t
        do throws(SystemError) {
            // Its errors are ours to show.
            process = try ProcessLaunch.start(
                python, [python, "-c", script, caller.workingDirectory],
                environment: variables + ["\(Self.markVariable)=\(mark)"],
                ProcessLaunch.Streams(input: ends[1], output: ends[1], errors: 2))
        } catch {
            close(ends[0])
            throw Self.failure("start \(python)", error.errno)
        }
        self.process = process
        tree = StartedTree(root: process, variable: Self.markVariable, mark: mark)
        socket = ends[0]
    }

    deinit {
        close(socket)
        defer { OwnChildren.forget(process) }
        var status: Int32 = 0
        for _ in 0..<Self.endMilliseconds {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process, status == 0 { return }
            // It was killed: what it has not ended any more is ended from here.
            if ended == process || (ended < 0 && errno != EINTR) { return tree.end() }
            usleep(1000)
        }
        // It was stopped, or does not get to run. With its descendants, while they are still known as such.
        tree.end()
        kill(process, SIGKILL)
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        tree.end()
    }

    private static func failure(_ operation: String, _ code: Int32) -> PlannerWorldError {
        PlannerWorldError("cannot \(operation): \(String(cString: strerror(code)))")
    }

    /// Why there is no more to read or write.
    enum End: Error { case gone, late }

    /// Hands a request over, whatever its length: a generator that does not read must not hold us.
    func send(_ bytes: [UInt8], patience: Patience) throws(End) {
        var rest = bytes[...]
        while !rest.isEmpty {
            try wait(for: POLLOUT, patience)
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw .gone }
            rest = rest.dropFirst(count)
        }
    }

    /// The next line without its end; nil when it has more than `limit` bytes.
    func line(atMost limit: Int, patience: Patience) throws(End) -> ArraySlice<UInt8>? {
        var searched = consumed
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { consumed = end + 1 }
                return buffer[consumed..<end]
            }
            guard buffer.count - consumed <= limit else { return nil }
            buffer.removeSubrange(..<consumed)
            consumed = 0
            searched = buffer.count
            try wait(for: POLLIN, patience)
            guard fill() else { throw .gone }
        }
    }

    private func wait(for events: Int32, _ patience: Patience) throws(End) {
        var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            if poll(&entry, 1, Self.lookMilliseconds) > 0 { return }
            guard !patience.isOver else { throw .late }
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

/// A moment by a clock that is never set.
struct Patience {
    private let end: Double

    init(seconds: Int) { end = SystemClock.monotonicSeconds() + Double(seconds) }

    var isOver: Bool { SystemClock.monotonicSeconds() > end }
}
