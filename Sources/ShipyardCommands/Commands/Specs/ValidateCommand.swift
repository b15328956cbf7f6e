import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// `validate`: checks spec files without a service.
enum ValidateCommand {
    private static let kinds = SpecKind.allCases.map(\.rawValue)

    static let command = Command("validate", "check spec files and say everything that is wrong")
        .details(
            "With KIND and FILE each file is judged by itself, and other files count as not known. Without "
                + "them the files of the spec directory are checked together, as `jobs add` would take them. Exit "
                + "code 0 when they are good, 3 when `jobs add` would refuse them. With `--fix` misspelt keys and words and missing "
                + "or superfluous quotes are mended first, all else stays byte for byte, and what was done is said."
        )
        .takes(
            Argument("KIND", kinds.joined(separator: ", "), optional: true, values: .choice(kinds)),
            Argument(
                "FILE", "a YAML or JSON file; - is standard input", optional: true, repeats: true,
                values: .file)
        )
        .options(
            .value(
                "format", "FORMAT", values: .choice(["text", "json"]),
                "how findings are printed; with json always a JSON list, whatever is in the way"),
            .flag("fix", "rewrite the files where hardly anything else can have been meant"),
            SharedOptions.parameter, SharedOptions.strict
        )
        .example("validate jobs jobs/hello/jobs.yaml", "checks one file")
        .example("validate jobs jobs.yaml --fix", "mends what is only misspelt")
        .example("validate --configdir etl --format json", "checks a directory, for editors and CI")
        .raw
        .shows(shown)
        .runs(run)

    @Sendable private static func shown(_ invocation: Invocation) throws(CommandFailure) -> [SpecSource] {
        let words = invocation.arguments.words
        guard let kind = words.first.flatMap(SpecKind.init(rawValue:)) else { return try ShowConfig.files(of: invocation) }
        return try SpecSources(kind, paths: words.dropFirst()).sources
    }

    /// Looked for in the words themselves: they may be wrong.
    static func wantsJSON(_ words: [String]) -> Bool {
        guard words.first(where: { !$0.hasPrefix("-") }) == "validate" || words.contains("validate") else {
            return false
        }
        let values = zip(words, words.dropFirst())
        return words.contains("--raw") || words.contains("--format=json")
            || values.contains { $0 == "--format" && $1 == "json" }
    }

    /// A list with one finding, which has no code and no place.
    static func print(_ failure: CommandFailure, to output: OutputStream) {
        let finding = JSONValue.present([
            ("code", .null), ("severity", .string(Severity.error.rawValue)),
            ("message", .string(failure.message)), ("file", .null),
            ("help", failure.help.map(JSONValue.string) ?? .null),
        ])
        output.line(JSONValue.array([finding]).compactText)
    }

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let words = invocation.arguments.words
        guard let word = words.first else { return try checkDirectory(invocation) }
        guard let kind = SpecKind(rawValue: word) else {
            let kind = SpecFileNames.isSpec(word) ? SpecFileNames.kind(of: word) ?? "jobs" : nil
            let near = LocalFile.isDirectory(word) ? "a directory of specs is checked with `--configdir \(word)`" : kind.map { "the kind stands before the file: `shipyard-swift validate \($0) \(word)`; kinds: " + kinds.joined(separator: ", ") }
                ?? closestWord(to: word, among: kinds).map { "did you mean `\($0)`?" }
            throw .usage(
                "`\(word)` is no kind of spec", help: near ?? "kinds: " + kinds.joined(separator: ", "))
        }
        guard words.count > 1 else { throw .usage("`validate \(word)` needs a FILE") }
        let paths = words.dropFirst()
        if invocation.has("fix"), paths.contains("-") {
            throw .usage("`--fix` rewrites files, and standard input is none")
        }
        var files = try SpecSources(kind, paths: paths)
        var diagnostics = Diagnostics()
        let values = try values(invocation)
        if invocation.has("fix") { try files.fix(values, invocation.console) }
        for source in files.sources { diagnostics.report(PlanCheck.findings([source], values)) }
        return report(diagnostics, files: files.sources.count, invocation)
    }

    private static func checkDirectory(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        var files = try SpecSources(SpecKind.allCases, of: invocation)
        guard !files.sources.isEmpty else { throw SpecFiles(invocation).missing("jobs") }
        if invocation.has("fix") { try files.fix(try values(invocation), invocation.console) }
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
        if invocation.isRaw || invocation.arguments["format"] == "json" {
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
