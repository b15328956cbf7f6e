import Foundation
import TestSupport
import Testing

/// Tables that tasks load and read, with the built program.
@Suite(.blocking) struct TableTests {
    private func sql(_ program: BuiltProgram, _ query: String, _ words: String..., on alias: String = "reports") throws -> String {
        let outcome = try program.start(["sql", "query", alias, query, "--format", "csv"] + words).outcome()
        #expect(outcome.code == 0, "\(query): \(outcome.messages)")
        return outcome.output
    }

    private func failure(_ program: BuiltProgram, _ task: String) throws -> [String: Any] {
        let info = try program.task(task)["executionInfo"] as? [String: Any] ?? [:]
        return info["failureInfo"] as? [String: Any] ?? [:]
    }

    private func text(_ failure: [String: Any]) -> String { failure["message"] as? String ?? "" }

    private func credentials(_ program: BuiltProgram, _ lines: String) throws -> String {
        try program.write("credentials:\n  sql:\n\(lines)", to: "credentials.yaml")
    }

    /// A lock that somebody else holds on a database file, until this goes.
    private final class Lock {
        private let process = Process()
        private let input = Pipe()

        init(_ path: String) throws {
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [
                "python3", "-c",
                "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()",
                path,
            ]
            let output = Pipe()
            (process.standardInput, process.standardOutput) = (input, output)
            try process.run()
            _ = output.fileHandleForReading.availableData
        }

        func release() {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
        }

        deinit { if process.isRunning { process.terminate() } }
    }

    @Test func rowsGoFromTaskToTableToTask() throws {
        let program = try BuiltProgram()
        // What is only read is not made.
        let seed = try program.write("x\n1\n", to: "seed.csv")
        #expect(try program.run("sql", "load", "reports", "seed", seed).code == 0)
        try program.addPool(
            """
              input_data:
                sql: [{connection: reports, query: "SELECT 1 AS one", destination: $AZ_BATCH_NODE_SHARED_DIR/one.csv}]

            """)
        let run = try program.follow(
            """
            {id: a, command: "printf 'Id,\\"Am\\"\\"ount\\",x\\\\n1,1234567890123456789.10,\\\\n2,,\\"\\"\\\\n' > out.csv; cat $AZ_BATCH_NODE_SHARED_DIR/one.csv $AZ_BATCH_NODE_SHARED_DIR/job.csv",
             output_data: {sql: [{connection: reports, table: 'dai"ly', source: out.csv, mode: upsert, keys: [id],
               columns: {Id: id, 'Am"ount': amount, x: }, types: {id: integer, amount: decimal}}]}}
            """,
            """
            {id: b, depends_on: [a], command: cat in/rows.csv,
             input_data: {sql: [{connection: reports, query: 'SELECT * FROM "dai""ly" WHERE id = $1', parameters: [1],
               destination: in/rows.csv}]}}
            """,
            job: """
                    input_data:
                      sql: [{connection: reports, query: "SELECT 2 AS two", destination: $AZ_BATCH_NODE_SHARED_DIR/job.csv}]

                """)
        try #require(run.code == 0, "\(run.messages)")
        #expect(try program.output(of: "a") == "one\n1\ntwo\n2\n")
        #expect(try program.output(of: "b") == "id,amount,x\n1,1234567890123456789.10,\n")
        #expect(try sql(program, #"SELECT id, x FROM "dai""ly" ORDER BY id"#) == "id,x\n1,\n2,\"\"\n")
        // What a job says holds for each of its tasks.
        let second = try program.addJobs(
            """
              - id: k
                auto_complete: true
                output_data: {sql: [{connection: reports, table: each, source: out.csv}]}
                tasks:
                  - {task_factory: {repeat: 3}, command: "printf 'n\\\\n1\\\\n' > out.csv"}
            """, "--wait")
        #expect(second.code == 0, "\(second.messages)")
        #expect(try sql(program, "SELECT COUNT(*) FROM each") == "COUNT(*)\n3\n")
    }

    @Test func aLoadThatFailsIsTheTasksOutcome() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let rule = "output_data: {sql: [{connection: reports, table: t, source: out.csv, types: {n: integer}}]}"
        let run = try program.follow(
            "{id: bad, command: \"printf 'n\\\\n1\\\\nx\\\\n' > out.csv\", \(rule)}",
            "{id: missing, command: \"true\", \(rule)}",
            "{id: failed, command: \"printf 'n\\\\n1\\\\n' > out.csv; exit 3\", \(rule)}")
        #expect(run.code != 0)
        let bad = try failure(program, "bad")
        #expect(bad["code"] as? String == "FileUploadMiscError")
        #expect(text(bad) == "Table `t`: out.csv, line 3, column `n`: `x` is no integer of 64 bits")
        #expect(text(try failure(program, "missing")) == "Table `t`: out.csv cannot be read: No such file or directory")
        // Nothing of a command that has failed; and nothing of any of them is there.
        #expect(try failure(program, "failed")["code"] as? String != "FileUploadMiscError")
        let asked = try program.run("sql", "query", "reports", "SELECT * FROM t")
        #expect(asked.code == 1 && asked.messages.contains("no such table: t"), "\(asked.messages)")
        let refused = try program.addJobs(
            "  - {id: q, tasks: [{command: 'true', output_data: {sql: [{connection: r-1, table: t, source: x, mode: upsert}]}}]}")
        #expect(refused.messages.contains("error[SY3012]: `upsert` needs `keys`"), "\(refused.messages)")
    }

    /// The first of two loads is committed while somebody keeps the second one waiting; then agent or service is killed.
    @Test(arguments: [true, false]) func whatWasCommittedBeforeAKillIsThereOnce(killsAgent: Bool) throws {
        let program = try BuiltProgram()
        try program.addPool()
        let file = try credentials(program, "    first: {url: 'sqlite:first.db'}\n    second: {url: 'sqlite:sub/second.db'}\n")
        #expect(try program.start(["sql", "load", "second", "t", try program.write("n\n0\n", to: "zero.csv"), "--credentials", file]).outcome().code == 0)
        let lock = try Lock(program.home.appending(path: "databases/sub/second.db").path)
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - id: a
                    command: "printf 'n\\\\n1\\\\n2\\\\n' > out.csv; echo run >> $AZ_BATCH_NODE_SHARED_DIR/runs"
                    output_data:
                      sql: [{connection: first, table: t, source: out.csv}, {connection: second, table: t, source: out.csv}]
            """, "--credentials", file)
        let count = { (alias: String) in
            try program.run("sql", "query", alias, "SELECT COUNT(*) FROM t", "--format", "csv", "--credentials", file).output
        }
        #expect(try program.eventually { try count("first") == "COUNT(*)\n2\n" })
        let agent = try #require(try program.agents().first)
        kill(killsAgent ? agent : try program.serviceProcess(), SIGKILL)
        // Only when somebody has seen that it is gone.
        if killsAgent { #expect(try program.eventually { try program.agents().first.map { $0 != agent } ?? false }) }
        lock.release()
        #expect(
            try program.eventually {
                _ = try program.run("pool", "list")
                return try program.tasks().first?["state"] as? String == "completed"
            })
        #expect(try failure(program, "a").isEmpty)
        #expect(try count("first") == "COUNT(*)\n2\n")
        #expect(try count("second") == "COUNT(*)\n3\n")
        let runs = try String(contentsOf: program.home.appending(path: "nodes/p/node-1/shared/runs"), encoding: .utf8)
        if !killsAgent { #expect(runs == "run\n") }
    }

    /// Whoever has emptied a table himself says so; otherwise the ledger takes the same file for loaded.
    @Test func rowsThatSomebodyDeletedComeAgainWhenTheirLoadsAreForgotten() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let run = try program.follow(
            "{id: a, command: \"printf 'n\\\\n1\\\\n' > out.csv\", output_data: {sql: [{connection: reports, table: t, source: out.csv}]}}")
        #expect(run.code == 0, "\(run.messages)")
        _ = try sql(program, "DELETE FROM t")
        #expect(try program.run("jobs", "rerun", "j", "--all", "--wait").code == 0)
        #expect(try sql(program, "SELECT COUNT(*) FROM t") == "COUNT(*)\n0\n")
        #expect(try program.run("sql", "forget", "reports", "t").messages == "1 load into table `t` of `reports` (sqlite:reports.db) forgotten\n")
        #expect(try program.run("sql", "forget", "reports", "t").messages == "nothing is remembered of table `t` of `reports` (sqlite:reports.db)\n")
        #expect(try program.run("jobs", "rerun", "j", "--all", "--wait").code == 0)
        #expect(try sql(program, "SELECT COUNT(*) FROM t") == "COUNT(*)\n1\n")
        #expect(try program.run("sql", "forget", "none", "t").code == 1)
    }

    /// From standard input; and ctrl-C in the middle, when most of what was sent has been read, loads nothing.
    @Test func standardInputIsLoadedWholeOrNotAtAll() throws {
        let program = try BuiltProgram()
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.environment = ["PATH": "/usr/bin:/bin", "SHIPYARD_HOME": program.home.path]
        python.arguments = [
            "python3", "-c",
            """
            import signal, subprocess, sys
            def plain():
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            def load(table):
                return subprocess.Popen([sys.argv[1], 'sql', 'load', 'reports', table, '-'], stdin=subprocess.PIPE, preexec_fn=plain)
            whole = load('whole')
            whole.communicate(b'n\\n' + b'1\\n' * 100000)
            cut = load('whole')
            cut.stdin.write(b'n\\n' + b'2\\n' * 1000000)
            cut.stdin.flush()
            cut.send_signal(signal.SIGINT)
            cut.wait()
            # As a shell has it.
            print(whole.returncode, 128 - cut.returncode if cut.returncode < 0 else cut.returncode)
            """, BuiltProgram.executable.path,
        ]
        let pipe = Pipe()
        python.standardOutput = pipe
        try python.run()
        let codes = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        python.waitUntilExit()
        #expect(codes == "0 130\n")
        #expect(try sql(program, "SELECT n, COUNT(*) FROM whole GROUP BY n") == "n,COUNT(*)\n1,100000\n")
    }

    @Test func commandsLoadAndShow() throws {
        let program = try BuiltProgram()
        let file = try program.write("a b,n\nx,1\n\"y,z\",\n", to: "in.csv")
        let loaded = try program.run("sql", "load", "reports", "or der", file, "--type", "n=integer")
        #expect(loaded.code == 0)
        #expect(loaded.messages == "loaded 2 rows into table `or der` of `reports` (sqlite:reports.db), which was made\n")
        let query = #"SELECT * FROM "or der""#
        #expect(try sql(program, query) == "a b,n\nx,1\n\"y,z\",\n")
        #expect(try program.run("sql", "query", "reports", query, "--raw").output == "[\n  {\"a b\":\"x\",\"n\":1},\n  {\"a b\":\"y,z\",\"n\":null}\n]\n")
        #expect(try program.run("sql", "query", "reports", query, "--format", "table").output == "A B  N\nx    1\ny,z\n")
        #expect(try sql(program, query + " WHERE n = $1", "--parameter", "1", "--output", "found.csv") == "")
        #expect(try String(contentsOf: program.directory.appending(path: "found.csv"), encoding: .utf8) == "a b,n\nx,1\n")
        #expect(try sql(program, #"DELETE FROM "or der""#) == "")
        #expect(try program.run("sql", "query", "reports", query, "--format", "json").output == "[]\n")
        #expect(
            try program.run("sql", "query", "../x", "SELECT 1").messages == "error: the credentials have no database `../x`\n")
        let wrong = try credentials(program, "    reports: {url: 'postgresql://ada:se/cret@db/x'}\n")
        let refused = try program.run("sql", "query", "reports", "SELECT 1", "--credentials", wrong)
        #expect(refused.code != 0 && refused.messages.contains("SY3025") && !refused.messages.contains("cret"), "\(refused.messages)")
    }
}

/// The same with a server, whose password is a secret on all of its way.
@Suite(.blocking, .serialized, .enabled(if: PostgreSQLServer.isThere, "there is no PostgreSQL"))
struct ServerTableTests {
    @Test func aTaskLoadsAndReadsAndNobodySeesThePassword() throws {
        let server = try PostgreSQLServer()
        let program = try BuiltProgram()
        try program.addPool()
        let file = try program.write("credentials:\n  sql:\n    shop: {url: '\(server.url)'}\n", to: "credentials.yaml")
        let run = try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - id: a
                    command: "printf 'id,v\\\\n1,0.10\\\\n2,\\\\n' > out.csv"
                    output_data: {sql: [{connection: shop, table: T x, source: out.csv, types: {id: integer, v: decimal}}]}
                  - id: b
                    depends_on: [a]
                    command: cat in.csv
                    input_data: {sql: [{connection: shop, query: 'SELECT * FROM "T x" ORDER BY id', destination: in.csv}]}
                  - id: c
                    depends_on: [a]
                    command: "true"
                    input_data: {sql: [{connection: shop, query: 'DELETE FROM "T x"', destination: in.csv}]}
                  - id: d
                    depends_on: [a]
                    command: "printf 'id,v\\\\n3,x\\\\n' > out.csv"
                    output_data: {sql: [{connection: shop, table: T x, source: out.csv}]}
            """, "--wait", "--credentials", file)
        #expect(run.code != 0)
        #expect(try program.output(of: "b") == "id,v\n1,0.10\n2,\n")
        func message(_ task: String) throws -> String {
            let info = try program.task(task)["executionInfo"] as? [String: Any] ?? [:]
            return (info["failureInfo"] as? [String: Any])?["message"] as? String ?? ""
        }
        #expect(try message("c").hasSuffix("syntax error at or near \"DELETE\"; a query that only reads is one `SELECT`, `VALUES` or `WITH`"))
        #expect(try message("d") == "Table `T x`: out.csv, line 2, column `v`: invalid input syntax for type numeric: \"x\"")
        #expect(try program.run("sql", "query", "shop", #"SELECT COUNT(*) FROM "T x""#, "--format", "csv", "--credentials", file).output == "count\n2\n")
        let found = Process()
        found.executableURL = URL(filePath: "/usr/bin/grep")
        found.arguments = ["-r", "-l", "s3cr3t", program.home.path]
        found.standardOutput = FileHandle.nullDevice
        try found.run()
        found.waitUntilExit()
        #expect(found.terminationStatus == 1)
        // A server that is gone is said, without what opens it.
        try server.stop()
        let gone = try program.run("sql", "query", "shop", "SELECT 1", "--credentials", file)
        #expect(gone.code == 1 && gone.messages.hasPrefix("error: the database `shop` (postgresql:///postgres?host=") && !gone.messages.contains("s3cr3t"), "\(gone.messages)")
        try server.start()
    }
}
