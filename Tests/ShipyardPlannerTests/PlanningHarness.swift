import ShipyardDiagnostics
import ShipyardSpecs

@testable import ShipyardPlanner

/// A jobs file planned with the least around it.
struct Planned {
    var isAccepted: Bool
    var sink = CollectingPlanSink()
    var diagnostics: Diagnostics

    init(
        _ yaml: String, pool: String? = nil, config: String? = nil, credentials: String? = nil,
        world: VectorWorld = VectorWorld()
    ) {
        var sources = [SpecSource(.jobs, SourceText(name: "jobs.yaml", text: yaml))]
        let others: [(SpecKind, String?)] = [(.pool, pool), (.config, config), (.credentials, credentials)]
        for (kind, text) in others {
            if let text { sources.append(SpecSource(kind, SourceText(name: "\(kind).yaml", text: text))) }
        }
        let (specs, found) = SpecLoader.load(sources)
        diagnostics = found
        guard let jobs = specs.jobs else {
            isAccepted = false
            return
        }
        let setting = PlanSetting(
            config: config == nil ? nil : specs.config,
            credentials: credentials == nil ? nil : specs.credentials,
            pool: specs.pool)
        var planner = Planner(jobs, setting: setting, world: world)
        isAccepted = planner.planAll(into: &sink, &diagnostics)
    }

    var errors: [DiagnosticCode] { diagnostics.all.filter { $0.severity == .error }.map(\.code) }
    var warnings: [DiagnosticCode] { diagnostics.all.filter { $0.severity == .warning }.map(\.code) }
    var commands: [String?] { sink.tasks.joined().map(\.command) }
    var ids: [String] { sink.tasks.joined().map(\.id) }
}
