import ShipyardAPI
import ShipyardDiagnostics
import ShipyardPlanner
import ShipyardSpecs

/// All that can be found out about specs without running anything.
enum PlanCheck {
    /// Files by themselves and together, then the plan that they make.
    static func findings(_ sources: [SpecSource], _ values: ReferenceValues) -> Diagnostics {
        var (specs, diagnostics) = SpecLoader.load(sources, values)
        if !diagnostics.hasErrors, let schedules = specs.schedules {
            diagnostics.report(ScheduleFiles(sources).findings(schedules, specs))
        }
        // The tree of a large file is larger than all that is made of it.
        specs.merged = nil
        guard !diagnostics.hasErrors, let jobs = specs.jobs else { return diagnostics }
        let world = LocalPlannerWorld(home: "/nonexistent", specDirectory: ".")
        var planner = Planner(jobs, setting: setting(specs, sources), world: world)
        planner.checkSpecsAlone(&diagnostics)
        return diagnostics
    }

    /// A file judged by itself: what is an error only once its jobs are planned, perhaps beside other files, is
    /// a warning. So a file is refused here where Batch Shipyard's validator refuses it, or for a value.
    static func findings(alone source: SpecSource, _ values: ReferenceValues) -> Diagnostics {
        let own = SpecLoader.load([source], values).diagnostics
        guard !own.hasErrors else { return own }
        var diagnostics = Diagnostics()
        for finding in findings([source], values).all {
            var finding = finding
            if finding.severity == .error {
                finding.severity = .warning
                finding.notes.append("`plan` and `jobs add` refuse this")
            }
            diagnostics.report(finding)
        }
        return diagnostics
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
