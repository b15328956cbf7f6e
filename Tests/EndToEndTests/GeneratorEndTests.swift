import Foundation
import TestSupport
import Testing

/// Generators that end their supervisor.
@Suite(.blocking) struct GeneratorEndTests {
    /// Also what has taken the mark off itself: it comes to the command, which has started no such thing.
    @Test func whatAGeneratorHasStartedComesToAnEnd() throws {
        let program = try BuiltProgram()
        let nap = "1000.\(UInt32.random(in: 1_000_000_000...UInt32.max))"
        try """
        import os, signal, time
        def generate():
            supervisor = os.getppid()
            if os.fork() == 0:
                os.setsid()
                os.execve('/bin/sleep', ['sleep', '\(nap)'], {})
            time.sleep(0.3)
            os.kill(supervisor, signal.SIGKILL)
            time.sleep(100)
            yield 1,
        """.write(to: program.directory.appending(path: "rebel.py"), atomically: true, encoding: .utf8)
        try program.addPool()
        // What a task has running meanwhile is nobody's business here.
        let other = "1000.\(UInt32.random(in: 1_000_000_000...UInt32.max))"
        _ = try program.write(
            "job_specifications: [{id: other, tasks: [{id: a, command: sleep \(other)}]}]\n", to: "other.yaml"
        )
        #expect(try program.run("jobs", "add", "--jobs", "other.yaml").code == 0)
        for _ in 0..<200 where try sleepers(other) == 0 { usleep(50_000) }
        _ = try program.write(
            "job_specifications: [{id: j, tasks: [{command: x, task_factory: {custom: {module: rebel}}}]}]\n",
            to: "jobs.yaml")
        let add = try program.run("jobs", "add", "--jobs", "jobs.yaml")
        #expect(add.code != 0 && add.messages.contains("python3 ended"), "\(add.messages)")
        #expect(try sleepers(nap) == 0 && sleepers(other) > 0)
    }

    private func sleepers(_ nap: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") ?? Data()
            return String(decoding: line, as: UTF8.self).hasPrefix("sleep\0\(nap)")
        }.count
    }
}
