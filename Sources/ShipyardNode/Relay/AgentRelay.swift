import Glibc
import ShipyardModel
import ShipyardSystem

/// `node-agent connect`: passes bytes between its standard streams and an agent's socket, so that whoever can run a
/// command on the agent's machine can speak with the agent. Knows nothing of the protocol.
///
/// What was read is written before an end is passed on. The end of the input is passed on, and the answers to it are
/// waited for; the end of the agent's side, or of the output, is the end.
package struct AgentRelay {
    private static let bufferBytes = 64 << 10
    /// An agent that was just started listens in some milliseconds.
    private static let patienceMicroseconds: Int64 = 500_000

    /// `EX_UNAVAILABLE`: tells whoever waits for it that no agent was reached.
    private static let unreachable: Int32 = 69

    /// One direction.
    private struct Flow {
        var buffer = [UInt8](repeating: 0, count: AgentRelay.bufferBytes)
        var pending = 0..<0
        /// Nothing more comes from the one side.
        var hasEnded = false
        /// Nothing can be brought to the other.
        var isBroken = false

        var isDone: Bool { isBroken || hasEnded && pending.isEmpty }
        var wantsToRead: Bool { !hasEnded && !isBroken && pending.isEmpty }
        var wantsToWrite: Bool { !isBroken && !pending.isEmpty }

        mutating func read(from descriptor: Int32) {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            if count > 0 { pending = 0..<count } else { hasEnded = true }
        }

        mutating func write(to descriptor: Int32) {
            let count = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress.map { $0 + pending.lowerBound }, pending.count)
            }
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            if count < 0 {
                isBroken = true
            } else {
                pending = (pending.lowerBound + count)..<pending.upperBound
            }
        }
    }

    private let input: Int32
    private let output: Int32
    private let agent: Int32
    private var toAgent = Flow()
    private var fromAgent = Flow()
    private var hasPassedOnTheEnd = false

    /// Runs until one side ends. Answers the exit code.
    package static func run(root: String) -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        do throws(SystemError) {
            let socket = try connect(root)
            for descriptor in [0, 1] as [Int32] {
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            }
            var relay = AgentRelay(input: 0, output: 1, agent: socket.number)
            relay.run()
            _ = socket.number
            return 0
        } catch {
            let line = "\(error)\n"
            _ = line.withCString { write(2, $0, strlen($0)) }
            return unreachable
        }
    }

    private static func connect(_ root: String) throws(SystemError) -> FileDescriptor {
        let end = SystemClock.monotonicMicroseconds() + patienceMicroseconds
        while true {
            do throws(SystemError) {
                return try AgentSocket.connect(in: root)
            } catch {
                let mayCome = error.errno == ENOENT || error.errno == ECONNREFUSED || error.errno == EAGAIN
                guard mayCome, SystemClock.monotonicMicroseconds() < end else { throw error }
                usleep(2000)
            }
        }
    }

    /// The descriptors do not block and stay the caller's.
    init(input: Int32, output: Int32, agent: Int32) {
        (self.input, self.output, self.agent) = (input, output, agent)
    }

    mutating func run() {
        while !isOver {
            var descriptors = [
                pollfd(fd: toAgent.wantsToRead ? input : -1, events: Int16(POLLIN), revents: 0),
                pollfd(
                    fd: fromAgent.hasEnded && !toAgent.wantsToWrite ? -1 : agent,
                    events: Int16(fromAgent.wantsToRead ? POLLIN : 0)
                        | Int16(toAgent.wantsToWrite ? POLLOUT : 0), revents: 0),
                // Asked for nothing it still tells that nobody reads any more.
                pollfd(
                    fd: fromAgent.isBroken ? -1 : output,
                    events: Int16(fromAgent.wantsToWrite ? POLLOUT : 0), revents: 0),
            ]
            guard poll(&descriptors, 3, -1) > 0 else { continue }
            if descriptors[0].revents != 0 { toAgent.read(from: input) }
            take(agentEvents: Int32(descriptors[1].revents))
            take(outputEvents: Int32(descriptors[2].revents))
            passOnTheEnd()
        }
    }

    private var isOver: Bool {
        if fromAgent.hasEnded { return fromAgent.isDone }
        // Nobody is there for an answer, and all that was said is on its way.
        return fromAgent.isBroken && toAgent.isDone
    }

    private mutating func take(agentEvents events: Int32) {
        if events & (POLLIN | POLLHUP | POLLERR) != 0, fromAgent.wantsToRead { fromAgent.read(from: agent) }
        if events & (POLLOUT | POLLHUP | POLLERR) != 0, toAgent.wantsToWrite { toAgent.write(to: agent) }
    }

    private mutating func take(outputEvents events: Int32) {
        if events & POLLOUT != 0, fromAgent.wantsToWrite { fromAgent.write(to: output) }
        if events & (POLLHUP | POLLERR) != 0 { fromAgent.isBroken = true }
    }

    private mutating func passOnTheEnd() {
        guard toAgent.isDone, !hasPassedOnTheEnd else { return }
        hasPassedOnTheEnd = true
        shutdown(agent, Int32(SHUT_WR))
    }
}
