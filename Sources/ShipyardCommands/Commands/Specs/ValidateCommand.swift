import ShipyardDiagnostics
import ShipyardSpecs

/// `validate`: checks spec files without a service.
enum ValidateCommand {
    private static let kinds = SpecKind.allCases.map(\.rawValue)

    static let command = Command("validate", "check spec files and say everything that is wrong")
        .details(
            "With KIND and FILE each file is judged by itself; what only `jobs add` would refuse is a warning. Without "
                + "them the files of the spec directory are checked together, as `jobs add` would take them. Exit "
                + "code 0 when they are good, 3 when not."
        )
        .takes(
            Argument("KIND", kinds.joined(separator: ", "), optional: true, values: .choice(kinds)),
            Argument(
                "FILE", "a YAML or JSON file; - is standard input", optional: true, repeats: true,
                values: .file)
        )
        .options(
            .value("format", "FORMAT", values: .choice(["text", "json"]), "how findings are printed"),
            SharedOptions.parameter, SharedOptions.strict
        )
        .example("validate jobs jobs/hello/jobs.yaml", "checks one file")
        .example("validate --configdir etl --format json", "checks a directory, for editors and CI")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard let word = words.first else { return try checkDirectory(invocation) }
        guard let kind = SpecKind(rawValue: word) else {
            let near = closestWord(to: word, among: kinds).map { "did you mean `\($0)`?" }
            throw .usage(
                "`\(word)` is no kind of spec", help: near ?? "kinds: " + kinds.joined(separator: ", "))
        }
        guard words.count > 1 else { throw .usage("`validate \(word)` needs a FILE") }
        let files = try SpecSources(kind, paths: words.dropFirst())
        var diagnostics = Diagnostics()
        let values = try values(invocation)
        for source in files.sources { diagnostics.report(PlanCheck.findings(alone: source, values)) }
        return report(diagnostics, files: files.sources.count, invocation)
    }

    private static func checkDirectory(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let files = try SpecSources(SpecKind.allCases, of: invocation)
        guard !files.sources.isEmpty else { throw SpecFiles(invocation).missing("jobs") }
        return report(
            PlanCheck.findings(files.sources, try values(invocation)), files: files.sources.count, invocation)
    }

    /// Without a `--param` a file is good for whoever will give its values.
    private static func values(_ invocation: Invocation) throws(CommandFailure) -> ReferenceValues {
        guard invocation.has("param") else { return .samples }
        return .of(RunContext(parameters: try invocation.arguments.parameters()))
    }

    private static func report(
        _ diagnostics: Diagnostics, files: Int, _ invocation: Invocation
    ) -> ExitCode {
        let (console, output) = (invocation.console, invocation.console.output)
        var diagnostics = diagnostics
        if invocation.has("strict") { diagnostics.makeWarningsErrors() }
        if invocation.arguments["format"] == "json" {
            output.write(JSONRenderer.render(diagnostics))
        } else {
            output.write(TextRenderer(color: console.colours(output)).render(
                    diagnostics, tellsEffects: invocation.has("verbose")))
            console.flush()
            console.say(summary(diagnostics, files: files))
        }
        return diagnostics.hasErrors ? .specRefused : .done
    }

    private static func summary(_ diagnostics: Diagnostics, files: Int) -> String {
        let warnings = diagnostics.all.count { $0.severity == .warning }
        var text = counted(files, "file") + ": "
        text += diagnostics.hasErrors ? counted(diagnostics.errorCount, "error") : "good"
        if warnings > 0 { text += ", " + counted(warnings, "warning") }
        return text
    }
}
