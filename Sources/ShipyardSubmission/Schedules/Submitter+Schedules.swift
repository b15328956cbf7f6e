import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStaging

extension Submitter {
    /// What of the jobs file a run has, under the names of the run; and what is planned and not submitted, as a random
    /// factory without a seed goes on where the job before ended.
    func jobsOfRun(_ jobs: JobsSpec) throws(SubmissionError) -> (JobsSpec, skipped: Set<JobID>) {
        guard let run = submission.run else {
            return (jobs, Set(jobs.jobs.filter { $0.recurrence != nil }.map(\.id.value)))
        }
        var jobs = jobs
        if let id = run.jobID {
            if !run.isRecurrence { jobs.jobs.removeAll { $0.id.value.text != id } }
            guard jobs.jobs.contains(where: { $0.id.value.text == id }) else {
                throw .refused(.invalid, "JobNotFound", "the jobs file of the schedule has no job `\(id)`")
            }
        }
        var skipped: Set<JobID> = []
        let written = Set(jobs.jobs.map(\.id.value.text))
        for index in jobs.jobs.indices {
            let id = jobs.jobs[index].id
            guard run.jobID == nil || run.jobID == id.value.text else {
                skipped.insert(id.value)
                continue
            }
            if let recurrence = jobs.jobs[index].recurrence {
                guard run.isRecurrence else {
                    throw .refused(
                        .invalid, "JobHasRecurrence",
                        "job `\(id.value)` has a `recurrence` of its own, so no schedule can run it")
                }
                if recurrence.monitorTaskCompletion { jobs.jobs[index].autoComplete = true }
            } else {
                // A run that never ended would keep all later ones waiting.
                jobs.jobs[index].autoComplete = true
            }
            jobs.jobs[index].recurrence = nil
            jobs.jobs[index].id = Located(run.id(of: id.value), at: id.range)
            // The schedule takes it away.
            if jobs.jobs[index].autoPool?.lifetime == .jobSchedule {
                jobs.jobs[index].autoPool?.keepAlive = true
            }
        }
        // Files of a task of the same file are those of the same run.
        let own = written.subtracting(skipped.map(\.text))
        jobs.renameSources { id in
            own.contains(id) ? JobID(id).map { run.id(of: $0).text } : nil
        }
        return (jobs, skipped)
    }

    /// The schedules that jobs with a `recurrence` are.
    func offers(of jobs: JobsSpec, _ findings: FrozenWorld) throws(SubmissionError) -> [ScheduleOffer] {
        let recurring = jobs.jobs.filter { $0.recurrence != nil }
        guard !recurring.isEmpty else { return [] }
        var kept = submission
        kept.requester = .client(request: nil)
        kept.frozen = findings
        let bundle = Self.text(of: kept)
        let digest = SHA256.hexDigest(of: Array(bundle.utf8))
        return recurring.compactMap { job in
            guard let recurrence = job.recurrence, let id = ScheduleID(job.id.value.text) else { return nil }
            return ScheduleOffer(
                id: id, isRecurrence: true, definition: ScheduleDefinition(recurrence, of: job.id.value),
                bundle: bundle, digest: digest)
        }
    }
}

extension JobsSpec {
    /// `name` gives the job in whose place another one is, or nil.
    fileprivate mutating func renameSources(_ name: (String) -> String?) {
        for index in jobs.indices {
            jobs[index].inputData?.renameSources(name)
            jobs[index].mergeTask?.inputData?.renameSources(name)
            for task in jobs[index].tasks.indices { jobs[index].tasks[task].inputData?.renameSources(name) }
        }
    }
}

extension InputDataSpec {
    fileprivate mutating func renameSources(_ name: (String) -> String?) {
        for index in azureBatch.indices {
            azureBatch[index].jobID = name(azureBatch[index].jobID) ?? azureBatch[index].jobID
        }
    }
}

extension ScheduleDefinition {
    /// At most one job at a time; a time that finds one active makes none.
    fileprivate init(_ recurrence: RecurrenceSpec, of job: JobID) {
        self.init()
        let interval = recurrence.interval ?? .seconds(60)
        intervals = [interval]
        anchor = recurrence.doNotRunUntil.flatMap { SpecDate.instant($0) }
        notBefore = anchor
        notAfter = recurrence.doNotRunAfter.flatMap { SpecDate.instant($0) }
        // One as long as the interval is none.
        policy.startWindow = recurrence.startWindow.flatMap { $0 < interval ? $0 : nil }
        jobID = job.text
    }
}
