import ShipyardAPI
import ShipyardDiagnostics
import ShipyardPlanner
import ShipyardSpecs
import ShipyardSystem

/// All that can be found out about specs without running anything.
enum PlanCheck {
    /// Files by themselves and together, then the plan that they make: all of it in one run, whatever of it is wrong.
    static func findings(_ sources: [SpecSource], _ values: ReferenceValues) -> Diagnostics {
        var (specs, diagnostics) = SpecLoader.load(sources, values)
        var left: Set<DiagnosticCode> = []
        if diagnostics.hasErrors, sources.reduce(0, { $0 + $1.text.bytes.count }) <= mostBytes {
            let remains = SpecRemains(sources, values)
            specs = remains.specs
            if remains.loss >= .values { left.formUnion(namesOthers) }
            if remains.loss >= .ids { left.formUnion(namesTasks) }
        }
        var later = Diagnostics()
        if let schedules = specs.schedules {
            later.report(ScheduleFiles(sources).findings(schedules, specs))
        }
        specs.dropTree()
        if let jobs = specs.jobs, !later.hasErrors {
            let world = LocalPlannerWorld(home: "/nonexistent", specDirectory: ".")
            var planner = Planner(jobs, setting: setting(specs, sources), world: world)
            planner.checkSpecsAlone(&later)
        }
        for finding in later.all where !left.contains(finding.code) { diagnostics.report(finding) }
        return asJobsAddTakesThem(diagnostics)
    }

    /// Of larger files with errors only these are told: to find more, the files are read and validated again and again, and that
    /// may not take seconds.
    static let mostBytes = 2 << 20

    /// They say that something is not there, which may be what had to be left out.
    private static let namesOthers: Set<DiagnosticCode> = [
        .unknownStorageAlias, .unknownVolume, .unknownDataLayout, .unknownConnection, .mixedAutoPools, .commandMissing, .noLocalEffect, .incompleteFactory, .unknownFactory, .unknownSchedule,
        .unknownJobOfSchedule, .afterNothing, .scheduleNeverDue, .parameterMissing, .parameterNotDeclared,
        .unknownReference, .neverFitsNode, .factoryRefused, .recurrenceIntervalMissing, .recurrenceNeverEnds,
        .jobNotReadable, .taskFilePathMissing, .namedFileNotRead, .commandNotFormatted,
    ]

    /// They say the same of a task.
    private static let namesTasks: Set<DiagnosticCode> = [.unknownDependency, .dependencyWithoutID, .rangeWithGaps]

    /// What this version checks and does not run is refused by `jobs add`.
    private static func asJobsAddTakesThem(_ diagnostics: Diagnostics) -> Diagnostics {
        var judged = Diagnostics()
        for finding in diagnostics.all {
            var finding = finding
            if finding.code == .notCarriedOutYet, finding.keyWithoutEffect == "multi_instance" {
                finding.severity = .error
                finding.notes.append("`jobs add` refuses this")
            }
            judged.report(finding)
        }
        return judged
    }

    /// A file that was not given stands for "unknown", not for its defaults.
    static func setting(_ specs: SpecSet, _ sources: [SpecSource]) -> PlanSetting {
        let kinds = sources.map(\.kind)
        // Of credentials that stand in a secret nothing is known before the vault is asked.
        let knowsAccounts = kinds.contains(.credentials) && specs.credentials.innerSecret == nil
        return PlanSetting(
            config: kinds.contains(.config) ? specs.config : nil,
            credentials: knowsAccounts ? specs.credentials : nil, pool: specs.pool)
    }
}

extension SpecSet {
    /// Before planning, which needs the memory: the tree of a large file is larger than all that is made of it.
    mutating func dropTree() {
        merged = nil
        Memory.giveBack()
    }
}
