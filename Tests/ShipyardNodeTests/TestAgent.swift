import Foundation
import ShipyardModel
import ShipyardNode
import ShipyardSystem
import Testing

/// For tests alone: a message has a token in it, which nothing else may compare by `==`.
extension AgentMessage: Equatable {
    package static func == (left: Self, right: Self) -> Bool {
        WireTests.frames([left]) == WireTests.frames([right])
    }
}

/// A real agent of the built program in a node root of its own. Both go with this value.
///
/// Waiting sleeps and never blocks a thread, so tests wait side by side. No test states how fast something is:
/// a wait ends when the thing has happened, or, long after any machine would have done it, with an error.
final class TestAgent {
    struct TimedOut: Error, CustomStringConvertible { var description: String }

    static let executable =
        ProcessInfo.processInfo.environment["SHIPYARD_PROGRAM"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/debug/shipyard-swift").path

    /// Above the root, for what must be outside of it.
    let directory: String
    let root: String
    let slots: Int
    var state = TestAgent.state
    var life = TestAgent.life
    var umask: UInt16 = 0o022
    var token: AgentToken? = .random()
    private let executable: String
    private let user: uid_t
    private(set) var boot: Int64
    private(set) var processID: Int32 = 0
    private var connection: AgentConnection?
    /// Everything that has arrived on the current connection.
    private(set) var messages: [AgentMessage] = []

    init(
        slots: Int = 2, below folder: String = "node", boot: Int64 = 1, mount: Bool = false,
        executable: String = TestAgent.executable,
        of user: uid_t = geteuid(), prepare: (TestAgent) throws -> Void = { _ in }
    ) async throws {
        directory = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"
        root = "\(directory)/\(folder)"
        self.slots = slots
        self.executable = executable
        self.user = user
        self.boot = boot
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Above the root: one that is a mount is no node's.
        if mount, Glibc.mount("shipyard", directory, "tmpfs", 0, "size=512k,nr_inodes=100") != 0 {
            throw SystemError("mount", path: directory, errno: errno)
        }
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        try prepare(self)
        try launch()
        try await connect()
    }

    deinit {
        connection = nil
        if processID > 0 { kill(processID, SIGKILL) }
        _ = NodeTeardown.run(roots: [root], grace: .zero)
        if processID > 0 { waitpid(processID, nil, 0) }
        umount2(directory, Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: directory)
    }

    func launch() throws {
        var options = NodeAgentOptions(
            root: root, pool: "lab", node: "lab-0", boot: boot, slots: slots, isDedicated: true,
            state: state, life: life, umask: umask)
        options.token = token
        processID = try AgentLauncher.launch(executable: executable, options: options)
    }

    /// As a machine that goes down, but without what it runs.
    func crash() {
        connection = nil
        kill(processID, SIGKILL)
        waitpid(processID, nil, 0)
        processID = 0
    }

    /// A new agent in the same root.
    func reboot() async throws {
        boot += 1
        try launch()
        try await connect()
    }

    /// Connects, says hello and waits for the welcome. An older connection is dropped.
    func connect() async throws {
        connection = nil
        messages = []
        connection = try await wait("the agent's socket") { try? AgentConnection(root: root, of: user) }
        greet()
        _ = try await welcome()
        send(.accept)
    }

    var program: String { executable }

    /// Speaks on this connection from now on.
    func take(_ other: AgentConnection) {
        connection = other
        messages = []
    }

    func greet() {
        connection?.greet(state, life)
        _ = try? connection?.flush()
    }

    func disconnect() { connection = nil }

    // MARK: talking

    func send(_ messages: ServiceMessage...) {
        for message in messages { connection?.send(message) }
        _ = try? connection?.flush()
    }

    static let state = StateID(String(repeating: "5a", count: 16))!
    static let life = LifeID(String(repeating: "1f", count: 16))!

    static func id(_ key: Int64, attempt: Int32 = 1) -> WorkID {
        WorkID(kind: .task, key: key, attempt: attempt)
    }

    func context(
        _ number: UInt32 = 1, environment: [(name: String, value: String)] = [], maxWallTime: TimeSpan? = nil,
        staging: String? = nil
    ) {
        send(
            .context(
                WorkContext(
                    number: number, parentDirectory: "workitems/job/job-1", environment: environment,
                    maxWallTime: maxWallTime, staging: staging)))
    }

    func start(
        _ key: Int64, _ command: String, attempt: Int32 = 1, context: UInt32 = 1, slots: UInt16 = 1,
        staging: String? = nil, secrets: [SecretVariable] = [],
        secretFiles: [SecretFileContent] = []
    ) {
        send(
            .start(
                WorkOrder(
                    id: Self.id(key, attempt: attempt), context: context, name: "t\(key)", command: command,
                    needs: Resources(slots: Int(slots)), staging: staging, secrets: secrets,
                    secretFiles: secretFiles)))
    }

    /// Starts the command and waits for its end.
    func run(_ key: Int64, _ command: String, attempt: Int32 = 1) async throws -> AttemptResult {
        start(key, command, attempt: attempt)
        return try await exit(of: key, attempt: attempt)
    }

    // MARK: waiting

    func wait<Value>(_ what: String, until find: () throws -> Value?) async throws -> Value {
        let end = ContinuousClock.now + .seconds(60)
        var pause = Duration.milliseconds(2)
        while true {
            pump()
            if let found = try find() { return found }
            guard ContinuousClock.now < end else { throw TimedOut(description: "no sign of \(what)") }
            try await Task.sleep(for: pause)
            pause = min(pause * 1.2, .milliseconds(25))
        }
    }

    /// Takes what has arrived.
    func pump() {
        _ = try? connection?.flush()
        guard let received = try? connection?.readMessages() else { return }
        messages += received.messages
    }

    func welcome() async throws -> (boot: Int64, running: [WorkID], queued: [WorkID]) {
        try await wait("a welcome") {
            for case .welcome(let welcome) in messages {
                return (welcome.boot, welcome.running, welcome.queued)
            }
            return nil
        }
    }

    func exits(of key: Int64, attempt: Int32 = 1) -> [(sequence: UInt64, result: AttemptResult)] {
        messages.compactMap { message in
            guard case .exited(let sequence, Self.id(key, attempt: attempt), let result) = message else {
                return nil
            }
            return (sequence, result)
        }
    }

    func exit(of key: Int64, attempt: Int32 = 1) async throws -> AttemptResult {
        try await wait("an exit of task \(key)") { exits(of: key, attempt: attempt).first?.result }
    }

    func started(_ key: Int64) async throws {
        try await wait("the start of task \(key)") {
            messages.contains { if case .started(Self.id(key), _) = $0 { true } else { false } } ? () : nil
        }
    }

    func hasReceived(_ message: AgentMessage) async throws {
        try await wait("\(message)") { messages.contains(message) ? () : nil }
    }

    // MARK: looking

    func text(_ path: String) -> String {
        (try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)) ?? ""
    }

    func output(of key: Int64) -> String { text("workitems/job/job-1/t\(key)/stdout.txt") }

    func errors(of key: Int64) -> String { text("workitems/job/job-1/t\(key)/stderr.txt") }

    /// The file holds this line: a task has come as far.
    func holds(_ line: String, outputOf key: Int64) async throws {
        try await wait("\(line) of task \(key)") {
            output(of: key).split(separator: "\n").contains(Substring(line)) ? () : nil
        }
    }

    var journal: JournalState { get throws { try JournalReader.read(root: root) } }
}

/// A number of seconds to sleep that no other process sleeps: so a test finds its own, whatever they have become.
struct Marker: Sendable {
    let text = "\(UInt32.random(in: 100_000...UInt32.max)).5"

    /// How many processes carry it.
    var count: Int {
        let lines = ["sleep \(text)", "/bin/sleep \(text)"]
        return ProcessTable.processIDs().count { lines.contains(ProcessTable.commandLine(of: $0)) }
    }
}
