import Foundation
import TestSupport
import Testing

/// The examples as a user runs them, each to its end and to an empty home.
@Suite(.blocking) struct ExampleTests {
    @Test func helloPrintsItsGreeting() throws {
        let program = try BuiltProgram()
        let hello = try program.run("run", program.example("hello"))
        #expect(hello.code == 0, "\(hello.messages)")
        #expect(hello.output.hasPrefix("Hello from task greet on node "))
        #expect(hello.messages.contains("job hello: done, 1 of 1 task succeeded"))
    }

    @Test func sweepFindsTheBestOfEightyPoints() throws {
        let program = try BuiltProgram()
        let sweep = try program.run("run", program.example("sweep"), "--output", "results")
        #expect(sweep.code == 0, "\(sweep.messages)")
        #expect(sweep.output == "best of the sweep: temperature 300, pressure 6, yield 997.56\n")
        let tasks = try FileManager.default.contentsOfDirectory(
            atPath: program.directory.appending(path: "results/sweep").path)
        #expect(tasks.count == 81)
    }

    @Test func failedTaskThatSatisfiesLetsTheDiamondEndWithOne() throws {
        let program = try BuiltProgram()
        let diamond = try program.run("run", program.example("diamond"))
        #expect(diamond.code == 1)
        #expect(diamond.messages.contains("3 of 4 tasks succeeded, 1 failed"))
        #expect(diamond.messages.contains("task right: exit code 3"))
        #expect(diamond.messages.contains("| right gives up"))
    }

    @Test func hourlyRunsOnAPoolThatComesAndGoes() throws {
        let program = try BuiltProgram()
        let added = try program.run("schedules", "add", "--configdir", program.example("hourly"))
        #expect(added.code == 0 && added.messages.contains(":00:00"), "\(added.messages)")
        let run = try program.run("schedules", "run", "hourly", "--wait")
        #expect(run.code == 0, "\(run.messages)")
        #expect(run.messages.contains("job hourly:look-1: done, 2 of 2 tasks succeeded"))
        #expect(run.messages.hasSuffix("run 1 of schedule hourly: succeeded, job hourly:look-1\n"))
        #expect(try program.run("pool", "list").messages == "no pools found\n")
    }

    @Test(arguments: ["hello", "diamond"])
    func runLeavesNothingBehind(name: String) throws {
        let program = try BuiltProgram()
        try program.run("run", program.example(name))
        let pools = try program.run("pool", "list")
        #expect(pools.messages == "no pools found\n")
        #expect(try program.run("jobs", "list").messages == "no jobs found\n")
        let nodes = program.home.appending(path: "nodes")
        #expect((try? FileManager.default.contentsOfDirectory(atPath: nodes.path)) ?? [] == [])
        try program.run("service", "stop")
        #expect(try program.processes() == [])
    }

    @Test func interruptedRunTakesItsPoolDown() throws {
        let program = try BuiltProgram()
        let jobs = try program.write(
            "job_specifications:\n  - id: long\n    tasks:\n      - {id: sleep, command: sleep 600}\n",
            to: "jobs.yaml")
        let running = try program.start(["run", jobs])
        // Until the task runs; then ctrl-C.
        #expect(
            try program.eventually {
                try program.run("jobs", "tasks", "count", "--jobid", "long").output.contains(" 1 ")
            })
        running.interrupt()
        #expect(try running.outcome().code == 130)
        #expect(try program.run("pool", "list").messages == "no pools found\n")
        #expect(try program.processes().filter { $0.contains("node-agent") } == [])
    }

    /// A job of the same id that is another's stays, and so does what a run with `--keep` has made.
    @Test(arguments: [false, true]) func killedRunTakesItsPoolDown(_ keeps: Bool) throws {
        let program = try BuiltProgram()
        let jobs = try program.write(
            "job_specifications:\n  - id: long\n    tasks:\n      - {id: sleep, command: sleep 600}\n  - id: short\n"
                + "    tasks:\n      - {id: none, command: 'true'}\n",
            to: "jobs.yaml")
        let running = try program.start(["run", jobs] + (keeps ? ["--keep"] : []))
        #expect(
            try program.eventually {
                try program.run("jobs", "tasks", "count", "--jobid", "long").output.contains(" 1 ")
            })
        try program.run("jobs", "del", "short", "-y")
        try program.addPool()
        try program.addJobs("          - {id: short, tasks: [{id: other, command: 'true'}]}\n")
        running.end()
        #expect(try program.eventually { try !program.processes().contains { $0.contains("run-guard") } })
        let messages = try String(contentsOf: running.messages, encoding: .utf8)
        #expect(messages.contains("`run` was killed: pool ") == !keeps, "\(messages)")
        let pools = try program.run("pool", "list").output
        #expect(pools.contains("run-") == keeps, "\(pools)")
        let left = try program.run("jobs", "list").output
        #expect(left.contains("long") == keeps && left.contains("short"), "\(left)")
    }
}
