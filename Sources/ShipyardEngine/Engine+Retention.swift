import ShipyardModel

/// For how long the files of tasks of templates that stand side by side stay on their nodes: a search for each of a
/// thousand templates would read all tasks a thousand times.
package struct RetentionRule: Sendable, Hashable {
    package var job: UInt32
    package var templates: ClosedRange<Int>
    package var retention: TimeSpan

    package init(job: UInt32, templates: ClosedRange<Int>, retention: TimeSpan) {
        self.job = job
        self.templates = templates
        self.retention = retention
    }

    /// What stays as it is when templates are added to the job, behind those that it has.
    package struct Key: Sendable, Hashable {
        var job: UInt32
        var firstTemplate: Int
    }
    package var key: Key { Key(job: job, firstTemplate: templates.lowerBound) }
}

/// One search for files that are kept no longer: of tasks that became due after the one moment, up to the other.
package struct RetentionSweep: Sendable, Hashable {
    package var since: SteadyTime
    package var until: SteadyTime
    package var rules: [RetentionRule]
}

/// Which jobs may have files that were kept for long enough. A job costs nothing before the first of its files can be
/// due, nor after the last of them has been looked for.
struct RetentionState {
    var due: Set<UInt32> = []
    /// The files that were due by then have been looked for. A search covers all time before the first one was over.
    var lastSweep = SteadyTime(milliseconds: 0)
    var isSweeping = false
}

extension Engine {
    package mutating func restoreLastSweep(_ time: SteadyTime) { retention.lastSweep = time }

    /// Of a job that is new, or has new templates.
    mutating func keepFiles(of job: JobEntry) {
        let number = job.record.number
        guard let shortest = job.retentions?.lowerBound else { return }
        if retention.due.contains(number) { return planSweep(within: shortest) }
        timers.set(.filesDue(number), at: job.record.begin + shortest)
    }

    mutating func forgetFiles(of number: UInt32) {
        timers.cancel(.filesDue(number))
        retention.due.remove(number)
    }

    /// The first files of the job may be due from now on.
    mutating func filesAreDue(of number: UInt32) {
        guard let shortest = entry(number).retentions?.lowerBound else { return }
        retention.due.insert(number)
        planSweep(within: shortest)
    }

    /// As often as the shortest retention time, a second to a minute.
    private mutating func planSweep(within retention: TimeSpan) {
        guard !self.retention.isSweeping else { return }
        let time = self.retention.lastSweep + min(max(retention, .seconds(1)), .seconds(60))
        if let planned = timers[.retentionSweep], planned <= time { return }
        timers.set(.retentionSweep, at: time)
    }

    mutating func sweep(at now: Moment) {
        let since = retention.lastSweep
        retention.lastSweep = now.steady
        let rules = retention.due.sorted().flatMap { dueRules(of: entry($0), at: now.steady) }
        guard !rules.isEmpty else { return swept(until: now.steady) }
        retention.isSweeping = true
        effects.append(.findOldFiles(RetentionSweep(since: since, until: now.steady, rules: rules)))
    }

    private func dueRules(of job: JobEntry, at now: SteadyTime) -> [RetentionRule] {
        // Where no node is, no file is.
        guard pools[job.record.pool]?.nodes.isEmpty == false else { return [] }
        var due: [RetentionRule] = []
        for (template, rules) in job.rules.templates.enumerated() {
            guard let retention = rules.retention, job.record.begin + retention <= now else { continue }
            if let last = due.last, last.retention == retention, last.templates.upperBound == template - 1 {
                due[due.count - 1].templates = last.templates.lowerBound...template
            } else {
                let rule = RetentionRule(
                    job: job.record.number, templates: template...template, retention: retention)
                due.append(rule)
            }
        }
        return due
    }

    /// - Parameter isComplete: whether everything that was due has been found, and its removal is stored.
    mutating func filesFound(until time: SteadyTime, isComplete: Bool) {
        retention.isSweeping = false
        if isComplete { writes.append(.putLastSweep(time)) }
        swept(until: isComplete ? time : nil)
    }

    /// Jobs that have ended, and whose last files have been found by then, are done with.
    private mutating func swept(until time: SteadyTime?) {
        var shortest: TimeSpan?
        for number in retention.due {
            let job = entry(number)
            guard let retentions = job.retentions else { continue }
            if let time, let end = job.endOfTasks, end + retentions.upperBound <= time {
                retention.due.remove(number)
            } else {
                shortest = min(shortest ?? retentions.lowerBound, retentions.lowerBound)
            }
        }
        if let shortest { planSweep(within: shortest) }
    }
}

extension JobEntry {
    /// Nil while tasks may still end.
    fileprivate var endOfTasks: SteadyTime? {
        guard record.state == .completed else { return nil }
        return record.endSteady
            ?? SteadyTime(milliseconds: (record.endTime ?? record.creationTime).milliseconds)
    }
}
