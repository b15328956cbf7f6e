import Foundation
import TestSupport
import Testing

/// Runs as pipelines: looked at, run again, stepped into.
@Suite(.blocking) struct RunTests {
    private static let steps = """
          - id: j
            auto_complete: true
            environment_variables: {SECRET_LIKE: shown}
            tasks:
              - {id: extract, command: 'echo 7 > $AZ_BATCH_NODE_SHARED_DIR/extract; date +%s%N > stamp'}
              - {id: convert, depends_on: [extract], command: "sh -c 'test -e $AZ_BATCH_NODE_SHARED_DIR/mended && cat $AZ_BATCH_NODE_SHARED_DIR/extract'"}
              - {id: pii, depends_on: [extract], command: 'true'}
              - {id: workbook, depends_on: [convert, pii], command: 'echo done'}
        """

    private func show(_ program: BuiltProgram, _ job: String = "j") throws -> [String] {
        try program.run("jobs", "show", job).output.split(separator: "\n").map(String.init)
    }

    private func words(_ line: String?) -> [String] {
        (line ?? "").split(separator: " ").map(String.init)
    }

    @Test func anOperatorLooksMendsAndRunsAgainFromAStep() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let first = try program.addJobs(Self.steps, "--wait")
        #expect(first.code == 1, "\(first.messages)")
        var lines = try show(program)
        #expect(lines[0].hasPrefix("job j: active for "), "\(lines)")
        #expect(lines.contains { $0.contains("4 tasks: 2 succeeded, 1 failed, 1 waiting") }, "\(lines)")
        let root = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1").path
        let convert = lines.first { $0.contains("└ convert") }
        #expect(words(convert)[1...2] == ["convert", "completed"])
        #expect(convert?.contains("exit code 1") == true && convert?.hasSuffix("\(root)/convert") == true)
        let workbook = lines.first { $0.contains("└ workbook") }
        #expect(workbook?.contains("not run, because of `convert`") == true, "\(lines)")
        #expect(workbook?.contains("convert, pii") == true, "\(lines)")
        #expect(lines.firstIndex { $0.contains("└ convert") }! < lines.firstIndex { $0.contains("└ workbook") }!)

        let stamp = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1/extract/wd/stamp")
        let before = try String(contentsOf: stamp, encoding: .utf8)
        // Stepped into by the operator, who mends what was wrong.
        let shell = try program.run(
            "jobs", "tasks", "shell", "j", "convert", "--", "sh", "-c",
            "pwd; echo $AZ_BATCH_TASK_ID $SECRET_LIKE; touch $AZ_BATCH_NODE_SHARED_DIR/mended; exit 7")
        #expect(shell.code == 7)
        #expect(shell.output == "\(root)/convert/wd\nconvert shown\n")
        #expect(shell.messages.contains("command: sh -c 'test -e"), "\(shell.messages)")

        let again = try program.run("jobs", "rerun", "j", "--from", "convert", "--wait")
        #expect(again.code == 0, "\(again.messages)")
        #expect(again.messages.contains("job j: 1 task to run again; of those after them 1 had not run yet"))
        // What was not run again is as it was, and its file was read.
        #expect(try String(contentsOf: stamp, encoding: .utf8) == before)
        #expect(try program.output(of: "convert") == "7\n")
        lines = try show(program)
        #expect(lines.first { $0.contains("└ convert") }?.contains("success, attempt 2") == true, "\(lines)")
        #expect(try program.task("convert")["attempts"].map { ($0 as? [Any])?.count } == 1)
        #expect(try program.task("pii")["attempts"].map { ($0 as? [Any])?.count } == 0)

        let none = try program.run("jobs", "rerun", "j", "--failed", "--wait")
        #expect(none.code == 0 && none.messages == "job j: nothing to run again, as no task has failed\n")
        let all = try program.run("jobs", "rerun", "j", "--all", "--wait")
        #expect(all.code == 0 && all.messages.contains("4 tasks to run again"), "\(all.messages)")
        #expect(try String(contentsOf: stamp, encoding: .utf8) != before)
        let task = try program.json("jobs", "show", "j")
        let tasks = try #require(task["tasks"] as? [[String: Any]])
        #expect(tasks.compactMap { $0["attempt"] as? Int } == [2, 3, 2, 2])
        #expect(tasks.compactMap { $0["level"] as? Int } == [0, 1, 1, 2])
        // Just those that are named; what comes after them stays as it is. The job's time is its own, and not that of who waits.
        usleep(1_500_000)
        let some = try program.run("jobs", "rerun", "j", "--task", "extract", "--task", "pii", "--wait")
        #expect(some.code == 0 && some.messages.contains("2 tasks to run again"), "\(some.messages)")
        let after = try #require(try program.json("jobs", "show", "j")["tasks"] as? [[String: Any]])
        #expect(after.compactMap { $0["attempt"] as? Int } == [3, 3, 3, 2])
        let line = some.messages.split(separator: "\n").last { $0.hasPrefix("job j: done") }
        #expect(try program.run("jobs", "wait", "--jobid", "j").messages == "\(line ?? "")\n")
    }

    @Test func whatRunsIsRefusedByNameAndAnIdentityIsAnsweredOnce() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs(
            """
              - id: j
                tasks:
                  - {id: a, command: 'true'}
                  - {id: b, depends_on: [a], command: 'sleep 100'}
            """)
        #expect(try program.eventually { try program.task("b")["state"] as? String == "running" })
        let refused = try program.run("jobs", "rerun", "j", "--from", "a")
        #expect(refused.code == 1)
        #expect(refused.messages.contains("nothing of job `j` was asked to run again: `b` runs now"), "\(refused.messages)")
        #expect(try program.task("a")["state"] as? String == "completed")
        let unknown = try program.run("jobs", "rerun", "j", "--task", "c")
        #expect(unknown.code == 1 && unknown.messages.contains("job `j` has no task `c`"))
        #expect(try program.run("jobs", "rerun", "j").code == 2)
        #expect(try program.run("jobs", "rerun", "j", "--all", "--failed").code == 2)
        // Sent twice under one identity, as by a client whose answer was lost, also by the next service.
        let post = [
            "-X", "POST", "http://localhost/jobs/j/rerun", "-H", "Content-Type: application/json", "-d",
            #"{"tasks": ["a"], "submissionId": "one"}"#,
        ]
        let answer = try program.curl(post)
        #expect(answer.contains("\"tasksRerun\":1"), "\(answer)")
        #expect(try program.eventually { try program.task("a")["state"] as? String == "completed" })
        #expect(try program.curl(post) == answer)
        kill(try program.serviceProcess(), SIGKILL)
        _ = try program.serviceProcess()
        #expect(try program.curl(post) == answer)
        #expect((try program.task("a")["attempts"] as? [Any])?.count == 1)
        #expect(try program.run("jobs", "term", "--jobid", "j", "-y", "--wait").code == 0)
    }

    /// Its pool goes with it, and comes again with its package.
    @Test func aPoolThatTheJobHadMadeIsMadeAgain() throws {
        let program = try BuiltProgram()
        _ = try program.write(
            "pool_specification:\n  id: own\n  vm_count: {dedicated: 1}\n"
                + "  start_task: {command: 'echo ready > $AZ_BATCH_NODE_SHARED_DIR/ready'}\n", to: "pool.yaml")
        let mended = program.directory.appending(path: "mended").path
        let first = try program.addJobs(
            """
              - id: j
                auto_complete: true
                auto_pool: {pool_lifetime: job, keep_alive: false}
                tasks:
                  - {id: a, command: 'cat $AZ_BATCH_NODE_SHARED_DIR/ready; cat \(mended)'}
            """, "--wait")
        #expect(first.code == 1, "\(first.messages)")
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 0)
        let gone = try program.run("jobs", "tasks", "shell", "j", "a", "--", "true")
        #expect(gone.code == 1 && gone.messages.contains("is gone, and the task's files with it"), "\(gone.messages)")
        #expect(try show(program).contains { $0.hasSuffix("gone with its node") })
        _ = try program.write("x", to: "mended")
        let again = try program.run("jobs", "rerun", "j", "--failed", "--wait")
        #expect(again.code == 0, "\(again.messages)")
        #expect(again.messages.contains("was gone and is made again"), "\(again.messages)")
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 0)
        #expect(try program.run("jobs", "del", "--jobid", "j", "-y", "--wait").code == 0)
    }

    /// Its pool would have gone with the job before anything of it was shown or copied.
    @Test func runShowsAndCopiesWhatIsInPoolsOfTheJobsOwn() throws {
        let program = try BuiltProgram()
        _ = try program.write("pool_specification: {id: own, vm_count: {dedicated: 1}}\n", to: "pool.yaml")
        _ = try program.write(
            """
            job_specifications:
              - id: one
                auto_pool: {pool_lifetime: job}
                merge_task: {command: 'cat $AZ_BATCH_NODE_SHARED_DIR/all'}
                tasks:
                  - {id: a, command: 'echo merged >> $AZ_BATCH_NODE_SHARED_DIR/all; echo made > f'}
              - id: two
                auto_pool: {pool_lifetime: job}
                tasks:
                  - {id: b, command: 'echo why >&2; exit 3'}

            """, to: "jobs.yaml")
        let run = try program.run("run", ".", "--output", "results")
        #expect(run.code == 1 && run.output == "merged\n", "\(run)")
        #expect(run.messages.contains("| why"), "\(run.messages)")
        let made = program.directory.appending(path: "results/one/a/wd/f")
        #expect(try String(contentsOf: made, encoding: .utf8) == "made\n")
        #expect(run.messages.ranges(of: " removed:").count == 2, "\(run.messages)")
        #expect(try program.run("pool", "list").messages == "no pools found\n")
        #expect(try program.run("jobs", "list").messages == "no jobs found\n")
        // A killed one leaves nothing that stays.
        _ = try program.write(
            "job_specifications: [{id: j, auto_complete: true, auto_pool: {pool_lifetime: job}, tasks: [{id: a, command: 'sleep 2'}]}]",
            to: "jobs.yaml")
        let killed = try program.start(["run", "."])
        #expect(try program.eventually { try program.task("a")["state"] as? String == "running" })
        killed.end()
        #expect(try program.eventually { try program.task("a")["state"] as? String == "completed" })
        #expect(try program.api("/pools")["value"].map { ($0 as? [Any])?.count } == 1)
        // The service's next life does not know that anybody held it.
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.eventually { try program.run("pool", "list").messages == "no pools found\n" })
    }

    @Test func aPoolOfItsJobThatAUserHasRemovedIsNotMadeAgain() throws {
        let program = try BuiltProgram()
        _ = try program.write("pool_specification: {id: own, vm_count: {dedicated: 1}}\n", to: "pool.yaml")
        let first = try program.addJobs(
            """
              - id: j
                auto_complete: true
                auto_pool: {pool_lifetime: job, keep_alive: true}
                tasks: [{id: a, command: 'false'}]
            """, "--wait")
        #expect(first.code == 1, "\(first.messages)")
        let pools = try #require(try program.json("pool", "list")["value"] as? [[String: Any]])
        let pool = try #require(pools.first?["id"] as? String)
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("pool", "del", "--poolid", pool, "-y", "--wait").code == 0)
        let refused = try program.run("jobs", "rerun", "j", "--failed")
        #expect(refused.code == 1)
        #expect(refused.messages.contains("pool `\(pool)` of job `j` is gone; add it again with `pool add`"), "\(refused.messages)")
        #expect(try program.run("pool", "list").messages == "no pools found\n")
    }

    @Test func aPoolThatAUserHasRemovedIsAskedFor() throws {
        let program = try BuiltProgram()
        try program.addPool()
        #expect(try program.follow("{id: a, command: 'false'}").code == 1)
        try program.run("pool", "del", "--poolid", "p", "-y", "--wait")
        let refused = try program.run("jobs", "rerun", "j", "--failed")
        #expect(refused.code == 1)
        #expect(refused.messages.contains("pool `p` of job `j` is gone; add it again with `pool add`"), "\(refused.messages)")
        try program.addPool()
        #expect(try program.run("jobs", "rerun", "j", "--failed", "--wait").code == 1)
        #expect((try program.task("a")["attempts"] as? [Any])?.count == 1)
    }

    @Test func largeJobsAreShownInPart() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 4)
        let job = try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - task_factory: {parametric_sweep: {product: [{start: 0, stop: 600, step: 1}]}}
                    command: "sh -c 'test {0} -lt 597'"
            """, "--wait")
        #expect(job.code == 1, "\(job.messages)")
        let shown = try program.run("jobs", "show", "j")
        #expect(shown.output.split(separator: "\n").count == 2 + 1 + 3, "\(shown.output)")
        #expect(shown.messages.contains("600 tasks: the first failures"), "\(shown.messages)")
    }

    // MARK: Shells and commands on nodes

    private func python(_ script: String, _ program: BuiltProgram, _ words: String...) throws -> String {
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", script, BuiltProgram.executable.path] + words
        python.environment = ["PATH": "/usr/bin:/bin", "SHIPYARD_HOME": program.home.path, "TERM": "xterm", "SHELL": "/bin/sh"]
        let pipe = Pipe()
        python.standardOutput = pipe
        try python.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        python.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// With a terminal, while the task runs; where the pool goes, the shell goes with it and the removal is whole.
    @Test func aShellHasATerminalAndGoesWithTheNode() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    tasks:\n      - {id: a, command: 'sleep 100'}\n")
        #expect(try program.eventually { try program.task("a")["state"] as? String == "running" })
        let shown = try python(
            """
            import os, pty, subprocess, sys, time
            pid, terminal = pty.fork()
            if pid == 0:
                os.execv(sys.argv[1], sys.argv[1:2] + ['jobs', 'tasks', 'shell', 'j', 'a'])
            text = b''
            def until(word):
                global text
                while word not in text:
                    text += os.read(terminal, 4096)
            until(b'command: sleep 100')
            os.write(terminal, b'stty size >/dev/null && echo tty-$TERM-$AZ_BATCH_TASK_ID\\n')
            until(b'tty-xterm-a')
            removal = subprocess.run([sys.argv[1], 'pool', 'del', '--poolid', 'p', '-y', '--wait'], capture_output=True)
            _, status = os.waitpid(pid, 0)
            print(removal.returncode, os.WIFSIGNALED(status) or os.WEXITSTATUS(status) != 0)
            print(removal.stderr.decode())
            """, program)
        #expect(shown.hasPrefix("0 True\n"), "\(shown)")
        #expect(try program.run("jobs", "term", "--jobid", "j", "-y").code == 0)
    }

    @Test func aCommandRunsOnANodeAndItsExitCodePasses() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2)
        let root = program.home.appending(path: "nodes/p/node-1").path
        let one = try program.run(
            "pool", "nodes", "exec", "p", "node-1", "--", "sh", "-c",
            "pwd; echo $AZ_BATCH_NODE_ID $AZ_BATCH_NODE_ROOT_DIR $AZ_BATCH_TASK_ID; exit 9")
        #expect(one.code == 9)
        #expect(one.output == "\(root)\nnode-1 \(root)\n", "\(one)")
        let all = try program.run("pool", "nodes", "exec", "p", "--all", "--", "sh", "-c", "echo $AZ_BATCH_NODE_ID; kill -9 $$")
        #expect(all.code == 137 && all.output == "node-1\nnode-2\n", "\(all)")
        let none = try program.run("pool", "nodes", "exec", "p", "node-1", "--", "no-such-program")
        #expect(none.code == 127, "\(none)")
        #expect(try program.run("pool", "nodes", "exec", "p", "node-7", "--", "true").messages.contains("pool `p` has no node `node-7`"))
        #expect(try program.run("pool", "nodes", "exec", "p", "node-1", "true", "--", "x").code == 2)
    }

    @Test func aCommandInATasksPlaceHasItsEnvironmentAndNothingElse() throws {
        let program = try BuiltProgram()
        try program.addPool()
        #expect(try program.follow("{id: a, command: env, environment_variables: {V: visible}}").code == 0)
        let shell = try program.run("jobs", "tasks", "shell", "j", "a", "--", "env")
        let lines = { (text: String) in
            text.split(separator: "\n").filter { !$0.hasPrefix("SHIPYARD_TOKEN=") }.sorted()
        }
        // The task's own is worth nothing any more.
        #expect(shell.output.contains("SHIPYARD_TOKEN=sy2-0-"))
        #expect(lines(shell.output) == lines(try program.output(of: "a")))
        #expect(shell.output.contains("V=visible\n"))
    }
}
