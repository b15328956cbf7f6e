import Foundation
import TestSupport
import Testing

/// What a service does while nobody asks it anything. Seen through files that tasks write and through `/proc`: a
/// question to the service would end the very turn that must end by itself.
@Suite(.blocking) struct UnattendedTests {
    /// Nearly as fast as with somebody who asks all the time, and ends every turn that way.
    @Test func chainOfTasksRunsToItsEnd() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let watched = try milliseconds(ofChain: "watched", of: program) { try program.run("jobs", "list") }
        let unattended = try milliseconds(ofChain: "unattended", of: program) {}
        #expect(unattended < 4 * watched + 3000, "\(unattended) ms, and \(watched) ms while somebody asks")
    }

    /// From the first of a chain's tasks to its last, by the tasks' own clock.
    private func milliseconds(
        ofChain job: String, of program: BuiltProgram, meanwhile ask: () throws -> Void
    ) throws -> Int {
        let log = program.directory.appending(path: job).path
        let chain = (1...20).map { number in
            let after = number == 1 ? "" : ", depends_on: [t\(number - 1)]"
            return "      - {id: t\(number), command: 'date +%s%3N >> \(log)'\(after)}"
        }
        try program.addJobs("  - id: \(job)\n    tasks:\n\(chain.joined(separator: "\n"))")
        var moments: [Int] = []
        let hasEnded = try program.eventually {
            try ask()
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            moments = text.split(separator: "\n").compactMap { Int($0) }
            return moments.count == 20
        }
        #expect(hasEnded, "\(moments.count) of 20 have run")
        return (moments.last ?? 0) - (moments.first ?? 0)
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
