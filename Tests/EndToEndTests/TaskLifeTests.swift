import Foundation
import TestSupport
import Testing

/// Single tasks as users write them: environment, limits, retries, ends.
@Suite(.blocking) struct TaskLifeTests {
    @Test func environmentOfJobAndTaskAndBatchReachTheCommand() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let job = try program.follow(
            "{id: a, command: 'env | sort', environment_variables: {BOTH: task, MINE: 'a b$c'}}",
            job: "    environment_variables: {BOTH: job, THEIRS: 5}\n")
        #expect(job.code == 0, "\(job.messages)")
        let lines = Set(try program.output(of: "a").split(separator: "\n").map(String.init))
        let expected = [
            "BOTH=task", "MINE=a b$c", "THEIRS=5", "AZ_BATCH_JOB_ID=j", "AZ_BATCH_TASK_ID=a",
            "AZ_BATCH_POOL_ID=p",
            "AZ_BATCH_NODE_ID=node-1", "AZ_BATCH_NODE_IS_DEDICATED=true",
        ]
        #expect(expected.filter { !lines.contains($0) } == [])
        let working =
            lines.first { $0.hasPrefix("AZ_BATCH_TASK_WORKING_DIR=") }?.split(separator: "=").last ?? ""
        #expect(working.hasSuffix("/workitems/j/job-1/a/wd"))
        #expect(lines.contains("PWD=\(working)"))
    }

    @Test func wallTimeOfATaskKillsItsWholeTree() throws {
        let program = try BuiltProgram()
        try program.addPool()
        // A child in a session of its own, and one that ignores a polite signal.
        let command = "setsid sleep 7531 & (trap '' TERM; sleep 7532) & sleep 7533"
        let job = try program.follow(
            "{id: a, command: \"\(command)\", max_wall_time: 00:00:01, max_task_retries: 3}")
        #expect(job.code == 1)
        let task = try program.task("a")
        let execution = try #require(task["executionInfo"] as? [String: Any])
        #expect((execution["failureInfo"] as? [String: Any])?["code"] as? String == "TaskEnded")
        #expect(execution["retryCount"] as? Int == 0)
        let sleeping = try program.survivors().filter { id in
            let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
            return String(decoding: line, as: UTF8.self).hasPrefix("sleep\0")
        }
        #expect(sleeping == [])
    }

    @Test func failedTaskIsRetriedAndEveryAttemptIsKept() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let job = try program.follow(
            "{id: a, command: n=$(cat n || echo 0); echo $((n + 1)) > n; exit $((3 - n)), max_task_retries: 5}",
            "{id: b, command: exit 4, max_task_retries: 2}", "{id: c, command: exit 5}")
        #expect(job.code == 1)
        for (id, codes) in [("a", [3, 2, 1, 0]), ("b", [4, 4, 4]), ("c", [5])] {
            let task = try program.task(id)
            let earlier = task["attempts"] as? [[String: Any]] ?? []
            let last = try #require(task["executionInfo"] as? [String: Any])
            #expect((earlier + [last]).map { $0["exitCode"] as? Int } == codes, "\(task)")
            #expect(last["retryCount"] as? Int == codes.count - 1)
        }
    }

    @Test func programThatIsNotThereFailsWithItsOwnCode() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let job = try program.follow("{id: a, command: /no/such/program x, max_task_retries: 2}")
        #expect(job.code == 1)
        let execution = try #require(try program.task("a")["executionInfo"] as? [String: Any])
        #expect((execution["failureInfo"] as? [String: Any])?["code"] as? String == "CommandProgramNotFound")
        #expect(execution["retryCount"] as? Int == 0)
    }

    @Test func tasksAreTerminatedAndDeletedWhileTheirJobGoesOn() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 1)
        try program.addJobs(
            """
              - id: j
                tasks:
                  - {id: long, command: sleep 600}
                  - {id: waiting, command: echo never}
                  - {id: last, command: echo last}
            """)
        #expect(try program.eventually { try program.task("long")["state"] as? String == "running" })
        #expect(
            try program.run("jobs", "tasks", "del", "--jobid", "j", "--taskid", "waiting", "-y").code == 0)
        let refused = try program.run("jobs", "tasks", "del", "--jobid", "j", "--taskid", "long", "-y")
        #expect(refused.code == 1)
        #expect(
            try program.run("jobs", "tasks", "term", "--jobid", "j", "--taskid", "long", "-y", "--wait").code
                == 0)
        #expect(try program.eventually { try program.task("last")["state"] as? String == "completed" })
        #expect(Set(try program.tasks().compactMap { $0["id"] as? String }) == ["long", "last"])
        // A later submission goes on with ids of its own, also over a restart of the service.
        kill(try program.serviceProcess(), SIGKILL)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {id: more, command: echo more}\n")
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.messages.contains("2 of 3 tasks succeeded"), "\(wait.messages)")
        #expect(try program.output(of: "more") == "more\n")
    }

    @Test func taskOfACompletedJobIsDeletedBeforeAndAfterARestart() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow("{id: a, command: echo}", "{id: b, command: exit 1}", "{id: c, command: echo}")
        for id in ["a", "b"] {
            let delete = try program.run(
                "jobs", "tasks", "del", "--jobid", "j", "--taskid", id, "-y", "--wait")
            #expect(delete.code == 0, "\(delete.messages)")
            kill(try program.serviceProcess(), SIGKILL)
        }
        _ = try program.serviceProcess()
        let counts = try program.api("/jobs/j")["taskCounts"] as? [String: Int]
        #expect(counts == ["active": 0, "running": 0, "completed": 1, "succeeded": 1, "failed": 0])
        #expect(try program.tasks().compactMap { $0["id"] as? String } == ["c"])
    }

    @Test func filesOfTasksAreListedStreamedAndCopied() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.follow(
            "{id: a, command: 'echo out; echo err >&2; mkdir d; echo one > d/1.csv; echo two > 2.csv'}")
        let list = try program.run("data", "files", "list", "--jobid", "j", "--taskid", "a").output
        for name in ["stdout.txt", "stderr.txt", "wd/d/1.csv", "wd/2.csv"] { #expect(list.contains(name)) }
        #expect(try program.output(of: "a", "stderr.txt") == "err\n")
        #expect(try program.run("data", "files", "task", "--all", "--filespec", "j,a,wd/*.csv").code == 0)
        let copy = program.directory.appending(path: "j/a/wd/2.csv")
        #expect(try String(contentsOf: copy, encoding: .utf8) == "two\n")
        for (bad, code) in [("../../../../shipyard.db", Int32(2)), ("wd/absent", 1), ("/etc/passwd", 1)] {
            #expect(try program.run("data", "files", "task", "--filespec", "j,a,\(bad)").code == code, "\(bad)")
        }
    }
}
