import Foundation
import TestSupport
import Testing

/// A copy of the state file put back after the state has gone on: numbers are given a second time.
@Suite(.blocking) struct CopiedStateTests {
    private static let suffixes = ["", "-wal", "-shm"]

    /// Copies the state of a service that is stopped, or puts the copy back.
    private func copy(_ program: BuiltProgram, back: Bool) throws {
        let files = FileManager.default
        let state = program.home.path + "/shipyard.db"
        let kept = program.directory.path + "/copy"
        let (from, to) = back ? (kept, state) : (state, kept)
        for suffix in Self.suffixes {
            try? files.removeItem(atPath: to + suffix)
            if files.fileExists(atPath: from + suffix) {
                try files.copyItem(atPath: from + suffix, toPath: to + suffix)
            }
        }
    }

    private func stop(_ program: BuiltProgram) throws {
        let service = try program.serviceProcess()
        try program.run("service", "stop")
        #expect(program.eventually { kill(service, 0) != 0 })
    }

    private func lines(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    private func commandLines(_ program: BuiltProgram) throws -> [String] {
        try program.survivors().map { id in
            let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
            return String(decoding: line, as: UTF8.self)
        }
    }

    /// What ran under the numbers that the copy gives again, and how it ended, is not the new job's.
    @Test(arguments: ["task running", "task ended", "task ended, agent dead"])
    func taskThatNeverRanIsNotGivenTheEndOfAnother(_ what: String) throws {
        let program = try BuiltProgram()
        try program.addPool()
        try stop(program)
        try copy(program, back: false)
        let ran = program.directory.appending(path: "ran").path
        let go = program.directory.appending(path: "go").path
        let script = try program.write(
            "echo B >> \(ran)\nwhile [ ! -e \(go) ]; do sleep 0.05; done\nexit 7\n", to: "b.sh")
        try program.addJobs(
            "  - id: b\n    tasks:\n      - {id: b, command: sh \(script)}\n"
                + "      - {id: s, command: 'echo B >> \(ran); exec sleep 777'}")
        #expect(program.eventually { lines(ran) == "B\nB\n" })
        let old = try program.agents()
        try stop(program)
        if what != "task running" {
            // Ends while no service lives, so that nobody has taken its exit over.
            _ = try program.write("", to: "go")
            #expect(try program.eventually { try !commandLines(program).contains { $0.contains("b.sh") } })
            usleep(300_000)
        }
        if what == "task ended, agent dead" { for agent in old { kill(agent, SIGKILL) } }
        try copy(program, back: true)
        let job = try program.follow("{id: c, command: 'echo C >> \(ran)'}")
        #expect(job.code == 0, "\(job.messages)")
        #expect(lines(ran) == "B\nB\nC\n")
        #expect(try program.agents().allSatisfy { !old.contains($0) })
        // What was killed may take a moment to go.
        #expect(
            try program.eventually {
                try !commandLines(program).contains { $0.contains("b.sh") || $0.contains("sleep 777") }
            })
    }

    /// Nothing has gone on since the copy: the nodes are those that the state knows.
    @Test func serviceThatComesBackKeepsItsAgents() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let agents = try program.agents()
        for _ in 0..<3 { try stop(program) }
        let job = try program.follow("{id: a, command: 'true'}")
        #expect(job.code == 0, "\(job.messages)")
        #expect(try program.agents() == agents)
    }
}
