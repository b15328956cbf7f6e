import ShipyardAPI
import ShipyardDiagnostics
import ShipyardPlanner
import ShipyardSpecs

/// `plan`: shows what would run, without a service.
enum PlanCommand {
    static let command = Command("plan", "show which tasks a jobs file makes, and in which order")
        .details(
            "Nothing is started or stored. A spec with an error is refused with exit code 3. `text` says how many "
                + "tasks there are, what they wait for and how they fit the pool; `jsonl` has a line for each task; "
                + "`dot` and `mermaid` draw the graph."
        )
        .options(
            .value(
                "format", "FORMAT", values: .choice(["text", "jsonl", "dot", "mermaid"]),
                "how the plan is printed"),
            SharedOptions.parameter, SharedOptions.strict
        )
        .example("plan --jobs jobs/diamond/jobs.yaml", "says what would run, and after what")
        .example(
            "plan --configdir jobs/sweep --format jsonl | head", "shows the first tasks with their commands"
        )
        .example("plan --configdir etl --format dot | dot -Tsvg > plan.svg", "draws the graph of tasks")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let files = try SpecSources([.credentials, .config, .pool, .jobs], of: invocation)
        guard files.contains(.jobs) else { throw SpecFiles(invocation).missing("jobs") }
        var (specs, diagnostics) = SpecLoader.load(
            files.sources, .of(RunContext(parameters: try invocation.arguments.parameters())))
        if invocation.has("strict") { diagnostics.makeWarningsErrors() }
        guard let jobs = specs.jobs, !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            return .specRefused
        }
        specs.dropTree()
        specs.credentials = try CommandVault.resolved(specs.credentials, invocation)
        let home = try HomeDirectory(invocation).path
        let directory = files.directory(of: .jobs)
        func planner() -> Planner {
            let world = LocalPlannerWorld(
                home: home, credentials: specs.credentials, specDirectory: directory)
            return Planner(jobs, setting: PlanCheck.setting(specs, files.sources), world: world)
        }
        // A spec is refused whole: nothing is printed before it is known to be good. Planning a million tasks
        // twice takes a fraction of a second; keeping them would take the memory that streaming saves.
        var check = planner()
        let isPlanned = check.check(&diagnostics)
        if invocation.has("strict") { diagnostics.makeWarningsErrors() }
        let isAccepted = isPlanned && !diagnostics.hasErrors
        if isAccepted {
            var plan = planner()
            var seen = diagnostics
            do throws(ReaderIsGone) {
                _ = try print(&plan, &seen, pool: specs.pool, invocation)
            } catch {
                // `| head` has seen enough; that is no failure.
            }
            invocation.console.output.flush()
        }
        invocation.console.show(diagnostics)
        return isAccepted ? .done : .specRefused
    }

    private static func print(
        _ planner: inout Planner, _ diagnostics: inout Diagnostics, pool: PoolSpec?, _ invocation: Invocation
    ) throws(ReaderIsGone) -> Bool {
        let output = invocation.console.output
        let write = { (bytes: [UInt8]) throws(ReaderIsGone) in
            output.write(bytes: bytes)
            if output.isClosed { throw ReaderIsGone() }
        }
        switch invocation.arguments["format"] {
        case "jsonl":
            var sink = JSONLinesPlanSink<ReaderIsGone>(write)
            return try planner.planAll(into: &sink, &diagnostics)
        case "dot", "mermaid":
            let isDot = invocation.arguments["format"] == "dot"
            var sink = GraphPlanSink<ReaderIsGone>(isDot ? .dot : .mermaid, write)
            let isAccepted = try planner.planAll(into: &sink, &diagnostics)
            try sink.finish()
            return isAccepted
        default:
            var sink = SummaryPlanSink<ReaderIsGone>(pool: pool, write)
            return try planner.planAll(into: &sink, &diagnostics)
        }
    }

    /// Nobody reads the output any more.
    private struct ReaderIsGone: Error {}
}
