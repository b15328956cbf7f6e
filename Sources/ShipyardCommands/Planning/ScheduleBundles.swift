import ShipyardAPI
import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSubmission
import ShipyardSystem

/// Gathers what the schedules of a file run, so that it can travel with them: jobs and pool files, what generators give,
/// application packages and resource files.
struct ScheduleBundles {
    /// What schedules run that name the same files.
    private struct Bundle {
        var schedules: [ScheduleSpec]
        var files: [SubmissionRequest.File]
        var generated: [GeneratorRun] = []
        var pool: PoolSpec?
        var resources: Set<String> = []
    }

    /// Schedules of one key are kept together.
    private struct Key: Hashable {
        var jobs: String
        var pool: String?
        /// Only where generators may get them.
        var parameters: [ScheduleDefinition.Parameter]
    }

    private let files: SpecFiles
    private let strict: Bool
    private let parsed: [SpecSource]
    private var along: [SubmissionRequest.File] = []
    private var read: [String: SubmissionRequest.File] = [:]
    private var bundles: [Key: Bundle] = [:]
    private var order: [Key] = []
    private var zones = KnownZones(ZoneFiles())
    private let now = SystemClock.now()

    /// Paths that differ from run to run, and so are read when a run starts.
    private(set) var pathsOfRuns: Set<String> = []

    init(_ invocation: Invocation) throws(CommandFailure) {
        files = SpecFiles(invocation)
        strict = invocation.has("strict")
        guard files.find("schedules") != nil else { throw files.missing("schedules") }
        for kind in ["credentials", "config", "schedules"] {
            if let path = files.find(kind) { along.append(try SpecFiles.read(kind, path)) }
        }
        parsed = along.compactMap { file in
            SpecKind(rawValue: file.kind).map {
                SpecSource($0, SourceText(name: file.name, bytes: Array(file.text.utf8)))
            }
        }
        try gather()
    }

    // MARK: - What schedules name

    private mutating func gather() throws(CommandFailure) {
        let (specs, diagnostics) = SpecLoader.load(parsed)
        // What is wrong with them the service tells.
        guard let spec = specs.schedules, !diagnostics.hasErrors else { return }
        let (jobsAlong, poolAlong) = (files.find("jobs"), files.find("pool"))
        for schedule in spec.schedules {
            guard let jobs = schedule.jobsFile.map({ place(of: $0.value) }) ?? jobsAlong else { continue }
            var pool: String?
            switch schedule.pool {
            case .id: break
            case .file(let name): pool = place(of: name)
            case nil: pool = poolAlong
            }
            guard LocalFile.exists(jobs) || jobs == "-" else { throw unreadable(spec, specs) }
            let jobsFile = try file("jobs", jobs)
            var key = Key(jobs: jobs, pool: pool, parameters: [])
            if SubmissionRequest(files: [jobsFile], workingDirectory: "/").mayName("custom") {
                key.parameters = ScheduleDefinition(schedule).parameters
            }
            if bundles[key] == nil {
                order.append(key)
                var gathered = [jobsFile]
                if let pool { gathered.insert(try file("pool", pool), at: 0) }
                bundles[key] = Bundle(schedules: [], files: gathered)
            }
            bundles[key]?.schedules.append(schedule)
        }
        for key in order {
            guard var bundle = bundles[key] else { continue }
            try fill(&bundle)
            bundles[key] = bundle
        }
    }

    private mutating func file(_ kind: String, _ path: String) throws(CommandFailure)
        -> SubmissionRequest.File
    {
        if let known = read["\(kind) \(path)"] { return known }
        let file = try SpecFiles.read(kind, path)
        read["\(kind) \(path)"] = file
        return file
    }

    /// With a caret at the name.
    private func unreadable(_ spec: SchedulesSpec, _ specs: SpecSet) -> CommandFailure {
        let findings = ScheduleFiles(parsed).findings(spec, specs)
        return CommandFailure(.specRefused, "").preceded(by: TextRenderer().render(findings))
    }

    /// Relative to the schedules file, as it was written.
    private func place(of name: String) -> String {
        guard !name.hasPrefix("/") else { return name }
        let file = parsed.last { $0.kind == .schedules }?.text.name ?? ""
        return (file.lastIndex(of: "/").map { String(file[...$0]) } ?? "") + name
    }

    // MARK: - What those need

    private mutating func fill(_ bundle: inout Bundle) throws(CommandFailure) {
        var request = SubmissionRequest(
            files: along.filter { $0.kind != "schedules" } + bundle.files,
            workingDirectory: currentDirectory())
        request.isStrict = strict
        let jobs = bundle.files.last { $0.kind == "jobs" }.map {
            SourceText(name: $0.name, bytes: Array($0.text.utf8))
        }
        var seen: Set<[ScheduleDefinition.Parameter]> = []
        for schedule in bundle.schedules {
            let definition = ScheduleDefinition(schedule)
            let isFirst = seen.isEmpty
            guard seen.insert(definition.parameters).inserted else { continue }
            let sample = RunSample(schedule, definition, jobs: jobs, at: now)
            let context = sample.context(&zones)
            guard let specs = request.specs(in: context), let spec = specs.jobs else { continue }
            if isFirst {
                bundle.generated = try GeneratorRuns.made(for: request, in: context)
                if spec.jobs.contains(where: { $0.autoPool != nil }) { bundle.pool = specs.pool }
                bundle.resources.formUnion(
                    bundle.pool?.localFiles(below: request.directory(of: "pool")) ?? [])
            }
            guard request.mayName("resource_files") else { continue }
            let base = request.directory(of: "jobs")
            let mine = spec.localFiles(below: base)
            let others = request.specs(in: sample.otherContext(&zones))?.jobs?.localFiles(below: base) ?? mine
            bundle.resources.formUnion(mine.intersection(others))
            pathsOfRuns.formUnion(mine.subtracting(others))
        }
    }

    /// Sends it all.
    func submit(to service: ServiceClient) throws(CommandFailure) -> SubmittedSchedules {
        var request = SchedulesRequest(files: along, workingDirectory: currentDirectory(), bundles: [])
        request.isStrict = strict
        request.submissionId = ServiceClient.randomIdentity()
        request.variables = try SentEnvironment.variables(
            for: along + order.compactMap { bundles[$0] }.flatMap(\.files))
        let gathered: [Bundle] = order.compactMap { bundles[$0] }
        return try service.whileSending { () throws(CommandFailure) in
            request.bundles = try gathered.map { bundle throws(CommandFailure) in
                let whole = SubmissionRequest(files: bundle.files, workingDirectory: currentDirectory())
                let sender = PackageSender(
                    service, pool: bundle.pool, below: whole.directory(of: "pool"),
                    resources: bundle.resources)
                var sent = SchedulesRequest.Bundle(
                    schedules: bundle.schedules.map(\.id.value), files: bundle.files)
                sent.generated = bundle.generated
                sent.packages = try sender.sent()
                sent.resources = try sender.sentResources()
                return sent
            }
            return try service.postOnce("/schedules", request)
        }
    }

    /// Packages that are directories: they are not kept.
    var directories: [String] {
        order.compactMap { bundles[$0] }.flatMap { bundle in
            let base = SubmissionRequest(files: bundle.files, workingDirectory: currentDirectory())
                .directory(of: "pool")
            return (bundle.pool?.applicationPackages ?? []).map {
                $0.path.hasPrefix("/") ? $0.path : base + "/" + $0.path
            }.filter(LocalFile.isDirectory)
        }
    }
}
