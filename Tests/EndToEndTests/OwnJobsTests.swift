import Foundation
import TestSupport
import Testing

/// `run` makes its jobs, and touches no other.
@Suite(.blocking) struct OwnJobsTests {
    private static let spec = """
        job_specifications:
          - id: j
            auto_complete: true
            tasks:
              - {id: a, command: echo of the run}

        """

    private func directory(_ program: BuiltProgram, _ spec: String = spec) throws -> String {
        let directory = program.directory.appending(path: "specs")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try spec.write(to: directory.appending(path: "jobs.yaml"), atomically: true, encoding: .utf8)
        return directory.path
    }

    @Test func runsOneAfterAnotherNeverMeet() throws {
        let program = try BuiltProgram()
        let specs = try directory(program)
        for _ in 0..<3 {
            let run = try program.run("run", specs)
            #expect(run.code == 0 && run.output == "of the run\n", "\(run.messages)")
        }
        #expect(try program.run("jobs", "list").messages.contains("no jobs found"))
    }

    @Test(arguments: ["sleep 60", "echo of somebody else"])
    func aJobOfTheSameIDIsLeftAlone(command: String) throws {
        let program = try BuiltProgram()
        try program.addPool()
        let isShort = command.hasPrefix("echo")
        let jobs = "  - id: j\n    auto_complete: true\n    tasks:\n      - {id: mine, command: \(command)}"
        _ = try isShort ? program.addJobs(jobs, "--wait") : program.addJobs(jobs)
        let before = try program.api("/jobs/j")
        let run = try program.run("run", try directory(program))
        #expect(run.code == 1)
        #expect(
            run.messages.contains(
                "error: job j is there already (\(isShort ? "completed" : "active"), in pool p)"))
        // One that is at work is not proposed for deletion.
        #expect(run.messages.contains(isShort ? "jobs del --jobid j" : "`shipyard-swift jobs wait j` follows it"), "\(run.messages)")
        #expect(run.messages.contains("jobs del") == isShort)
        let after = try program.api("/jobs/j")
        for key in ["creationTime", "state", "poolId", "number"] {
            #expect("\(before[key] ?? "")" == "\(after[key] ?? "?")", "\(key)")
        }
        #expect(try program.tasks().count == 1)
        // Refused before anything was made.
        #expect(!run.messages.contains("task slots each"))
        let pools = try program.api("/pools")["value"] as? [[String: Any]]
        #expect(pools?.count == 1)
    }

    @Test func ofTwoRunsAtOnceOneIsRefusedAndNeitherIsMixed() throws {
        let program = try BuiltProgram()
        let specs = try directory(
            program, Self.spec.replacing("echo of the run", with: "sh -c 'sleep 1; echo of the run'"))
        let runs = try (0..<3).map { _ in try program.start(["run", specs]) }
        let outcomes = try runs.map { try $0.outcome() }
        #expect(outcomes.count { $0.code == 0 && $0.output == "of the run\n" } == 1)
        for refused in outcomes where refused.code != 0 {
            #expect(refused.code == 1 && refused.output.isEmpty, "\(refused.messages)")
        }
        #expect(try program.api("/pools")["value"] as? [[String: String]] == [])
        #expect(try program.api("/jobs")["value"] as? [[String: String]] == [])
    }

    @Test func aRunWhoseJobWasReplacedLeavesTheOtherOne() throws {
        let program = try BuiltProgram()
        let specs = try directory(program, Self.spec.replacing("echo of the run", with: "sleep 60"))
        try program.addPool()
        let run = try program.start(["run", specs])
        #expect(try program.eventually { try program.api("/jobs/j")["state"] as? String == "active" })
        try program.run("jobs", "del", "--jobid", "j", "-y", "--wait")
        let jobs = "  - id: j\n    tasks:\n      - {id: other, command: echo}"
        #expect(try program.eventually { try program.addJobs(jobs).code == 0 })
        let outcome = try run.outcome()
        #expect(outcome.code == 1)
        // Seen while it went, or when it was gone.
        #expect(outcome.messages.contains("job j: deleted"), "\(outcome.messages)")
        #expect(try program.tasks().first?["id"] as? String == "other")
    }

    @Test func anOrderForAJobThatWasReplacedIsRefused() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    tasks:\n      - {id: a, command: echo}")
        let number = try #require(try program.api("/jobs/j")["number"] as? Int)
        for words in [["-X", "DELETE", "http://h/jobs/j"], ["-X", "POST", "http://h/jobs/j/terminate"]] {
            let answer = try program.curl(words.dropLast() + ["\(words[2])?number=\(number + 1)"])
            #expect(answer.contains("\"JobReplaced\""), "\(answer)")
        }
        #expect(try program.api("/jobs/j")["state"] as? String == "active")
        #expect(
            try program.curl(["-X", "DELETE", "http://h/jobs/j?number=\(number)"]).contains("\"removal\""))
        #expect(try program.eventually { try program.api("/jobs/j")["code"] as? String == "JobNotFound" })
    }

    /// Between the question of `run` and its submission somebody else may make the job: the service looks again.
    @Test func theServiceTakesNoOtherJobForANewOne() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    tasks:\n      - {id: a, command: echo}")
        let text = "job_specifications: [{id: j, tasks: [{command: echo}]}]"
        for more in ["", ", \"recreate\": true"] {
            let body =
                "{\"files\": [{\"kind\": \"jobs\", \"text\": \"\(text)\"}], \"mustBeNew\": true\(more)}"
            let answer = try program.curl(["-d", body, "http://h/jobs"])
            #expect(answer.contains("\"JobExists\""), "\(answer)")
        }
        #expect(try program.tasks().count == 1)
    }

    @Test func anImageThatIsNotUsedIsSaidAndUnderStrictRefused() throws {
        let program = try BuiltProgram()
        let specs = try directory(
            program, Self.spec.replacing("id: a,", with: "id: a, docker_image: busybox,"))
        let run = try program.run("run", specs)
        #expect(run.code == 0 && run.messages.contains("warning[SY5003]: `docker_image`"), "\(run.messages)")
        let strict = try program.run("run", specs, "--strict")
        #expect(
            strict.code == 3 && strict.messages.contains("error[SY5003]: `docker_image`"),
            "\(strict.messages)")
        #expect(try program.api("/pools")["value"] as? [[String: String]] == [])
        try program.addPool()
        #expect(try program.run("jobs", "add", "--configdir", specs, "--strict").code == 3)
        let add = try program.run("jobs", "add", "--configdir", specs, "--pool", "pool.yaml")
        #expect(add.code == 0 && add.messages.contains("warning[SY5003]"), "\(add.messages)")
        #expect(try program.run("validate", "jobs", specs + "/jobs.yaml", "--strict").code == 3)
        #expect(try program.run("validate", "jobs", specs + "/jobs.yaml").code == 0)
    }
}
