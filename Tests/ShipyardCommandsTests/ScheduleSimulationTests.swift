import Foundation
import ShipyardCalendar
import ShipyardModel
import ShipyardSpecs
import Testing

@testable import ShipyardCommands

/// `schedules simulate`.
final class ScheduleSimulationTests {
    private let directory: String

    init() throws {
        directory = "/tmp/shipyard-simulation-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
    }

    /// From the last day of winter time on, for so many days.
    private func simulate(
        _ schedules: String, days: String, _ words: [String], from: String = "2030-03-30",
        service: FakeService? = nil
    ) throws -> ProgramRun {
        try write("schedule_specifications:\n" + schedules, to: "schedules.yaml")
        let test = TestConsole()
        let line =
            ["schedules", "simulate", "--configdir", directory, "--from", from, "--days", days] + words
        let code = Program.run(
            line, console: test.console, environment: Environment(["HOME": "/nowhere"]),
            connection: FakeService.connection(service))
        return ProgramRun(code: code, output: test.output, messages: test.messages)
    }

    /// `2 skipped`, by the run's number.
    private func states(_ schedules: String, days: String = "1", _ words: String...) throws -> [String] {
        let run = try simulate(schedules, days: days, words + ["--format", "json"])
        return try run.output.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            let skip = (object["skip"] as? String).map { " \($0)" } ?? ""
            let attempts = object["attempts"] as? Int ?? 0
            return "\(object["run"] ?? "") \(object["state"] ?? "")\(skip)"
                + (attempts == 1 ? "" : " \(attempts)")
        }
    }

    // MARK: -

    @Test func aTableShowsWhatBecomesOfEachRun() throws {
        try write("often: 07:00:00\nreport: 1.00:00:00\n", to: "lengths.yaml")
        let run = try simulate(
            """
            - {id: nightly, cron: '30 2 * * *', timezone: Europe/Berlin, jitter: '00:05:00'}
            - {id: often, interval: '06:00:00', overlap: queue}
            - {id: off, cron: '@hourly', enabled: false}
            - {id: report, after: {schedule: nightly}, timezone: Europe/Berlin}
            - {id: alarm, after: {schedule: nightly, when: failed}}

            """, days: "2", ["--durations", directory + "/lengths.yaml", "--duration", "00:02:30"])
        #expect(run.code == .done && run.messages == "")
        #expect(
            run.output == """
                DUE                        ID       DELAY       TOOK        OUTCOME               BY
                2030-03-30T00:00:00Z       often    0           7 h         succeeded             every 06:00:00
                2030-03-30T02:30:00+01:00  nightly  2 min 49 s  2 min 30 s  succeeded             30 2 * * *
                2030-03-30T02:35:19+01:00  report   0           24 h        succeeded             after nightly 1
                2030-03-30T06:00:00Z       often    60 min      7 h         succeeded             every 06:00:00
                2030-03-30T12:00:00Z       often    2 h         7 h         succeeded             every 06:00:00
                2030-03-30T18:00:00Z       often    3 h         7 h         succeeded             every 06:00:00
                2030-03-31T00:00:00Z       often    4 h         7 h         succeeded             every 06:00:00
                2030-03-31T03:00:00+02:00  nightly  3 min 36 s  2 min 30 s  succeeded             30 2 * * *; clocks go forward by 60 min at 02:00
                2030-03-31T03:06:06+02:00  report                           skipped: overlap      after nightly 2; clocks go forward by 60 min at 02:00
                2030-03-31T06:00:00Z       often    5 h         7 h         succeeded             every 06:00:00
                2030-03-31T12:00:00Z       often    6 h                     still active          every 06:00:00
                2030-03-31T18:00:00Z       often                            still queued          every 06:00:00

                nightly: 2 runs, 2 succeeded, at most 3 min 36 s late
                often: 8 runs, 6 succeeded, 1 still active, 1 still queued, at most 6 h late
                report: 2 runs, 1 skipped: overlap, 1 succeeded
                alarm: no run
                2030-03-31 Europe/Berlin: clocks go forward by 60 min at 02:00

                """)
    }

    @Test func aLineOfJSONHasAllOfARun() throws {
        let run = try simulate(
            "- {id: a, cron: '30 2 * * *', timezone: Europe/Berlin, overlap: replace}\n", days: "2",
            ["--duration", "1.12:00:00", "--format", "json", "a"])
        #expect(
            run.output == """
                {"schedule": "a", "run": 1, "due": "2030-03-30T01:30:00Z", "local": "2030-03-30T02:30:00+01:00", "by": "30 2 * * *", "state": "failed", "attempts": 1, "begin": "2030-03-30T01:30:00Z", "start": "2030-03-30T01:30:00Z", "end": "2030-03-31T01:00:00Z", "reason": "it was ended: ReplacedByNextRun"}
                {"schedule": "a", "run": 2, "due": "2030-03-31T01:00:00Z", "local": "2030-03-31T03:00:00+02:00", "by": "30 2 * * *", "state": "active", "attempts": 1, "begin": "2030-03-31T01:00:00Z", "start": "2030-03-31T01:00:00Z", "clocks": "clocks go forward by 60 min at 02:00"}

                """)
    }

    @Test(arguments: [
        ("skip", ["1 succeeded", "2 skipped overlap", "3 succeeded", "4 skipped overlap"]),
        ("queue, max_queued_runs: 1", ["1 succeeded", "2 succeeded", "3 active", "4 skipped queueFull"]),
        ("replace", ["1 failed", "2 failed", "3 failed", "4 active"]),
        ("parallel, max_active_runs: 2", ["1 succeeded", "2 succeeded", "3 succeeded", "4 active"]),
    ])
    func overlapIsTheEngines(_ example: (policy: String, states: [String])) throws {
        #expect(
            try states(
                "- {id: a, interval: '06:00:00', overlap: \(example.policy)}\n", "--duration", "10:00:00")
                == example.states)
    }

    @Test func whatFollowsAFailureIsShown() throws {
        let schedules = """
            - {id: a, cron: '0 1 * * *', retry: {max_retries: 2, delay: '01:00:00'}}
            - {id: good, after: {schedule: a}}
            - {id: bad, after: {schedule: a, when: failed}}

            """
        #expect(try states(schedules, "a", "--failing", "a", "--duration", "00:10:00") == ["1 failed 3"])
        #expect(try states(schedules, "bad", "--failing", "a", "--duration", "00:10:00") == ["1 succeeded"])
        #expect(try states(schedules, "good", "--failing", "a").isEmpty)
        #expect(try states(schedules, "good") == ["1 succeeded"] && states(schedules, "bad").isEmpty)
        let rest = "- {id: a, cron: '@daily', enabled: false}\n- {id: b, after: {schedule: a}}\n"
        #expect(try states(rest, "b").isEmpty, "what is disabled has no followers either")
        let table = try simulate(schedules, days: "1", ["a", "--failing", "a", "--duration", "00:10:00"])
        #expect(table.output.contains("2 h 30 min  failed (3 times)      0 1 * * *\n"))
    }

    /// The start is in, the end is not.
    @Test func rangeIsHalfOpenAndDefaultsToNinetyDays() throws {
        #expect(try states("- {id: a, cron: '@daily'}\n", days: "3").count == 3)
        try write("schedule_specifications: [{id: a, cron: '@daily'}]\n", to: "schedules.yaml")
        let all = run(
            "schedules", "simulate", "--configdir", directory, "--from", "2030-01-01", "--format", "json")
        #expect(all.output.split(separator: "\n").count == 90)
    }

    @Test func whatIsNotKnownIsSaid() throws {
        let run = try simulate(
            """
            - {id: a, cron: '@daily'}
            - {id: b, after: [{schedule: nobody}, {job: film}]}
            - {id: c, on: {storage_event: {storage_account_settings: main, container: in}}}
            - {id: d, cron: '@daily', enabled: false}
            - {id: e, cron: '@daily'}

            """, days: "1", [])
        #expect(
            run.messages == """
                how long runs of a, b, c and of 1 more take is not said: they take no time here; see --duration and --durations
                b runs after schedule nobody, which is not in the file: those runs are not shown
                b runs after job film, which nobody foresees: those runs are not shown
                c runs by files, which nobody foresees: those runs are not shown

                """)
        #expect(run.output.hasSuffix("a: 1 run, 1 succeeded\nb: no run\nc: no run\ne: 1 run, 1 succeeded\n"))
    }

    @Test func lengthsThatMakeNoSenseAreRefused() throws {
        func refusal(_ text: String, name: String = "l.yaml", _ words: String...) throws -> ProgramRun {
            try write(text, to: name)
            return try simulate(
                "- {id: nightly, cron: '@daily'}\n", days: "1",
                ["--durations", "\(directory)/\(name)"] + words)
        }
        let unknown = try refusal("nightl: 00:01:00\n")
        #expect(unknown.code == .usage && unknown.messages.contains("did you mean `nightly`?"))
        let length = try refusal("nightly: 5m\n")
        #expect(
            length.messages.hasPrefix(
                "error: `nightly` in \(directory)/l.yaml is not a length of time: `5m`\n"))
        for text in ["[nightly]\n", "nightly: {a: b}\n", "nightly: 5\n"] {
            let run = try refusal(text)
            #expect(run.code == .usage && run.messages.contains("is not a mapping of schedules"), "\(text)")
        }
        let broken = try refusal("nightly: [\n")
        #expect(broken.code == .specRefused && broken.messages.contains("SY"))
        #expect(try refusal("", "--duration", "x").code == .usage)
        #expect(try refusal("nightly: 00:01:00\n", "--failing", "x").code == .usage)
        #expect(try refusal(#"{"nightly": "00:01:00"}"#, name: "l.json").code == .done)
        #expect(try refusal("nightly: 00:01:00\n", name: "lengths").output.contains("60 s  "))
        let missing = try simulate("- {id: a, cron: '@daily'}\n", days: "1", ["--durations", "/no/file"])
        #expect(missing.code == .usage && missing.messages.contains("/no/file"))
    }

    /// Of runs that succeeded at once; what was said counts for more.
    @Test func lengthsThatNobodySaysAreThoseOfThePast() throws {
        func run(_ state: String, _ end: String, attempt: Int = 1) -> String {
            #"""
            {"number":1,"dueTime":"2030-01-01T00:00:00Z","cause":"clock","state":"\#(state)","beginTime":"2030-01-01T00:00:00Z",
            "startTime":"2030-01-01T00:00:00.500Z","endTime":"2030-01-01T\#(end)Z","attempt":\#(attempt),"version":1,"jobs":[]}
            """#
        }
        let runs = [
            run("succeeded", "00:10:00.500"), run("failed", "09:00:00"), run("succeeded", "05:00:00"),
            run("succeeded", "00:01:00"), run("succeeded", "08:00:00", attempt: 2),
        ]
        let known = #"""
            {"value":[{"id":"a","state":"active","isRecurrence":false,"version":1,"creationTime":"2030-01-01T00:00:00Z",
            "stateTransitionTime":"2030-01-01T00:00:00Z","timezone":"UTC","executionInfo":{},"activeRuns":[],
            "queuedRuns":0,"failedStarts":0}]}
            """#
        let service = FakeService([
            "GET /schedules": [known],
            "GET /schedules/a/runs?limit=50": [#"{"value":[\#(runs.joined(separator: ","))]}"#],
        ])
        let text = "- {id: a, cron: '@daily'}\n- {id: b, cron: '@daily'}\n"
        let past = try simulate(text, days: "1", [], service: service)
        #expect(
            past.messages == """
                runs of a take 10 min: the median of 3 runs of the past
                how long runs of b take is not said: they take no time here; see --duration and --durations

                """)
        #expect(past.output.contains("a   0           10 min      succeeded"))
        let said = try simulate(text, days: "1", ["--duration", "00:00:05"], service: service)
        #expect(said.messages == "" && said.output.contains("a   0           5.0 s"), "\(said.output)")
        #expect(service.requests.count == 2)
    }

    @Test func nobodyGoesOnForAReaderThatHasGone() throws {
        try write("schedule_specifications: [{id: a, cron: '@daily'}]\n", to: "schedules.yaml")
        let bytes = try LocalFile.read(directory + "/schedules.yaml")
        let schedules = try #require(
            SpecLoader.load([SpecSource(.schedules, .init(name: "s.yaml", bytes: bytes))]).specs.schedules
        )
        .schedules
        let start = Instant(milliseconds: 1_893_456_000_000)
        var simulation = ScheduleSimulation(schedules, [.init()], from: start)
        var told = 0
        simulation.run(until: start + .seconds(86_400 * 36_500)) { _ in
            told += 1
            return told < 5
        }
        #expect(told == 5)
    }

    // MARK: - Days on which clocks are set

    @Test(arguments: [
        ("Europe/Berlin", "2030-10-27T12:00:00Z", "clocks go back by 60 min at 03:00"),
        ("America/New_York", "2030-03-10T05:00:00Z", "clocks go forward by 60 min at 02:00"),
        ("America/New_York", "2030-03-11T03:59:59Z", "clocks go forward by 60 min at 02:00"),
        ("Australia/Lord_Howe", "2030-10-05T14:00:00Z", "clocks go forward by 30 min at 02:00"),
        // Clocks go from the end of Saturday to an hour later, and so Sunday begins at one.
        ("Asia/Beirut", "2030-03-31T12:00:00Z", "clocks go forward by 60 min at 00:00"),
        ("America/New_York", "2030-03-10T04:59:59Z", nil), ("America/New_York", "2030-03-11T04:00:00Z", nil),
        ("Europe/Berlin", "2030-07-01T12:00:00Z", nil), ("UTC", "2030-03-31T12:00:00Z", nil),
    ])
    func daysOfAChangeAreNoted(_ example: (zone: String, at: String, note: String?)) throws {
        var clocks = ClockChanges(try ZoneFiles().zone(named: example.zone))
        let moment = try #require(SpecDate.instant(example.at))
        for _ in 0..<2 { #expect(clocks.note(at: moment) == example.note) }
    }
}
