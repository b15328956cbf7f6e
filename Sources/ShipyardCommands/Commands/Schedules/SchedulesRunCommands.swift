import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSystem

/// `schedules run`: a run now.
enum SchedulesRunCommand {
    static let command = Command("run", "run a schedule now")
        .details(
            "The run has the present moment as its time, and goes by the schedule's `overlap` as any other. It runs what was "
                + "kept when the schedule was added. With --key a repeated call makes no second run.",
            "With --wait the command follows the jobs of the run to their end; the exit code is the outcome."
        )
        .takes(Argument("ID", "the schedule", values: .id(.schedule)))
        .options(
            SharedOptions.parameter, .flag("wait", "follow the run to its end; the exit code is the outcome"),
            .value(
                "key", "KEY", "the same run for every call with this key: 1 to 64 letters, digits, - and _")
        )
        .example("schedules run nightly --wait", "runs it and waits")
        .example("schedules run nightly --param day=2030-01-02", "gives a parameter another value")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = invocation.arguments.words.first ?? ""
        let service = try invocation.service()
        let parameters = try invocation.arguments.parameters()
        let body = RunRequestBody(
            parameters: parameters.isEmpty ? nil : parameters,
            submissionId: invocation.arguments["key"] ?? ServiceClient.randomIdentity())
        let run: RunResponse = try service.postOnce(ServiceClient.schedule(id) / "run", body)
        if invocation.isRaw, !invocation.has("wait") {
            invocation.console.printRaw(try service.tree(path(of: run, id)))
            return .done
        }
        invocation.console.say("run \(run.number) of schedule \(id): \(word(run))")
        guard invocation.has("wait") else { return .done }
        return try follow(run, id, service, invocation.console)
    }

    private static func path(of run: RunResponse, _ id: String) -> ServicePath {
        ServiceClient.schedule(id) / "runs" / String(run.number)
    }

    private static func word(_ run: RunResponse) -> String {
        var text = run.state
        if !run.jobs.isEmpty { text += ", " + run.jobs.map { "job \($0.id)" }.joined(separator: ", ") }
        return text + (run.reason.map { ": \(DisplayText.printable($0))" } ?? "")
    }

    /// One attempt after the other: the jobs of each are followed.
    private static func follow(
        _ first: RunResponse, _ id: String, _ service: ServiceClient, _ console: Console
    ) throws(CommandFailure) -> ExitCode {
        var followed: Set<UInt32> = []
        while true {
            let run: RunResponse = try service.get(path(of: first, id))
            let isOver = ["succeeded", "failed", "skipped"].contains(run.state)
            // Of a short run the jobs may be seen first when they have ended.
            let jobs = run.jobs.filter {
                $0.attempt == run.attempt && $0.state != nil && !followed.contains($0.number)
            }
            if !jobs.isEmpty, isOver || run.state == "active" {
                followed.formUnion(jobs.map(\.number))
                let outcome = try JobFollower(service, console).follow(
                    jobs.map(\.id),
                    numbers: Dictionary(jobs.map { ($0.id, $0.number) }, uniquingKeysWith: { $1 }))
                if outcome == .interrupted { return outcome }
            } else if isOver {
                console.say("run \(run.number) of schedule \(id): \(word(run))")
                return run.state == "succeeded" ? .done : .failed
            } else {
                usleep(200_000)
            }
        }
    }
}

/// `schedules backfill`: runs for times that have had none.
enum SchedulesBackfillCommand {
    static let command = Command("backfill", "run the times of the past that have had no run")
        .details(
            "Each logical time from --from to --to that the schedule was due at by its clock, and that has had no run, is "
                + "run once, oldest first. Called again it makes up for what is still missing."
        )
        .takes(Argument("ID", "the schedule", values: .id(.schedule)))
        .options(
            .value(
                "from", "MOMENT", "the first moment, by the schedule's clock: 2030-01-02 or 2030-01-02T03:04"),
            .value("to", "MOMENT", "the last one; default now"),
            .value("parallel", "N", values: .number, "how many of these runs at once; default 1"),
            .flag("dry-run", "only list the times")
        )
        .example(
            "schedules backfill nightly --from 2030-01-01 --to 2030-01-31 --dry-run", "lists what is missing"
        )
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let id = invocation.arguments.words.first ?? ""
        guard let from = invocation.arguments["from"] else {
            throw .usage("`schedules backfill` needs `--from`", help: "such as `--from 2030-01-02`")
        }
        let isDry = invocation.has("dry-run")
        let request = BackfillRequest(
            from: from, to: invocation.arguments["to"] ?? SystemClock.now().iso8601,
            parallel: try invocation.arguments.number("parallel"), dryRun: isDry)
        let answer: BackfillResponse = try invocation.service().post(
            ServiceClient.schedule(id) / "backfill", request)
        for time in answer.times { invocation.console.print(time) }
        let count = counted(answer.times.count, "run")
        invocation.console.say(
            answer.times.isEmpty
                ? "no time has had no run"
                : isDry ? "\(count) would be made" : "\(count) will be made, oldest first")
        return .done
    }
}
