import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem

/// `schedules next`: when schedules are due, from the file alone.
enum SchedulesNextCommand {
    static let command = Command("next", "show when schedules are due")
        .details(
            "Looks at the schedules file and the calendar, and needs no service. Without --days each schedule has a "
                + "line, for the next time that it is due; with it all times of so many days, in order. Schedules that "
                + "run when something else happens have no times, and neither have those that are disabled.",
            "Runs that would be left out because an earlier one is still active are shown: how long runs take is not in "
                + "the file. `json` has a line for each time, `ics` is a file for calendar programs."
        )
        .takes(Argument("ID", "one schedule; else all of the file", optional: true))
        .options(
            .value("days", "N", values: .number, "all times of so many days"),
            .value("from", "MOMENT", "from this moment in UTC instead of now: 2030-01-02T03:04:05Z"),
            .value("format", "FORMAT", values: .choice(["table", "json", "ics"]), "how they are printed")
        )
        .example("schedules next --schedules schedules.yaml", "shows the next time of each schedule")
        .example("schedules next nightly --days 90 --format ics > nightly.ics", "makes a file for a calendar")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let schedules = try load(invocation) else { return .specRefused }
        let chosen = try choose(from: schedules, byClock: true, invocation)
        let start = try start(invocation)
        var printer = DueTimePrinter(chosen, invocation.arguments["format"] ?? "table", invocation.console)
        printer.begin()
        if let days = try invocation.arguments.number("days") {
            let days = min(Int64(days), SpecLimits.durationDays)
            for (due, index) in DueTimesOfMany(
                chosen.map(\.timetable), in: start..<(start + .seconds(days * 86_400)))
            {
                guard printer.print(due, index) else { break }
            }
        } else {
            let range = start..<Instant(milliseconds: .max)
            let next = chosen.enumerated().compactMap { index, schedule in
                var times = DueTimes(of: schedule.timetable, in: range)
                return times.next().map { (due: $0, index: index) }
            }
            for (due, index) in next.sorted(by: {
                ($0.due.instant.milliseconds, $0.index) < ($1.due.instant.milliseconds, $1.index)
            }) {
                guard printer.print(due, index) else { break }
            }
        }
        printer.end()
        return .done
    }

    /// The schedules of the file; nil where it is refused, which has been told then.
    static func load(_ invocation: Invocation) throws(CommandFailure) -> [ScheduleSpec]? {
        let files = try SpecSources([.schedules], of: invocation)
        guard files.contains(.schedules) else { throw SpecFiles(invocation).missing("schedules") }
        let zones = ZoneFiles(directory: invocation.environment["TZDIR"], local: invocation.environment["TZ"])
        let (specs, diagnostics) = SpecLoader.load(files.sources, zones: zones)
        guard let spec = specs.schedules, !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            return nil
        }
        return spec.schedules
    }

    /// - Parameter byClock: whether nothing else counts.
    static func choose(
        from schedules: [ScheduleSpec], byClock: Bool, _ invocation: Invocation
    ) throws(CommandFailure) -> [ScheduleSpec] {
        guard let id = invocation.arguments.words.first else { return schedules.filter(\.isEnabled) }
        guard let schedule = schedules.first(where: { $0.id.value == id }) else {
            let near = closestWord(to: id, among: schedules.map(\.id.value)).map { "did you mean `\($0)`?" }
            throw .usage("the file has no schedule `\(id)`", help: near)
        }
        if !schedule.isEnabled {
            invocation.console.say("schedule \(id) is disabled: nothing of it is due")
        } else if byClock, !schedule.timetable.hasTimes {
            invocation.console.say("schedule \(id) does not run by the clock")
        }
        return schedule.isEnabled ? [schedule] : []
    }

    static func start(_ invocation: Invocation) throws(CommandFailure) -> Instant {
        guard let text = invocation.arguments["from"] else {
            return SystemClock.now()
        }
        guard let instant = SpecDate.instant(text) else {
            throw .usage("`--from` takes a moment, not `\(text)`", help: "write \(SpecDate.forms)")
        }
        return instant
    }
}
