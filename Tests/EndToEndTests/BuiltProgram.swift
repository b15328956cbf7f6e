import Dispatch
import Foundation

/// The built program, run as users run it, in a home of its own that goes with this value.
final class BuiltProgram: Sendable {
    struct Outcome {
        var code: Int32
        var output: String
        var messages: String
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// `SHIPYARD_PROGRAM` names another one, such as a release build.
    static let executable =
        ProcessInfo.processInfo.environment["SHIPYARD_PROGRAM"].map { URL(filePath: $0) }
        ?? root.appending(path: ".build/debug/shipyard-swift")

    let directory: URL
    var home: URL { directory.appending(path: "home") }

    init() throws {
        // Short: a socket's path must fit in 107 bytes, and a test should not depend on the way around that.
        directory = URL(filePath: "/tmp/shipyard-e2e-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        _ = try? run("service", "stop")
        try? FileManager.default.removeItem(at: directory)
    }

    /// Runs to its end; the current directory is this value's own.
    @discardableResult
    func run(_ words: String..., environment: [String: String] = [:]) throws -> Outcome {
        try start(words, environment: environment).outcome()
    }

    /// Starts it, for tests that do something meanwhile. Output goes to files, so that no pipe can fill up.
    func start(_ words: [String], environment: [String: String] = [:]) throws -> Running {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = words
        process.currentDirectoryURL = directory
        process.environment = ["PATH": "/usr/bin:/bin", "SHIPYARD_HOME": home.path]
            .merging(environment) { _, ours in ours }
        let name = directory.appending(path: "out-\(UInt32.random(in: 0...UInt32.max))")
        let running = Running(process: process, output: name, messages: name.appendingPathExtension("err"))
        for (url, set) in [
            (running.output, \Process.standardOutput), (running.messages, \Process.standardError),
        ] {
            _ = FileManager.default.createFile(atPath: url.path, contents: nil)
            process[keyPath: set] = try FileHandle(forWritingTo: url)
        }
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return running
    }

    struct Killed: Error, CustomStringConvertible { var description: String }

    struct Running {
        fileprivate let process: Process
        let output: URL
        let messages: URL

        var isRunning: Bool { process.isRunning }

        func interrupt() { process.interrupt() }

        /// The only signal that the threads of a test do not hand down as blocked.
        func end() { kill(process.processIdentifier, SIGKILL) }

        /// Waits for its end. One that hangs is killed after minutes that no machine needs, and named.
        ///
        /// - Parameter signal: that it must die of; nil where it must exit.
        func outcome(diesOf signal: Int32? = nil) throws -> Outcome {
            let watchdog = DispatchWorkItem { [id = process.processIdentifier] in kill(id, SIGKILL) }
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(300), execute: watchdog)
            process.waitUntilExit()
            watchdog.cancel()
            let isExpected =
                signal.map { process.terminationReason == .uncaughtSignal && process.terminationStatus == $0 }
                ?? (process.terminationReason == .exit)
            guard isExpected else {
                let words = process.arguments ?? []
                throw Killed(description: "`\(words.joined(separator: " "))` hung or was killed")
            }
            return Outcome(
                code: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
                messages: try String(contentsOf: messages, encoding: .utf8))
        }
    }

    /// Writes a spec into this value's directory and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        let url = directory.appending(path: name)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    /// Command lines of living processes that name this home.
    func processes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
            guard Int(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else {
                return nil
            }
            let line = String(decoding: bytes, as: UTF8.self).replacing("\0", with: " ")
            return line.contains(home.path) ? line : nil
        }
    }

    func example(_ name: String) -> String { Self.root.appending(path: "jobs/\(name)").path }

    /// What a `--raw` command prints.
    func json(_ words: String...) throws -> [String: Any] {
        let outcome = try start(words + ["--raw"]).outcome()
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        if let pages = value as? [[String: Any]] { return pages.first ?? [:] }
        return value as? [String: Any] ?? [:]
    }

    /// The service's process, which is started where there is none.
    func serviceProcess() throws -> Int32 {
        _ = try run("pool", "list")
        return Int32(try json("service", "status")["processId"] as? Int ?? 0)
    }

    /// Asks again and again, for half a minute at the most: loaded machines are slow.
    func eventually(_ holds: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<600 {
            if try holds() { return true }
            usleep(50_000)
        }
        return false
    }

    /// Adds a pool `p` and waits until it is ready.
    @discardableResult
    func addPool(nodes: Int = 1, slots: Int = 2, _ more: String = "") throws -> Outcome {
        let file = try write(
            "pool_specification:\n  id: p\n  vm_count: {dedicated: \(nodes)}\n  task_slots_per_node: \(slots)\n\(more)",
            to: "pool.yaml")
        return try run("pool", "add", "--pool", file)
    }

    /// Adds jobs; `specifications` stands below `job_specifications:`, indented by two.
    @discardableResult
    func addJobs(_ specifications: String, _ options: String...) throws -> Outcome {
        _ = try write("job_specifications:\n\(specifications)\n", to: "jobs.yaml")
        return try start(["jobs", "add"] + options).outcome()
    }

    /// Adds one job `j` that ends by itself, and follows it. `tasks` are lines of YAML, one for each task.
    @discardableResult
    func follow(_ tasks: String..., job: String = "") throws -> Outcome {
        let list = tasks.map { "      - \($0)\n" }.joined()
        return try addJobs("  - id: j\n    auto_complete: true\n\(job)    tasks:\n\(list)", "--wait")
    }

    /// What the API answers, over the socket.
    func api(_ path: String) throws -> [String: Any] {
        let answer = try curl(["http://localhost\(path)"])
        return try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any] ?? [:]
    }

    /// The body of an answer of the API; the host part of the URL is only a name.
    func curl(_ words: [String]) throws -> String {
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/env")
        curl.arguments = ["curl", "-s", "--unix-socket", "service.sock"] + words
        // From within, because a socket's path must be short.
        curl.currentDirectoryURL = home
        let pipe = Pipe()
        curl.standardOutput = pipe
        try curl.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A task of job `j`, with its earlier attempts.
    func task(_ id: String) throws -> [String: Any] { try api("/jobs/j/tasks/\(id)") }

    func tasks(of job: String = "j") throws -> [[String: Any]] {
        let answer = try json("jobs", "tasks", "list", "--jobid", job)[job] as? [[String: Any]]
        return answer?.first?["value"] as? [[String: Any]] ?? []
    }

    func output(of task: String, _ file: String = "stdout.txt") throws -> String {
        try run("data", "files", "stream", "--filespec", "j,\(task),\(file)").output
    }

    /// Node agents that live, all of them or the one of a node.
    func agents(node: String? = nil) throws -> [Int32] {
        try survivors().compactMap { id in
            let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
            let words = String(decoding: line, as: UTF8.self)
            let isMeant = node.map { words.contains($0) } ?? true
            return words.contains("node-agent") && isMeant ? Int32(id) : nil
        }
    }

    /// Everything alive that has this home in its environment or its command line.
    func survivors() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard Int(name) != nil else { return false }
            return ["environ", "cmdline"].contains { file in
                let bytes = FileManager.default.contents(atPath: "/proc/\(name)/\(file)") ?? Data()
                return String(decoding: bytes, as: UTF8.self).contains(directory.path)
            }
        }
    }
}
