import Foundation
import TestSupport
import Testing

/// What a service does while nobody asks it anything. Seen through files that tasks write and through `/proc`: a
/// question to the service would end the very turn that must end by itself.
@Suite(.blocking) struct UnattendedTests {
    @Test func chainOfTasksRunsToItsEnd() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let file = program.directory.appending(path: "last").path
        let chain = (1...12).map { number in
            let command = number == 12 ? "touch \(file)" : "/bin/true"
            let after = number == 1 ? "" : ", depends_on: [t\(number - 1)]"
            return "      - {id: t\(number), command: \(command)\(after)}"
        }
        try program.addJobs("  - id: j\n    tasks:\n\(chain.joined(separator: "\n"))")
        #expect(program.eventually { FileManager.default.fileExists(atPath: file) })
    }

    @Test func deadAgentOfAnIdlePoolIsReplaced() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let agent = try #require(try program.agents().first)
        kill(agent, SIGKILL)
        let isReplaced = try program.eventually {
            let agents = try program.agents()
            return !agents.isEmpty && !agents.contains(agent)
        }
        #expect(isReplaced)
    }

    @Test func poolThatNobodyWaitsForIsRemoved() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2)
        try program.run("pool", "del", "--poolid", "p", "-y")
        let pool = program.home.appending(path: "nodes/p").path
        #expect(program.eventually { !FileManager.default.fileExists(atPath: pool) })
        #expect(try program.eventually { try program.agents().isEmpty })
    }

    @Test func jobEndsByItsWallTime() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let file = program.directory.appending(path: "pid").path
        try program.addJobs(
            "  - id: j\n    max_wall_time: 00:00:02\n    tasks:\n      - {id: a, command: 'echo $$ > \(file); exec sleep 600'}"
        )
        var task: Int32?
        let hasBegun = program.eventually {
            task = (try? String(contentsOfFile: file, encoding: .utf8))
                .flatMap { Int32($0.trimmingCharacters(in: .newlines)) }
            return task != nil
        }
        #expect(hasBegun)
        let process = try #require(task)
        #expect(program.eventually { kill(process, 0) != 0 })
    }
}
