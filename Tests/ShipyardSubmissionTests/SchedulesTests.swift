import Foundation
import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore
import TestSupport
import Testing

@testable import ShipyardSubmission

/// Schedules are taken with all that they run, or not at all.
@Suite(.blocking) struct SchedulesTests {
    private static let now = Instant(milliseconds: 1_893_456_000_000)

    private static func submission(
        _ schedules: String, jobs: [(ids: [String], text: String)], name: String = "schedules.yaml"
    ) -> SchedulesSubmission {
        func file(_ kind: SpecKind, _ name: String, _ text: String) -> Submission.File {
            Submission.File(kind: kind, name: name, directory: "/specs", text: text)
        }
        return SchedulesSubmission(
            request: nil,
            files: [file(.schedules, name, "schedule_specifications:\n\(schedules)\n")],
            bundles: jobs.enumerated().map { index, bundle in
                SchedulesSubmission.Bundle(
                    schedules: bundle.ids, files: [file(.jobs, "jobs\(index).yaml", bundle.text)])
            })
    }

    private static func jobs(_ tasks: String) -> String {
        "job_specifications:\n- id: film\n  tasks:\n\(tasks)\n"
    }
    private static let plain = jobs("  - {command: 'true'}")

    private static func add(_ wanted: SchedulesSubmission, to submissions: Submissions) throws
        -> SubmittedSchedules
    {
        try submissions.addSchedules(wanted, at: now, isAbandoned: { false })
    }

    private static func number(of id: String, in submissions: Submissions) throws -> UInt32? {
        try submissions.inspect { engine in engine.scheduleNumber(ScheduleID(id)!) }
    }

    /// Sends a file as a client does; answers what a submission says of it.
    private static func keep(_ text: String, as path: String, in submissions: Submissions) throws
        -> SubmittedPackage
    {
        let bytes = Array(text.utf8)
        let digest = SHA256.hexDigest(of: bytes)
        _ = try submissions.addPackage(
            PackagePiece(digest: digest, name: path, offset: 0, size: Int64(bytes.count), bytes: bytes))
        return SubmittedPackage(path: path, sha256: digest)
    }

    /// Makes the jobs of a run as the service would.
    private static func start(_ id: String, _ run: UInt32, in submissions: Submissions) throws
        -> SubmittedJobs
    {
        let (schedule, record) = try submissions.inspect { engine in
            let number = engine.scheduleNumber(ScheduleID(id)!)!
            return (engine.schedule(number)!, engine.run(RunKey(schedule: number, number: run)))
        }
        let start = RunStart(schedule: schedule, run: try #require(record))
        return try submissions.addJobs(RunStarter.submission(of: start, submissions))
    }

    /// Every run of it would be refused.
    @Test func poolOfEachRunMustNotBeThere() throws {
        try SubmissionHarness.run { submissions, _ in
            let pool = try submissions.addPool()
            var wanted = Self.submission(
                "- {id: s, cron: '@daily'}",
                jobs: [(["s"], "job_specifications: [{id: j, auto_pool: {pool_lifetime: job}, tasks: [{command: 'true'}]}]\n")])
            wanted.bundles[0].files.append(
                Submission.File(
                    kind: .pool, name: "pool.yaml", directory: "/specs",
                    text: "pool_specification: {id: \(pool), vm_count: {dedicated: 1}}\n"))
            let refusal = #expect(throws: SubmissionError.self) { try Self.add(wanted, to: submissions) }
            #expect(refusal?.code == "PoolExists")
            #expect(try Self.number(of: "s", in: submissions) == nil)
        }
    }

    @Test func aFileIsTakenWholeOrNotAtAll() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            // Only planning finds out: the dependency is of the whole job.
            let broken = Self.jobs("  - {id: a, depends_on: [b], command: 'true'}")
            let both = "- {id: good, cron: '@daily'}\n- {id: bad, cron: '@daily', jobs: bad.yaml}"
            let error = #expect(throws: SubmissionError.self) {
                try Self.add(
                    Self.submission(both, jobs: [(["good"], Self.plain), (["bad"], broken)]), to: submissions)
            }
            guard case .specs(let diagnostics) = error else { return #expect(Bool(false), "\(error as Any)") }
            #expect(
                diagnostics.all.filter { $0.severity == .error }.map(\.primary?.range.source.name) == [
                    "jobs1.yaml"
                ])
            #expect(try Self.number(of: "good", in: submissions) == nil)
            // Nor where the turn itself refuses one: the second id is that of a job's recurrence.
            _ = try submissions.addJobs(
                .of(
                    jobs:
                        "job_specifications: [{id: bad, auto_complete: true, recurrence: {schedule: {recurrence_interval: '01:00:00'}}, tasks: [{command: 'true'}]}]"
                ))
            let refusal = #expect(throws: SubmissionError.self) {
                try Self.add(
                    Self.submission(both, jobs: [(["good", "bad"], Self.plain)]), to: submissions)
            }
            #expect(refusal?.code == "JobScheduleExists")
            #expect(try Self.number(of: "good", in: submissions) == nil)
        }
    }

    @Test func whatDiffersIsTold() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            func wanted(_ cron: String, _ command: String, _ data: String) throws -> SchedulesSubmission {
                let jobs = Self.jobs(
                    """
                      - command: \(command)
                        environment_variables: {API_TOKEN: \(command)-token}
                        resource_files: [{blob_source: data.csv, file_path: data.csv}]
                    """)
                var wanted = Self.submission(
                    "- {id: nightly, cron: '\(cron)', timezone: Europe/Berlin}", jobs: [(["nightly"], jobs)])
                wanted.bundles[0].resources = [try Self.keep(data, as: "/specs/data.csv", in: submissions)]
                return wanted
            }
            let first = try Self.add(wanted("30 2 * * *", "one", "a,b"), to: submissions)
            #expect(first.schedules.map(\.change) == ["added"] && first.schedules[0].differences.isEmpty)
            #expect(first.schedules[0].nextRunTimeLocal?.contains("T02:30:00+0") == true)
            // A name is how whoever asks calls a file, and no part of it.
            var same = try wanted("30 2 * * *", "one", "a,b")
            same.bundles[0].files[0].name = "specs/jobs0.yaml"
            let second = try Self.add(same, to: submissions)
            #expect(second.schedules.map(\.change) == ["unchanged"] && second.schedules[0].version == 1)
            let third = try Self.add(wanted("0 3 * * *", "two", "a,c"), to: submissions)
            #expect(third.schedules.map(\.change) == ["changed"] && third.schedules[0].version == 2)
            #expect(
                third.schedules[0].differences
                    == [
                        "cron: 30 2 * * * -> 0 3 * * *", "jobs file: /specs/jobs0.yaml differs:",
                        "  -   - command: one", "  - ***", "  +   - command: two", "  + ***",
                        "resource file: /specs/data.csv has another content",
                    ].map { $0.replacing("***", with: Secret.mask) })
            let other = try Self.add(
                Self.submission("- {id: other, cron: '@daily'}", jobs: [(["other"], Self.plain)]),
                to: submissions)
            #expect(other.others == ["nightly"])
        }
    }

    /// The originals may be edited or deleted; what a version names stays until the schedule is gone.
    @Test func runsFindWhatWasKept() throws {
        try SubmissionHarness.run { submissions, readers in
            _ = try submissions.addPool()
            let jobs = Self.jobs(
                """
                  - command: echo {0} @{run.id}
                    task_factory: {custom: {module: mine}}
                    resource_files:
                    - {blob_source: data.csv, file_path: data.csv}
                    - {blob_source: 'in-@{schedule.time:%F}.csv', file_path: in.csv}
                """)
            var wanted = Self.submission("- {id: s, interval: '10000.00:00:00'}", jobs: [(["s"], jobs)])
            let kept = try Self.keep("content", as: "/specs/data.csv", in: submissions)
            let store = PackageStore(home: submissions.layout.home)
            // It did not come with the submission, or its content did not.
            let missing = #expect(throws: SubmissionError.self) { try Self.add(wanted, to: submissions) }
            #expect(missing?.code == "ResourceFileMissing")
            #expect(!store.contains(kept.sha256!))
            wanted.bundles[0].resources = [kept]
            let unsent = #expect(throws: SubmissionError.self) { try Self.add(wanted, to: submissions) }
            #expect(unsent?.code == Submissions.packageMissing)
            _ = try Self.keep("content", as: "/specs/data.csv", in: submissions)
            wanted.bundles[0].generated = [GeneratorCall.Pass.check, .build].map { pass in
                var run = GeneratorRun(GeneratorCall(job: JobID("film")!, entry: 0, pass: pass))
                run.count = 1
                run.rows = pass == .build ? "i7\n" : ""
                return run
            }
            _ = try Self.add(wanted, to: submissions)
            PackageSweep(submissions.layout).run()
            #expect(store.contains(kept.sha256!))

            let key = try submissions.askForRun(of: "s", parameters: [:], request: nil, at: Self.now)
            let made = try Self.start("s", key.number, in: submissions)
            #expect(made.jobs.map(\.id) == ["s:film-1"])
            let (template, task) = try readers.read { reader throws(StoreError) in
                (
                    try reader.template(0, of: made.jobs[0].number),
                    try reader.definition(of: TaskKey(job: made.jobs[0].number, ordinal: 0))
                )
            }
            #expect(task?.command == "echo 7 's-1'")
            let files = try TaskTemplate(template, named: "its template").resourceFiles
            #expect(
                files.map(\.blobSource.place).map { $0.hasPrefix("/specs/in-20") ? "/specs/in-…" : $0 }
                    == [store.path(of: kept.sha256!), "/specs/in-…"])

            // Another version without the file: jobs of the one before still use it.
            _ = try Self.add(
                Self.submission("- {id: s, interval: '10000.00:00:00'}", jobs: [(["s"], Self.plain)]),
                to: submissions)
            PackageSweep(submissions.layout).run()
            #expect(store.contains(kept.sha256!))
            try submissions.perform { core, now throws(Refusal) in try core.deleteSchedule("s", at: now) }
            for _ in 0..<500 where try Self.number(of: "s", in: submissions) != nil { usleep(10_000) }
            PackageSweep(submissions.layout).run()
            #expect(!store.contains(kept.sha256!))
        }
    }

    /// The rows are made once, when the schedule is added.
    @Test func generatorsGetNothingThatOnlyARunKnows() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            func wanted(_ argument: String, _ value: String) -> SchedulesSubmission {
                let jobs = """
                    job_specifications:
                    - id: film
                      parameters: {scene: {default: one}}
                      tasks:
                      - {command: 'echo {0}', task_factory: {custom: {module: mine, input_args: ['\(argument)']}}}

                    """
                var wanted = Self.submission(
                    "- {id: s, cron: '@daily', parameters: {scene: '\(value)'}}", jobs: [(["s"], jobs)])
                wanted.bundles[0].generated = [GeneratorCall.Pass.check, .build].map {
                    GeneratorRun(GeneratorCall(job: JobID("film")!, entry: 0, pass: $0))
                }
                return wanted
            }
            for refused in [wanted("@{schedule.time:%Y}", "x"), wanted("@{parameters.scene}", "@{run.id}")] {
                let error = #expect(throws: SubmissionError.self) { try Self.add(refused, to: submissions) }
                #expect(error?.code == "GeneratorOfRun")
            }
            _ = try Self.add(wanted("@{parameters.scene}", "two"), to: submissions)
            // Nor may a value that is given by hand make the rows others.
            let error = #expect(throws: SubmissionError.self) {
                try submissions.askForRun(of: "s", parameters: ["scene": "three"], request: nil, at: Self.now)
            }
            #expect(error?.code == "GeneratorOfRun")
            _ = try submissions.askForRun(of: "s", parameters: ["scene": "two"], request: nil, at: Self.now)
        }
    }

    /// Files and pools may come later; what a schedule says itself is judged now.
    @Test func whatOnlyARunKnowsIsJudgedWhenItRuns() throws {
        try SubmissionHarness.run { submissions, _ in
            func wanted(_ value: String) -> SchedulesSubmission {
                let jobs = """
                    job_specifications:
                    - id: film
                      parameters: {scene: {choices: [one, two]}}
                      tasks:
                      - command: echo {file_path} @{parameters.scene}
                        task_factory: {file: {azure_storage: {storage_account_settings: a, remote_path: in}, task_filepath: file_path}}

                    """
                return Self.submission(
                    "- {id: s, pool: q, parameters: {scene: '\(value)'}, on: {storage_event: {storage_account_settings: a, container: in}}}",
                    jobs: [(["s"], jobs)])
            }
            let added = try Self.add(wanted("@{trigger.file_name}"), to: submissions)
            #expect(
                added.warnings == [
                    "warning: schedule s: no credentials were given, so `a` is taken for the name of the storage account\n",
                    "warning: there is no pool `q` yet, and runs fail until it has been added; with `auto_pool` in its jobs each run makes one\n",
                ])
            #expect(added.schedules.map(\.change) == ["added"] && added.schedules[0].nextRunTime == nil)
            let error = #expect(throws: SubmissionError.self) { try Self.add(wanted("three"), to: submissions) }
            guard case .specs = error else { return #expect(Bool(false), "\(error as Any)") }
            var strict = wanted("one")
            strict.isStrict = true
            #expect(
                #expect(throws: SubmissionError.self) { try Self.add(strict, to: submissions) }?.code
                    == "PoolNotFound")
        }
    }

    /// `run` follows its jobs to their end and takes its pool down.
    @Test func whoFollowsJobsToTheirEndMakesNoSchedule() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            var submission = Submission.of(
                jobs: """
                    job_specifications:
                    - id: j
                      auto_complete: true
                      recurrence: {schedule: {recurrence_interval: '01:00:00'}}
                      tasks: [{command: 'true'}]

                    """)
            submission.options.mustBeNew = true
            let error = #expect(throws: SubmissionError.self) { try submissions.addJobs(submission) }
            #expect(error?.code == "JobHasRecurrence")
            #expect(try Self.number(of: "j", in: submissions) == nil)
        }
    }

    @Test func aRunIsAskedForOnceAndCheckedBefore() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            _ = try Self.add(
                Self.submission("- {id: s, cron: '@daily'}", jobs: [(["s"], Self.plain)]), to: submissions)
            func ask(_ parameters: [String: String], _ request: String?) throws -> UInt32 {
                try submissions.askForRun(of: "s", parameters: parameters, request: request, at: Self.now)
                    .number
            }
            let error = #expect(throws: SubmissionError.self) { try ask(["scen": "x"], "k") }
            guard case .specs = error else { return #expect(Bool(false), "\(error as Any)") }
            #expect(
                #expect(throws: SubmissionError.self) { try ask([:], "a/b") }?.code == "InvalidSubmissionId")
            #expect(try ask([:], "k") == 1)
            #expect(try ask([:], "k") == 1)
            // It was answered before, so it is not judged again.
            #expect(try ask(["scen": "x"], "k") == 1)
            #expect(try ask([:], "l") == 2)
            #expect(try ask([:], nil) == 3)
        }
    }

    @Test func timesOfThePastAreMadeUpForOnce() throws {
        try SubmissionHarness.run { submissions, _ in
            _ = try submissions.addPool()
            _ = try Self.add(
                Self.submission(
                    "- {id: s, cron: '0 12 * * *', timezone: Europe/Berlin}\n- {id: t, after: {schedule: s}}",
                    jobs: [(["s", "t"], Self.plain)]), to: submissions)
            func fill(_ from: String, _ to: String, isDry: Bool = false, of id: String = "s") throws
                -> [String]
            {
                try submissions.backfill(
                    id, Submissions.Backfill(from: from, to: to, parallel: 2), isDry: isDry, at: Self.now)
            }
            let days = ["2024-03-30T12:00:00+01:00", "2024-03-31T12:00:00+02:00"]
            #expect(try fill("2024-03-30T12:00", "2024-03-31T12:00", isDry: true) == days)
            #expect(try fill("2024-03-31T12:00", "2024-03-31T12:00") == [days[1]])
            #expect(try fill("2024-03-30", "2024-04-01") == [days[0]])
            #expect(try fill("2024-03-30", "2024-04-01").isEmpty)
            // What is still to come is the clock's.
            #expect(try fill("2029-12-31", "2030-01-31", isDry: true) == ["2029-12-31T12:00:00+01:00"])
            func code(_ body: () throws -> Void) -> String? {
                #expect(throws: SubmissionError.self) { try body() }?.code
            }
            #expect(code { _ = try fill("2024-04-01", "2024-03-30") } == "InvalidRange")
            #expect(code { _ = try fill("noon", "2024-03-30") } == "InvalidMoment")
            #expect(code { _ = try fill("2024-03-30", "2024-03-31", of: "t") } == "NoTimes")
            #expect(code { _ = try fill("2024-03-30", "2024-03-31", of: "x") } == "JobScheduleNotFound")
            #expect(code { _ = try fill("1600-03-30", "2024-03-31") } == "TooManyRuns")
        }
    }
}
