import Foundation
import Testing

/// Children of the service that no agent has left to it live on, whatever is deleted.
struct ForeignProcessTests {
    private func command(_ words: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }

    private func sleepers(_ seconds: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { number in
            FileManager.default.contents(atPath: "/proc/\(number)/cmdline")
                == Data("sleep\0\(seconds)\0".utf8)
        }
    }

    private func deletePool(_ program: BuiltProgram) throws {
        #expect(program.eventually { access("\(program.home.path)/service.sock", F_OK) == 0 })
        #expect(try program.addPool().code == 0)
        let outcome = try program.run("pool", "del", "--poolid", "p", "--wait", "-y")
        #expect(outcome.code == 0, "\(outcome)")
    }

    /// Whoever started the service had children, and became the service. One of them loses its parent later.
    @Test func childrenOfItsCallerLiveOn() throws {
        let program = try BuiltProgram()
        let seconds = [
            "7\(UInt32.random(in: 100_000...999_999))", "8\(UInt32.random(in: 100_000...999_999))",
        ]
        let script = """
            sleep \(seconds[0]) & (sleep 1; sleep \(seconds[1]) & ) & exec "$0" service run --home "$1"
            """
        let service = command([
            "-C", program.directory.path, "sh", "-c", script, BuiltProgram.executable.path, program.home.path,
        ])
        try service.run()
        defer { for number in seconds.flatMap({ sleepers($0) }) { kill(number, SIGKILL) } }
        #expect(program.eventually { sleepers(seconds[1]).count == 1 })
        try deletePool(program)
        #expect(seconds.allSatisfy { sleepers($0).count == 1 })
        // It holds no directory that is not its own. Only root may ask.
        let place = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/\(service.processIdentifier)/cwd")
        #expect(place == nil || place == "/")
    }

    /// The first process of a container gets every orphan there.
    @Test func orphansOfAContainerLiveOn() throws {
        let container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        let trial = command(container + ["true"])
        try trial.run()
        trial.waitUntilExit()
        guard trial.terminationStatus == 0 else { return }
        let program = try BuiltProgram()
        let service = command(
            container + [BuiltProgram.executable.path, "service", "run", "--home", program.home.path])
        try service.run()
        var first: Int32 = 0
        // With it goes all that is in the container. Its own number there, 1, is nobody to wait for here.
        defer { if first > 0 { kill(first, SIGKILL) } }
        let list = "/proc/\(service.processIdentifier)/task/\(service.processIdentifier)/children"
        #expect(
            program.eventually {
                let text = (try? String(contentsOfFile: list, encoding: .utf8)) ?? ""
                first = text.split(separator: " ").first.flatMap { Int32($0) } ?? 0
                return first > 0 && access("\(program.home.path)/service.sock", F_OK) == 0
            })
        let seconds = "9\(UInt32.random(in: 100_000...999_999))"
        let guest = command([
            "nsenter", "--target", "\(first)", "--pid", "setsid", "--fork", "sleep", seconds,
        ])
        try guest.run()
        defer { for number in sleepers(seconds) { kill(number, SIGKILL) } }
        #expect(program.eventually { sleepers(seconds).count == 1 })
        try deletePool(program)
        #expect(sleepers(seconds).count == 1)
    }
}
