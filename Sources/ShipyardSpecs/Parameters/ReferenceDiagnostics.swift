import ShipyardDiagnostics
import ShipyardModel

// The words about references and parameters.
extension Diagnostic {
    /// SY2030, SY2031 and SY2032.
    static func reference(_ reference: Reference, _ problem: ReferenceProblem, _ place: ReferencePlace)
        -> Diagnostic
    {
        let written = Quoted("@{\(reference.name)}").description
        // Behind the `@{`, in bytes of the reference.
        let name = 2..<2 + reference.name.utf8.count
        let root = 2..<2 + reference.root.utf8.count
        let member = min(root.upperBound + 1, name.upperBound)..<name.upperBound
        let suffix = name.upperBound..<reference.range.count
        switch problem {
        case .malformed:
            var finding = Diagnostic(
                code: .malformedReference, message: "a reference is not complete",
                primary: Label(at: place.range(of: reference), "no name and `}` follow"))
            finding.help = "write `@{parameters.NAME}`, or `@@{` for the two characters"
            return finding
        case .noMember(let root):
            var finding = Diagnostic(
                code: .malformedReference, message: "\(written) says nothing of `\(root.rawValue)`",
                primary: Label(at: place.range(of: reference, part: name), "a name after a dot is missing"))
            finding.help = root == .parameters ? nil : "known are " + list(root.members)
            return finding
        case .unknownRoot(let word, let near):
            var finding = Diagnostic(
                code: .unknownReference, message: "\(written) refers to nothing",
                primary: Label(
                    at: place.range(of: reference, part: word.isEmpty ? nil : root), "not a kind of value"))
            finding.help =
                near.map { "did you mean `\($0)`?" }
                ?? "write `@@{` for a literal `@{`; known are " + list(ReferenceRoot.allCases.map(\.rawValue))
            finding.edit = near.map { TextEdit(replacing: place.range(of: reference, part: root), with: $0) }
            return finding
        case .unknownMember(let word, let owner, let near):
            let isParameter = owner == .parameters
            var finding = Diagnostic(
                code: .unknownReference,
                message: isParameter
                    ? "the job declares no parameter \(Quoted(word))"
                    : "`\(owner.rawValue)` has no \(Quoted(word))",
                primary: Label(
                    at: place.range(of: reference, part: member), isParameter ? "not declared" : "unknown"))
            finding.help =
                near.map { "did you mean `\($0)`?" }
                ?? (isParameter
                    ? "declare it under `parameters` of the job" : "known are " + list(owner.members))
            finding.edit = near.map {
                TextEdit(replacing: place.range(of: reference, part: member), with: $0)
            }
            return finding
        case .noValue(let root):
            var finding = Diagnostic(
                code: .noValueForReference, message: "\(written) has no value here: \(reason(root))",
                primary: Label(at: place.range(of: reference), "only set for \(runs(root))"))
            finding.help = "use a parameter, which `--param NAME=VALUE` and schedules can set"
            return finding
        case .unknownSuffix(let text):
            var finding = Diagnostic(
                code: .malformedReference, message: "\(Quoted(text)) means nothing for \(written)",
                primary: Label(at: place.range(of: reference, part: suffix), "neither `raw` nor a format"))
            finding.help =
                "`:raw` puts a value into a command as it is; only times have a format such as `:%Y-%m-%d`"
            return finding
        case .badFormat(let failure): return badFormat(failure, reference, place)
        case .malformedOutput:
            var finding = Diagnostic(
                code: .malformedReference, message: "\(written) is not how a task's output is referred to",
                primary: Label(at: place.range(of: reference, part: name), "not understood"))
            finding.help =
                "write `@{tasks.ID.output}`, or a part of it as in `@{tasks.ID.output.files[0].name}`"
            return finding
        case .suffixOfOutput(let text):
            var finding = Diagnostic(
                code: .malformedReference, message: "\(Quoted(text)) means nothing for \(written)",
                primary: Label(at: place.range(of: reference, part: suffix), "not for a task's output"))
            finding.help =
                "what a task has left is always kept one word; for more words than one put it into a variable of the task"
            return finding
        }
    }

    private static func badFormat(
        _ failure: TimeFormat.Failure, _ reference: Reference, _ place: ReferencePlace
    ) -> Diagnostic {
        let start = 3 + reference.name.utf8.count
        let (message, part) =
            switch failure {
            case .unknown(let letter, let offset):
                ("`%\(letter)` is no part of a time", start + offset..<start + offset + 2)
            case .incomplete(let offset): ("a `%` ends the format", start + offset..<start + offset + 1)
            }
        var finding = Diagnostic(
            code: .malformedReference, message: message,
            primary: Label(at: place.range(of: reference, part: part), "unknown"))
        finding.help = "known are \(TimeFormat.directives)"
        return finding
    }

    private static func reason(_ root: ReferenceRoot) -> String {
        switch root {
        case .parameters, .run: "the job is not submitted by a schedule or a trigger"
        case .schedule: "the job is not submitted by a schedule"
        case .trigger: "the job is not submitted by a trigger"
        case .tasks: "no task has run"
        }
    }

    private static func runs(_ root: ReferenceRoot) -> String {
        switch root {
        case .parameters, .run: "runs of schedules and triggers"
        case .schedule: "runs of a schedule"
        case .trigger: "runs of a trigger"
        case .tasks: "tasks"
        }
    }

    private static func list(_ words: [String]) -> String {
        words.map { "`\($0)`" }.joined(separator: ", ")
    }

    /// SY2033.
    static func referenceNotHere(_ reference: Reference, key: String, _ place: ReferencePlace) -> Diagnostic {
        var finding = Diagnostic(
            code: .referenceNotHere, message: "`\(key)` takes no references",
            primary: Label(at: place.range(of: reference), "would not be replaced"))
        finding.help = "write `@@{` for a literal `@{`"
        return finding
    }

    /// SY2033, for what is known only when another task is done.
    static func outputNotHere(_ reference: Reference, key: String, isOfTask: Bool, _ place: ReferencePlace)
        -> Diagnostic
    {
        var finding = Diagnostic(
            code: .referenceNotHere,
            message: isOfTask
                ? "`\(key)` takes no references to outputs of tasks"
                : "`\(key)` of a job takes no references to outputs of its tasks",
            primary: Label(at: place.range(of: reference), "known only when that task is done"))
        finding.help =
            "commands, environment variables, extended properties and paths of `azure_storage` of tasks take them; keys of `sql` do not"
        return finding
    }

    /// SY2034.
    static func referenceInShell(
        _ reference: Reference, _ reason: ShellPlace.Reason, _ place: ReferencePlace
    ) -> Diagnostic {
        let words: String =
            switch reason {
            case .afterBackslash: "behind a backslash"
            case .afterDollar: "behind a `$`"
            case .expansion(let sign): "in or behind `\(sign)`"
            case .hereDocument: "in or behind a here-document"
            case .caseInSubstitution: "behind a `case` within `$(`"
            case .openQuote: "within quotes that are not closed"
            case .code(let program):
                "in a text that \(program.contains(" ") ? program : "`\(program)`") runs as code"
            }
        var finding = Diagnostic(
            code: .referenceInShell, message: "`@{\(reference.name)}` cannot be kept one word \(words)",
            primary: Label(at: place.range(of: reference), "a value could become a command here"))
        if reference.root == LateReference.root {
            finding.help = "put it into an environment variable of the task and use that"
        } else if reference.root == "parameters", let name = reference.member {
            finding.help =
                "use the variable `$SHIPYARD_PARAM_\(name.uppercased())`, or `@{\(reference.name):raw}` for the value as it is"
        } else {
            finding.help =
                "put it into an environment variable of the task and use that, or write `@{\(reference.name):raw}`"
        }
        return finding
    }

    /// SY2035.
    package static func parameterNotDeclared(_ name: String, known: [String], at range: SourceRange? = nil)
        -> Diagnostic
    {
        var finding = Diagnostic(
            code: .parameterNotDeclared, message: "no job declares a parameter \(Quoted(name))",
            primary: range.map { Label(at: $0, "not declared") })
        finding.help =
            closestMatch(to: name, in: known).map { "did you mean `\($0)`?" }
            ?? (known.isEmpty ? "the jobs have no parameters" : "declared are " + list(known))
        return finding
    }

    /// SY2036.
    package static func parameterMissing(_ spec: ParameterSpec, job: String, at range: SourceRange? = nil)
        -> Diagnostic
    {
        var finding = Diagnostic(
            code: .parameterMissing, message: "job `\(job)` needs a value for parameter `\(spec.name)`",
            primary: Label(at: range ?? spec.range, range == nil ? "has no default" : "not given"))
        finding.help =
            range == nil
            ? "give one with `--param \(spec.name)=VALUE`, or write a `default`"
            : "write `\(spec.name)` under `parameters`"
        if range != nil { finding.others = [Label(at: spec.range, "has no default")] }
        return finding
    }

    /// SY3030.
    package static func parameterRefused(
        _ text: String, _ spec: ParameterSpec, _ problem: ParameterSpec.Problem, at range: SourceRange? = nil
    ) -> Diagnostic {
        // A value may have come from elsewhere than a file that somebody shows anyway.
        let shown = Redaction.isSecret(key: spec.name) ? "what was given" : Quoted(text).description
        var finding = Diagnostic(
            code: .parameterRefused, message: "parameter `\(spec.name)` cannot be \(shown)",
            primary: Label(at: range ?? spec.range, range == nil ? "declared here" : words(problem, spec)))
        if range == nil { finding.notes = [words(problem, spec)] }
        if range != nil, range?.lower != spec.range.lower {
            finding.others = [Label(at: spec.range, "declared here")]
        }
        if case .notAChoice = problem {
            finding.help = closestMatch(to: text, in: spec.choices).map { "did you mean `\($0)`?" }
        }
        return finding
    }

    /// SY3012.
    static func sameVariable(_ spec: ParameterSpec, _ known: ParameterSpec) -> Diagnostic {
        var finding = Diagnostic(
            code: .contradictingKeys, message: "two parameters would be the variable `\(spec.variable)`",
            primary: Label(at: spec.range, "differs in case only"))
        finding.others = [Label(at: known.range, "contradicts this")]
        return finding
    }

    private static func number(_ value: Double?) -> String {
        let value = value ?? 0
        return Int(exactly: value).map { String($0) } ?? PythonText.float(value)
    }

    private static func words(_ problem: ParameterSpec.Problem, _ spec: ParameterSpec) -> String {
        switch problem {
        case .notAChoice: "the choices are " + list(spec.choices)
        case .tooSmall: "the least is \(number(spec.minimum))"
        case .tooLarge: "the greatest is \(number(spec.maximum))"
        case .forbiddenCharacter: "no process can be given the character U+0000"
        case .notOfType:
            switch spec.kind {
            case .string: "it takes text"
            case .int: "it takes an integer such as `12`"
            case .float: "it takes a number such as `0.5`"
            case .bool: "it takes `true` or `false`"
            case .date: "it takes a day such as `2030-01-02`"
            }
        }
    }
}
