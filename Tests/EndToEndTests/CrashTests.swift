import Foundation
import TestSupport
import Testing

/// The service and its agents die at any moment; the work does not.
@Suite(.blocking) struct CrashTests {
    /// More rounds with `SHIPYARD_TORTURE` (scripts/torture).
    static let kills = ProcessInfo.processInfo.environment["SHIPYARD_TORTURE"] == nil ? 10 : 100

    /// Each task writes its line when it begins, so a line too many is a task that ran twice.
    @Test func serviceKilledAgainAndAgainRunsEveryTaskOnce() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 2)
        let log = program.directory.appending(path: "log").path
        let count = Self.kills * 40
        #expect(
            try program.addJobs(
                """
                  - id: j
                    auto_complete: true
                    tasks:
                      - {task_factory: {repeat: \(count)}, command: echo $AZ_BATCH_TASK_ID >> \(log); sleep 0.03}
                    merge_task: {id: merge, command: echo merged >> \(log)}
                """
            ).code == 0)
        for round in 1...Self.kills {
            kill(try program.serviceProcess(), SIGKILL)
            usleep(UInt32.random(in: 0...200_000))
            // The next command starts it again, now and then in the middle of a restart.
            if round % 3 == 0 { _ = try program.start(["pool", "list"]) }
        }
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count == count + 1)
        #expect(Set(lines).count == count + 1)
        #expect(lines.last == "merged")
        let counts = try program.api("/jobs/j")["taskCounts"] as? [String: Int]
        #expect(counts?["succeeded"] == count + 1)
        #expect(counts?["running"] == 0)
    }

    @Test func killedAgentLosesOnlyWhatRanThere() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 2)
        let log = program.directory.appending(path: "log").path
        let count = 60
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - {task_factory: {repeat: \(count)}, command: echo $AZ_BATCH_TASK_ID >> \(log); sleep 0.2; echo end}
            """)
        for _ in 0..<3 {
            usleep(500_000)
            let isBack = try program.eventually {
                try program.processes().count {
                    $0.contains("node-agent") && $0.contains("--node node-1")
                } == 1
            }
            #expect(isBack)
            for id in try program.agents(node: "node-1") { kill(id, SIGKILL) }
        }
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        let tasks = try program.tasks()
        #expect(tasks.count == count)
        let requeues = tasks.reduce(into: [String: Int]()) { known, task in
            let execution = task["executionInfo"] as? [String: Any]
            known[task["id"] as? String ?? ""] = execution?["requeueCount"] as? Int
            #expect(execution?["exitCode"] as? Int == 0)
            #expect(execution?["retryCount"] as? Int == 0)
        }
        #expect(requeues.values.reduce(0, +) > 0)
        // Once, and once more for each time its node was lost; a task may be lost before its first line.
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
        for (task, lost) in requeues {
            let times = lines.count { $0 == task }
            #expect(times >= 1 && times <= 1 + lost, "\(task)")
        }
    }

    @Test func serviceAndAgentKilledTogetherLoseNothing() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 2)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 40}, command: sleep 0.1}"
        )
        for _ in 0..<3 {
            let service = try program.serviceProcess()
            usleep(UInt32.random(in: 0...200_000))
            // As when the power goes. An agent that saw its task die first would rightly call that a failure.
            let all = try program.survivors().compactMap { Int32($0) }
            for id in try [service] + program.agents() + all { kill(id, SIGKILL) }
        }
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(wait.messages.contains("40 of 40 tasks succeeded"))
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
        try program.run("service", "stop")
        #expect(try program.survivors() == [])
    }
}
