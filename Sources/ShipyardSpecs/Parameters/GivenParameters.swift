import ShipyardDiagnostics

/// What the jobs of a file declare, with the values that they get.
struct GivenParameters {
    /// For each job of the file.
    private(set) var declared: [[ParameterSpec]]
    private(set) var given: [[String: String]] = []

    init(_ jobs: [SyntaxNode], _ values: ReferenceValues, _ findings: inout [Diagnostic]) {
        declared = jobs.map(ParameterSpec.declared)
        let context: RunContext? = if case .of(let context) = values { context } else { nil }
        for (job, specs) in zip(jobs, declared) {
            let id = job["id"]?.string ?? ""
            given.append(Self.given(specs, context, job: id, &findings))
        }
        guard let context else { return }
        let known = Set(declared.joined().map(\.name))
        for name in context.parameters.keys.sorted() where !known.contains(name) {
            findings.append(.parameterNotDeclared(name, known: known.sorted()))
        }
    }

    /// The values of one job's parameters; what is missing or does not fit is left out.
    private static func given(
        _ specs: [ParameterSpec], _ context: RunContext?, job: String, _ findings: inout [Diagnostic]
    ) -> [String: String] {
        var given: [String: String] = [:]
        for spec in specs {
            guard let context else {
                given[spec.name] = spec.isRequired || spec.defaultText != nil ? spec.sample : nil
                continue
            }
            if let text = context.parameters[spec.name] {
                do throws(ParameterSpec.Problem) {
                    given[spec.name] = try spec.value(text)
                } catch {
                    findings.append(.parameterRefused(text, spec, error))
                }
            } else if let text = spec.defaultText {
                // A default that does not fit is found by the file's own checks.
                given[spec.name] = (try? spec.value(text)) ?? spec.sample
            } else if spec.isRequired {
                findings.append(.parameterMissing(spec, job: job))
            }
        }
        return given
    }

    /// What tasks of a job see of its parameters and of the moment it was due.
    static func environment(of job: SyntaxNode, _ values: ReferenceValues) -> [EnvironmentVariable] {
        var ignored: [Diagnostic] = []
        let specs = ParameterSpec.declared(in: job)
        let context: RunContext? = if case .of(let context) = values { context } else { nil }
        let given = given(specs, context, job: "", &ignored)
        var variables = specs.compactMap { spec in
            given[spec.name].map { EnvironmentVariable(name: spec.variable, value: $0) }
        }
        if let time = context?.schedule?.time {
            variables.append(EnvironmentVariable(name: "SHIPYARD_SCHEDULED_TIME", value: time.iso8601))
        }
        return variables
    }
}
