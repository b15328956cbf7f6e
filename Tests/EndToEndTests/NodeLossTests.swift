import Foundation
import TestSupport
import Testing

/// Agents that die, tasks that kill them, and files that are to go meanwhile.
@Suite(.blocking) struct NodeLossTests {
    @Test func taskThatKillsItsAgentEndsAndThePoolLives() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2)
        let job = try program.follow(
            "{id: killer, command: kill -9 $PPID; sleep 60, max_task_retries: -1}",
            "{id: after, command: 'true'}")
        #expect(job.code == 1, "\(job.messages)")
        let execution = try #require(try program.task("killer")["executionInfo"] as? [String: Any])
        #expect((execution["failureInfo"] as? [String: Any])?["code"] as? String == "NodeLost")
        #expect(execution["requeueCount"] as? Int == 2)
        #expect((try program.task("after")["executionInfo"] as? [String: Any])?["exitCode"] as? Int == 0)
        #expect(
            try program.eventually {
                let nodes = try program.api("/pools/p/nodes")["value"] as? [[String: Any]] ?? []
                return nodes.count == 2 && nodes.allSatisfy { $0["state"] as? String == "idle" }
            })
    }

    /// The order to remove the files dies with the agent, and with the service; the wish does not.
    @Test(arguments: [true, false])
    func filesOfADeletedJobGoThoughTheirAgentDies(isTask: Bool) throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow("{id: a, command: echo a > file}", "{id: b, command: echo b > file}")
        let root = program.home.appending(path: "nodes/p/node-1/workitems/j").path
        #expect(FileManager.default.fileExists(atPath: root + "/job-1/a/wd/file"))
        let agent = try #require(try program.agents().first)
        kill(agent, SIGSTOP)
        let words =
            isTask
            ? ["jobs", "tasks", "del", "--jobid", "j", "--taskid", "a"] : ["jobs", "del", "--jobid", "j"]
        #expect(try program.start(words + ["-y"]).outcome().code == 0)
        let path = isTask ? root + "/job-1/a" : root
        #expect(FileManager.default.fileExists(atPath: path))
        kill(try program.serviceProcess(), SIGKILL)
        kill(agent, SIGKILL)
        #expect(
            try program.eventually {
                _ = try program.run("pool", "list")
                return !FileManager.default.fileExists(atPath: path)
            })
        #expect(FileManager.default.fileExists(atPath: root + "/job-1/b/wd/file") == isTask)
        #expect(
            try program.eventually { try program.api("/jobs/j/removals")["isPending"] as? Bool == false })
        // A job of the same id is another one, with files of its own.
        if !isTask {
            #expect(try program.follow("{id: a, command: test ! -e file && echo a > file}").code == 0)
            #expect(FileManager.default.fileExists(atPath: path + "/job-1/a/wd/file"))
        }
    }

    @Test func deletionWaitsForTheFiles() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow("{task_factory: {repeat: 20}, command: touch a b c}")
        let path = program.home.appending(path: "nodes/p/node-1/workitems/j").path
        let tasks = try program.run(
            "jobs", "tasks", "del", "--jobid", "j", "--taskid", "task-00003", "-y", "--wait")
        #expect(tasks.code == 0, "\(tasks.messages)")
        #expect(!FileManager.default.fileExists(atPath: path + "/job-1/task-00003"))
        let deletion = try program.run("jobs", "del", "--jobid", "j", "-y", "--wait")
        #expect(deletion.code == 0, "\(deletion.messages)")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// Every task of the second job has its own files, and none of the first one's.
    @Test func recreatedJobHasFilesOfItsOwn() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 4)
        let job =
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 60}, command: "
        #expect(try program.addJobs(job + "touch a b c d e f}", "--wait").code == 0)
        let again = try program.addJobs(job + "test -z \"$(ls)\" && touch own}", "--recreate", "--wait")
        #expect(again.code == 0, "\(again.messages)")
        let root = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1").path
        let tasks = try FileManager.default.contentsOfDirectory(atPath: root)
        #expect(tasks.count == 60)
        #expect(
            try tasks.allSatisfy {
                try FileManager.default.contentsOfDirectory(atPath: "\(root)/\($0)/wd") == ["own"]
            })
        #expect(try program.api("/jobs/j/removals")["isPending"] as? Bool == false)
    }

    @Test func rebootStartsANodeAnew() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - {id: j, tasks: [{id: a, command: sleep 60}]}")
        #expect(try program.eventually { try program.task("a")["state"] as? String == "running" })
        let before = try program.agents()
        #expect(
            try program.run("pool", "nodes", "reboot", "--poolid", "p", "--nodeid", "node-1", "-y").code == 0)
        #expect(
            try program.eventually {
                let now = try program.agents()
                return now.count == 1 && now != before
            })
        #expect(
            try program.eventually {
                let task = try program.task("a")
                let execution = task["executionInfo"] as? [String: Any]
                return execution?["requeueCount"] as? Int == 1 && task["state"] as? String == "running"
            })
        #expect(try program.run("pool", "nodes", "reboot", "--poolid", "p", "--nodeid", "x", "-y").code == 1)
    }
}
