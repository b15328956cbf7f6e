import Foundation
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// What people see of schedules.
struct ScheduleListingTests {
    private static func schedule(
        _ id: String, state: String = "active", isRecurrence: Bool = false, failedStarts: Int = 0,
        more: String = ""
    ) -> String {
        #"""
        {"id":"\#(id)","state":"\#(state)","isRecurrence":\#(isRecurrence),"version":2,"creationTime":"2030-01-01T00:00:00Z",
        "stateTransitionTime":"2030-01-01T00:00:00Z","timezone":"Europe/Berlin","executionInfo":{},"activeRuns":[],
        "queuedRuns":0,"failedStarts":\#(failedStarts)\#(more)}
        """#
    }

    private static func run(_ number: Int, _ state: String, more: String = "") -> String {
        #"""
        {"number":\#(number),"dueTime":"2030-01-01T01:30:00Z","dueTimeLocal":"2030-01-01T02:30:00+01:00","cause":"clock",
        "state":"\#(state)","beginTime":"2030-01-01T01:30:00Z","attempt":1,"version":2,"jobs":[]\#(more)}
        """#
    }

    @Test func aScheduleThatNeverStartsIsSaidLoudly() {
        let failing = Self.schedule(
            "bad", failedStarts: 3, more: #","failedStartReason":"there is no pool `p`""#)
        let busy = Self.schedule(
            "good",
            more: #","nextRunTimeLocal":"1970-01-01T01:00:00+01:00","lastRun":\#(Self.run(7, "succeeded"))"#
        ).replacing(#""executionInfo":{}"#, with: #""executionInfo":{"nextRunTime":"1970-01-01T00:00:00Z"}"#)
            .replacing(#""activeRuns":[]"#, with: #""activeRuns":[8]"#)
            .replacing(#""queuedRuns":0"#, with: #""queuedRuns":2"#)
        let service = FakeService([
            "GET /schedules": [Samples.list(busy, failing, Self.schedule("new", failedStarts: 2))],
            "GET /jobs": [#"{"value":[]}"#],
        ])
        let list = ShipyardCommandsTests.run("schedules", "list", service: service)
        #expect(
            list.output == """
                SCHEDULE  STATE   NEXT RUN                        ACTIVE RUNS    VERSION  LAST OUTCOME
                good      active  1970-01-01T01:00:00+01:00  now  #8, 2 waiting        2  succeeded 2030-01-01T02:30:00+01:00
                bad       active                                                       2
                new       active                                                       2

                """)
        let alarm =
            "warning: schedule bad failed to start 3 times in a row: there is no pool `p`; it goes on trying,"
            + " see shipyard-swift schedules history bad\n"
        #expect(list.messages == alarm)
        let jobs = ShipyardCommandsTests.run("jobs", "list", service: service)
        #expect(jobs.output.hasSuffix(list.output) && jobs.messages == "no jobs found\n" + alarm)
    }

    @Test func historySaysWhyARunWasSkipped() {
        let started =
            #","startTime":"2030-01-01T01:30:04Z","startTimeLocal":"2030-01-01T02:30:04+01:00","delayMilliseconds":4000"#
        let first = Self.run(1, "failed", more: started).replacing(
            #""jobs":[]"#, with: #""jobs":[{"id":"s:film-1","number":4,"attempt":1}]"#
        ).replacing(#""attempt":1,"version""#, with: #""attempt":2,"version""#)
        let second = Self.run(
            2, "skipped", more: #","skipReason":"overlap","reason":"another run was still active""#)
        let service = FakeService(["GET /schedules/s/runs?limit=20": [Samples.list(second, first)]])
        #expect(
            ShipyardCommandsTests.run("schedules", "history", "s", service: service).output == """
                RUN  DUE                        STARTED                    DELAY  OUTCOME            BY     VERSION  JOBS      REASON
                  2  2030-01-01T02:30:00+01:00                                    skipped            clock        2            another run was still active
                  1  2030-01-01T02:30:00+01:00  2030-01-01T02:30:04+01:00  4.0 s  failed, attempt 2  clock        2  s:film-1

                """)
    }

    /// A job with a `recurrence` is its schedule, whatever is done with it.
    @Test(arguments: ["disable", "enable", "term", "del"])
    func jobsOfAFileMeanTheirSchedules(_ word: String) throws {
        let file = NSTemporaryDirectory() + "/shipyard-jobs-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try
            "job_specifications:\n- {id: a, recurrence: {schedule: {recurrence_interval: '01:00:00'}}}\n- {id: b, recurrence: null}\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        let act = word == "term" ? "terminate" : word
        let (method, suffix) = word == "del" ? ("DELETE", "") : ("POST", "/\(act)")
        let service = FakeService([
            "\(method) /schedules/a\(suffix)": ["{}"], "\(method) /jobs/b\(suffix)": [#"{"removal":"r"}"#],
            "\(method) /schedules/c\(suffix)": ["{}"],
        ])
        func words(_ more: [String]) -> ProgramRun {
            word == "term" || word == "del"
                ? ShipyardCommandsTests.run("jobs", word, "-y", more[0], more[1], service: service)
                : ShipyardCommandsTests.run("jobs", word, more[0], more[1], service: service)
        }
        #expect(words(["--jobs", file]).code == .done)
        #expect(words(["--jobscheduleid", "c"]).code == .done)
        #expect(
            service.requests == [
                "\(method) /schedules/a\(suffix)", "\(method) /jobs/b\(suffix)",
                "\(method) /schedules/c\(suffix)",
            ])
    }

    @Test func statusNamesWhatCannotStart() {
        let status =
            #"{"version":"1","processId":1,"home":"/h","startTime":"t","pools":0,"activeJobs":0,"activeSchedules":2,"#
            + #""schedulesThatCannotStart":["bad"]}"#
        let shown = ShipyardCommandsTests.run(
            "service", "status", service: FakeService(["GET /service": [status]]))
        #expect(
            (shown.output + shown.messages).contains(
                "  2 active schedules\n"
                    + "  schedule bad failed to start again and again: shipyard-swift schedules history bad\n"
                    + "  systemd: no unit; `service install` makes one\n"
            ))
    }

    // MARK: - What `schedules add` sends

    private func directory(_ files: [String: String]) throws -> String {
        let directory = "/tmp/shipyard-adding-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (name, text) in files {
            try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
        }
        return directory
    }

    /// Schedules that run the same share what is sent, and only what every run has is sent.
    @Test func everythingThatSchedulesRunIsSentOnce() throws {
        let directory = try directory([
            "schedules.yaml": """
            schedule_specifications:
            - {id: a, cron: '@daily', jobs: a.yaml, pool: p}
            - {id: b, cron: '@hourly', jobs: a.yaml, pool: p}
            - {id: c, cron: '@hourly', pool: pool.yaml}

            """,
            "a.yaml": """
            job_specifications:
            - id: j
              tasks:
              - command: 'true'
                resource_files:
                - {blob_source: data.csv, file_path: d}
                - {blob_source: '@{run.id}.csv', file_path: e}

            """,
            "jobs.yaml":
                "job_specifications: [{id: k, auto_pool: {pool_lifetime: job}, tasks: [{command: 'true'}]}]\n",
            "pool.yaml":
                "pool_specification: {id: p, vm_count: {dedicated: 1}, resource_files: [{blob_source: pool.txt, file_path: p}]}\n",
            "data.csv": "one", "pool.txt": "two",
        ])
        // The SHA-256 of `one` and of `two`.
        let one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        let two = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
        let answer =
            #"{"schedules":[{"id":"a","change":"changed","version":3,"differences":["cron: x -> y"],"state":"disabled"}],"#
            + #""others":["old"],"warnings":[]}"#
        let service = FakeService([
            "GET /packages/\(two)": [""],
            "PUT /packages/\(one)?offset=0&size=3&name=\(percent(directory + "/data.csv"))": [""],
            "POST /schedules": [answer],
        ]).answer("GET /packages/\(one)", status: 404, "{}").answer("GET /packages/\(one)", status: 204, "")
        let added = ShipyardCommandsTests.run("schedules", "add", "--configdir", directory, service: service)
        #expect(added.code == .done, "\(added.messages)")
        #expect(
            added.messages
                == """
                \(directory)/schedule-a-1.csv and its like are read when a run starts, and not kept
                schedule a changed, now version 3; it is disabled
                  cron: x -> y
                schedules that are not in the file stay as they are: old

                """.replacing("schedule-a-1", with: "a-1"))
        #expect(service.requests.filter { $0.hasPrefix("PUT") }.count == 1)
        let body = try JSONValue(parsing: try #require(service.bodies.last))
        let bundles = try #require(body["bundles"]?.arrayValue)
        func texts(_ value: JSONValue?, _ key: String) -> [String] {
            (value?.arrayValue ?? []).map { $0[key]?.stringValue ?? "" }
        }
        #expect(bundles.map { $0["schedules"]?.arrayValue?.count } == [2, 1])
        #expect(bundles.map { texts($0["files"], "kind") } == [["jobs"], ["pool", "jobs"]])
        #expect(
            bundles.map { texts($0["resources"], "path") } == [
                ["\(directory)/data.csv"], ["\(directory)/pool.txt"],
            ])
        #expect(bundles.map { texts($0["resources"], "sha256") } == [[one], [two]])
        #expect(texts(body["files"], "kind") == ["schedules"])
    }

    private func percent(_ text: String) -> String { text.replacing("/", with: "%2F") }

    @Test func whatCannotBeReadIsSaidWithoutAService() throws {
        let schedules = "schedule_specifications: [{id: a, cron: '@daily', jobs: gone.yaml}]\n"
        let missing = ShipyardCommandsTests.run(
            "schedules", "add", "--configdir", try directory(["schedules.yaml": schedules]), service: nil)
        #expect(missing.code == .specRefused)
        #expect(
            missing.messages.contains("gone.yaml") && missing.messages.contains("^^^"), "\(missing.messages)")
        let file = try directory([
            "schedules.yaml": "schedule_specifications: [{id: a, cron: '@daily'}]\n",
            "jobs.yaml":
                "job_specifications: [{id: j, tasks: [{command: x, resource_files: [{blob_source: no.csv, file_path: d}]}]}]\n",
        ])
        let gone = ShipyardCommandsTests.run("schedules", "add", "--configdir", file, service: FakeService())
        #expect(gone.code == .usage)
        #expect(
            gone.messages.hasPrefix(
                "error: the resource file \(file)/no.csv cannot be kept: it is not there, or is no file\n"))
        #expect(ShipyardCommandsTests.run("schedules", "add", "--configdir", "/nonexistent").code == .usage)
    }

    @Test func aRunIsFollowedThroughItsAttempts() {
        func active(_ attempt: Int) -> String {
            Self.run(3, "active").replacing(
                #""attempt":1,"version":2,"jobs":[]"#,
                with: (1...attempt).map {
                    #"{"id":"s:j-3.\#($0)","number":\#($0),"attempt":\#($0),"state":"active"}"#
                }
                .joined(separator: ",").prependedAndClosed(attempt))
        }
        var jobs: [String: [String]] = [:]
        for attempt in 1...2 {
            jobs["GET /jobs/s%3Aj-3.\(attempt)"] = [
                Samples.job(
                    "s:j-3.\(attempt)", state: "completed", counts: attempt == 1 ? "0,0,0,1" : "0,0,1,0"
                )
                .replacing("\"id\":", with: "\"number\":\(attempt),\"id\":")
            ]
        }
        jobs["POST /schedules/s/run"] = [Self.run(3, "starting")]
        jobs["GET /schedules/s/runs/3"] = [
            Self.run(3, "starting"), active(1), active(2), Self.run(3, "succeeded"),
        ]
        let wait = ShipyardCommandsTests.run("schedules", "run", "s", "--wait", service: FakeService(jobs))
        #expect(wait.code == .done)
        let lines = wait.messages.split(separator: "\n").filter { $0.hasPrefix("run") || $0.hasPrefix("job") }
        #expect(
            lines == [
                "run 3 of schedule s: starting",
                "job s:j-3.1: failed, 0 of 1 task succeeded, 1 failed in 4.0 s",
                "job s:j-3.2: done, 1 of 1 task succeeded in 4.0 s", "run 3 of schedule s: succeeded",
            ])
    }
}

extension String {
    fileprivate func prependedAndClosed(_ attempt: Int) -> String {
        "\"attempt\":\(attempt),\"version\":2,\"jobs\":[\(self)]"
    }
}
