import Foundation
import TestSupport
import Testing

/// Pools, jobs and files through the commands, against the running service.
@Suite(.blocking) struct JobLifeTests {
    private let pool = "pool_specification:\n  id: p\n  vm_count: {dedicated: 2}\n  task_slots_per_node: 2\n"

    private func withPool(_ body: (BuiltProgram, String) throws -> Void) throws {
        let program = try BuiltProgram()
        let file = try program.write(pool, to: "pool.yaml")
        let add = try program.run("pool", "add", "--pool", file)
        #expect(add.code == 0, "\(add.messages)")
        try body(program, file)
        let delete = try program.run("pool", "del", "--poolid", "p", "--wait", "-y")
        #expect(delete.code == 0, "\(delete.messages)")
    }

    @Test func jobIsAddedFollowedListedAndDeleted() throws {
        try withPool { program, _ in
            _ = try program.write(
                """
                job_specifications:
                  - id: j
                    auto_complete: true
                    tasks:
                      - {id: a, command: echo one}
                      - {id: b, command: echo two, depends_on: [a]}

                """, to: "jobs.yaml")
            let add = try program.run("jobs", "add", "--wait")
            #expect(add.code == 0, "\(add.messages)")
            #expect(try program.run("jobs", "list").output.contains("AllTasksComplete"))
            #expect(try program.run("data", "files", "stream", "--filespec", "j,b,").output == "two\n")
            let count = try program.run("jobs", "tasks", "count", "--jobid", "j", "--raw")
            #expect(count.output.contains("\"succeeded\": 2"))
            #expect(try program.run("data", "files", "task", "--filespec", "j,a,stdout.txt").code == 0)
            let copy = program.directory.appending(path: "stdout.txt")
            #expect(try String(contentsOf: copy, encoding: .utf8) == "one\n")
            #expect(try program.run("jobs", "del", "--jobid", "j", "-y", "--wait").code == 0)
            #expect(try program.run("jobs", "list").messages == "no jobs found\n")
        }
    }

    @Test func blockedJobEndsTheWaitWithItsReason() throws {
        try withPool { program, _ in
            _ = try program.write(
                """
                job_specifications:
                  - id: j
                    auto_complete: true
                    tasks:
                      - {id: a, command: "false"}
                      - {id: b, command: echo never, depends_on: [a]}

                """, to: "jobs.yaml")
            let add = try program.run("jobs", "add", "--wait")
            #expect(add.code == 1)
            #expect(add.messages.contains("blocked: "))
            #expect(add.messages.contains("task a: exit code 1"))
        }
    }

    @Test func jobForAPoolThatIsNotThereIsRefused() throws {
        let program = try BuiltProgram()
        _ = try program.write(pool, to: "pool.yaml")
        _ = try program.write(
            "job_specifications:\n  - id: j\n    tasks:\n      - {id: a, command: echo}\n", to: "jobs.yaml")
        let add = try program.run("jobs", "add")
        #expect(add.code == 1)
        #expect(add.messages.contains("pool add"))
    }

    @Test func killedServiceLosesNoTask() throws {
        try withPool { program, _ in
            _ = try program.write(
                """
                job_specifications:
                  - id: j
                    auto_complete: true
                    tasks:
                      - {task_factory: {repeat: 8}, command: sleep 0.5}

                """, to: "jobs.yaml")
            #expect(try program.run("jobs", "add").code == 0)
            let status = try program.run("service", "status", "--raw").output
            let process = try #require(
                status.firstMatch(of: /"processId": (\d+)/).flatMap { Int32($0.output.1) })
            kill(process, SIGKILL)
            let wait = try program.run("jobs", "wait", "--jobid", "j")
            #expect(wait.code == 0, "\(wait.messages)")
            #expect(wait.messages.contains("8 of 8 tasks succeeded"))
        }
    }
}
