import Foundation
import TestSupport
import Testing

/// What a user at a terminal meets: progress, ctrl-C, completion, the screen, logs.
@Suite(.blocking) struct ConsoleTests {
    private func shell(_ script: String, _ program: BuiltProgram, _ interpreter: String = "/bin/bash") throws -> (
        code: Int32, output: String
    ) {
        let shell = Process()
        shell.executableURL = URL(filePath: interpreter)
        shell.arguments = ["-c", script]
        shell.currentDirectoryURL = program.directory
        shell.environment = [
            "PATH": "\(BuiltProgram.executable.deletingLastPathComponent().path):/usr/bin:/bin", "SHIPYARD_HOME": program.home.path,
            "TERM": "xterm", "PROGRAM": BuiltProgram.executable.path, "HOME": program.directory.path,
        ]
        let pipe = Pipe()
        (shell.standardOutput, shell.standardError) = (pipe, pipe)
        try shell.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        shell.waitUntilExit()
        return (shell.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    private func isRunning(_ program: BuiltProgram) throws -> Bool {
        try program.task("a")["state"] as? String == "running"
    }

    private static let longJob = """
        job_specifications:
          - id: j
            auto_complete: true
            tasks:
              - {id: a, command: sleep 100}

        """

    // MARK: Interruption

    @Test func anInterruptedRunTakesDownWhatItMadeAndExitsWith130() throws {
        let program = try BuiltProgram()
        _ = try program.run("service", "start")
        let jobs = try program.write(Self.longJob, to: "jobs.yaml")
        let run = try program.start(["run", jobs])
        #expect(try program.eventually { try isRunning(program) })
        run.interrupt()
        let outcome = try run.outcome()
        #expect(outcome.code == 130, "\(outcome)")
        #expect(outcome.messages.contains("interrupted: taking down what was made"))
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 0)
        #expect(try program.run("jobs", "list", "--jobid", "j").code == 1)
    }

    @Test func anInterruptedRunCopiesWhatItsTasksHaveDone() throws {
        let program = try BuiltProgram()
        _ = try program.run("service", "start")
        let jobs = try program.write(Self.longJob + "      - {id: b, command: echo done}\n", to: "jobs.yaml")
        let run = try program.start(["run", jobs, "--output", "results"])
        #expect(try program.eventually { try isRunning(program) && program.task("b")["state"] as? String == "completed" })
        run.interrupt()
        let outcome = try run.outcome()
        #expect(outcome.code == 130, "\(outcome)")
        let file = program.directory.appending(path: "results/j/b/stdout.txt")
        #expect(try String(contentsOf: file, encoding: .utf8) == "done\n", "\(outcome)")
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 0)
        // A place that cannot be made is told before anything runs.
        let nowhere = try program.run("run", jobs, "--output", "/dev/null/x")
        #expect(nowhere.code == 1 && nowhere.messages.hasPrefix("error: --output /dev/null/x cannot be made"), "\(nowhere)")
    }

    @Test func aRunIsInterruptedAlsoWhileItsNodesStart() throws {
        let program = try BuiltProgram()
        _ = try program.run("service", "start")
        _ = try program.write(
            "pool_specification:\n  id: p\n  vm_count: {dedicated: 1}\n  start_task: {command: sleep 100}\n", to: "pool.yaml")
        _ = try program.write(Self.longJob, to: "jobs.yaml")
        let run = try program.start(["run", "."])
        #expect(try program.eventually { try !program.agents().isEmpty })
        run.interrupt()
        let outcome = try run.outcome()
        #expect(outcome.code == 130, "\(outcome)")
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 0)
        #expect(try program.run("jobs", "list", "--jobid", "j").code == 1)
    }

    /// A task that does not end when it is asked to gives the time; the guard must not take down what was to stay.
    @Test func aSecondInterruptionLeavesWhatThereIsAndSaysSo() throws {
        let program = try BuiltProgram()
        _ = try program.run("service", "start")
        let jobs = try program.write(
            Self.longJob.replacing(
                "sleep 100", with: "bash -c 'trap \"\" TERM INT; touch \(program.directory.path)/on; sleep 100 & wait; wait'"),
            to: "jobs.yaml")
        let run = try program.start(["run", jobs])
        #expect(program.eventually { FileManager.default.fileExists(atPath: "\(program.directory.path)/on") })
        run.interrupt()
        usleep(200_000)
        run.interrupt()
        let outcome = try run.outcome(diesOf: SIGINT)
        #expect(outcome.messages.contains("interrupted: taking down what was made"), "\(outcome)")
        #expect(outcome.messages.contains("these remove it: shipyard-swift jobs del j; shipyard-swift pool del"))
        usleep(500_000)
        #expect(try program.json("pool", "list")["value"].map { ($0 as? [Any])?.count } == 1)
        #expect(try program.run("jobs", "list", "--jobid", "j").code == 0)
        #expect(try program.run("jobs", "del", "j", "-y", "--wait").code == 0)
    }

    /// It does not wait for the end of its question to the service.
    @Test func anInterruptionIsNoticedAtOnce() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write(Self.longJob, to: "jobs.yaml")
        #expect(try program.run("jobs", "add").code == 0)
        #expect(try program.eventually { try isRunning(program) })
        // Questions are of two seconds: of six that end at once by luck none would be a surprise, all six would.
        var quick = 0
        for _ in 0..<6 {
            let follower = try program.start(["jobs", "wait", "j"])
            usleep(600_000)
            let start = ContinuousClock.now
            follower.interrupt()
            #expect(try follower.outcome().code == 130)
            if ContinuousClock.now - start < .milliseconds(700) { quick += 1 }
        }
        #expect(quick >= 5)
        #expect(try program.run("jobs", "term", "j", "-y", "--wait").code == 0)
    }

    @Test func whoStopsFollowingHearsThatTheJobGoesOn() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write(Self.longJob, to: "jobs.yaml")
        let words = [
            ["jobs", "add", "--wait"], ["jobs", "wait", "j"], ["logs", "j", "-f"],
            ["data", "files", "stream", "--filespec", "j,a,"],
        ]
        for line in words {
            let follower = try program.start(line)
            #expect(try program.eventually { try isRunning(program) })
            usleep(300_000)
            follower.interrupt()
            let outcome = try follower.outcome()
            #expect(outcome.code == 130, "\(line): \(outcome)")
            #expect(outcome.messages.contains("interrupted; job j goes on\n"), "\(line): \(outcome)")
            #expect(outcome.messages.contains("shipyard-swift jobs wait j   follows it again"), "\(line)")
            #expect(outcome.messages.contains("shipyard-swift jobs term j   ends it"), "\(line)")
            #expect(try isRunning(program))
        }
        #expect(try program.run("jobs", "term", "j", "-y", "--wait").code == 0)
    }

    @Test func aRunHasAsManySlotsAsItIsTold() throws {
        let program = try BuiltProgram()
        _ = try program.write(
            "job_specifications:\n  - id: j\n    auto_complete: true\n    tasks: [{command: 'true'}]\n", to: "jobs.yaml")
        let run = try program.run("run", ".", "-j", "7")
        #expect(run.code == 0 && run.messages.contains("1 of 1 node ready, 7 task slots each"), "\(run)")
    }

    @Test func timesOfTablesAreTheUsers() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.addJobs("  - {id: j, auto_complete: true, tasks: [{id: a, command: 'true'}]}", "--wait")
        func table(_ zone: String) throws -> String {
            try program.run("jobs", "list", environment: ["TZ": zone]).output
        }
        func clocks(_ text: String) -> [Substring] { text.matches(of: /\b\d\d:\d\d(:\d\d)?\b/).map(\.0) }
        let (east, west) = (clocks(try table("<+12>-12")), clocks(try table("<-01>1")))
        #expect(!east.isEmpty && east.count == west.count && east != west)
    }

    // MARK: Terminal

    /// Of what a terminal gets: the failure stands above a bar that is drawn again below it.
    @Test func aFailedTaskIsShownAboveTheBarWhenItFails() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let go = program.directory.appending(path: "go").path
        _ = try program.write(
            """
            job_specifications:
              - id: j
                auto_complete: true
                tasks:
                  - {id: bad, command: "sh -c 'echo some trouble >&2; exit 3'"}
                  - {id: slow, command: "sh -c 'while ! test -e \(go); do sleep 0.1; done'"}

            """, to: "jobs.yaml")
        let shown = try shell(
            """
            python3 - <<'END'
            import os, pty, fcntl, struct, termios
            pid, terminal = pty.fork()
            if pid == 0:
                os.execv(os.environ['PROGRAM'], ['shipyard-swift', 'jobs', 'add', '--wait'])
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 120, 0, 0))
            text = b''
            while b'longest slow' not in text.split(b'some trouble')[-1] or b'some trouble' not in text:
                text += os.read(terminal, 4096)
            open('\(go)', 'w')
            try:
                while True:
                    more = os.read(terminal, 4096)
                    if not more: break
                    text += more
            except OSError: pass
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            print(text.decode().replace('\\x1b', '<ESC>').replace('\\r', '<CR>'))
            END
            """, program
        ).output
        #expect(shown.hasPrefix("1\n"), "\(shown)")
        #expect(shown.contains("task bad failed: exit code 3; some trouble"), "\(shown)")
        let parts = shown.components(separatedBy: "task bad failed")
        #expect(parts.count > 1 && parts[1].contains("<CR><ESC>[Kj "), "\(shown)")
        #expect(parts.last?.contains("1/2  1 running  1 failed") == true, "\(shown)")
    }

    // MARK: Counts

    @Test func noMoreTasksRunThanThereAreSlots() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 2)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 1500}, command: /bin/true}")
        var (looks, most) = (0, 0)
        for _ in 0..<2000 {
            let counts = try program.api("/jobs/j/taskcounts")
            let nodes = try program.api("/pools/p/nodes")["value"] as? [[String: Any]]
            most = max(most, counts["running"] as? Int ?? 0, nodes?.first?["runningTasksCount"] as? Int ?? 0)
            looks += 1
            if counts["completed"] as? Int == 1500 { break }
        }
        #expect(looks > 5 && most <= 2 && most > 0, "\(looks) looks, \(most)")
    }

    @Test func reasonsHaveTheSignalAndTheLastLine() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.follow(
            "{id: a, command: \"sh -c 'sh -c \\\"kill -9 \\\\$\\\\$\\\"; exit $?'\"}",
            "{id: b, command: \"sh -c 'echo one >&2; echo the reason >&2; echo >&2; exit 2'\"}")
        let list = try program.run("jobs", "tasks", "list", "--jobid", "j").output
        #expect(list.contains("signal 9 (SIGKILL)"), "\(list)")
        #expect(list.contains("  the reason\n"), "\(list)")
        let status = try program.run("status").output
        #expect(status.contains("exit code 2; the reason"), "\(status)")
        #expect(status.contains("0 of 2") && status.contains("signal 9 (SIGKILL)"), "\(status)")
        let logs = try program.run("logs", "j", "--failed")
        #expect(logs.messages.contains("b | the reason\n"), "\(logs)")
        let one = try program.run("logs", "j", "b", "-f")
        #expect(one.code == 0 && one.messages == "one\nthe reason\n\n", "\(one)")
    }

    @Test func logsFollowTasksThatBeginLater() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 1)
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - {id: a, command: "sh -c 'echo from a; sleep 1; printf more'"}
                  - {id: b, depends_on: [a], command: "sh -c 'echo from b; echo wrong >&2'"}
            """)
        let logs = try program.run("logs", "j", "-f")
        #expect(logs.code == 0 && logs.output == "a | from a\na | more\nb | from b\n", "\(logs)")
        #expect(logs.messages == "b | wrong\n", "\(logs)")
    }

    // MARK: Nodes

    @Test func filesThatWentWithTheirPoolAreMissed() throws {
        let program = try BuiltProgram()
        let pool = try program.write("pool_specification: {id: own, vm_count: {dedicated: 1}}\n", to: "pool.yaml")
        let jobs = try program.write(
            "job_specifications:\n- {id: j, auto_complete: true, auto_pool: {pool_lifetime: job}, tasks: [{id: a, command: echo x}]}\n",
            to: "jobs.yaml")
        try program.run("jobs", "add", "--pool", pool, "--jobs", jobs, "--wait")
        for words in [["logs", "j"], ["logs", "j", "a"], ["data", "files", "stream", "--filespec", "j,a,"]] {
            let outcome = try program.start(words).outcome()
            #expect(outcome.code == 1 && outcome.output.isEmpty, "\(words)")
            #expect(outcome.messages.contains("a pool that `auto_pool` makes stays with `keep_alive: true`"), "\(outcome.messages)")
        }
    }

    @Test func aNodeIsDeletedAndThePoolIsSmaller() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2, slots: 1)
        try program.addJobs("  - id: j\n    auto_complete: true\n    tasks:\n      - {id: a, command: sleep 2}")
        #expect(try program.eventually { try isRunning(program) })
        let node = (try program.task("a")["nodeInfo"] as? [String: Any])?["nodeId"] as? String ?? ""
        let deleted = try program.run("pool", "nodes", "del", "--poolid", "p", node, "-y", "--wait")
        #expect(deleted.code == 0 && deleted.messages.hasSuffix("node \(node) is deleted\n"), "\(deleted)")
        #expect(!FileManager.default.fileExists(atPath: program.home.appending(path: "nodes/p/\(node)").path))
        let pool = try program.api("/pools/p")
        #expect(pool["targetDedicatedNodes"] as? Int == 1 && pool["currentDedicatedNodes"] as? Int == 1)
        #expect(try program.run("jobs", "wait", "j").code == 0)
        #expect((try program.task("a")["executionInfo"] as? [String: Any])?["requeueCount"] as? Int == 1)
        #expect(try program.run("pool", "nodes", "del", "--poolid", "p", node, "-y").code == 1)
        #expect(try program.run("pool", "nodes", "del", "--poolid", "p", "-y").code == 2)
    }

    @Test func aJobIsMovedToAPoolThatIsThere() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    auto_complete: true\n    tasks:\n      - {id: a, command: sleep 100}")
        #expect(try program.eventually { try isRunning(program) })
        let refused = try program.run("jobs", "migrate", "j", "--poolid", "q")
        #expect(refused.code == 1 && refused.messages.contains("pool `q`"), "\(refused)")
        #expect(try program.eventually { try isRunning(program) })
        _ = try program.write("pool_specification:\n  id: q\n  vm_count: {dedicated: 1}\n", to: "q.yaml")
        _ = try program.run("pool", "add", "--pool", "q.yaml")
        let hasRun = try program.run("jobs", "migrate", "j", "--poolid", "q")
        #expect(hasRun.code == 1 && hasRun.messages.contains("whose nodes have its files"), "\(hasRun)")
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
        let moved = try program.run("jobs", "migrate", "j", "--poolid", "q")
        #expect(moved.code == 0 && moved.messages == "job j is in pool q\n", "\(moved)")
        #expect(try program.eventually { try isRunning(program) })
        #expect((try program.task("a")["nodeInfo"] as? [String: Any])?["poolId"] as? String == "q")
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("jobs", "term", "j", "-y", "--wait").code == 0)
        #expect(try program.run("jobs", "del", "j", "-y", "--wait").code == 0)
    }

    // MARK: Completion and the manual

    @Test func bashCompletesFromTheServiceAndStartsNone() throws {
        let program = try BuiltProgram()
        func complete(_ words: String...) throws -> [String] {
            let list = (["shipyard-swift"] + words).map { "'\($0)'" }.joined(separator: " ")
            let script = """
                source <(shipyard-swift completion bash)
                COMP_WORDS=(\(list)); COMP_CWORD=\(words.count)
                _shipyard_swift; printf '%s\\n' "${COMPREPLY[@]}"
                """
            return try shell(script, program).output.split(separator: "\n").map(String.init)
        }
        /// A loaded machine may take longer than a key press is worth.
        func offers(_ expected: [String], _ words: String...) throws -> Bool {
            try program.eventually {
                let list = (["shipyard-swift"] + words).map { "'\($0)'" }.joined(separator: " ")
                let script = """
                    source <(shipyard-swift completion bash)
                    COMP_WORDS=(\(list)); COMP_CWORD=\(words.count)
                    _shipyard_swift; printf '%s\\n' "${COMPREPLY[@]}"
                    """
                return try shell(script, program).output.split(separator: "\n").map(String.init) == expected
            }
        }
        #expect(try complete("jobs", "wait", "").isEmpty)
        #expect(!FileManager.default.fileExists(atPath: program.home.path))
        try program.addPool(nodes: 1)
        try program.follow("{id: first, command: 'true'}", "{id: second, command: 'true'}")
        #expect(try offers(["dot"], "plan", "--format", "d"))
        #expect(try offers(["j"], "jobs", "wait", ""))
        #expect(try offers(["second"], "jobs", "tasks", "list", "--jobid", "j", "--taskid", "s"))
        #expect(try offers(["first", "second"], "logs", "j", ""))
        #expect(try offers(["p"], "pool", "del", "--poolid", ""))
        #expect(try offers(["node-1"], "pool", "nodes", "exec", "p", "n"))
        #expect(try offers(["j,first,"], "data", "files", "stream", "--filespec", "j,f"))
        _ = try program.run("service", "stop")
        #expect(try complete("jobs", "wait", "").isEmpty)
        #expect(try program.run("service", "status").code == 4)
    }

    /// A service that takes the question and does not answer.
    @Test func completionWaitsForNobody() throws {
        let program = try BuiltProgram()
        let asked = try shell(
            """
            mkdir -m 700 home && python3 - <<'END'
            import os, socket, subprocess, time
            server = socket.socket(socket.AF_UNIX)
            server.bind('home/service.sock')
            server.listen(5)
            subprocess.run([os.environ['PROGRAM'], 'version'], capture_output=True)
            begin = time.monotonic()
            subprocess.run([os.environ['PROGRAM'], 'version'], capture_output=True)
            start = time.monotonic() - begin
            begin = time.monotonic()
            run = subprocess.run([os.environ['PROGRAM'], 'complete', '--', 'jobs', 'wait', ''], capture_output=True)
            took = time.monotonic() - begin - start
            print(run.returncode, run.stdout, run.stderr, took < 0.5 or took)
            END
            """, program)
        #expect(asked.output == "0 b'' b'' True\n", "\(asked)")
    }

    @Test func theManualPageIsReadByMan() throws {
        let program = try BuiltProgram()
        guard FileManager.default.fileExists(atPath: "/usr/bin/groff") else { return }
        let page = try shell(
            "shipyard-swift man > page.1; groff -man -Tutf8 -ww page.1 > page.txt 2> warnings; cat warnings; grep -c 'jobs add' page.txt",
            program)
        #expect(Int(page.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 > 3, "\(page)")
    }

    @Test func whatIsNoIDGoesNowhereAlsoOverTheSocket() throws {
        let program = try BuiltProgram()
        try program.addPool()
        for id in ["", ".", ".."] {
            for line in [["pool", "del", "--poolid", id, "-y"], ["jobs", "del", id, "-y"], ["jobs", "list", "--jobid", id]] {
                let outcome = try program.start(line).outcome()
                #expect(outcome.code == 2, "\(line): \(outcome)")
            }
        }
        _ = try program.write("job_specifications:\n  - id: '..'\n    tasks: []\n", to: "jobs.yaml")
        #expect(try program.run("jobs", "del", "-y").code == 2)
        #expect(try program.run("pool", "exists", "--poolid", "p").code == 0)
    }
}
