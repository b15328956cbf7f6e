import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel

/// What a schedules file must find in the files that it names: jobs, their parameters, storage accounts.
package struct ScheduleUses {
    package enum JobsFile: Sendable {
        case text(SourceText)
        /// None was named, and none given along.
        case notGiven
        case unreadable(String)
    }

    /// A jobs file, read once for all schedules that use it.
    private struct Known {
        var jobs: [SyntaxNode]
        var declared: [[ParameterSpec]]
        /// Without a trigger, with one: what the file refers to and such a run does not know.
        var missing: [[Diagnostic]]
    }

    private let credentials: CredentialsSpec?
    private let jobsFile: (String?) -> JobsFile
    private var known: [String: Known] = [:]
    private var diagnostics = Diagnostics()

    /// - Parameters:
    ///   - credentials: nil where none were given: then every alias counts as known.
    ///   - jobsFile: the file of a path as it is written, or the one that was given along.
    package static func check(
        _ spec: SchedulesSpec, credentials: CredentialsSpec?, jobsFile: @escaping (String?) -> JobsFile
    ) -> Diagnostics {
        var uses = ScheduleUses(credentials: credentials, jobsFile: jobsFile)
        for schedule in spec.schedules {
            guard uses.diagnostics.all.count < SpecLimits.findingsPerFile else { break }
            uses.check(schedule)
        }
        return uses.diagnostics
    }

    private init(credentials: CredentialsSpec?, jobsFile: @escaping (String?) -> JobsFile) {
        self.credentials = credentials
        self.jobsFile = jobsFile
    }

    private mutating func check(_ schedule: ScheduleSpec) {
        if let event = schedule.storageEvent, let accounts = credentials?.accounts,
            accounts[event.storageAccountSettings.value] == nil
        {
            diagnostics.report(
                .unknownStorageAlias(
                    event.storageAccountSettings.value, at: event.storageAccountSettings.range,
                    known: accounts.keys.sorted()))
        }
        guard let file = file(of: schedule) else { return }
        var chosen = Array(file.jobs.indices)
        if let id = schedule.jobID {
            chosen = chosen.filter { file.jobs[$0]["id"]?.string == id.value }
            guard !chosen.isEmpty else {
                return diagnostics.report(
                    .unknownJobOfSchedule(id, known: file.jobs.compactMap { $0["id"]?.string }))
            }
        }
        checkParameters(schedule, chosen.flatMap { file.declared[$0] })
        for index in chosen {
            checkMissing(schedule, file.declared[index], file.jobs[index])
            for finding in file.missing[schedule.storageEvent == nil ? 0 : 1] {
                let job = file.jobs[index]
                guard let place = finding.primary?.range.lower, (job.lower..<job.upper).contains(place) else {
                    continue
                }
                var finding = finding
                finding.others.append(Label(at: schedule.id.range, "run by this schedule"))
                diagnostics.report(finding)
            }
        }
    }

    // MARK: - Parameters

    private mutating func checkParameters(_ schedule: ScheduleSpec, _ declared: [ParameterSpec]) {
        let sample = RunContext.sample(withTrigger: schedule.storageEvent != nil)
        for parameter in schedule.parameters {
            let specs = declared.filter { $0.name == parameter.name.value }
            if specs.isEmpty {
                diagnostics.report(
                    .parameterNotDeclared(
                        parameter.name.value, known: declared.map(\.name), at: parameter.name.range))
            }
            var findings: [Diagnostic] = []
            let value = parameter.text(.of(sample), &findings)
            findings.forEach { diagnostics.report($0) }
            // Whether a name of a file is one of the choices is seen when there is a file.
            let isFixed = !ReferenceText.mayHold(parameter.value.value)
            for spec in specs where findings.isEmpty {
                do throws(ParameterSpec.Problem) {
                    _ = try (isFixed ? spec : spec.withoutLimits).value(value)
                } catch {
                    diagnostics.report(.parameterRefused(value, spec, error, at: parameter.value.range))
                }
            }
        }
    }

    private mutating func checkMissing(
        _ schedule: ScheduleSpec, _ declared: [ParameterSpec], _ job: SyntaxNode
    ) {
        let given = Set(schedule.parameters.map(\.name.value))
        for spec in declared where spec.isRequired && !given.contains(spec.name) {
            diagnostics.report(.parameterMissing(spec, job: job["id"]?.string ?? "", at: schedule.id.range))
        }
    }

    // MARK: - Jobs files

    /// Nil where there is none to look into; what is wrong with it is reported once.
    private mutating func file(of schedule: ScheduleSpec) -> Known? {
        let name = schedule.jobsFile?.value
        if let file = known[name ?? ""] { return file.jobs.isEmpty ? nil : file }
        let file = read(schedule)
        known[name ?? ""] = file ?? Known(jobs: [], declared: [], missing: [[], []])
        return file
    }

    private mutating func read(_ schedule: ScheduleSpec) -> Known? {
        switch jobsFile(schedule.jobsFile?.value) {
        case .notGiven: return nil
        case .unreadable(let reason):
            if let name = schedule.jobsFile { diagnostics.report(.namedFileNotRead(name, reason: reason)) }
            return nil
        case .text(let text):
            // One that is given along is judged by itself.
            let own = SpecLoader.validate(SpecSource(.jobs, text))
            if schedule.jobsFile != nil { diagnostics.report(own.errors) }
            var ignored = Diagnostics()
            guard !own.hasErrors, let root = SpecReader.read(text, &ignored) else { return nil }
            let jobs = root["job_specifications"]?.elements ?? []
            return Known(
                jobs: jobs, declared: jobs.map(ParameterSpec.declared),
                missing: [false, true].map { Self.missing(root, withTrigger: $0) })
        }
    }

    private static func missing(_ root: SyntaxNode, withTrigger: Bool) -> [Diagnostic] {
        var findings = Diagnostics()
        _ = ReferenceWalk.replaced(root, .of(.sample(withTrigger: withTrigger)), &findings)
        return findings.all.filter { $0.code == .noValueForReference }
    }
}

extension RunContext {
    package static func sample(withTrigger: Bool) -> RunContext {
        var context = ReferenceResolver.sample
        if !withTrigger { context.trigger = nil }
        return context
    }
}

extension Diagnostics {
    fileprivate var errors: Diagnostics {
        var errors = Diagnostics()
        for finding in all where finding.severity == .error { errors.report(finding) }
        return errors
    }
}
