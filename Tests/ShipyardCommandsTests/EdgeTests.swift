import Glibc
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// Ids, options of every command, and what comes out where something is in the way.
struct EdgeTests {
    private let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    private func temporary(_ text: String, _ end: String = ".yaml") -> String {
        let path = "/tmp/shipyard-edge-\(UInt64.random(in: 0...UInt64.max))\(end)"
        let file = fopen(path, "w")!
        fputs(text, file)
        fclose(file)
        return path
    }

    // MARK: Ids

    /// None of these is a part of a path; sent, it would be another route's request.
    @Test(arguments: ["", ".", "..", String(repeating: "a", count: 2000)])
    func whatIsNoIDIsWrongUsage(id: String) {
        let lines: [[String]] = [
            ["jobs", "list", "--jobid", id], ["jobs", "list", "--jobid=" + id], ["jobs", "list", "--jobscheduleid", id],
            ["jobs", "term", "--jobid", id, "-y"], ["jobs", "term", "a", id, "-y"], ["jobs", "del", id, "-y"],
            ["jobs", "disable", "--jobid", id], ["jobs", "enable", id], ["jobs", "wait", "--jobid", id],
            ["jobs", "show", id], ["jobs", "show", "--jobid", id], ["jobs", "rerun", id, "--all"],
            ["jobs", "stats", "--jobid", id], ["jobs", "tasks", "list", "--jobid", id],
            ["jobs", "tasks", "list", "--jobid", "j", "--taskid", id],
            ["jobs", "tasks", "term", "--jobid", "j", "--taskid", id, "-y"],
            ["jobs", "tasks", "del", "--jobid", "j", "--taskid", id, "-y"], ["jobs", "tasks", "count", "--jobid", id],
            ["jobs", "tasks", "shell", id, "t"], ["jobs", "tasks", "shell", "j", id],
            ["pool", "exists", "--poolid", id], ["pool", "exists", "--pool-id", id], ["pool", "del", "--poolid", id, "-y"],
            ["pool", "stats", "--poolid", id], ["pool", "nodes", "list", "--poolid", id],
            ["pool", "nodes", "reboot", "--poolid", "p", "--nodeid", id, "-y"],
            ["pool", "nodes", "del", "--poolid", "p", "--nodeid", id, "-y"],
            ["pool", "nodes", "exec", id, "n", "--", "true"], ["pool", "nodes", "exec", "p", id, "--", "true"],
            ["schedules", "list", id], ["schedules", "history", id], ["schedules", "run", id], ["schedules", "enable", id],
            ["schedules", "del", id, "-y"], ["schedules", "backfill", id, "--from", "2030-01-01"],
            ["triggers", "list", "--schedule", id], ["logs", id], ["logs", "j", id],
            ["data", "files", "list", "--jobid", "j", "--taskid", id],
            ["data", "files", "stream", "--filespec", "\(id),t,x"], ["data", "files", "stream", "--filespec", "j,\(id),x"],
            ["data", "files", "node", "--poolid", "p", "--filespec", "\(id),x"],
        ]
        for words in lines {
            let service = FakeService(["GET /jobs/j": [Samples.job("j")]])
            let outcome = runWords(words, service: service)
            #expect(outcome.code == .usage, "\(words): \(outcome)")
            #expect(outcome.messages.hasPrefix("error: "), "\(words): \(outcome)")
            #expect(service.requests.allSatisfy { $0 == "GET /jobs/j" }, "\(words): \(service.requests)")
        }
    }

    @Test func aFilesPathStaysBelowItsDirectory() {
        for file in ["..", "../../b", "wd/../../x", "."] {
            let service = FakeService(["GET /jobs/j/tasks/t": [Samples.task("t", exitCode: 0, job: "j")]])
            let copy = run("data", "files", "task", "--filespec", "j,t,\(file)", service: service)
            #expect(copy.code == .usage, "\(file): \(copy)")
        }
        #expect((ServiceClient.task("t", of: "j") / "files").file("./wd//a").text == "/jobs/j/tasks/t/files/wd/a")
    }

    // MARK: Options of every command

    private func commands(_ command: Command, _ path: [String] = []) -> [(path: [String], command: Command)] {
        (command.run == nil || path.isEmpty ? [] : [(path, command)])
            + command.visibleSubcommands.flatMap { commands($0, path + [$0.name]) }
    }

    /// Words that a command cannot do without.
    private func words(_ command: Command) -> [String] {
        command.arguments.filter { !$0.isOptional }.map { argument in
            if case .choice(let words) = argument.values { words[0] } else { "x" }
        }
    }

    @Test func rawAndShowConfigWorkOrAreRefused() {
        let all = commands(CommandTree.root)
        #expect(all.count > 80)
        for (path, command) in all {
            let line = path + words(command)
            if !command.takesRaw {
                let raw = runWords(line + ["--raw"])
                #expect(raw.code == .usage && raw.messages.contains("has no `--raw`"), "\(line): \(raw)")
            }
            if command.specs == nil {
                let shown = runWords(line + ["--show-config"])
                #expect(shown.code == .usage && shown.messages.contains("has no `--show-config`"), "\(line): \(shown)")
            }
        }
        let raw = Set(all.filter(\.command.takesRaw).map { $0.path.joined(separator: " ") })
        #expect(raw.isSuperset(of: ["pool list", "jobs list", "jobs tasks list", "status", "validate", "metadata get"]))
        #expect(all.first { $0.path == ["jobs", "add"] }?.command.takesRaw == false)
    }

    @Test func showConfigShowsTheFilesOfARun() {
        let shown = run("run", "\(root)/jobs/sweep", "--show-config")
        #expect(shown.messages.contains(#""job_specifications""#), "\(shown)")
        let file = run("validate", "jobs", "\(root)/jobs/hello/jobs.yaml", "--show-config")
        #expect(file.code == .done && file.messages.contains(#""job_specifications""#))
        let none = run("jobs", "list", "--show-config", "--configdir", "/nowhere", service: FakeService(["GET /jobs": [Samples.list()]]))
        #expect(none.messages.hasPrefix("there are no spec files to show\n"))
        let wrong = temporary("job_specifications:\n  - id: [1]\n")
        defer { unlink(wrong) }
        let told = run("jobs", "list", "--jobs", wrong, "--show-config", service: FakeService(["GET /jobs": [Samples.list()]]))
        #expect(told.messages.hasPrefix("the spec files have errors and are not shown"), "\(told)")
    }

    @Test(arguments: ["hunter7", "8675309", "[hunter7]", "{a: hunter7}", "2020-01-01", "true"])
    func showConfigShowsNoPassword(value: String) {
        let pool = temporary(
            """
            pool_specification:
              id: p
              vm_count: {dedicated: 1}
              rdp: {username: u, password: "\(value)"}
              ssh: {username: v}

            """)
        let jobs = temporary(
            """
            job_specifications:
              - id: j
                environment_variables: {DB_PASSWORD: "\(value)"}
                tasks: [{command: x}]

            """)
        defer {
            unlink(pool)
            unlink(jobs)
        }
        let shown = run(
            "pool", "list", "--pool", pool, "--jobs", jobs, "--show-config", service: FakeService(["GET /pools": [Samples.list()]]))
        #expect(shown.messages.contains(#""password": "***""#) && shown.messages.contains(#""DB_PASSWORD": "***""#), "\(shown)")
        #expect(!shown.messages.contains("hunter7") && !shown.messages.contains("8675309") && !shown.messages.contains("2020-"), "\(shown)")
    }

    // MARK: JSON whatever is in the way

    @Test func validateWithJSONAlwaysPrintsAList() throws {
        let good = "\(root)/jobs/hello/jobs.yaml"
        let binary = temporary("\u{1}\u{2}")
        defer { unlink(binary) }
        let lines: [([String], ExitCode)] = [
            (["validate", "jobs", good, "--format", "json"], .done), (["validate", "jobs", good, "--raw"], .done),
            (["validate", "jobs", "/nowhere.yaml", "--format", "json"], .usage),
            (["validate", "--configdir", "/nowhere", "--format=json"], .usage),
            (["validate", "job", good, "--format", "json"], .usage), (["validate", "jobs", "--format", "json"], .usage),
            (["validate", "jobs", good, "--format", "json", "--nonsense"], .usage),
            (["validate", "jobs", good, "--param", "x", "--format", "json"], .usage),
            (["validate", "jobs", binary, "--format", "json"], .specRefused),
            (["validate", "jobs", "/", "--format", "json"], .usage),
            (["--configdir", "/nowhere", "validate", "--raw"], .usage),
        ]
        for (words, code) in lines {
            let outcome = runWords(words)
            #expect(outcome.code == code, "\(words): \(outcome)")
            let list = try JSONValue(parsing: Array(outcome.output.utf8)).arrayValue
            #expect(list?.isEmpty == (code == .done), "\(words): \(outcome)")
            #expect(list?.allSatisfy { $0["message"]?.stringValue?.isEmpty == false } == true, "\(words): \(outcome)")
        }
        #expect(run("validate", "jobs", "/nowhere.yaml").output.isEmpty)
    }

    // MARK: Exit codes

    @Test func aRefusalOfWhatStandsInTheSpecIsThree() {
        for code in ["JobHasRecurrence", "MultiInstanceNotSupported", "StorageAliasUnknown"] {
            let service = FakeService().answer("POST /jobs", status: 400, #"{"code":"\#(code)","message":"no"}"#)
            let add = run("jobs", "add", "--jobs", "\(root)/jobs/hello/jobs.yaml", service: service)
            #expect(add.code == .specRefused, "\(code): \(add)")
        }
        let other = FakeService().answer("POST /jobs", status: 400, #"{"code":"InvalidOutput","message":"no"}"#)
        #expect(run("jobs", "add", "--jobs", "\(root)/jobs/hello/jobs.yaml", service: other).code == .usage)
    }

    @Test func validateShowsAllPhasesAndExitsAsJobsAddWould() {
        let path = temporary(
            """
            job_specifications:
              - id: j
                prioritty: 3
                tasks:
                  - {id: a, comand: x, depends_on: [b]}
                  - {id: b, command: x, depends_on: [a]}
                  - {id: c, command: [x], depends_on: [d]}
                  - {id: b, command: x}

            """)
        defer { unlink(path) }
        let check = run("validate", "jobs", path)
        #expect(check.code == .specRefused)
        for code in ["SY1001", "SY1003", "SY2001"] { #expect(check.output.contains("[\(code)]"), "\(code): \(check.output)") }
        // Of task c one value could not be looked at, which has nothing to do with ids. Of b there are two.
        #expect(!check.output.contains("SY2003"), "\(check.output)")
        let cycle = temporary(
            """
            job_specifications:
              - id: j
                prioritty: 3
                tasks:
                  - {id: a, comand: x, depends_on: [b]}
                  - {id: b, command: x, depends_on: [a]}
                  - {id: c, command: x, depends_on: [dd]}

            """)
        defer { unlink(cycle) }
        let both = run("validate", "jobs", cycle)
        for code in ["SY1001", "SY2004", "SY2003"] { #expect(both.output.contains("[\(code)]"), "\(code): \(both.output)") }
        // A value that has nothing to do with ids hides no name, in whichever task and job.
        let others = temporary(
            """
            job_specifications:
              - id: j
                tasks:
                  - {id: a, command: x, max_task_retries: many, depends_on: [gone]}
                  - {id: b, command: x, depends_on: [lost]}
              - id: k
                tasks:
                  - {id: a, command: [x], depends_on: [nowhere]}

            """)
        defer { unlink(others) }
        let named = run("validate", "jobs", others)
        for name in ["gone", "lost", "nowhere"] {
            #expect(named.output.contains("task `\(name)` is not defined"), "\(name): \(named.output)")
        }
        let alone = temporary(
            "job_specifications:\n  - id: j\n    tasks:\n      - {id: a, command: x, depends_on: [a]}\n")
        defer { unlink(alone) }
        #expect(run("validate", "jobs", alone).code == .specRefused)
        let gang = temporary(
            "job_specifications:\n  - id: j\n    tasks:\n      - {id: a, command: x, multi_instance: {num_instances: 2}}\n")
        defer { unlink(gang) }
        #expect(run("validate", "jobs", gang).code == .specRefused)
    }

    @Test(arguments: [
        (8, "{id: a, command: x}, {id: b, command: x, depends_on: [a]}, {id: c, command: x, depends_on: [b]}", "at least 3 rounds"),
        (2, "{task_factory: {repeat: 8}, command: x}", "at least 4 rounds"),
        (8, "{task_factory: {repeat: 8}, command: x}", "all fit at once"),
        // One, then six, then one more: the six do not begin with the first.
        (2, "{id: a, command: x}, {id: b1, command: x, depends_on: [a]}, {id: b2, command: x, depends_on: [a]}, "
            + "{id: b3, command: x, depends_on: [a]}, {id: b4, command: x, depends_on: [a]}, {id: c, command: x, depends_on: [b1, b2, b3, b4]}", "at least 4 rounds"),
    ])
    func roundsOfAPlanKnowDependencies(slots: Int, tasks: String, expected: String) {
        let jobs = temporary("job_specifications:\n  - {id: j, tasks: [\(tasks)]}\n")
        let pool = temporary("pool_specification: {id: p, vm_count: {dedicated: 1}, task_slots_per_node: \(slots)}\n")
        defer {
            unlink(jobs)
            unlink(pool)
        }
        let plan = run("plan", "--jobs", jobs, "--pool", pool)
        #expect(plan.code == .done && plan.output.contains(expected), "\(plan)")
    }

    @Test func theMergeTaskHasARoundOfItsOwn() {
        let jobs = temporary("job_specifications:\n  - {id: j, tasks: [{task_factory: {repeat: 4}, command: x}], merge_task: {command: y}}\n")
        let pool = temporary("pool_specification: {id: p, vm_count: {dedicated: 1}, task_slots_per_node: 8}\n")
        defer {
            unlink(jobs)
            unlink(pool)
        }
        #expect(run("plan", "--jobs", jobs, "--pool", pool).output.contains("at least 2 rounds"))
    }

    // MARK: Jobs

    @Test func whatHasEndedKeepsNobodyFromTheOthers() {
        let jobs = Samples.list(
            Samples.job("a", state: "completed"), Samples.job("b"), Samples.job("c"), Samples.job("d"))
        func service() -> FakeService {
            FakeService(["GET /jobs": [jobs], "POST /jobs/b/terminate": [""], "POST /jobs/d/terminate": [""]])
                .answer("POST /jobs/c/terminate", status: 409, #"{"code":"JobCompleted","message":"job `c` has ended already"}"#)
        }
        let all = service()
        let term = run("jobs", "term", "--all-jobs", "-y", service: all)
        #expect(term.code == .done, "\(term)")
        #expect(term.messages == "job b is being terminated\njob d is being terminated\n")
        #expect(!all.requests.contains("POST /jobs/a/terminate"))
        let named = run("jobs", "term", "b", "c", "d", "-y", service: service())
        #expect(named.code == .failed, "\(named)")
        #expect(
            named.messages
                == "job b is being terminated\nerror: job `c` has ended already\njob d is being terminated\n")
        let disabled = run("jobs", "disable", "--jobid", "x", "--jobid", "y", service: FakeService(["POST /jobs/y/disable": [""]]))
        #expect(disabled.code == .failed && disabled.messages.hasSuffix("job y is disabled\n"), "\(disabled)")
        let enabled = run("jobs", "enable", "x", "y", service: FakeService(["POST /jobs/x/enable": [""], "POST /jobs/y/enable": [""]]))
        #expect(enabled.code == .done && enabled.messages == "job x is enabled\njob y is enabled\n", "\(enabled)")
        #expect(run("jobs", "term", "a", "--all-jobs", "-y", service: service()).code == .usage)
        #expect(run("jobs", "term", "--all-jobs", "-y", service: FakeService(["GET /jobs": [Samples.list()]])).messages == "no job is left to end\n")
    }

    @Test func severalJobsAreDeletedEachOnce() {
        let gone = #"{"removal":"r"}"#
        let service = FakeService(["DELETE /jobs/a": [gone], "DELETE /jobs/b": [gone]])
        let delete = run("jobs", "del", "a", "b", "a", "-y", service: service)
        #expect(delete.code == .done && service.requests == ["DELETE /jobs/a", "DELETE /jobs/b"], "\(delete)")
    }
}
