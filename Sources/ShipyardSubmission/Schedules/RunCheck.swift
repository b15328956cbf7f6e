import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore

/// A run of a schedule that is only planned: its first one, as if it began at its next time.
package struct RunSample {
    private let schedule: ScheduleSpec
    private let definition: ScheduleDefinition
    private let declared: [ParameterSpec]
    private let now: Instant

    package init(
        _ schedule: ScheduleSpec, _ definition: ScheduleDefinition, jobs: SourceText?, at now: Instant
    ) {
        self.schedule = schedule
        self.definition = definition
        self.now = now
        var ignored = Diagnostics()
        let root = jobs.flatMap { SpecReader.read($0, &ignored) }
        declared = (root?["job_specifications"]?.elements ?? []).flatMap(ParameterSpec.declared)
    }

    var run: SubmittedRun? {
        ScheduleID(schedule.id.value).map {
            SubmittedRun(
                RunKey(schedule: 0, number: 1), attempt: 1, of: $0, isRecurrence: false,
                jobID: definition.jobID, poolID: definition.poolID)
        }
    }

    package func context(_ zones: inout KnownZones) -> RunContext { context(1, &zones) }

    /// Of a run that has nothing in common with the other but what the schedule says.
    package func otherContext(_ zones: inout KnownZones) -> RunContext { context(2, &zones) }

    private func context(_ number: Int, _ zones: inout KnownZones) -> RunContext {
        let zone = (try? zones.zone(named: definition.timezone)) ?? .utc
        // In no unit of time the same as the other.
        let shift = TimeSpan.seconds(Int64(number - 1) * (400 * 86_400 + 3661))
        let time = ZonedTime((schedule.timetable.next(after: now)?.instant ?? now) + shift, in: zone)
        var context = RunContext.sample(withTrigger: definition.policy.hasTrigger)
        context.schedule = RunContext.Schedule(id: schedule.id.value, time: time)
        context.run = RunContext.Run(id: "\(schedule.id.value)-\(number)", attempt: number)
        if number > 1, context.trigger != nil {
            context.trigger = RunContext.Trigger(
                container: "other", filePath: "elsewhere/another.text", eventID: "other", time: time)
        }
        context.parameters = definition.parameterValues(in: context)
        // Whether what a run knows fits, such as the name of a file, is seen when there is one.
        for parameter in definition.parameters where parameter.value.contains("@{") {
            for spec in declared where spec.name == parameter.name {
                guard let text = context.parameters[spec.name], (try? spec.value(text)) == nil else {
                    continue
                }
                context.parameters[spec.name] = spec.sample
            }
        }
        return context
    }
}

/// Plans what a run would submit, and keeps nothing of it.
struct RunCheck {
    private let submitter: Submitter

    init(_ submitter: Submitter) { self.submitter = submitter }

    func plan() throws(SubmissionError) -> (diagnostics: Diagnostics, notes: [String]) {
        let (specs, found) = try submitter.load()
        guard let all = specs.jobs else {
            throw .refused(.invalid, "JobsSpecMissing", "the jobs file of the schedule has no jobs")
        }
        let (jobs, _) = try submitter.jobsOfRun(all)
        try submitter.refuseWhatCannotRun(jobs)
        var notes: [String] = []
        var setting = PlanSetting(pool: try pool(for: jobs, specs, &notes))
        if submitter.submission.contains(.credentials) { setting.credentials = specs.credentials }
        if submitter.submission.contains(.config) { setting.config = specs.config }
        var world = SubmissionWorld(
            submitter.target, submitter.submission, setting.credentials, isAbandoned: submitter.isAbandoned)
        // What a run lists may come with what starts it.
        world.takesMissingFilesForNone = true
        var planner = Planner(jobs, setting: setting, world: world)
        var diagnostics = found
        var sink = DiscardingPlanSink()
        let isPlanned = planner.planAll(into: &sink, &diagnostics)
        if planner.wasStopped { throw .abandoned }
        if submitter.submission.options.isStrict { diagnostics.makeWarningsErrors() }
        guard isPlanned, !diagnostics.hasErrors else { throw .specs(diagnostics) }
        return (diagnostics, notes)
    }

    private func pool(
        for jobs: JobsSpec, _ specs: SpecSet, _ notes: inout [String]
    ) throws(SubmissionError) -> PoolSpec? {
        guard !jobs.jobs.contains(where: { $0.autoPool != nil }) else {
            guard let pool = specs.pool else {
                throw .refused(
                    .invalid, "PoolSpecMissing",
                    "auto_pool makes its pool of a pool file; name one with `pool:` in the schedule, or with --pool"
                )
            }
            for path in pool.localFiles(below: submitter.submission.directory(of: .pool)).sorted() {
                try checkIsKept(path)
            }
            return try submitter.placed(try JobPool.free(pool, submitter.target))
        }
        let target = submitter.target
        let name = submitter.submission.run?.poolID ?? specs.pool?.id.text
        guard let name else {
            let isOne = try target.inspect { $0.poolIDs.count == 1 }
            if !isOne {
                try note(
                    "no pool is named, and there is not exactly one; runs fail until there is one, or until the"
                        + " schedule names it with `pool:`", in: &notes)
            }
            return nil
        }
        guard let id = PoolID(name), try target.inspect({ $0.pool(id) }) != nil else {
            try note(
                "there is no pool `\(name)` yet, and runs fail until it has been added; with `auto_pool` in its jobs"
                    + " each run makes one", in: &notes)
            return specs.pool
        }
        let stored = try target.read { reader throws(StoreError) in try reader.poolSpec(of: id) }
        return try? PoolSpec(stored, named: "its specification")
    }

    /// A pool may come later, unless every warning is an error.
    private func note(_ text: String, in notes: inout [String]) throws(SubmissionError) {
        guard !submitter.submission.options.isStrict else {
            throw .refused(.invalid, "PoolNotFound", text)
        }
        notes.append("warning: \(text)\n")
    }

    /// Refuses what another run would have otherwise than it was sent, or what was not sent.
    func compare(with other: Submitter, _ schedule: String) throws(SubmissionError) {
        guard let mine = try submitter.load().0.jobs, let theirs = try? other.load().0.jobs else { return }
        let (calls, others) = (mine.generatorCalls, theirs.generatorCalls)
        for (first, second) in zip(calls, others)
        where first.call != second.call || !first.generator.isSame(as: second.generator) {
            throw .refused(
                .invalid, "GeneratorOfRun",
                "schedule `\(schedule)`: generator `\(first.generator.module)` of job `\(first.call.job)` is run now,"
                    + " and its arguments, or the job's id, hold what only a run knows, such as `@{schedule.time}`;"
                    + " put that into the commands of its tasks")
        }
        let base = submitter.submission.directory(of: .jobs)
        let later = theirs.localFiles(below: base)
        for path in mine.localFiles(below: base).sorted() where later.contains(path) {
            try checkIsKept(path)
        }
    }

    private func checkIsKept(_ path: String) throws(SubmissionError) {
        guard let digest = submitter.keptFiles[path] else {
            throw .refused(
                .invalid, "ResourceFileMissing", "the resource file \(path) did not come with the submission")
        }
        try submitter.checkIsThere(digest, path)
    }
}

extension CustomFactorySpec {
    func isSame(as other: CustomFactorySpec) -> Bool {
        module == other.module && package == other.package && inputArgs == other.inputArgs
            && inputKwargs.elementsEqual(other.inputKwargs) { $0.name == $1.name && $0.value == $1.value }
    }
}

extension JobsSpec {
    /// The absolute paths of all resource files that are files of this machine.
    package func localFiles(below base: String) -> Set<String> {
        var paths: Set<String> = []
        for job in jobs {
            for task in job.tasks + (job.mergeTask.map { [$0] } ?? []) {
                paths.formUnion(task.resourceFiles.compactMap { $0.localPath(below: base) })
            }
        }
        return paths
    }
}

extension PoolSpec {
    /// As of jobs.
    package func localFiles(below base: String) -> Set<String> {
        Set((resourceFiles + (startTask?.resourceFiles ?? [])).compactMap { $0.localPath(below: base) })
    }
}
