import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSubmission
import ShipyardSystem

/// `schedules add`: from then on the schedules of the file run.
enum SchedulesAddCommand {
    static let command = Command("add", "add the schedules of schedules.yaml, or change those that are there")
        .details(
            "Takes all that the schedules run along: jobs and pool files, what generators give, application packages, and "
                + "resource files beside the specs. What is edited or deleted later changes nothing until the "
                + "schedules are added again; then the command shows what differs.",
            "All schedules of the file are checked first, and planned once as in a run; one with an error changes nothing. "
                + "Schedules that are there and not in the file stay."
        )
        .options(SharedOptions.strict)
        .example("schedules add --configdir jobs/hourly", "adds the schedules of a directory")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let bundles = try ScheduleBundles(invocation)
        let answer = try bundles.submit(to: try invocation.service())
        let console = invocation.console
        for warning in answer.warnings {
            console.messages.write(warning.hasSuffix("\n") ? warning : warning + "\n")
        }
        for path in bundles.pathsOfRuns.sorted() {
            console.say("\(path) and its like are read when a run starts, and not kept")
        }
        for path in Set(bundles.directories).sorted() {
            console.say(
                "the package \(path) is a directory, which is not kept: nodes read what is in it when they start (an archive would be kept)")
        }
        let now = SystemClock.now()
        for schedule in answer.schedules {
            console.say(line(schedule, at: now))
            for difference in schedule.differences { console.say("  " + DisplayText.printable(difference)) }
        }
        if !answer.others.isEmpty {
            let list = answer.others.prefix(Self.othersNamed).joined(separator: ", ")
            let more = answer.others.count - Self.othersNamed
            console.say(
                "schedules that are not in the file stay as they are: \(list)" + (more > 0 ? ", and \(more) more" : ""))
        }
        return .done
    }

    private static let othersNamed = 10

    static func line(_ schedule: SubmittedSchedules.Schedule, at now: Instant) -> String {
        let change =
            switch schedule.change {
            case "added": "added"
            case "changed": "changed, now version \(schedule.version)"
            default: "unchanged"
            }
        var text = "schedule \(schedule.id) \(change)"
        if schedule.state != "active" { text += "; it is \(schedule.state)" }
        if let next = schedule.nextRunTime {
            text += "; next run \(schedule.nextRunTimeLocal ?? next)" + ScheduleText.inBrackets(next, at: now)
        }
        return text
    }
}

/// Words about schedules.
enum ScheduleText {
    /// ` (in 3 h)`
    static func inBrackets(_ time: String, at now: Instant) -> String {
        distance(time, at: now).map { " (\($0))" } ?? ""
    }

    /// `in 3 h`, `now`
    static func distance(_ time: String, at now: Instant) -> String? {
        guard let instant = SpecDate.instant(time) else { return nil }
        let milliseconds = instant.milliseconds - now.milliseconds
        guard milliseconds > 0 else { return "now" }
        return "in " + length(milliseconds)
    }

    /// With days, which a task hardly takes and a schedule does.
    static func length(_ milliseconds: Int64) -> String {
        let hours = milliseconds / 3_600_000
        guard hours >= 48 else { return durationText(seconds: Double(milliseconds) / 1000) }
        return "\(hours / 24) days" + (hours % 24 == 0 ? "" : " \(hours % 24) h")
    }

    /// Said wherever schedules are shown: a schedule that never starts must not go unnoticed.
    static func alarm(_ schedule: ScheduleResponse) -> String? {
        guard schedule.failedStarts >= ScheduleResponse.failedStartsToTell else { return nil }
        let reason = schedule.failedStartReason.map { ": \($0)" } ?? ""
        return "schedule \(schedule.id) failed to start \(schedule.failedStarts) times in a row\(reason);"
            + " it goes on trying, see shipyard-swift schedules history \(schedule.id)"
    }

    static func outcome(_ run: RunResponse?) -> String {
        guard let run else { return "" }
        let what = run.state == "skipped" ? "skipped (\(run.skipReason ?? "?"))" : run.state
        return "\(what) \(run.dueTimeLocal ?? run.dueTime)"
    }
}
