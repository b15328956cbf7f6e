import Glibc
import ShipyardAPI
import ShipyardHTTPClient
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// What other people's bytes must not do: reach the terminal, be guessed at, or make a command fail or hang.
struct HostileTextTests {
    private func withFile(_ name: String, _ bytes: [UInt8], _ body: (String) -> Void) {
        let path = "/tmp/shipyard-\(getpid())-\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        body(path)
        unlink(path)
    }

    @Test func fileThatIsNoUTF8IsRefusedByEveryCommand() {
        withFile(
            "latin1.yaml",
            Array("job_specifications:\n- id: j\n  tasks: [{command: \"caf".utf8) + [0xE9, 0x22]
        ) { path in
            #expect(run("validate", "jobs", path).output.contains("error[SY0002]"))
            #expect(run("plan", "--jobs", path).messages.contains("error[SY0002]"))
            let add = run("jobs", "add", "--jobs", path, service: FakeService())
            #expect(add.code == .specRefused)
            #expect(add.messages.contains("error[SY0002]"))
        }
    }

    @Test func endlessFileIsReadToTheLimitOnly() throws {
        #expect(try LocalFile.read("/dev/zero", atMost: 100_000).count == 100_000)
        #expect(try LocalFile.read("/dev/null", atMost: 100_000).isEmpty)
    }

    @Test func escapeSequencesOfTasksDoNotReachTheTerminal() {
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", state: "completed", counts: "0,0,0,1")],
            "GET /jobs/j/tasks?limit=10&result=failure": [
                Samples.list(Samples.task("t", exitCode: 3, job: "j"))
            ],
            "GET /jobs/j/tasks/t/files": [
                #"{"value":[{"name":"stderr.txt","isDirectory":false,"contentLength":9,"lastModified":"t"}]}"#
            ],
            "GET /jobs/j/tasks/t/files/stderr.txt": ["\u{1B}]0;pwned\u{07}\rx"],
        ])
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.messages.contains("    | \u{FFFD}]0;pwned\u{FFFD}\u{FFFD}x\n"))
    }

    @Test func fileNamesOfTasksStayOnTheirLine() {
        let service = FakeService([
            "GET /jobs/j/tasks/t/files": [
                #"{"value":[{"name":"a\u001b[2J\nb","isDirectory":false,"contentLength":1,"lastModified":"t"}]}"#
            ]
        ])
        let list = run("data", "files", "list", "--jobid", "j", "--taskid", "t", service: service)
        #expect(list.output.hasSuffix("a\u{FFFD}[2J\u{FFFD}b\n"))
    }

    @Test func emptyHomeIsNotTheCurrentDirectory() {
        #expect(throws: CommandFailure.self) {
            try HomeDirectory(
                Invocation(
                    path: [],
                    arguments: ArgumentParser.parse(
                        ["pool", "list", "--home="], root: CommandTree.root, common: CommonOptions.all
                    ).arguments, console: TestConsole().console, environment: Environment([:]),
                    connection: FakeService.connection(nil)))
        }
    }

    /// A transfer that its receiver ends, as libcurl reports it.
    private struct EndedTransport: ServiceTransport {
        func send(
            _ request: ServiceRequest, onBody: ((UnsafeRawBufferPointer) -> Bool)?
        ) throws(TransportFailure) -> ServiceAnswer {
            let goesOn = [1, 2, 3].withUnsafeBytes { onBody?($0) ?? true }
            guard goesOn else { throw .broken("the receiver ended the transfer") }
            return ServiceAnswer(status: 200, body: [])
        }
    }

    @Test func readerThatHasSeenEnoughIsNoFailure() throws {
        #expect(try ServiceClient(EndedTransport()).read("/x") { _ in false })
    }

    @Test func resultsOnAFullDiskAreAFailure() {
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        let messages = OutputStream(collectingWithWidth: 80)
        let console = Console(
            output: OutputStream(descriptor: full), messages: messages, environment: Environment([:]))
        #expect(Program.outcomeOfWriting(console) == .done)
        console.print("a result")
        console.flush()
        #expect(Program.outcomeOfWriting(console) == .failed)
        #expect(messages.text == "error: cannot write to standard output: No space left on device\n")
    }

    @Test func streamToDiskLeavesTheDirectoryAlone() {
        let out = run(
            "data", "files", "stream", "--disk", "--filespec", "j,t,../../../x", service: FakeService())
        #expect(out.code == .usage)
        #expect(out.messages == "error: `../../../x` leaves the task's directory\n")
    }

    @Test func patternWithoutAMatchSaysSo() {
        let service = FakeService(["GET /jobs/j/tasks/t/files": [Samples.list()]])
        let copy = run("data", "files", "task", "--all", "--filespec", "j,t,*.csv", service: service)
        #expect(copy.code == .failed)
        #expect(copy.messages == "error: no file matches `*.csv`\n")
    }

    @Test func followerSaysThatTheAutoPoolIsGone() {
        let pool = Samples.pool.replacing(
            #""state":"active""#, with: #""state":"deleting","autoPoolJobId":"j""#)
        let service = FakeService([
            "GET /jobs/j": [Samples.job("j", state: "completed", counts: "0,0,1,0")],
            "GET /pools/pool1/removal": [
                #"{"poolId":"pool1","nodes":2,"processesEnded":0,"checks":["mounts: none left"],"isComplete":true}"#
            ],
        ]).answer("GET /pools/pool1", status: 200, pool).answer("GET /pools/pool1", status: 200, pool)
            .answer("GET /pools/pool1", status: 404, #"{"code":"PoolNotFound","message":"gone"}"#)
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.code == .done)
        #expect(wait.messages.hasSuffix("pool pool1 removed: no process, mount, socket or file of it is left (-v says how that is known)\n"))
    }

    @Test func jobThatIsDeletedMeanwhileIsNoSuccess() {
        let service = FakeService(["GET /jobs/j": [Samples.job("j", state: "deleting", counts: "0,1,0,0")]])
        let wait = run("jobs", "wait", "--jobid", "j", service: service)
        #expect(wait.code == .failed)
        #expect(wait.messages == "job j: deleted, 0 of 1 task succeeded\n")
    }

    @Test func submissionByHandNeedsOnlyKindAndText() throws {
        let request = try JSONCoding.decode(
            SubmissionRequest.self, from: #"{"files":[{"kind":"pool","text":"x: 1"}]}"#)
        #expect(!request.recreate)
        #expect(request.workingDirectory == "/")
        #expect(request.files.map(\.name) == ["pool.yaml"])
    }
}
