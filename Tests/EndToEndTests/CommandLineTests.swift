import Foundation
import TestSupport
import Testing

/// What holds of the program without a service.
@Suite(.blocking) struct CommandLineTests {
    @Test func validateAndPlanNeedNoService() throws {
        let program = try BuiltProgram()
        let plan = try program.run("plan", "--configdir", program.example("etl"))
        #expect(plan.code == 0)
        #expect(plan.output.hasPrefix("job weekend-etl: 12 tasks\n"))
        #expect(try program.run("validate", "--configdir", program.example("etl")).code == 0)
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
}
