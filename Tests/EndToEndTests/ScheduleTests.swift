import Foundation
import TestSupport
import Testing

/// Schedules of the built program.
@Suite(.blocking) struct ScheduleTests {
    private let pool = "pool_specification: {id: sp, vm_count: {dedicated: 1}, task_slots_per_node: 2}\n"

    private func write(_ program: BuiltProgram, schedule: String, task: String = "command: 'true'") throws {
        _ = try program.write(pool, to: "pool.yaml")
        _ = try program.write("schedule_specifications: [{id: s, \(schedule)}]\n", to: "schedules.yaml")
        _ = try program.write(
            """
            job_specifications:
            - id: j
              auto_pool: {pool_lifetime: job}
              parameters: {word: {default: none}}
              tasks:
              - {\(task)}

            """, to: "jobs.yaml")
    }

    private func runs(_ program: BuiltProgram, of id: String = "s") throws -> [[String: Any]] {
        try program.api("/schedules/\(id)/runs")["value"] as? [[String: Any]] ?? []
    }

    private func states(_ program: BuiltProgram) throws -> [String] {
        try runs(program).compactMap { $0["state"] as? String }
    }

    @Test func aScheduleFiresAndItsPoolsComeAndGo() throws {
        let program = try BuiltProgram()
        try write(program, schedule: "interval: '00:00:01', overlap: skip")
        #expect(try program.run("schedules", "add").messages.contains("schedule s added; next run "))
        #expect(
            try program.eventually {
                let states = try states(program)
                return states.count { $0 == "succeeded" } >= 3
            })
        // Nothing of it starts any more, and what ran is gone.
        #expect(try program.run("schedules", "disable", "s").messages == "schedule s is disabled\n")
        #expect(
            try program.eventually { try states(program).allSatisfy { $0 != "active" && $0 != "starting" } })
        #expect(try program.eventually { try program.run("pool", "list").messages == "no pools found\n" })
        let runs = try runs(program)
        #expect(
            runs.allSatisfy {
                $0["cause"] as? String == "clock" && $0["state"] as? String == "succeeded"
                    || $0["skipReason"] != nil
            })
        // Each logical time once.
        #expect(Set(runs.compactMap { $0["dueTime"] as? String }).count == runs.count)
        let first = try #require(runs.last)
        #expect((first["jobs"] as? [[String: Any]])?.map { $0["id"] as? String } == ["s:j-1"])
        let history = try program.run("schedules", "history", "s", "--limit", "1000").output
        #expect(history.contains("succeeded") && history.contains("s:j-1"))
        #expect(
            try program.run("schedules", "del", "s", "-y", "--wait").messages.hasSuffix(
                "schedule s is deleted\n"))
        #expect(try program.run("jobs", "list").messages == "no jobs found\n")
    }

    @Test func whatWasKeptRunsWhateverBecameOfItsFiles() throws {
        let program = try BuiltProgram()
        let seen = program.directory.appending(path: "seen").path
        func write(_ data: String, _ rows: [String]) throws {
            _ = try program.write(data, to: "data.txt")
            _ = try program.write(
                "def generate():\n" + rows.map { "    yield '\($0)',\n" }.joined(), to: "rows.py")
            try self.write(
                program, schedule: "interval: '10000.00:00:00', parameters: {word: '@{run.id}'}",
                task: """
                    command: "echo @{parameters.word} {0} $(cat data.txt) >> \(seen)", \
                    task_factory: {custom: {module: rows}}, \
                    resource_files: [{blob_source: data.txt, file_path: data.txt}]
                    """)
        }
        try write("first", ["one"])
        let added = try program.run("schedules", "add")
        try #require(added.code == 0, "\(added.messages)")
        for name in ["data.txt", "jobs.yaml", "pool.yaml", "rows.py"] {
            try FileManager.default.removeItem(at: program.directory.appending(path: name))
        }
        let run = try program.run("schedules", "run", "s", "--wait")
        #expect(
            run.code == 0 && run.messages.hasSuffix("run 1 of schedule s: succeeded, job s:j-1\n"),
            "\(run.messages)")
        // A file that is changed counts when the schedule is added again, and the answer shows it.
        try write("second", ["one", "two"])
        #expect(try program.run("schedules", "run", "s", "--wait").code == 0)
        #expect(try String(contentsOfFile: seen, encoding: .utf8) == "s-1 one first\ns-2 one first\n")
        let changed = try program.run("schedules", "add").messages
        #expect(changed.contains("schedule s changed, now version 2"))
        #expect(changed.contains("data.txt has another content\n"))
        #expect(changed.contains("  generators: 1 -> 2 tasks, with other values\n"))
        #expect(try program.run("schedules", "add").messages.contains("schedule s unchanged"))
        #expect(try program.run("schedules", "run", "s", "--wait").code == 0)
        #expect(
            try Set(String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").suffix(2)) == [
                "s-3 one second", "s-3 two second",
            ])
        #expect(try runs(program).map { $0["version"] as? Int } == [2, 1, 1])
    }

    @Test func oneKeyIsOneRun() throws {
        let program = try BuiltProgram()
        try write(program, schedule: "interval: '10000.00:00:00'", task: "command: 'echo @{parameters.word}'")
        _ = try program.run("schedules", "add")
        let first = try program.run("schedules", "run", "s", "--key", "once", "--param", "word=a", "--wait")
        #expect(first.code == 0, "\(first.messages)")
        let second = try program.run("schedules", "run", "s", "--key", "once")
        #expect(second.messages == "run 1 of schedule s: succeeded, job s:j-1\n")
        #expect(try runs(program).count == 1)
        let wrong = try program.run("schedules", "run", "s", "--param", "wrd=a")
        #expect(wrong.code == 3 && wrong.messages.contains("wrd"))
        // A service that dies keeps what it has promised.
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("schedules", "run", "s", "--key", "once").messages == second.messages)
    }

    @Test func aFileThatComesStartsARun() throws {
        let program = try BuiltProgram()
        let added = try program.run("schedules", "add", "--configdir", program.example("on-done"))
        #expect(added.code == 0, "\(added.messages)")
        let container = program.home.appending(path: "storage/shipyarddemo/staging")
        try FileManager.default.createDirectory(at: container, withIntermediateDirectories: true)
        try Data().write(to: container.appending(path: "drive 1; x.done"))
        try Data().write(to: container.appending(path: "drive.bag"))
        #expect(
            try program.eventually {
                try runs(program, of: "on-done").map { $0["state"] as? String } == ["succeeded"]
            })
        #expect(try runs(program, of: "on-done").first?["cause"] as? String == "trigger")
        #expect(try program.eventually { try program.run("pool", "list").messages == "no pools found\n" })
    }

    @Test func jobsWithARecurrenceAreSchedules() throws {
        let program = try BuiltProgram()
        _ = try program.write(pool, to: "pool.yaml")
        _ = try program.write(
            """
            job_specifications:
            - id: j
              auto_complete: true
              auto_pool: {pool_lifetime: job}
              recurrence: {schedule: {recurrence_interval: '00:00:01'}}
              tasks:
              - command: "test $(cat data.txt) = kept"
                resource_files: [{blob_source: data.txt, file_path: data.txt}]

            """, to: "jobs.yaml")
        let data = try program.write("kept", to: "data.txt")
        let added = try program.run("jobs", "add")
        try FileManager.default.removeItem(atPath: data)
        #expect(added.messages.contains("job schedule j added"), "\(added.messages)")
        #expect(try program.eventually { try program.run("jobs", "list").output.contains("j:job-2 ") })
        #expect(
            try program.eventually {
                try runs(program, of: "j").contains { $0["state"] as? String == "succeeded" }
            })
        #expect(try runs(program, of: "j").allSatisfy { $0["state"] as? String != "failed" })
        let list = try program.json("jobs", "list", "--jobscheduleid", "j")
        #expect(list["state"] as? String == "active")
        #expect(try program.run("jobs", "disable").messages == "job schedule j is disabled\n")
        #expect(
            try program.run("jobs", "enable", "--jobscheduleid", "j").messages
                == "job schedule j is enabled\n")
        #expect(
            try program.run("jobs", "del", "-y", "--wait").messages.hasSuffix("job schedule j is deleted\n"))
        #expect(try program.run("jobs", "list").messages == "no jobs found\n")
    }

    /// Every second has one run, and each run its job, whenever the service died.
    @Test func killedServiceRunsEveryTimeOnce() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 1, slots: 4)
        let log = program.directory.appending(path: "log").path
        _ = try program.write(
            "schedule_specifications: [{id: s, jobs: j.yaml, pool: p, interval: '00:00:01', overlap: queue}]\n",
            to: "schedules.yaml")
        _ = try program.write(
            """
            job_specifications:
            - id: j
              tasks:
              - command: echo $AZ_BATCH_JOB_ID $SHIPYARD_SCHEDULED_TIME >> \(log)

            """, to: "j.yaml")
        let added = try program.run("schedules", "add", "--schedules", "schedules.yaml")
        #expect(added.code == 0, "\(added.messages)")
        for _ in 0..<CrashTests.kills {
            usleep(UInt32.random(in: 100_000...1_500_000))
            kill(try program.serviceProcess(), SIGKILL)
            usleep(UInt32.random(in: 0...300_000))
            _ = try program.run("service", "start")
        }
        #expect(try program.run("schedules", "disable", "s").code == 0)
        #expect(
            try program.eventually {
                try states(program).allSatisfy { ["succeeded", "skipped"].contains($0) }
            })
        let runs = try Array(runs(program).reversed())
        #expect(runs.compactMap { $0["state"] as? String }.allSatisfy { $0 == "succeeded" }, "\(runs)")
        let times = try runs.map { run in
            let text = try #require(run["dueTime"] as? String)
            return try #require(ISO8601DateFormatter().date(from: text)).timeIntervalSince1970
        }
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 1 }, "\(times)")
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(Set(lines).count == lines.count && lines.count == runs.count, "\(lines)")
        #expect(Set(lines.map { $0.split(separator: " ")[1] }).count == lines.count)
    }

    /// `job_schedule`: one for all runs, which goes with the schedule. Another job of the file has its own.
    @Test func runsOfAScheduleMayShareAPool() throws {
        let program = try BuiltProgram()
        _ = try program.write(pool, to: "pool.yaml")
        let job = "auto_complete: true, recurrence: {schedule: {recurrence_interval: '00:00:01'}}, tasks: [{command: 'true'}]"
        _ = try program.write(
            """
            job_specifications:
            - {id: shared, auto_pool: {pool_lifetime: job_schedule}, \(job)}
            - {id: own, auto_pool: {pool_lifetime: job}, \(job)}
            - {id: plain, auto_complete: true, auto_pool: {pool_lifetime: job}, tasks: [{id: t, command: 'sleep 2'}]}

            """, to: "jobs.yaml")
        let added = try program.run("jobs", "add")
        #expect(added.code == 0, "\(added.messages)")
        func pools(of id: String) throws -> [String] {
            let jobs = try program.api("/jobs")["value"] as? [[String: Any]] ?? []
            return jobs.filter { ($0["id"] as? String)?.hasPrefix(id + ":") == true }
                .compactMap { $0["poolId"] as? String }
        }
        #expect(
            try program.eventually { try pools(of: "shared").count >= 3 && pools(of: "own").count >= 2 })
        #expect(try Set(pools(of: "shared")) == ["sp_s1"])
        // The ordinary job of the file is there, and is none of theirs.
        for id in ["shared", "own"] {
            #expect(try runs(program, of: id).allSatisfy { $0["state"] as? String != "failed" })
        }
        let own = try pools(of: "own")
        #expect(Set(own).count == own.count && !own.contains { $0.contains("_s") }, "\(own)")
        #expect(try program.run("jobs", "term", "-y", "--jobscheduleid", "shared").code == 0)
        #expect(try program.run("jobs", "del", "-y", "--jobscheduleid", "own", "--wait").code == 0)
        #expect(try program.eventually { try program.run("pool", "list").messages == "no pools found\n" })
    }
}
