import Foundation
import ShipyardDiagnostics
import ShipyardModel
import ShipyardPlanner
import ShipyardStaging
import ShipyardStore
import TestSupport
import Testing

@testable import ShipyardSubmission

/// Submissions by callers of their own, without HTTP.
@Suite(.blocking) struct SubmissionsTests {
    private static let sweep = """
        job_specifications:
        - id: j
          tasks:
          - {command: 'echo {0}', task_factory: {custom: {module: mine}}}
        """

    private static func generated(rows: String, failure: String? = nil) -> [GeneratorRun] {
        [GeneratorCall.Pass.check, .build].map { pass in
            var run = GeneratorRun(GeneratorCall(job: JobID("j")!, entry: 0, pass: pass))
            run.count = rows.utf8.count { $0 == UInt8(ascii: "\n") }
            if pass == .build {
                run.rows = rows
                run.failure = failure.map { GeneratorRun.Failure(message: $0) }
            }
            return run
        }
    }

    private static func commands(_ readers: StoreReaderPool, job: UInt32) throws -> [String?] {
        try readers.read { reader throws(StoreError) in
            var commands: [String?] = []
            for ordinal: UInt32 in 0..<10 {
                guard let task = try reader.definition(of: TaskKey(job: job, ordinal: ordinal)) else { break }
                commands.append(task.command)
            }
            return commands
        }
    }

    /// It was stored when its schedule was made, and nobody is there any more whom the service could ask.
    @Test func aStoredSubmissionIsMadeOnceForEachOccurrence() throws {
        try SubmissionHarness.run { submissions, readers in
            _ = try submissions.addPool()
            var submission = Submission.of(jobs: Self.sweep)
            submission.generated = Self.generated(rows: "i7\nsa\\tb\n")
            let text = try JSONCoding.encodeText(submission)
            func occurrence(_ number: UInt32) throws -> SubmittedJobs {
                var stored = try JSONCoding.decode(Submission.self, from: text)
                stored.requester = .schedule(RunKey(schedule: 7, number: number), attempt: 1)
                return try submissions.addJobs(stored)
            }
            let first = try occurrence(1)
            #expect(first.jobs.map(\.tasksAdded) == [2] && first.jobs[0].isNew)
            let again = try occurrence(1)
            #expect(again.jobs.map(\.number) == first.jobs.map(\.number) && again.jobs[0].isNew)
            #expect(try Self.commands(readers, job: first.jobs[0].number) == ["echo 7", "echo a\tb"])
            #expect(try occurrence(2).jobs[0].isNew == false)
            #expect(try Self.commands(readers, job: first.jobs[0].number).count == 4)
        }
    }

    /// The values that come along are planned, and the same request with others is another.
    @Test func parametersBelongToWhatIsAskedFor() throws {
        try SubmissionHarness.run { submissions, readers in
            _ = try submissions.addPool()
            func add(_ value: String) throws -> SubmittedJobs {
                var submission = Submission.of(
                    .client(request: "r1"),
                    jobs: """
                        job_specifications:
                        - id: film
                          parameters: {scene: {type: string}}
                          tasks: [{command: 'render @{parameters.scene}'}]

                        """)
                submission.context.parameters = ["scene": value]
                return try submissions.addJobs(
                    JSONCoding.decode(Submission.self, from: JSONCoding.encode(submission)))
            }
            let first = try add("a b")
            #expect(try Self.commands(readers, job: first.jobs[0].number) == ["render 'a b'"])
            #expect(try add("a b").jobs[0].isNew)
            #expect(try !add("c").jobs[0].isNew)
            #expect(
                try Self.commands(readers, job: first.jobs[0].number) == ["render 'a b'", "render 'c'"])
        }
    }

    /// It may lie in a file for as long as its schedule lives.
    @Test func aStoredSubmissionHasNoCredentials() throws {
        var submission = Submission.of(jobs: Self.sweep)
        let text = "credentials: {storage: {a: {account: one, account_key: hunter2}}}"
        submission.files.append(
            .init(kind: .credentials, name: "credentials.yaml", directory: "/specs", text: text))
        var printed = ""
        dump(submission, to: &printed)
        #expect(!(printed + "\(submission)").contains("hunter2"))
        let stored = try JSONCoding.encodeText(submission)
        #expect(!stored.contains("hunter2") && stored.contains(#"\"account\":\"one\""#))
        let again = try JSONCoding.decode(Submission.self, from: stored)
        #expect(again.files.map(\.name) == submission.files.map(\.name))
        let bytes = (submission.files[0].text, again.files[0].text)
        #expect(bytes.0.isSameInConstantTime(as: bytes.1))
        #expect(try JSONCoding.encodeText(again) == stored)
        // One that cannot be read is not kept in the hope that it holds none.
        submission.files[1].text = Secret("credentials: [hunter2")
        #expect(try !JSONCoding.encodeText(submission).contains("hunter2"))
    }

    @Test func noTwoRequestersAreTheSame() throws {
        func run(_ schedule: UInt32, _ number: UInt32, attempt: Int = 1) -> Requester {
            .schedule(RunKey(schedule: schedule, number: number), attempt: attempt)
        }
        let all: [Requester] = [
            .client(request: "schedule"), .client(request: "1"), run(1, 1), run(1, 11), run(11, 1),
            run(1, 1, attempt: 2), run(1, 1, attempt: 11),
        ]
        let identities = try all.flatMap { requester in
            try ["jobs", "pools"].map { try requester.identity(of: $0) }
        }
        #expect(Set(identities).count == identities.count && !identities.contains(nil))
        #expect(try Requester.client(request: nil).identity(of: "jobs") == nil)
        for odd in ["", "a/b", String(repeating: "a", count: 65)] {
            let error = #expect(throws: SubmissionError.self) {
                try Requester.client(request: odd).identity(of: "jobs")
            }
            #expect(error?.code == "InvalidSubmissionId")
        }
    }

    /// What a generator gave before it failed is judged too, as where it runs beside the planner.
    @Test func whatComesWithASubmissionIsPlannedAsIfItWereMadeHere() throws {
        try SubmissionHarness.run { submissions, readers in
            _ = try submissions.addPool()
            func messages(_ generated: [GeneratorRun]) -> [String] {
                var submission = Submission.of(jobs: Self.sweep)
                submission.generated = generated
                do throws(SubmissionError) {
                    _ = try submissions.addJobs(submission)
                    return []
                } catch {
                    guard case .specs(let diagnostics) = error else { return ["\(error)"] }
                    return diagnostics.all.filter { $0.severity == .error }.map(\.message)
                }
            }
            let failed = messages(
                Self.generated(rows: "i1\n", failure: "generator `mine` failed: it is late"))
            #expect(failed.count == 1 && failed[0].contains("it is late"))
            // The first row has no value for `{0}`, and nothing behind it counts.
            let short = messages(Self.generated(rows: "\ni1\n", failure: "it is late"))
            #expect(short.count == 1 && short[0].contains("IndexError"), "\(short)")
            var check = Self.generated(rows: "i1\n")
            check[0].failure = GeneratorRun.Failure(message: "it does not load")
            #expect(messages(check).contains { $0.contains("it does not load") })
            let none = messages([])
            #expect(none.contains { $0.contains("the rows of generator `mine` did not come") }, "\(none)")
            #expect(messages(Self.generated(rows: "x1\n")).count == 1)
            // Nothing of all that was taken.
            #expect(try submissions.inspect { $0.jobNumber(JobID("j")!) } == nil)
        }
    }

    @Test func whoeverGoesAwayGetsNothing() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            let many = "job_specifications: [{id: j, tasks: [{command: x, task_factory: {repeat: 100000}}]}]"
            let error = #expect(throws: SubmissionError.self) {
                try submissions.addJobs(.of(jobs: many), isAbandoned: { true })
            }
            guard case .abandoned = error else { return #expect(Bool(false), "\(String(describing: error))") }
            #expect(try submissions.inspect { $0.jobNumber(JobID("j")!) } == nil)
            // Its id is free.
            _ = try submissions.addJobs(.of(jobs: many))
        }
    }

    @Test func refusalsAreOfTheDomain() throws {
        try SubmissionHarness.run { submissions, _ in
            func code(_ submission: Submission) -> String? {
                #expect(throws: SubmissionError.self) { try submissions.addJobs(submission) }?.code
            }
            let jobs = "job_specifications: [{id: j, tasks: [{command: x}]}]"
            #expect(code(.of(jobs: jobs)) == "PoolNotFound")
            #expect(code(.of()) == "JobsSpecMissing")
            var other = Submission.of(
                pool: "pool_specification: {id: q, vm_count: {dedicated: 0}}", jobs: jobs)
            #expect(code(other) == "PoolNotFound")
            _ = try submissions.addPool()
            #expect(throws: SubmissionError.self) { try submissions.addPool() }
            _ = try submissions.addJobs(.of(jobs: jobs))
            other = .of(jobs: jobs)
            other.options.mustBeNew = true
            #expect(code(other) == "JobExists")
        }
    }

    /// What is refused when all is planned leaves its id free as well.
    @Test func aRefusalAtTheEndLeavesNothingBehind() throws {
        try SubmissionHarness.run { submissions, _ in
            // The names of the pools that `auto_pool` would make.
            for number in 1...3 {
                let pool = "pool_specification: {id: q_\(number), vm_count: {dedicated: 0}}"
                _ = try submissions.addPool(.of(pool: pool))
            }
            let submission = Submission.of(
                pool: "pool_specification: {id: q, vm_count: {dedicated: 0}}",
                jobs:
                    "job_specifications: [{id: j, auto_pool: {pool_lifetime: job}, tasks: [{command: x}]}]")
            for _ in 0..<2 {
                let error = #expect(throws: SubmissionError.self) { try submissions.addJobs(submission) }
                #expect(error?.code == "PoolExists", "\(String(describing: error))")
            }
        }
    }

    /// A package is what came in under its hash: nothing is opened because a submission names it.
    @Test func packagesAreThoseThatCameIn() throws {
        try SubmissionHarness.run { submissions, readers in
            let pool = """
                pool_specification:
                  id: p
                  vm_count: {dedicated: 0}
                  application_packages: [{id: tool, version: '1', path: /etc/passwd}]
                """
            func code(_ packages: [SubmittedPackage]) -> String? {
                var submission = Submission.of(pool: pool)
                submission.packages = packages
                return #expect(throws: SubmissionError.self) { try submissions.addPool(submission) }?.code
            }
            #expect(code([]) == "ApplicationPackageNotFound")
            let digest = SHA256.hexDigest(of: Array("abc".utf8))
            let missing = ["../shipyard.db", digest, digest.uppercased(), ""]
            for name in missing {
                #expect(
                    code([SubmittedPackage(path: "/etc/passwd", sha256: name)]) == Submissions.packageMissing)
            }
            func piece(_ digest: String, _ text: String) -> PackagePiece {
                PackagePiece(digest: digest, name: "t", offset: 0, size: 3, bytes: Array(text.utf8))
            }
            for odd in ["", "../x", digest.uppercased()] {
                let error = #expect(throws: SubmissionError.self) {
                    try submissions.addPackage(piece(odd, "abc"))
                }
                #expect(error?.code == "InvalidDigest")
            }
            #expect(throws: SubmissionError.self) { try submissions.addPackage(piece(digest, "abX")) }
            #expect(!submissions.hasPackage(digest))
            #expect(try submissions.addPackage(piece(digest, "abc")) && submissions.hasPackage(digest))
            var submission = Submission.of(pool: pool)
            submission.packages = [SubmittedPackage(path: "/etc/passwd", sha256: digest)]
            _ = try submissions.addPool(submission)
            let stored = try readers.read { reader throws(StoreError) in try reader.poolSpecs() }
            #expect(stored.first?.value.text.contains("/packages/\(digest)") == true)
            #expect(stored.first?.value.text.contains("passwd") == false)
        }
    }

    /// Whoever sends something else under a hash while it is checked changes nothing of what is kept.
    @Test func whatWasCheckedIsWhatIsKept() throws {
        try SubmissionHarness.run { submissions, _ in
            // Checking so much takes longer than another piece does.
            let bytes = [UInt8](repeating: 7, count: 600_000)
            let digest = SHA256.hexDigest(of: bytes)
            @Sendable func piece(_ range: Range<Int>, _ bytes: [UInt8]) -> PackagePiece {
                PackagePiece(
                    digest: digest, name: "t", offset: Int64(range.lowerBound), size: 600_000,
                    bytes: Array(bytes[range]))
            }
            // On a machine out of breath the wrong piece comes before the check, which finds it: once more.
            for _ in 0..<10 where !submissions.hasPackage(digest) {
                _ = try submissions.addPackage(piece(0..<599_999, bytes))
                DispatchQueue.concurrentPerform(iterations: 2) { number in
                    if number == 0 {
                        _ = try? submissions.addPackage(piece(599_999..<600_000, bytes))
                    } else {
                        usleep(20_000)
                        _ = try? submissions.addPackage(piece(0..<1, [8]))
                    }
                }
            }
            let path = submissions.layout.packages + "/" + digest
            let kept = try Data(contentsOf: URL(filePath: path))
            #expect(Array(kept) == bytes)
        }
    }

    /// Eight clients with one package: whoever comes second finds it, and it is whole.
    @Test func manyMaySendOnePackageAtOnce() throws {
        try SubmissionHarness.run { submissions, _ in
            let bytes = [UInt8](repeating: 7, count: 40_000)
            let digest = SHA256.hexDigest(of: bytes)
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                for start in stride(from: 0, to: bytes.count, by: 1000) {
                    _ = try? submissions.addPackage(
                        PackagePiece(
                            digest: digest, name: "t", offset: Int64(start), size: Int64(bytes.count),
                            bytes: Array(bytes[start..<start + 1000])))
                }
            }
            #expect(submissions.hasPackage(digest))
        }
    }
}
