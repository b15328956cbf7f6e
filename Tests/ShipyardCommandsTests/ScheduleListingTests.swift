import Foundation
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// What people see of schedules.
struct ScheduleListingTests {
    private static func schedule(
        _ id: String, state: String = "active", isRecurrence: Bool = false, failedStarts: Int = 0, more: String = ""
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
        let failing = Self.schedule("bad", failedStarts: 3, more: #","failedStartReason":"there is no pool `p`""#)
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
                SCHEDULE  STATE   NEXT RUN                        RUNNING       VERSION  LAST OUTCOME
                good      active  1970-01-01T01:00:00+01:00  now  8, 2 waiting        2  succeeded 2030-01-01T02:30:00+01:00
                bad       active                                                      2
                new       active                                                      2

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
        let second = Self.run(2, "skipped", more: #","skipReason":"overlap","reason":"another run was still active""#)
        let service = FakeService(["GET /schedules/s/runs?limit=20": [Samples.list(second, first)]])
        #expect(
            ShipyardCommandsTests.run("schedules", "history", "s", service: service).output == """
                RUN  DUE                        STARTED                    DELAY  OUTCOME            BY     VERSION  JOBS      WHY
                  2  2030-01-01T02:30:00+01:00                                    skipped            clock        2            another run was still active
                  1  2030-01-01T02:30:00+01:00  2030-01-01T02:30:04+01:00  4.0 s  failed, attempt 2  clock        2  s:film-1

                """)
    }

    /// A job with a `recurrence` is its schedule, whatever is done with it.
    @Test(arguments: ["disable", "enable", "term", "del"])
    func jobsOfAFileMeanTheirSchedules(_ word: String) throws {
        let file = NSTemporaryDirectory() + "/shipyard-jobs-\(UInt64.random(in: 0...UInt64.max)).yaml"
        try "job_specifications:\n- {id: a, recurrence: {schedule: {recurrence_interval: '01:00:00'}}}\n- {id: b, recurrence: null}\n"
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
                "\(method) /schedules/a\(suffix)", "\(method) /jobs/b\(suffix)", "\(method) /schedules/c\(suffix)",
            ])
    }

    @Test func aRunIsFollowedThroughItsAttempts() {
        func active(_ attempt: Int) -> String {
            Self.run(3, "active").replacing(
                #""attempt":1,"version":2,"jobs":[]"#,
                with: (1...attempt).map { #"{"id":"s:j-3.\#($0)","number":\#($0),"attempt":\#($0),"state":"active"}"# }
                    .joined(separator: ",").prependedAndClosed(attempt))
        }
        var jobs: [String: [String]] = [:]
        for attempt in 1...2 {
            jobs["GET /jobs/s%3Aj-3.\(attempt)"] = [
                Samples.job("s:j-3.\(attempt)", state: "completed", counts: attempt == 1 ? "0,0,0,1" : "0,0,1,0")
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
                "run 3 of schedule s: starting", "job s:j-3.1: failed, 0 of 1 task succeeded, 1 failed in 0 ms",
                "job s:j-3.2: done, 1 of 1 task succeeded in 0 ms", "run 3 of schedule s: succeeded",
            ])
    }
}

extension String {
    fileprivate func prependedAndClosed(_ attempt: Int) -> String {
        "\"attempt\":\(attempt),\"version\":2,\"jobs\":[\(self)]"
    }
}
