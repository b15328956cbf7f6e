import Foundation
import ShipyardAPI
import Testing

@testable import ShipyardCommands

struct JobCommandTests {
    private let tail =
        #"{"value":[{"name":"stderr.txt","isDirectory":false,"contentLength":12,"lastModified":"t"}]}"#

    @Test func waitEndsWithZeroWhenEveryTaskSucceeded() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", counts: "1,1,0,0")],
            "GET /jobs/j/wait?timeout=2&counts=active%3A1%2C1%2C0%2C0": [
                Samples.job("j", state: "completed", counts: "0,0,2,0")
            ],
        ])
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.code == .done)
        #expect(wait.messages == "j: 0/2  1 running\njob j: done, 2 of 2 tasks succeeded in 4.0 s\n")
    }

    @Test func failedTasksAreShownWithTheirLastLines() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", state: "completed", counts: "0,0,1,1")],
            "GET /jobs/j/tasks?limit=10&result=failure": [
                Samples.list(Samples.task("t", exitCode: 3, job: "j"))
            ],
            "GET /jobs/j/tasks/t/files": [tail],
            "GET /jobs/j/tasks/t/files/stderr.txt": ["one\ntwo\nlast"],
        ])
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.code == .failed)
        #expect(
            wait.messages == """
                job j: failed, 1 of 2 tasks succeeded, 1 failed in 4.0 s
                  task t: exit code 3
                    /n/workitems/j/job-1/t/stderr.txt
                    | one
                    | two
                    | last

                """)
    }

    @Test func blockedJobEndsAtOnceWithTheReason() {
        let service = FakeService([
            "GET /jobs/j": [
                Samples.job("j", counts: "1,0,1,0", blocked: "task b waits for task a, which failed")
            ]
        ])
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.code == .failed)
        #expect(wait.messages.contains("  blocked: task b waits for task a, which failed\n"))
        #expect(wait.messages.contains("1 never ran"))
    }

    @Test func aJobThatIsDeletedWhileItIsFollowedIsSaidToBe() {
        let job = Samples.job("j", counts: "1,1,1,0").replacing(
            "\"id\":\"j\"", with: "\"id\":\"j\",\"number\":7")
        let wait = "GET /jobs/j/wait?timeout=2&counts=active%3A1%2C1%2C1%2C0"
        let deleted = FakeService(["GET /jobs/j": [job]])
        let replaced = FakeService([
            "GET /jobs/j": [job],
            wait: [
                Samples.job("j", state: "completed", counts: "0,0,9,0").replacing(
                    "\"id\":\"j\"", with: "\"id\":\"j\",\"number\":8")
            ],
        ])
        for service in [deleted, replaced] {
            let outcome = run("jobs", "wait", "--jobid", "j", service: service)
            #expect(outcome.code == .failed)
            #expect(
                outcome.messages.hasSuffix("job j: deleted by somebody else, when 1 of 3 tasks had ended\n"),
                "\(outcome.messages)")
        }
    }

    @Test func jobWithoutAutoCompleteEndsWithItsLastTask() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", counts: "0,0,2,0", onAllTasksComplete: "noAction")]
        ])
        #expect(run("jobs", "wait", "--jobid", "j", service: service).code == .done)
    }

    @Test func refusedSpecIsPrintedAsItIsAndExitsWithThree() {
        let body =
            #"{"code":"SpecRefused","message":"the spec has 1 error","diagnosticsText":"error[SY1001]: no\n"}"#
        let service = FakeService().answer("POST /jobs", status: 422, body)
        let root = #filePath
        let add = run("jobs", "add", "--jobs", root, service: service)
        #expect(add.code == .specRefused)
        #expect(add.messages == "error[SY1001]: no\nerror: the spec has 1 error\n")
    }

    @Test func missingJobsFileIsWrongUsageWithAHint() {
        let nowhere = run("jobs", "add", "--configdir", "/nowhere", service: FakeService())
        #expect(nowhere.code == .usage && nowhere.messages.hasPrefix("error: there is no directory /nowhere\n"))
        let add = run("jobs", "add", "--configdir", "/proc", service: FakeService())
        #expect(add.code == .usage)
        #expect(
            add.messages == """
                error: no jobs file: jobs.yaml was not found in /proc
                  help: name its directory with `--configdir DIR` or the file with `--jobs FILE`

                """)
    }

    @Test func filesThatStandWhereNoneIsTakenAreProposedAsOptions() {
        for (words, help) in [
            (["plan", "my/jobs.yaml"], "did you mean `--jobs my/jobs.yaml`?"), (["jobs", "list", "pool-2.json"], "did you mean `--pool pool-2.json`?"),
            (["pool", "add", "small.yaml"], "did you mean `--pool small.yaml`?"), (["pool", "add", "/proc"], "did you mean `--configdir /proc`?"), (["plan", "nothing"], "see `shipyard-swift plan --help`"),
            (["validate", "x/jobs.yaml"], "the kind stands before the file: `shipyard-swift validate jobs x/jobs.yaml`"),
            (["validate", "x.yaml"], "the kind stands before the file: `shipyard-swift validate jobs x.yaml`; kinds: "),
            (["run", "/proc"], "name the jobs file itself: `shipyard-swift run FILE`"),
        ] {
            let refused = runWords(words, service: FakeService())
            #expect(refused.code == .usage && refused.messages.contains(help), "\(refused)")
        }
    }

    @Test func serviceErrorsHaveTheirExitCodes() {
        for (status, code) in [
            (404, ExitCode.failed), (409, .failed), (400, .usage), (503, .serviceUnreachable),
            (500, .internalError),
        ] {
            let service = FakeService().answer("GET /jobs", status: status, #"{"code":"X","message":"m"}"#)
            #expect(run("jobs", "list", service: service).code == code)
        }
    }

    @Test func streamReadsToTheEndOfTheTask() {
        let running = Samples.task("t", exitCode: 0).replacing("\"completed\"", with: "\"running\"")
        let service = FakeService([
            "GET /jobs/job-a/tasks/t": [running, Samples.task("t", exitCode: 0)],
            "GET /jobs/job-a/tasks/t/files/stdout.txt": ["one\n", "one\ntwo\n"],
        ])
        let stream = run("data", "files", "stream", "--filespec", "job-a,t,", service: service)
        #expect(stream.code == .done)
        #expect(stream.output == "one\ntwo\n")
    }

    @Test func streamTellsOfATaskThatHasNotBegun() {
        let active = Samples.task("t", exitCode: 0).replacing("\"completed\"", with: "\"active\"")
        let path = "GET /jobs/job-a/tasks/t/files/stdout.txt"
        let service = FakeService([
            "GET /jobs/job-a/tasks/t": [active, active, Samples.task("t", exitCode: 0)],
            "GET /jobs/job-a": [Samples.job("job-a", counts: "1,0,0,0", blocked: "pool `p` has no node")],
        ]).answer(path, status: 404, "{}").answer(path, status: 404, "{}").answer(path, status: 200, "one\n")
        let stream = run("data", "files", "stream", "--filespec", "job-a,t,", service: service)
        #expect(stream.code == .done && stream.output == "one\n")
        #expect(stream.messages == "task t of job job-a has not begun: pool `p` has no node; waiting for it\n")
    }

    @Test func filesThatWentWithTheirPoolAreNamedSo() {
        let service = FakeService(["GET /jobs/job-a/tasks/t": [Samples.task("t", exitCode: 0)]])
            .answer("GET /jobs/job-a/tasks/t/files/stdout.txt", status: 404, "{}")
            .answer("GET /pools/pool1", status: 404, #"{"code":"PoolNotFound","message":"gone"}"#)
        let stream = run("data", "files", "stream", "--filespec", "job-a,t,", service: service)
        #expect(stream.code == .failed)
        #expect(stream.messages.hasPrefix("error: the files of task t of job job-a have gone with pool pool1\n"))
    }

    @Test func aRunThatWouldBeRefusedMakesNothing() throws {
        let directory = URL(filePath: "/tmp/shipyard-run-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for tasks in ["[{comand: x}]", "[{id: a, command: x, depends_on: [b]}]"] {
            try "job_specifications: [{id: a, tasks: \(tasks)}]\n".write(
                to: directory.appending(path: "jobs.yaml"), atomically: true, encoding: .utf8)
            let service = FakeService()
            let outcome = run("run", directory.path, service: service)
            #expect(outcome.code == .specRefused && service.requests.isEmpty, "\(outcome.messages)")
            #expect(outcome.messages.hasPrefix("error[") && outcome.messages.hasSuffix("error: the spec has errors; nothing was submitted\n"))
        }
    }

    @Test func whatIsNoPathIsWrongUsage() {
        let name = String(repeating: "x", count: 5000)
        #expect(run("data", "files", "stream", "--filespec", "j,t,\(name)", service: FakeService()).code == .usage)
    }

    @Test func whatFollowsAnInterruptionCanBePasted() {
        #expect(GoesOn.words(for: ["j"], home: "/a'b c").contains(#"jobs wait j --home '/a'\''b c'   follows"#))
    }

    @Test func aListingThatIsNotWholeFailsTheCopyAndTheList() {
        let service = FakeService([
            "GET /jobs/j/tasks/t/files": [
                #"{"value":[],"leftOut":["more than 3 files: the rest is not listed"]}"#
            ]
        ])
        let copy = run("data", "files", "task", "--all", "--filespec", "j,t,*", service: service)
        #expect(copy.code == .failed)
        #expect(
            copy.messages == """
                warning: left out: more than 3 files: the rest is not listed
                copied 0 files to ./j/t; 1 left out

                """)
        let list = run("data", "files", "list", "--jobid", "j", "--taskid", "t", service: service)
        #expect(list.code == .failed && list.messages.contains("not listed: more than 3 files"))
    }

    /// Whatever a service says: nothing is made outside of the directory.
    @Test func aNameThatLeadsOutIsLeftOut() {
        let name = "shipyard-escaped-\(UInt64.random(in: 0...UInt64.max))"
        let service = FakeService([
            "GET /jobs/j/tasks/t/files": [
                #"{"value":[{"name":"../../\#(name)","isDirectory":true,"contentLength":0,"lastModified":"t"}]}"#
            ]
        ])
        let copy = run("data", "files", "task", "--all", "--filespec", "j,t,*", service: service)
        #expect(
            copy.code == .failed && copy.messages.contains("leads out of the directory"), "\(copy.messages)")
        #expect(!LocalFile.exists(name))
    }

    @Test func fileSpecificationHasThreeParts() {
        #expect(throws: CommandFailure.self) { try TaskFile(parsing: "a,b") }
        #expect(throws: CommandFailure.self) { try TaskFile(parsing: "a,b,c,d") }
        #expect((try? TaskFile(parsing: "a,b,"))?.file == "stdout.txt")
        #expect((try? TaskFile(parsing: "a,b,wd/x"))?.file == "wd/x")
    }

    @Test func pathsAreEncoded() {
        #expect(
            (ServiceClient.task("a b", of: "j/k") / "files").file("wd/ü.txt").text
                == "/jobs/j%2Fk/tasks/a%20b/files/wd/%C3%BC.txt")
    }

    @Test func poolFileOfARunGetsItsOwnID() throws(CommandFailure) {
        let text = "pool_specification:\n  id: small # ours\n  vm_size: x\n"
        let file = try RunFiles.renamed(
            .init(of: "pool", path: "/p.yaml", name: "p.yaml", text: text), to: "run-x-1")
        #expect(file.text == "pool_specification:\n  id: run-x-1 # ours\n  vm_size: x\n")
    }

    @Test func requestThatTheServiceDroppedIsSentAgainOnlyWhenItReads() {
        let get = ServiceRequest(.get, "/jobs")
        let post = ServiceRequest(.post, "/jobs")
        var restarts = 0
        let transport = RestartingTransport(FailingOnce()) { restarts += 1 }
        #expect((try? transport.send(get, onBody: nil))?.status == 200)
        #expect(restarts == 1)
        let second = RestartingTransport(FailingOnce()) { restarts += 1 }
        #expect(throws: TransportFailure.self) { try second.send(post, onBody: nil) }
        #expect(restarts == 1)
        var submission = post
        submission.hasIdentity = true
        let third = RestartingTransport(FailingOnce()) { restarts += 1 }
        #expect((try? third.send(submission, onBody: nil))?.status == 200)
        #expect(restarts == 2)
    }
}

/// Breaks the connection under the first request.
private final class FailingOnce: ServiceTransport {
    private var hasFailed = false

    func send(
        _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
    ) throws(TransportFailure) -> ServiceAnswer {
        guard hasFailed else {
            hasFailed = true
            throw .interrupted("killed")
        }
        return ServiceAnswer(status: 200)
    }
}
