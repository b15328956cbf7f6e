import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// `schedules simulate`: what the service would do, from the file alone.
enum SchedulesSimulateCommand {
    static let command = Command("simulate", "show what would run, wait or be left out")
        .details(
            "Takes the schedules file through the days that come, in the service's own engine with a clock of its own, and "
                + "shows each run: how late it begins, how long it takes, and what becomes of it, by jitter, overlap, "
                + "retries and `after`. Days on which clocks are set are marked. It needs no service.",
            "How long runs take is said by --duration for all of them, and by a file for each: `nightly: 02:30:00`. What is not "
                + "said is the median of the past, where a service runs that has the schedule. The service is taken to be "
                + "there all the time, and pools to have room. Runs that a file starts are not foreseen. `json` has a line "
                + "for each run."
        )
        .takes(Argument("ID", "one schedule; else all of the file", optional: true))
        .options(
            .value("days", "N", values: .number, "so many days; default 90"),
            .value("from", "MOMENT", "from this moment in UTC instead of now: 2030-01-02T03:04:05Z"),
            .value("duration", "LENGTH", "how long a run takes: 00:10:00"),
            .value("durations", "FILE", values: .file, "how long runs of each schedule take"),
            .value("failing", "ID", repeats: true, "a schedule all of whose runs fail"),
            .value("format", "FORMAT", values: .choice(["table", "json"]), "how they are printed")
        )
        .example(
            "schedules simulate --duration 00:10:00",
            "shows three months in which every run takes ten minutes"
        )
        .example(
            "schedules simulate report --durations durations.yaml --failing nightly",
            "shows what follows when another schedule fails"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let schedules = try SchedulesNextCommand.load(invocation) else { return .specRefused }
        let conducts = try RunConducts(invocation, for: schedules)
        // All of them run: others may follow from them.
        let chosen = try SchedulesNextCommand.choose(from: schedules, byClock: false, invocation)
        let start = try SchedulesNextCommand.start(invocation)
        let days = min(Int64(try invocation.arguments.number("days") ?? 90), SpecLimits.durationDays)
        let end = start + .seconds(days * 86_400)
        let ids = Set(chosen.map(\.id.value))
        let isShown = { (index: Int) in ids.contains(schedules[index].id.value) }
        tell(schedules, isShown, conducts, invocation.console)
        var printer = SimulationPrinter(
            schedules, isShown, json: invocation.arguments["format"] == "json", invocation.console)
        printer.begin()
        var simulation = ScheduleSimulation(schedules, conducts.conducts, from: start)
        var isRead = true
        simulation.run(until: end) { run in
            isRead = printer.print(run)
            return isRead
        }
        if isRead { printer.end(start..<end) }
        return .done
    }

    /// What is not known, and so not shown.
    private static func tell(
        _ schedules: [ScheduleSpec], _ isShown: (Int) -> Bool, _ conducts: RunConducts, _ console: Console
    ) {
        let unsaid = conducts.unsaid
        for (id, length) in conducts.history.lengths.sorted(by: { $0.key < $1.key }) {
            let text = durationText(seconds: Double(length.median.milliseconds) / 1000)
            console.say(
                "runs of \(id) take \(text): the median of \(counted(length.count, "run")) of the past")
        }
        if !unsaid.isEmpty {
            let names = unsaid.prefix(3).map { schedules[$0].id.value }.joined(separator: ", ")
            let more = unsaid.count > 3 ? " and of \(unsaid.count - 3) more" : ""
            console.say(
                "how long runs of \(names)\(more) take is not said: they take no time here; see --duration and --durations"
            )
        }
        let made = Set(schedules.map(\.id.value))
        for (index, schedule) in schedules.enumerated() where isShown(index) {
            if schedule.storageEvent != nil {
                console.say(
                    "\(schedule.id.value) runs by files, which nobody foresees: those runs are not shown")
            }
            for after in schedule.after {
                switch after.rule.source {
                case .job(let id):
                    console.say(
                        "\(schedule.id.value) runs after job \(id), which nobody foresees: those runs are not shown"
                    )
                case .schedule(let id) where !made.contains(id):
                    console.say(
                        "\(schedule.id.value) runs after schedule \(id), which is not in the file: those runs are not shown"
                    )
                case .schedule: break
                }
            }
        }
    }
}
