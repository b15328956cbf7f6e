import Foundation
import Testing

/// Packages of Python, for tests that ask another program about ours: a virtual environment, made once per machine.
///
/// It is below `$XDG_CACHE_HOME/shipyard-swift-tests`, named by a hash of what is in it, and stays there; to delete it is
/// always right. Suites that need it have the trait `.needs(requirements)`, which skips them where `venv` or `pip` does
/// not work and writes the reason to standard error.
public struct PythonEnvironment: Sendable {
    /// Why there is none.
    public struct Unavailable: Error, CustomStringConvertible {
        public let description: String
    }

    public let directory: String

    public var python: String { program("python3") }
    public func program(_ name: String) -> String { "\(directory)/bin/\(name)" }

    /// - Parameter requirements: as pip has them, with their versions: `boto3==1.44.8`.
    public static func with(_ requirements: [String]) throws -> PythonEnvironment {
        try made.withLock { made in
            if let result = made[requirements] { return result }
            let result = Result { try make(requirements) }
            if case .failure(let error) = result {
                FileHandle.standardError.write(
                    Data("tests with \(requirements.joined(separator: ", ")) are skipped: \(error)\n".utf8))
            }
            made[requirements] = result
            return result
        }.get()
    }

    private static let made = Guarded<[[String]: Result<PythonEnvironment, any Error>]>([:])

    private static func make(_ requirements: [String]) throws -> PythonEnvironment {
        let version = try Command.run(["python3", "-VV"])
        guard version.status == 0 else { throw Unavailable(description: "there is no python3") }
        let surroundings = ProcessInfo.processInfo.environment
        let cache = surroundings["XDG_CACHE_HOME"] ?? "\(surroundings["HOME"] ?? "/tmp")/.cache"
        let parent = "\(cache)/shipyard-swift-tests"
        // Another Python makes another environment: what is in one links to the Python that made it.
        let environment = PythonEnvironment(
            directory: "\(parent)/venv-\(hash(requirements.joined(separator: "\n") + version.output))")
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)

        let lock = open("\(environment.directory).lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw Unavailable(description: "\(parent) cannot be written") }
        defer { close(lock) }
        // Whoever comes second waits until the first has made it.
        while flock(lock, LOCK_EX) != 0, errno == EINTR {}

        // Written at the end: what an interrupted run has left is made anew.
        let mark = "\(environment.directory)/whole"
        if FileManager.default.fileExists(atPath: mark) { return environment }
        try? FileManager.default.removeItem(atPath: environment.directory)
        try step("python3 -m venv", ["python3", "-m", "venv", environment.directory])
        try step(
            "pip install",
            [
                environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--no-input",
                "--retries", "1", "--timeout", "30",
            ] + requirements)
        try Data().write(to: URL(fileURLWithPath: mark))
        return environment
    }

    private static func step(_ name: String, _ words: [String]) throws {
        let result = try Command.run(["timeout", "300"] + words)
        guard result.status != 0 else { return }
        let reason = (result.output + result.errors).split(separator: "\n").last ?? "no reason given"
        throw Unavailable(description: "\(name) fails with exit code \(result.status): \(reason)")
    }

    /// FNV-1a.
    private static func hash(_ text: String) -> String {
        String(
            text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 },
            radix: 16)
    }
}

/// A program that is run to its end.
public struct Command: Sendable {
    public let status: Int32
    public let output: String
    public let errors: String

    /// - Parameters:
    ///   - words: the program, which is looked for in `PATH`, and its arguments.
    ///   - environment: on top of this process's.
    public static func run(
        _ words: [String], environment: [String: String] = [:], input: String = ""
    ) throws -> Command {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (inPipe, outPipe, errPipe) = (Pipe(), Pipe(), Pipe())
        process.standardInput = inPipe
        process.standardOutput = outPipe
        process.standardError = errPipe
        try process.run()
        // Each on a thread of its own: a pipe that nobody empties would stop the program.
        let errors = Guarded(Data())
        let both = DispatchGroup()
        DispatchQueue.global().async(group: both) {
            let data = errPipe.fileHandleForReading.readDataToEndOfFile()
            errors.withLock { $0 = data }
        }
        DispatchQueue.global().async(group: both) {
            try? inPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? inPipe.fileHandleForWriting.close()
        }
        let output = outPipe.fileHandleForReading.readDataToEndOfFile()
        both.wait()
        process.waitUntilExit()
        return Command(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: errors.withLock { String(decoding: $0, as: UTF8.self) })
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips tests where these packages of Python cannot be had; standard error says why.
    public static func needs(_ requirements: [String]) -> Self {
        .enabled("a virtual environment of Python; standard error says why there is none") {
            await withCheckedContinuation { continuation in
                // It may take a minute, for which no thread of Swift's own is held.
                Thread.detachNewThread {
                    continuation.resume(returning: (try? PythonEnvironment.with(requirements)) != nil)
                }
            }
        }
    }
}

/// A value behind a lock.
private final class Guarded<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
