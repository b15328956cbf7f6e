import Foundation
import TestSupport
import Testing

/// Submissions that are repeated, refused or left alone.
@Suite(.blocking) struct SubmissionTests {
    /// Sends a request as a client of the API would; answers the status and what came.
    private func post(_ program: BuiltProgram, _ path: String, _ body: [String: Any]) throws -> Process {
        let file = program.directory.appending(path: "body-\(UInt32.random(in: 0...UInt32.max)).json")
        try JSONSerialization.data(withJSONObject: body).write(to: file)
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/env")
        curl.arguments = [
            "curl", "-s", "-w", "\n%{http_code}", "--unix-socket", "service.sock", "-H",
            "Content-Type: application/json", "--data-binary", "@" + file.path, "http://localhost" + path,
        ]
        curl.currentDirectoryURL = program.home
        curl.standardOutput = Pipe()
        try curl.run()
        return curl
    }

    private func answer(_ curl: Process) throws -> (status: Int, text: String) {
        let pipe = try #require(curl.standardOutput as? Pipe)
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        curl.waitUntilExit()
        let lines = text.split(separator: "\n")
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    private func jobs(_ text: String, id: String?) -> [String: Any] {
        var body: [String: Any] = [
            "files": [["kind": "jobs", "text": text, "path": "/tmp/jobs.yaml"]], "workingDirectory": "/tmp",
        ]
        body["submissionId"] = id
        return body
    }

    @Test func aRepeatedSubmissionAddsNothing() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let text = "job_specifications: [{id: j, tasks: [{command: 'true', task_factory: {repeat: 3}}]}]"
        let first = try answer(post(program, "/jobs", jobs(text, id: "once")))
        #expect(first.status == 201)
        // The next service knows it as well.
        kill(try program.serviceProcess(), SIGKILL)
        _ = try program.serviceProcess()
        let second = try answer(post(program, "/jobs", jobs(text, id: "once")))
        #expect(second == first)
        #expect(try program.tasks().count == 3)
        // Without an identity, or under another, it is another.
        #expect(try answer(post(program, "/jobs", jobs(text, id: nil))).status == 201)
        #expect(try answer(post(program, "/jobs", jobs(text, id: "twice"))).status == 201)
        #expect(try program.tasks().count == 9)
        #expect(try answer(post(program, "/jobs", jobs(text, id: "no id"))).status == 400)
        let pool: [String: Any] = [
            "files": [["kind": "pool", "text": "pool_specification: {id: q, vm_count: {dedicated: 0}}"]],
            "submissionId": "once",
        ]
        #expect(try answer(post(program, "/pools", pool)).status == 201)
        #expect(try answer(post(program, "/pools", pool)).status == 201)
    }

    /// Ten clients that are all the same one, impatient.
    @Test func aRepetitionWaitsForTheFirst() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let text = "job_specifications: [{id: j, tasks: [{command: 'true', task_factory: {repeat: 5000}}]}]"
        let clients = try (0..<10).map { _ in try post(program, "/jobs", jobs(text, id: "once")) }
        let answers = try clients.map(answer)
        #expect(answers.map(\.status) == Array(repeating: 201, count: 10))
        #expect(Set(answers.map(\.text)).count == 1)
        let counts = try program.api("/jobs/j")["taskCounts"] as? [String: Int]
        #expect(
            counts?.filter { ["active", "running", "completed"].contains($0.key) }.values.reduce(0, +) == 5000
        )
    }

    /// A generator that never ends is its command's, and ends with it; the service has nothing to do with it.
    @Test func aHangingGeneratorGoesWithItsCommand() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write(
            """
            import os, time
            def generate():
                if os.fork() == 0:
                    os.setsid()
                    os.execve('/bin/sleep', ['sleep', '1000', '\(program.directory.path)'], {})
                open('started', 'w').close()
                while True:
                    time.sleep(1)
                    if False: yield
            """, to: "hangs.py")
        _ = try program.write(
            "job_specifications: [{id: j, tasks: [{command: x, task_factory: {custom: {module: hangs}}}]}]",
            to: "jobs.yaml")
        let client = try program.start(["jobs", "add"])
        let place = program.directory.appending(path: "started").path
        #expect(program.eventually { FileManager.default.fileExists(atPath: place) })
        func left() throws -> [String] {
            try program.survivors().filter { id in
                let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
                let words = String(decoding: line, as: UTF8.self)
                return words.contains("python3") || words.contains("sleep")
            }
        }
        let first = try left()
        #expect(!first.isEmpty)
        #expect(try program.run("service", "stop").code == 0)
        #expect(try left() == first)
        client.end()
        _ = try? client.outcome()
        #expect(try program.eventually { try left().isEmpty })
        // The job was not taken, and its name is free.
        #expect(try program.addJobs("  - {id: j, tasks: [{command: 'true'}]}").code == 0)
        #expect(try program.tasks().count == 1)
    }

    /// The service opens nothing because a request names it: a module's rows come with the request, or not at all.
    @Test func theServiceRunsNoGenerator() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let module = program.directory.appending(path: "mine.py")
        try "open('\(module.path).ran', 'w')\ndef generate(): yield 1,".write(
            to: module, atomically: true, encoding: .utf8)
        let text =
            "job_specifications: [{id: j, tasks: [{command: 'echo {0}', task_factory: {custom: {module: mine}}}]}]"
        var body: [String: Any] = [
            "files": [["kind": "jobs", "text": text, "path": module.path]],
            "workingDirectory": program.directory.path,
        ]
        let refused = try answer(post(program, "/jobs", body))
        #expect(refused.status == 422)
        #expect(refused.text.contains("the rows of generator `mine` did not come with the submission"))
        #expect(!FileManager.default.fileExists(atPath: module.path + ".ran"))
        func run(_ pass: String, _ rows: String) -> [String: Any] {
            ["call": ["job": "j", "entry": 0, "pass": pass], "count": 2, "rows": rows]
        }
        body["generated"] = [run("check", ""), run("build", "sa\\tb\ni7\n")]
        let taken = try answer(post(program, "/jobs", body))
        #expect(taken.status == 201, "\(taken.text)")
        #expect(try program.tasks().map { $0["commandLine"] as? String } == ["echo a\tb", "echo 7"])
        #expect(!FileManager.default.fileExists(atPath: module.path + ".ran"))
    }

    /// What `plan` runs is what `jobs add` runs, whoever has started the service.
    @Test func aGeneratorSeesTheShellOfItsCommand() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write(
            "import os\ndef generate():\n    yield os.environ.get('TOKEN'), os.getcwd()\n", to: "shell.py")
        _ = try program.write(
            """
            job_specifications:
            - id: j
              auto_complete: true
              tasks: [{command: 'echo {0} {1}; echo [$TOKEN]', task_factory: {custom: {module: shell}}}]
            """, to: "jobs.yaml")
        let outcome = try program.start(["jobs", "add", "--wait"], environment: ["TOKEN": "s3cret"]).outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(try program.output(of: "task-00000").hasPrefix("s3cret /tmp/shipyard-e2e-"))
        // The task itself gets none of it.
        #expect(try program.output(of: "task-00000").contains("[]"))
        let bytes = try FileManager.default.contentsOfDirectory(atPath: program.home.path).filter {
            $0.hasPrefix("service.log")
        }.map { try String(contentsOf: program.home.appending(path: $0), encoding: .utf8) }
        #expect(!bytes.joined().contains("s3cret"))
    }

    /// A row that makes no sense costs itself its use; the service and its other jobs go on.
    @Test func unreadableRowsDoNotStopTheService() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs(
            "  - {id: a, tasks: [{command: 'true'}]}\n  - {id: b, tasks: [{command: 'true'}]}")
        #expect(try program.run("service", "stop").code == 0)
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = [
            "python3", "-c",
            """
            import sqlite3, sys
            file = sqlite3.connect(sys.argv[1])
            file.execute("UPDATE jobs SET state = 'odd' WHERE id = 'a'")
            file.execute("UPDATE nodes SET state = 'odd'")
            file.execute("UPDATE tasks SET template = 99, dependencies = 'odd' WHERE key >> 32 = 2")
            file.execute("INSERT INTO pools SELECT 'no id', state, allocation_state, target_dedicated, "
                "target_low_priority, slots_per_node, creation_time, auto_pool_job, "
                "last_node_number, 0 FROM pools")
            file.commit()
            """, program.home.appending(path: "shipyard.db").path,
        ]
        try python.run()
        python.waitUntilExit()
        #expect(python.terminationStatus == 0)
        let listed = try program.run("jobs", "list", "--raw")
        #expect(listed.code == 0, "\(listed.messages)")
        #expect(listed.output.contains("RowUnreadable: `odd` is no value that may stand in `state`"))
        #expect(try program.tasks(of: "b").first?["state"] as? String == "completed")
        let log = try String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)
        #expect(log.contains("`no id` is no value that may stand in `id`"))
        #expect(try program.run("jobs", "del", "--jobid", "a", "-y").code == 0)
    }
}
