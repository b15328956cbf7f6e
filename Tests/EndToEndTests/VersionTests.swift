import Foundation
import TestSupport
import Testing

/// A service that finds the agents of an older program.
@Suite(.blocking) struct VersionTests {
    private func text(_ program: BuiltProgram, _ name: String) -> String {
        (try? String(contentsOf: program.directory.appending(path: name), encoding: .utf8)) ?? ""
    }

    private func log(of program: BuiltProgram) -> String {
        (try? String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)) ?? ""
    }

    /// What runs goes on to its end where it is, what waits is for the next agent, and nothing runs twice.
    @Test(arguments: [[:], ["SHIPYARD_AGENT_TRANSPORT": "command"]])
    func agentOfTheVersionBeforeDrainsAndIsReplaced(_ environment: [String: String]) throws {
        let program = try BuiltProgram()
        let old = environment.merging(["SHIPYARD_PROTOCOL": "2"]) { first, _ in first }
        #expect(try program.run("pool", "list", environment: old).code == 0)
        try program.addPool(slots: 2, "  additional_node_prep: {commands: {pre: ['true']}}\n")
        // The task's parent is its agent.
        let command =
            "cd $AZ_BATCH_NODE_ROOT_DIR/../../../..; echo $AZ_BATCH_TASK_ID $PPID >> log; until [ -e go ]; do sleep 0.05; done"
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 6}, command: '\(command)'}"
        )
        func started() -> [[Substring]] {
            text(program, "log").split(separator: "\n").map { $0.split(separator: " ") }
        }
        #expect(program.eventually { started().count == 2 })
        let service = try program.serviceProcess()
        kill(service, SIGKILL)
        #expect(try program.run("pool", "list", environment: environment).code == 0)
        #expect(program.eventually { log(of: program).contains("is of an older version") })
        let first = try #require(started().first?.last)
        // It keeps what it has, and gets nothing for as long as that takes.
        usleep(500_000)
        #expect(started().count == 2)
        try Data().write(to: program.directory.appending(path: "go"))
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(started().count == 6)
        #expect(Set(started().map { $0[0] }).count == 6)
        #expect(started().prefix(2).allSatisfy { $0[1] == first })
        let later = Set(started().dropFirst(2).map { $0[1] })
        #expect(later.count == 1 && !later.contains(first))
        for task in try program.tasks() {
            #expect(task["state"] as? String == "completed")
            let info = task["executionInfo"] as? [String: Any]
            #expect(info?["exitCode"] as? Int == 0 && info?["requeueCount"] as? Int == 0, "\(task)")
        }
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
    }

    /// One that has nothing to lose is replaced at once, and the pool is as it was.
    @Test func idleAgentOfTheVersionBeforeIsReplacedAtOnce() throws {
        let program = try BuiltProgram()
        #expect(try program.run("pool", "list", environment: ["SHIPYARD_PROTOCOL": "2"]).code == 0)
        try program.addPool(nodes: 2)
        let agents = try program.agents()
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("pool", "list").code == 0)
        #expect(program.eventually { (try? program.agents().contains(where: agents.contains)) == false })
        #expect(try program.follow("{command: 'true'}").code == 0)
        // The next service finds agents of its own version, and leaves them.
        #expect(program.eventually { (try? program.agents().count) == 2 })
        let next = Set(try program.agents())
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("pool", "list").code == 0)
        usleep(500_000)
        #expect(Set(try program.agents()) == next)
    }
}
