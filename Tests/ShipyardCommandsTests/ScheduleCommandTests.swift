import Foundation
import ShipyardModel
import Testing

@testable import ShipyardCommands

/// `schedules next`, and schedules files in `validate`.
struct ScheduleCommandTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "/shipyard-schedules-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func write(_ text: String, to name: String) throws {
        try text.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
    }

    private let text = """
        schedule_specifications:
        - {id: nightly, cron: '30 2 * * *', timezone: Europe/Berlin, jitter: '00:05:00'}
        - {id: often, interval: '18:00:00'}
        - {id: off, cron: '@hourly', enabled: false}
        - {id: report, after: {schedule: nightly}}

        """

    @Test func allTimesOfADayComeInOrder() throws {
        try write(text, to: "schedules.yaml")
        let table = run(
            "schedules", "next", "--configdir", directory, "--days", "1", "--from", "2030-03-31T00:00:00Z")
        #expect(
            table.output == """
                DUE                        ID       BY
                2030-03-31T03:00:00+02:00  nightly  30 2 * * *
                2030-03-31T06:00:00Z       often    every 18:00:00

                """)
        let json = run(
            "schedules", "next", "nightly", "--configdir", directory, "--from", "2030-03-31T01:00:01Z",
            "--format",
            "json")
        #expect(
            json.output
                == #"{"schedule": "nightly", "due": "2030-04-01T00:30:00Z", "local": "2030-04-01T02:30:00+02:00", "#
                + #""start": "2030-04-01T00:30:46.108Z", "by": "30 2 * * *"}"# + "\n")
    }

    @Test func whatHasNoTimesSaysSo() throws {
        try write(text, to: "schedules.yaml")
        func next(_ words: String) -> ProgramRun { run("schedules", "next", words, "--configdir", directory) }
        #expect(next("off").messages == "schedule off is disabled: nothing of it is due\n")
        #expect(next("report").messages == "schedule report does not run by the clock\n")
        #expect(
            next("nightli").code == .usage && next("nightli").messages.contains("did you mean `nightly`?"))
        #expect(run("schedules", "next", "--configdir", directory, "--from", "noon").code == .usage)
        try write("schedule_specifications: [{id: a, cron: '61 * * * *'}]\n", to: "schedules.yaml")
        #expect(next("a").code == .specRefused && next("a").output.isEmpty)
    }

    /// The file names the jobs file, and that is looked into.
    @Test func validateReadsTheFilesThatAreNamed() throws {
        try write("job_specifications: [{id: film, parameters: {scene: {}}, tasks: []}]\n", to: "film.yaml")
        try write(
            "schedule_specifications: [{id: a, cron: '@daily', jobs: film.yaml, parameters: {scen: x}}]\n",
            to: "schedules.yaml")
        for words in [
            ["validate", "--configdir", directory], ["validate", "schedules", "\(directory)/schedules.yaml"],
        ] {
            let check =
                words.count == 3
                ? run(words[0], words[1], words[2]) : run(words[0])
            #expect(check.output.contains("SY2035") && check.output.contains("SY2036"), "\(check.output)")
            #expect(check.output.contains("did you mean `scene`?"))
            #expect(!check.output.contains("SY5002"))
        }
    }

    // MARK: - Calendar files

    /// By RFC 5545: CR LF everywhere, 75 bytes, no character cut, and unfolding gives the text back.
    @Test func linesAreFoldedBetweenCharacters() throws {
        for length in 60...90 {
            var calendar = ICalendar()
            let summary =
                String(repeating: "a", count: length) + "é,;\\\n\u{1F600}" + String(repeating: "ü", count: 80)
            calendar.addEvent(
                id: "x", at: Instant(milliseconds: 1_711_848_600_999), summary: summary,
                description: "d\r\u{7}",
                stamp: Instant(milliseconds: 0))
            calendar.end()
            let text = try #require(String(validating: calendar.bytes, as: UTF8.self))
            let lines = text.components(separatedBy: "\r\n")
            #expect(
                lines.last == ""
                    && !lines.contains { $0.utf8.count > 75 || $0.contains("\n") || $0.contains("\r") })
            let unfolded = text.replacingOccurrences(of: "\r\n ", with: "").components(separatedBy: "\r\n")
            let escaped =
                String(repeating: "a", count: length) + "é\\,\\;\\\\\\n\u{1F600}"
                + String(repeating: "ü", count: 80)
            #expect(unfolded.contains("SUMMARY:" + escaped) && unfolded.contains("DESCRIPTION:d"))
            #expect(
                unfolded.contains("DTSTART:20240331T013000Z") && unfolded.contains("DTSTAMP:19700101T000000Z")
            )
        }
    }

    /// The same event has the same name in every file, and no two have one.
    @Test func aCalendarHoldsEachTimeOnce() throws {
        try write(text, to: "schedules.yaml")
        func names(_ from: String) -> [String] {
            run(
                "schedules", "next", "--configdir", directory, "--days", "3", "--from", from, "--format",
                "ics"
            ).output
                .components(separatedBy: "\r\n").filter { $0.hasPrefix("UID:") }
        }
        let first = names("2030-01-01")
        let second = names("2030-01-02")
        #expect(first.count == 7 && Set(first).count == 7)
        #expect(Set(first).intersection(second).count == 4)
    }
}
