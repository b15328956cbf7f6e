import Foundation
import ShipyardAPI
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStaging
import ShipyardSubmission
import Testing

@testable import ShipyardCommands

/// What a command makes and sends before and with a submission.
struct SubmittingTests {
    private let directory: String

    init() throws {
        directory = "/tmp/shipyard-submitting-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
    }

    private func request(_ files: (kind: String, text: String)...) -> SubmissionRequest {
        SubmissionRequest(
            files: files.map { kind, text in
                SubmissionRequest.File(
                    of: kind, path: "\(directory)/\(kind).yaml", name: "\(kind).yaml", text: text)
            }, workingDirectory: directory)
    }

    private func calls(_ jobs: String) throws -> [(call: GeneratorCall, generator: CustomFactorySpec)] {
        try #require(request(("jobs", jobs)).specs()?.jobs).generatorCalls
    }

    private func runs(_ jobs: String, limitBytes: Int = GeneratorRuns.limitBytes) throws -> [GeneratorRun] {
        var runs = GeneratorRuns(searchPath: directory, caller: .own, limitBytes: limitBytes)
        return try runs.made(calls(jobs))
    }

    private func jobs(_ modules: String...) -> String {
        "job_specifications:\n- id: j\n  tasks:\n"
            + modules.map { "  - {command: '{0}', task_factory: {custom: {module: \($0)}}}\n" }.joined()
    }

    /// The state of a module goes on from the first call to the second, whose rows count.
    @Test func generatorsRunInTheOrderOfPlanning() throws {
        try write(
            "count = iter(range(10))\ndef generate():\n    yield next(count), 'a\\tb'\n    yield next(count),\n",
            to: "state.py")
        let runs = try runs(jobs("state"))
        #expect(runs.map(\.call.pass) == [.check, .build])
        #expect(runs.map(\.count) == [2, 2])
        #expect(runs.map(\.rows) == ["", "i2\tsa\\tb\ni3\n"])
    }

    @Test func whatFailsIsToldWithTheRowsBefore() throws {
        try write(
            "def generate():\n    yield 1,\n    if later: raise ValueError('no')\nlater = False\n",
            to: "good.py")
        try write("import good\ngood.later = True\ndef generate():\n    raise KeyError('x')\n", to: "bad.py")
        let runs = try runs(jobs("good", "bad"))
        // The second is not called again, and the first has a row before it fails.
        #expect(runs.map(\.call.entry) == [0, 1, 0])
        #expect(runs[1].failure?.message == "generator `bad` failed: KeyError: 'x' (bad.py:4)")
        #expect(runs[2].rows == "i1\n")
        #expect(runs[2].failure?.message == "generator `good` failed: ValueError: no (good.py:3)")
    }

    @Test func generatorsWithoutEndAreRefused() throws {
        try write(
            """
            calls = 0
            def generate():
                global calls
                calls += 1
                if calls == 1: return
                while True: yield 'x' * 100_000,
            """, to: "endless.py")
        let failure = #expect(throws: CommandFailure.self) { try runs(jobs("endless"), limitBytes: 1 << 20) }
        #expect(failure?.code == .usage)
        #expect(
            failure?.message
                == "the generators give more than 1 MiB of values, and one submission takes no more")
    }

    /// A file of a million tasks is read once more only where it may have generators.
    @Test(arguments: [
        ("task_factory: {custom: {module: m}}", true), ("command: echo {} c cu custo", false),
        (#""\u0063ustom": 1"#, true), ("", false), ("custo", false), ("ccustom", true),
    ])
    func theWordIsFound(_ text: String, _ isFound: Bool) {
        #expect(request(("jobs", text)).mayName("custom") == isFound)
        #expect(!request(("pool", text)).mayName("custom"))
    }

    @Test func onlyWhatMakesAPoolSendsItsPackages() {
        let pool = ("pool", "pool_specification: {id: p, vm_count: {dedicated: 1}}")
        let plain = ("jobs", "job_specifications: [{id: j, tasks: [{command: 'echo auto_pool'}]}]")
        let auto = (
            "jobs",
            "job_specifications: [{id: j, auto_pool: {pool_lifetime: job}, tasks: [{command: x}]}]"
        )
        #expect(
            [request(pool), request(plain), request(pool, plain), request(pool, auto)].map {
                $0.ownPool() != nil
            }
                == [true, false, false, true])
    }

    private func packagePool() -> SubmissionRequest {
        request(
            (
                "pool",
                """
                pool_specification:
                  id: p
                  vm_count: {dedicated: 1}
                  application_packages: [{id: t, version: '1', path: t.zip}, {id: d, version: '1', path: .}]
                """
            ))
    }

    /// Another pool went in between, and what no pool named yet with it.
    @Test func aPackageThatWasSweptIsSentAgain() throws {
        try write("abc", to: "t.zip")
        let digest = SHA256.hexDigest(of: Array("abc".utf8))
        let put = "PUT /packages/\(digest)?offset=0&size=3&name=\(percentEncoded(directory + "/t.zip"))"
        let service = FakeService()
            .answer("GET /packages/\(digest)", status: 404, "{}")
            .answer("GET /packages/\(digest)", status: 204, "")
            .answer("GET /packages/\(digest)", status: 404, "{}")
            .answer("GET /packages/\(digest)", status: 204, "")
            .answer(put, status: 409, #"{"code":"PackageInterrupted","message":"again"}"#)
            .answer(put, status: 201, "")
            .answer("POST /pools", status: 409, #"{"code":"ApplicationPackageMissing","message":"swept"}"#)
            .answer("POST /pools", status: 201, "{}")
        let _: ServiceClient.Nothing = try ServiceClient(service).submit("/pools", packagePool())
        #expect(
            service.requests == [
                "GET /packages/\(digest)", put, "GET /packages/\(digest)", "POST /pools",
                "GET /packages/\(digest)", put, "GET /packages/\(digest)", "POST /pools",
            ])
        let sent = try JSONCoding.decode(SubmissionRequest.self, from: try #require(service.bodies.last))
        #expect(sent.packages?.map(\.path) == ["t.zip", "."])
        #expect(sent.packages?.map(\.sha256) == [digest, nil])
    }

    @Test func aPackageThatIsNeverThereIsARefusalInTheEnd() throws {
        try write("abc", to: "t.zip")
        let digest = SHA256.hexDigest(of: Array("abc".utf8))
        let service = FakeService()
            .answer("GET /packages/\(digest)", status: 204, "")
            .answer("POST /pools", status: 409, #"{"code":"ApplicationPackageMissing","message":"swept"}"#)
        let failure = #expect(throws: CommandFailure.self) {
            let _: ServiceClient.Nothing = try ServiceClient(service).submit("/pools", packagePool())
        }
        #expect(failure?.message == "swept" && failure?.code == .failed)
        #expect(service.requests.count == 10)
    }

    @Test func aPackageThatIsNoFileIsRefused() throws {
        mkfifo(directory + "/t.zip", 0o600)
        let failure = #expect(throws: CommandFailure.self) {
            let _: ServiceClient.Nothing = try ServiceClient(FakeService()).submit("/pools", packagePool())
        }
        #expect(
            failure?.message == "the package \(directory)/t.zip is not a file; pack it as zip or tar first")
    }
}
