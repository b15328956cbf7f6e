import ShipyardAPI
import ShipyardModel
import ShipyardSpecs
import Testing

@testable import ShipyardCommands

/// What people see: tables, times, help, the screen of `status`.
struct ScreenTests {
    private func instant(_ text: String) -> Instant { SpecDate.instant(text)! }

    @Test func timesAreLocalAndRelative() {
        let now = instant("2026-03-04T12:00:00Z")
        #expect(LocalTime.distance(instant("2026-03-04T11:59:59.5Z"), at: now) == "now")
        #expect(LocalTime.distance(instant("2026-03-04T11:59:18Z"), at: now) == "42 s ago")
        #expect(LocalTime.distance(instant("2026-03-04T11:15:00Z"), at: now) == "45 min ago")
        #expect(LocalTime.distance(instant("2026-03-03T12:00:00Z"), at: now) == "24 h ago")
        #expect(LocalTime.distance(instant("2026-02-20T12:00:00Z"), at: now) == "12 days ago")
        #expect(LocalTime.distance(instant("2026-03-04T12:30:00Z"), at: now) == "in 30 min")
        #expect(LocalTime.distance(instant("2020-03-04T12:30:00Z"), at: now) == nil)
        #expect(LocalTime.text("2020-01-01T00:00:00Z", at: now).hasPrefix("20"))
        #expect(!LocalTime.text("2020-01-01T00:00:00Z", at: now).contains("ago"))
        #expect(LocalTime.text("no time", at: now) == "no time" && LocalTime.text(nil, at: now) == "")
        // Of today there is no date.
        let text = LocalTime.text("2026-03-04T11:59:00Z", at: now)
        #expect(text.hasSuffix(":59 (60 s ago)") && text.count == "11:59 (60 s ago)".count, "\(text)")
    }

    @Test func noTableDropsTheReason() {
        for width in [20, 40, 60, 80, 200] {
            var table = Table()
            for title in ["task", "node", "reason"] { table.column(title) }
            let reason = "connection refused by the host of the database at port 5432"
            table.row("task-00001", "node-1", reason)
            table.row("task-00002", "node-2", "short")
            let lines = table.lines(width: width)
            let words = lines.joined(separator: " ").split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(words.contains(reason), "\(width): \(lines)")
            #expect(lines.flatMap { $0.split(separator: "\n") }.allSatisfy { $0.count <= max(width, 24) }, "\(width): \(lines)")
        }
        var wide = Table()
        for title in ["task", "reason"] { wide.column(title) }
        wide.row("t", String(repeating: "x", count: 100))
        #expect(wide.lines(width: 44)[1] == "t\n    " + String(repeating: "x", count: 40) + "\n    " + String(repeating: "x", count: 40) + "\n    " + String(repeating: "x", count: 20))
        #expect(wide.lines(width: nil)[1] == "t     " + String(repeating: "x", count: 100))
    }

    @Test func listedTasksSaySignalAndLastLine() {
        func task(_ id: String, _ code: Int, _ message: String, _ line: String?) -> String {
            let failed = Samples.task(id, exitCode: code, job: "j").replacing("\"message\":\"m\"", with: "\"message\":\"\(message)\"")
            return line.map { failed.replacing("\"isMergeTask\":false,", with: "\"isMergeTask\":false,\"lastErrorLine\":\"\($0)\",") } ?? failed
        }
        let service = FakeService([
            "GET /jobs/j/tasks?limit=all&tails=200": [
                Samples.list(task("a", 3, "m", "no such table"), task("b", 137, "signal 9", "x"), Samples.task("c", exitCode: 0, job: "j"))
            ]
        ])
        let lines = run("jobs", "tasks", "list", "--jobid", "j", service: service).output.split(separator: "\n")
        #expect(lines[1].hasSuffix("  REASON"))
        #expect(lines[2].hasSuffix("  no such table") && lines[3].hasSuffix("  signal 9; x") && lines[4].hasSuffix("tvmps_1"))
    }

    @Test func commonOptionsAreNamedAndNotRepeated() {
        let add = run("jobs", "add", "--help").output
        #expect(!add.contains("where the service keeps everything") && add.contains("`shipyard-swift help options`"))
        let options = run("help", "options").output
        #expect(options.contains("where the service keeps everything") && options.contains("--aad-user"))
    }

    @Test func helpAndVersionAreWords() {
        #expect(run("help", "jobs", "add").output == run("jobs", "add", "--help").output)
        #expect(run("help").output == run("--help").output)
        #expect(run("help", "jobs").output == run("jobs", "--help").output)
        #expect(run("version").output == run("--version").output)
        let wrong = run("help", "jbos")
        #expect(wrong.code == .usage && wrong.messages.contains("did you mean `shipyard-swift jobs`?"), "\(wrong)")
        #expect(run("help", "jobs", "add", "x").code == .usage)
    }

    @Test func statusIsOneScreen() {
        let failed = Samples.task("t", exitCode: 3, job: "j2")
            .replacing("\"isMergeTask\":false,", with: "\"isMergeTask\":false,\"lastErrorLine\":\"disk is full\",")
        let service = FakeService([
            "GET /service": [Samples.service(process: 7)], "GET /pools": [Samples.list(Samples.pool)],
            "GET /pools/pool1/nodes": [Samples.list(Samples.node("n1", state: "running"), Samples.node("n2", state: "idle"))],
            "GET /jobs": [
                Samples.list(
                    Samples.job("j1", state: "completed", counts: "0,0,3,0"), Samples.job("j2", counts: "1,2,3,4"),
                    Samples.job("j3", counts: "1,0,0,0", blocked: "its pool is gone"))
            ],
            "GET /jobs/j2/tasks?limit=5&result=failure&tails=5": [Samples.list(failed)],
        ])
        let status = run("status", service: service)
        #expect(status.code == .done, "\(status)")
        let lines = status.output.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ").joined(separator: " ")
        }
        #expect(lines[0] == "service 1 runs as process 7 since 2026-01-01 00:00, home /h" || lines[0].hasPrefix("service 1 runs as process 7 since "))
        #expect(lines.contains("pool1 active 1 idle, 1 startTaskFailed 4 of 8"), "\(status.output)")
        #expect(lines.contains { $0.hasPrefix("j2 active 2 1 3 4 ") } && lines.contains { $0.hasSuffix("blocked: its pool is gone") })
        // What goes on stands first.
        #expect(lines.firstIndex { $0.hasPrefix("j3 ") }! < lines.firstIndex { $0.hasPrefix("j1 ") }!)
        #expect(lines.contains { $0.hasPrefix("t j2 ") && $0.hasSuffix("exit code 3; disk is full") }, "\(status.output)")
        #expect(status.output.contains("shipyard-swift logs j2 --failed"))
        #expect(lines.count <= 24)
        let none = run("status")
        #expect(none.code == .serviceUnreachable && none.messages.contains("does not run"))
        #expect(run("status", "--raw", service: service).output.contains("\"failures\": ["))
    }

    @Test func logsOfOneTaskAreAsTheyAreAndOfSeveralHaveNames() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", state: "completed", counts: "0,0,1,1")],
            "GET /jobs/j/tasks/a": [Samples.task("a", exitCode: 0, job: "j")],
            "GET /jobs/j/tasks?limit=1000": [Samples.list(Samples.task("a", exitCode: 0, job: "j"), Samples.task("b", exitCode: 1, job: "j"))],
            "GET /jobs/j/tasks?limit=1000&result=failure": [Samples.list(Samples.task("b", exitCode: 1, job: "j"))],
            "GET /jobs/j/tasks/a/files/stdout.txt": ["one\ntwo"], "GET /jobs/j/tasks/a/files/stderr.txt": [""],
            "GET /jobs/j/tasks/b/files/stdout.txt": ["three\n"], "GET /jobs/j/tasks/b/files/stderr.txt": ["oh no\n"],
        ])
        let one = run("logs", "j", "a", service: service)
        #expect(one.code == .done && one.output == "one\ntwo" && one.messages.isEmpty, "\(one)")
        let all = run("logs", "j", service: service)
        #expect(all.output == "a | one\na | two\nb | three\n" && all.messages == "b | oh no\n", "\(all)")
        let failed = run("logs", "j", "--failed", "-f", service: service)
        #expect(failed.output == "b | three\n" && failed.messages == "b | oh no\n", "\(failed)")
        #expect(run("logs", "j", "z", service: service).code == .failed)
        #expect(run("logs", "k", service: service).code == .failed)
    }

    @Test func failuresAreToldWhenTheyHappen() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", counts: "1,1,0,0")],
            "GET /jobs/j/wait?timeout=2&counts=active%3A1%2C1%2C0%2C0": [Samples.job("j", counts: "1,0,0,1")],
            "GET /jobs/j/wait?timeout=2&counts=active%3A1%2C0%2C0%2C1": [Samples.job("j", state: "completed", counts: "0,0,1,1")],
            "GET /jobs/j/tasks?limit=200&result=failure&tails=200": [Samples.list(Samples.task("t", exitCode: 3, job: "j"))],
        ])
        let wait = run("jobs", "wait", "j", service: service)
        #expect(wait.code == .failed)
        #expect(wait.messages.hasPrefix("j: 0/2  1 running\ntask t failed: exit code 3\n"), "\(wait.messages)")
    }

    @Test func theBarHasElapsedTimeAndTheLongestTask() {
        var counts = TaskCountsResponse()
        (counts.active, counts.running) = (1, 1)
        var line = ProgressLine(name: "j", counts: counts, rate: 0)
        (line.elapsed, line.longest) = (75.4, ("task-7", 61))
        #expect(line.text(width: 80).hasSuffix("0/2  1 running  75 s elapsed  longest task-7 61 s"), "\(line.text(width: 80))")
        #expect(line.text(width: 40).hasSuffix("0/2  1 running  75 s elapsed"))
    }

    @Test func theManualPageHasEveryCommand() {
        let page = run("man").output
        func walk(_ command: Command, _ path: [String]) {
            for child in command.visibleSubcommands {
                let name = (path + [child.name]).joined(separator: " ").replacing("-", with: "\\-")
                if child.run != nil { #expect(page.contains(".SS \"shipyard\\-swift \(name)"), "\(name)") }
                walk(child, path + [child.name])
            }
        }
        walk(CommandTree.root, [])
        // Nothing that begins like a request is none.
        let requests: Set = ["TH", "SH", "SS", "PP", "TP", "B", "RS", "nf", "fi", "RE"]
        for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(requests.contains(String(line.dropFirst().prefix { $0 != " " })), "\(line)")
        }
    }

    @Test(arguments: [
        ("pool_specification:\n  id: p\n  vm_count: {dedicated: 2}\n", "task_slots_per_node\": 3\n  id: p"),
        ("pool_specification:\n  id: p\n  task_slots_per_node: 1 # few\n  vm_count: {dedicated: 2}\n", "task_slots_per_node: 3 # few"),
        ("pool_specification: {id: p, vm_count: {dedicated: 2}, max_tasks_per_node: 8}\n", "max_tasks_per_node: 3}"),
        ("pool_specification: {id: p, vm_count: {dedicated: 1, low_priority: 1}}\n", "{\"task_slots_per_node\": 3, id: p"),
    ])
    func slotsOfARunAreSharedOutAmongTheNodes(text: String, expected: String) throws {
        let file = try RunFiles.file(.init(of: "pool", path: "/p.yaml", name: "p.yaml", text: text), withSlots: 6)
        #expect(file.text.contains(expected), "\(file.text)")
        #expect(try SpecIDs.root(of: file)["pool_specification"]?["id"]?.string == "p")
        #expect(throws: CommandFailure.self) {
            try RunFiles.file(.init(of: "pool", path: "/p.yaml", name: "p.yaml", text: text), withSlots: 5)
        }
    }

    @Test func shortOptionsTakeValues() throws {
        func number(_ words: String...) throws -> String? {
            try ArgumentParser.parse(["run", "d"] + words, root: CommandTree.root, common: CommonOptions.all).arguments["jobs-at-once"]
        }
        #expect(try number("-j", "4") == "4")
        #expect(try number("-j4") == "4" && number("-j=4") == "4" && number("-yj4") == "4")
        for words in [["-j"], ["-j", "x"], ["-j", "-1"], ["-j", "--keep"], ["-j", "0"]] {
            #expect(runWords(["run", "/tmp"] + words).code == .usage, "\(words)")
        }
    }
}
