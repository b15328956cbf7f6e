import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// Compiles a jobs file into tasks, in two passes for each job as Batch Shipyard does: the first counts, the
/// second makes. Both draw from the one random stream of the submission and both run `custom` generators,
/// and what is submitted comes from the second.
///
/// Jobs are planned in file order, since a random factory without a seed continues the stream of the job
/// before. Memory grows with the spec, never with the number of tasks.
package struct Planner {
    private let jobs: JobsSpec
    private let setting: PlanSetting
    private let world: any PlannerWorld
    private var random: PythonRandom
    private var skipsWorld = false
    private var onlyChecks = false
    /// Whether the world has asked planning to stop; the answer of `planAll` says nothing about the file then.
    package private(set) var wasStopped = false

    package init(_ jobs: JobsSpec, setting: PlanSetting = PlanSetting(), world: any PlannerWorld) {
        self.jobs = jobs
        self.setting = setting
        self.world = world
        random = PythonRandom(words: world.entropy())
    }

    /// Plans all jobs, and tells whether the file may be submitted. A spec is refused whole: after a false
    /// answer nothing that `sink` has seen may be kept, and `diagnostics` says why. Once an error is found
    /// no more tasks reach `sink`, but planning goes on to find what else is wrong.
    package mutating func planAll<Sink: PlanSink>(
        into sink: inout Sink, _ diagnostics: inout Diagnostics
    ) throws(Sink.Failure) -> Bool {
        var isRefused = diagnostics.hasErrors
        let findings = fileFindings()
        findings.forEach { diagnostics.report($0) }
        if findings.contains(where: { $0.severity == .error }) { isRefused = true }
        for job in jobs.jobs {
            var planner = JobPlanner(job, setting: setting, world: world)
            planner.skipsWorld = skipsWorld
            planner.onlyChecks = onlyChecks
            let isAccepted = try planner.plan(&random, isSilent: isRefused, into: &sink)
            if planner.isStopped {
                wasStopped = true
                return false
            }
            diagnostics.report(planner.findings)
            if !isAccepted { isRefused = true }
        }
        return !isRefused
    }

    /// Finds what is wrong, and keeps nothing. Of a factory whose number of tasks is known only so many are made as tell
    /// about the others (`PlanLimits.tasksLookedAt`): their ids are counted, not written.
    package mutating func check(_ diagnostics: inout Diagnostics) -> Bool {
        var sink = DiscardingPlanSink()
        onlyChecks = true
        defer { onlyChecks = false }
        return planAll(into: &sink, &diagnostics)
    }

    /// Finds what is wrong with the specs themselves: reads no storage and runs no generator. What depends on
    /// their tasks is not judged.
    package mutating func checkSpecsAlone(_ diagnostics: inout Diagnostics) {
        skipsWorld = true
        _ = check(&diagnostics)
        skipsWorld = false
    }

    // MARK: - The file as a whole

    private func fileFindings() -> [Diagnostic] {
        var findings: [Diagnostic] = []
        var first: [String: SourceRange] = [:]
        first.reserveCapacity(jobs.jobs.count)
        for job in jobs.jobs {
            // Azure Batch does not tell ids apart by case.
            let id = job.id.value.text
            let folded = id.utf8.contains { (0x41...0x5A).contains($0) } ? id.lowercased() : id
            if let range = first[folded] {
                findings.append(.duplicateJobID(job.id, first: range))
            } else {
                first[folded] = job.id.range
            }
        }
        let with = jobs.jobs.first { $0.autoPool != nil }
        let without = jobs.jobs.first { $0.autoPool == nil }
        if let with, let without {
            findings.append(.mixedAutoPools(with: with.id.range, without: without.id.range))
        }
        if let with, let pool = setting.pool, pool.id.text.utf8.count > PlanLimits.autoPoolIDCharacters {
            findings.append(.autoPoolIDTooLong(pool, at: with.id.range))
        }
        return findings
    }
}
