import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStaging

/// One submission on its way in: from the texts of spec files to pools and jobs.
struct Submitter {
    let target: Submissions
    let submission: Submission
    let isAbandoned: @Sendable () -> Bool
    /// The hashes of resource files that are kept, by their absolute paths.
    let keptFiles: [String: String]

    init(_ target: Submissions, _ submission: Submission, isAbandoned: @escaping @Sendable () -> Bool) {
        self.target = target
        self.submission = submission
        self.isAbandoned = isAbandoned
        // A job that is no run's may outlive what keeps them.
        keptFiles = Dictionary(
            (submission.run == nil ? [] : submission.resources).compactMap { file in
                file.sha256.map { (file.path, $0) }
            },
            uniquingKeysWith: { $1 })
    }

    func addJobs() throws(SubmissionError) -> SubmittedJobs {
        try once("jobs") { identity throws(SubmissionError) in
            let (specs, diagnostics) = try load()
            guard let jobs = specs.jobs else {
                throw .refused(
                    .invalid, "JobsSpecMissing", "no jobs file was given; name one with --jobs or --configdir"
                )
            }
            let hasOwnPool = jobs.jobs.contains { $0.autoPool != nil }
            return try whileAdding(hasOwnPool ? specs.pool : nil) { () throws(SubmissionError) in
                for file in submission.resources {
                    if let digest = file.sha256 { try checkIsThere(digest, file.path) }
                }
                return try add(jobs, specs, diagnostics, identity)
            }
        }
    }

    private func add(
        _ jobs: JobsSpec, _ specs: SpecSet, _ diagnostics: Diagnostics, _ identity: String?
    ) throws(SubmissionError) -> SubmittedJobs {
        let (jobs, skipped) = try jobsOfRun(try withOutput(jobs))
        try refuseWhatCannotRun(jobs)
        if submission.options.mustBeNew { try waitForLeaving(jobs) }
        // What a run does not submit has no say in where it runs.
        let submitted = submission.run == nil ? jobs : jobs.without(skipped)
        let pool = try JobPool(submitted, specs, self)
        if submission.options.recreates, !submission.options.mustBeNew { try removeCompleted(jobs) }
        var setting = PlanSetting(pool: pool.spec)
        if submission.contains(.credentials) { setting.credentials = specs.credentials }
        if submission.contains(.config) { setting.config = specs.config }
        var warnings = diagnostics
        let (staged, findings) = try plan(jobs, skipped, setting, &warnings)
        do throws(SubmissionError) {
            let offers = submission.run == nil ? try offers(of: jobs, findings) : []
            let pools = try staged.map { item throws(SubmissionError) in try pool.id(for: item.ticket.number)
            }
            let answer = SubmittedJobs(
                jobs: zip(staged, pools).map { item, pool in
                    SubmittedJobs.Job(
                        id: item.plan.id.text, poolId: pool.text, tasksAdded: item.plan.taskCount,
                        isNew: item.ticket.isNew, number: item.ticket.number)
                }, schedules: offers.isEmpty ? nil : offers.map(\.id.text),
                warnings: TextRenderer().warnings(warnings))
            try take(staged, pools, pool, offers) { core in
                if let identity { core.keepAnswer(Self.text(of: answer), toSubmission: identity) }
            }
            return answer
        } catch {
            try cancel(staged.map(\.ticket))
            throw error
        }
    }

    func load() throws(SubmissionError) -> (SpecSet, Diagnostics) {
        var (specs, diagnostics) = SpecLoader.load(
            submission.files.map { file in
                SpecSource(
                    file.kind, SourceText(name: file.name, bytes: file.text.withExposedBytes { Array($0) }))
            }, .of(submission.context))
        if submission.options.isStrict { diagnostics.makeWarningsErrors() }
        guard !diagnostics.hasErrors else { throw .specs(diagnostics) }
        if let file = submission.files.last(where: { $0.kind == .credentials }) {
            specs.credentials.setFile(file.path)
            // A schedule's own has the names alone.
            if submission.run == nil { target.storageKeys.remember(specs.credentials) }
            specs.credentials = try target.resolved(specs.credentials)
        }
        return (specs, diagnostics)
    }

    /// What `run --output` asks for, as if it stood in each job.
    private func withOutput(_ jobs: JobsSpec) throws(SubmissionError) -> JobsSpec {
        guard let output = submission.options.output else { return jobs }
        let parts = output.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, !parts[1].isEmpty else {
            throw .refused(.invalid, "InvalidOutput", "`\(output)` is no ALIAS/CONTAINER/PATH")
        }
        var jobs = jobs
        for index in jobs.jobs.indices {
            let id = jobs.jobs[index].id.value
            let path = parts[1].hasSuffix("/") ? parts[1].dropLast() : parts[1]
            var transfer = StorageTransferSpec(
                storageAccountSettings: String(parts[0]), remotePath: "\(path)/\(id)")
            transfer.condition = .taskCompletion
            jobs.jobs[index].outputData.append(transfer)
        }
        return jobs
    }

    func refuseWhatCannotRun(_ jobs: JobsSpec) throws(SubmissionError) {
        for job in jobs.jobs where job.tasks.contains(where: { $0.multiInstance != nil }) {
            throw .refused(
                .invalid, "MultiInstanceNotSupported",
                "job `\(job.id.value)` has multi-instance tasks, and this version runs none yet; `plan` shows its tasks"
            )
        }
        // Who wants jobs of its own follows them to their end, and a schedule has none.
        guard submission.options.mustBeNew, submission.run == nil else { return }
        for job in jobs.jobs where job.recurrence != nil {
            throw .refused(
                .invalid, "JobHasRecurrence",
                "job `\(job.id.value)` has a `recurrence` and does not end; add it with `jobs add`")
        }
    }

    // MARK: - From specs to tasks

    private func plan(
        _ jobs: JobsSpec, _ skipped: Set<JobID>, _ setting: PlanSetting, _ diagnostics: inout Diagnostics
    ) throws(SubmissionError) -> ([SubmissionSink.Staged], FrozenWorld) {
        let world = SubmissionWorld(
            target, submission, setting.credentials, keepsFindings: jobs.jobs.contains { $0.recurrence != nil },
            isAbandoned: isAbandoned)
        var planner = Planner(jobs, setting: setting, world: world)
        var sink = SubmissionSink(target, setting: setting, jobs: jobs, isAbandoned: isAbandoned)
        sink.mustBeNew = submission.options.mustBeNew
        sink.skipped = skipped
        do throws(SubmissionError) {
            let isPlanned = try planner.planAll(into: &sink, &diagnostics)
            if planner.wasStopped { throw .abandoned }
            if submission.options.isStrict { diagnostics.makeWarningsErrors() }
            if !isPlanned, submission.run != nil, let trouble = world.passingTrouble {
                throw .refused(.unavailable, "StorageUnavailable", trouble.message)
            }
            guard isPlanned, !diagnostics.hasErrors else { throw .specs(diagnostics) }
            return (sink.staged, world.findings)
        } catch {
            try cancel(sink.begun)
            throw error
        }
    }

    private func cancel(_ tickets: [SubmissionTicket]) throws(SubmissionError) {
        try target.perform { core, _ throws(Refusal) in tickets.forEach { core.cancelSubmission($0) } }
    }

    /// All jobs and schedules of the file in one turn, pools included: the file is taken whole.
    private func take(
        _ staged: [SubmissionSink.Staged], _ pools: [PoolID], _ pool: JobPool, _ offers: [ScheduleOffer],
        _ also: @escaping @Sendable (ServiceCore) -> Void
    ) throws(SubmissionError) {
        let base = submission.directory(of: .jobs)
        let jobs = staged.map { item in (item.ticket, located(item.plan, below: base)) }
        let (own, run, isOfSchedule) = (pool.own, submission.run, pool.isOfSchedule)
        let holdsPools = submission.options.holdsPools ?? false
        try target.perform { core, now throws(Refusal) in
            // All of them before any: a refusal must not leave half a file behind.
            if let run { try core.checkRun(run.key, attempt: run.attempt) }
            for offer in offers { try core.checkIsNew(offer) }
            var made: [PoolSpec?] = []
            for ((ticket, _), id) in zip(jobs, pools) {
                try core.checkSubmission(ticket)
                var pool = ticket.isNew ? own : nil
                pool?.id = id
                // One that all share is made once.
                if isOfSchedule, !made.isEmpty { pool = nil }
                if let pool { try core.checkPool(pool) }
                made.append(pool)
            }
            for (index, (ticket, plan)) in jobs.enumerated() {
                if let pool = made[index] {
                    try core.addPool(pool, autoPoolJob: isOfSchedule ? nil : ticket.number, at: now)
                    if isOfSchedule, let run { core.keepPool(pool.id, of: run.key.schedule, at: now) }
                }
                core.endSubmission(ticket, plan, pool: pools[index], at: now)
                if holdsPools { core.holdPool(ofJob: ticket.number, for: PoolLimits.longestHold, at: now) }
            }
            for offer in offers { try core.putSchedule(offer, at: now) }
            if let run { core.runStarted(run.key, jobs: jobs.map(\.0.number), at: now) }
            also(core)
        }
    }

    // MARK: - Paths of specs

    func located(_ file: ResourceFileSpec, below base: String) -> ResourceFileSpec {
        var file = file
        if let path = file.localPath(below: base) {
            // What a schedule runs is what it was when the schedule was added.
            let kept = keptFiles[path].map { PackageStore(home: target.layout.home).path(of: $0) }
            file.blobSource = BlobSource(kept ?? path)
        }
        return file
    }

    private func located(_ plan: JobPlan, below base: String) -> JobPlan {
        var plan = plan
        for index in plan.templates.indices {
            plan.templates[index].resourceFiles = plan.templates[index].resourceFiles.map {
                located($0, below: base)
            }
        }
        return plan
    }
}


func absolute(_ path: String, below base: String) -> String {
    path.hasPrefix("/") ? path : base + "/" + path
}

extension ResourceFileSpec {
    /// Absolute; nil for one that is no file of this machine.
    func localPath(below base: String) -> String? {
        blobSource.isPath ? absolute(blobSource.place, below: base) : nil
    }
}

extension JobsSpec {
    fileprivate func without(_ ids: Set<JobID>) -> JobsSpec {
        var others = self
        others.jobs.removeAll { ids.contains($0.id.value) }
        return others
    }
}
