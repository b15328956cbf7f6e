import Foundation
import TestSupport
import Testing

/// What holds of the program without a service.
@Suite(.blocking) struct CommandLineTests {
    @Test func validateAndPlanNeedNoService() throws {
        let program = try BuiltProgram()
        let plan = try program.run("plan", "--configdir", program.example("weekend-etl"), "--param", "day=2030-01-05")
        #expect(plan.code == 0)
        #expect(plan.output.hasPrefix("job weekend-etl: 12 tasks\n"))
        #expect(try program.run("validate", "--configdir", program.example("weekend-etl")).code == 0)
        #expect(!FileManager.default.fileExists(atPath: program.home.path))
    }

    @Test func readerThatGoesAwayIsNoFailure() throws {
        let program = try BuiltProgram()
        let jobs = try program.write(
            """
            job_specifications:
              - id: j
                tasks:
                  - {task_factory: {repeat: 100000}, command: /bin/true}

            """, to: "jobs.yaml")
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/bash")
        let programPath = BuiltProgram.executable.path
        shell.arguments = [
            "-c", "set -o pipefail; '\(programPath)' plan --jobs '\(jobs)' --format jsonl | head -1",
        ]
        let pipe = Pipe()
        shell.standardOutput = pipe
        try shell.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        #expect(output.split(separator: "\n").count == 1)
    }

    @Test func homeThatCannotBeWrittenIsNamed() throws {
        let program = try BuiltProgram()
        let list = try program.run("pool", "list", "--home", "/proc/shipyard")
        #expect(list.code == 4)
        #expect(list.messages.contains("/proc/shipyard"), "\(list.messages)")
    }

    @Test func serviceThatCannotStartIsExitCodeFour() throws {
        let program = try BuiltProgram()
        _ = try program.write("in the way", to: "home")
        let list = try program.run("pool", "list")
        #expect(list.code == 4)
        #expect(list.messages.hasPrefix("error: create directory"), "\(list.messages)")
    }

    /// The first may have met another one at its end. What the second says is the reason.
    @Test func serviceThatCannotStartIsTriedOnceMore() throws {
        let program = try BuiltProgram()
        try FileManager.default.createDirectory(at: program.home, withIntermediateDirectories: true)
        chmod(program.home.path, 0o700)
        _ = try program.write("this is no database", to: "home/shipyard.db")
        let list = try program.run("pool", "list")
        #expect(list.code == 4)
        #expect(list.messages.contains("shipyard.db: "), "\(list.messages)")
        let log = try String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)
        #expect(log.split(separator: "\n").count { $0.contains(" begins, process ") } == 2, "\(log)")
    }
}
