import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore

// Schedules of the simulation, and whoever makes the jobs of their runs: it may be slow, fail, and die with the
// service between any two of its steps.

extension Simulation {
    func planSchedules() {
        for (index, schedule) in scenario.schedules.enumerated() {
            substrate.schedule(.user(addUser { self.addSchedule(index) }), after: schedule.addAt.milliseconds)
            for (number, file) in schedule.files.enumerated() {
                let event = self.file(number, of: index)
                substrate.schedule(.user(addUser { self.tell(event, index) }), after: file.milliseconds)
            }
        }
    }

    private func file(_ number: Int, of schedule: Int) -> FileEvent {
        FileEvent(
            account: "store", container: "in", path: BytePath("\(schedule)-\(number)"),
            version: FileVersion(inode: UInt64(100 * schedule + number), birth: 0, size: 0, modified: 0))
    }

    /// Told again until a commit says that it is known, as the watcher does; now and then also afterwards.
    private func tell(_ file: FileEvent, _ index: Int) {
        guard let core, let number = core.inspect({ $0.scheduleNumber(scenario.schedules[index].id) }) else {
            return retry { self.tell(file, index) }
        }
        retry { if self.filesTold[file] == nil || self.substrate.random.chance(30) { self.tell(file, index) } }
        guard let verdict = try? core.fileArrived(file, schedule: number, at: substrate.moment) else { return }
        core.afterCommit(isPromise: true) { [unowned self] error in
            guard error == nil else { return }
            if case .known(let event) = verdict, case .recorded(let record)? = filesTold[file] {
                substrate.ledger.expect(record.number == event, "file \(file.path) has changed its event")
            }
            if filesTold[file] == nil || verdict != .unwanted { filesTold[file] = verdict }
        }
    }

    /// Each file that was taken is one event with one run, and nothing else is.
    private func checkFiles() {
        let rows = look { try $0.triggerEvents(after: 0, limit: 1000) } ?? []
        let runs = scenario.schedules.indices.flatMap { index in
            core?.inspect { $0.scheduleNumber(scenario.schedules[index].id) }
                .flatMap { number in look { try $0.runs(of: number, limit: 10_000) } } ?? []
        }
        substrate.ledger.expect(Set(rows.map(\.file)).count == rows.count, "a file has two events")
        for row in rows {
            let own = runs.filter { $0.cause == .event(row.number) }
            substrate.ledger.expect(
                own.map(\.key.number) == [row.run], "event \(row.number) has \(own.count) runs")
        }
        for (file, verdict) in filesTold {
            let isThere = rows.contains { $0.file == file }
            substrate.ledger.expect(isThere == (verdict != .unwanted), "file \(file.path): \(verdict)")
        }
        let asked = runs.count { if case .event = $0.cause { true } else { false } }
        substrate.ledger.expect(asked == rows.count, "\(asked) runs for \(rows.count) events")
    }

    /// Asks again until it is told that it is there.
    private func addSchedule(_ index: Int) {
        let part = scenario.schedules[index]
        guard let core else { return retry { self.addSchedule(index) } }
        guard core.inspect({ $0.scheduleNumber(part.id) }) == nil else {
            schedulesAdded += 1
            return
        }
        retry { self.addSchedule(index) }
        var definition = ScheduleDefinition()
        definition.policy.overlap = part.overlap
        definition.policy.maxRetries = part.maxRetries
        definition.policy.retryDelay = TimeSpan(milliseconds: 10)
        definition.policy.hasTrigger = !part.files.isEmpty
        if part.isFollower {
            definition.policy.after = [AfterRule(.schedule(scenario.schedules[0].id.text), .completed)]
        } else {
            definition.intervals = [part.interval]
            definition.notAfter = part.last + substrate.wallError
        }
        let offer = ScheduleOffer(
            id: part.id, isRecurrence: false, definition: definition, bundle: "{}", digest: "of nothing")
        _ = try? core.putSchedule(offer, at: substrate.moment)
    }

    func makeJobs(of start: RunStart) {
        guard startsUnderWay.insert(start.run.key).inserted else { return }
        let life = substrate.connection
        later { if self.substrate.connection == life { self.beginJobs(of: start, life) } }
    }

    private func later(_ act: @escaping () -> Void) {
        substrate.schedule(.user(addUser(act)), after: substrate.delay(15))
    }

    private func beginJobs(of start: RunStart, _ life: Int) {
        let (key, attempt) = (start.run.key, start.run.attempt)
        guard let core, let index = scenario.schedules.firstIndex(where: { $0.id == start.schedule.id }) else {
            return
        }
        if substrate.random.chance(10) {
            return fail(start, "it is busy", mayRetry: substrate.random.chance(70))
        }
        let part = scenario.schedules[index].job
        let id = JobID("job", run: key.number, attempt: attempt, of: start.schedule.id)
        guard let ticket = try? core.beginSubmission(id, usesDependencies: true), ticket.isNew else {
            return fail(start, "a job of this id is there", mayRetry: true)
        }
        substrate.ledger.jobs[ticket.number] = scenario.jobs.count + index
        try! core.addSlice(TaskSlice(part.tasks, part.tasks.indices, of: ticket.number), to: ticket)
        var plan = part.plan
        plan.id = id
        later { if self.substrate.connection == life { self.endJobs(of: start, ticket, plan) } }
    }

    private func endJobs(of start: RunStart, _ ticket: SubmissionTicket, _ plan: JobPlan) {
        let (key, attempt) = (start.run.key, start.run.attempt)
        guard let core else { return }
        do {
            try core.checkRun(key, attempt: attempt)
            try core.checkSubmission(ticket)
        } catch {
            core.cancelSubmission(ticket)
            return fail(start, "it is not wanted", mayRetry: error.code != ServiceCore.runNotWanted)
        }
        core.endSubmission(ticket, plan, pool: scenario.pool.id, at: substrate.moment)
        core.runStarted(key, jobs: [ticket.number], at: substrate.moment)
        core.afterCommit(isPromise: true) { [unowned self] error in
            guard error == nil else { return }
            startsUnderWay.remove(key)
            substrate.ledger.accepted.insert(ticket.number)
            substrate.ledger.expect(
                attemptsMade.insert("\(key)#\(attempt)").inserted, "\(key) has the jobs of attempt \(attempt) twice")
        }
    }

    private func fail(_ start: RunStart, _ reason: String, mayRetry: Bool) {
        startsUnderWay.remove(start.run.key)
        core?.runNotStarted(start.run.key, reason, mayRetry: mayRetry, at: substrate.moment)
    }

    func endSchedule(_ index: Int) {
        guard let core, let number = core.inspect({ $0.scheduleNumber(scenario.schedules[index].id) }) else {
            return
        }
        guard core.inspect({ $0.schedule(number)?.state }) != .completed else { return }
        try? core.terminateSchedule(scenario.schedules[index].id.text, at: substrate.moment)
        retry { self.endSchedule(index) }
    }

    // MARK: Checks

    /// Nothing of them is due any more, and what runs has ended or cannot go on.
    func schedulesAreSettled(_ core: ServiceCore) -> Bool {
        guard schedulesAdded == scenario.schedules.count,
            filesTold.count == scenario.schedules.reduce(0, { $0 + $1.files.count })
        else { return false }
        return core.inspect { engine in
            engine.schedulesInOrder.allSatisfy { number in
                guard let status = engine.scheduleStatus(number) else { return true }
                guard status.next == nil, status.scheduled == 0 else { return false }
                return status.active.allSatisfy { key in
                    guard engine.run(key)?.state == .active else { return false }
                    let jobs = look { try $0.runJobs(of: key) } ?? []
                    return jobs.contains { job in
                        engine.job(job.job)?.state == .active && engine.waitReason(job.job) != nil
                    }
                }
            }
        }
    }

    /// Every run has ended, once, and what it says of itself is so; no due time is without one.
    func checkRuns() {
        guard let core else { return }
        checkFiles()
        for number in core.inspect({ $0.schedulesInOrder }) {
            let runs = (look { try $0.runs(of: number, limit: 10_000) } ?? []).sorted { $0.key < $1.key }
            substrate.ledger.expect(
                runs.map(\.key.number) == Array(1..<UInt32(runs.count) + 1), "schedule \(number) has lost a run")
            for run in runs { check(run, core) }
            let times = runs.filter { $0.state != .skipped && $0.cause == .clock }
            substrate.ledger.expect(
                Set(times.map(\.due)).count == times.count, "schedule \(number) ran twice for one time")
            checkTimes(of: number, runs)
        }
    }

    private func check(_ run: RunRecord, _ core: ServiceCore) {
        substrate.ledger.expect(run.state.isOver, "\(run.key) is left \(run.state)")
        let jobs = look { try $0.runJobs(of: run.key) } ?? []
        let attempts = Set(jobs.map(\.attempt))
        substrate.ledger.expect(attempts.count == jobs.count, "\(run.key) has made jobs twice")
        for job in jobs {
            substrate.ledger.expect(
                attemptsMade.contains("\(run.key)#\(job.attempt)"), "\(run.key) has a job that nobody made")
        }
        for attempt in 1...run.attempt where attemptsMade.contains("\(run.key)#\(attempt)") {
            substrate.ledger.expect(attempts.contains(attempt), "\(run.key) has lost its job")
        }
        if let last = jobs.last, let record = core.inspect({ $0.job(last.job) }), record.reopening != nil,
            let counts = core.inspect({ $0.counts(last.job) }), last.attempt == run.attempt
        {
            let isSuccess = counts.failed + counts.active + counts.running == 0
            substrate.ledger.expect(
                (run.state == .succeeded) == isSuccess, "\(run.key) says \(run.state), and its job \(counts)")
        }
        guard run.state == .succeeded else { return }
        substrate.ledger.expect(attempts.contains(run.attempt), "\(run.key) succeeded without a job")
        guard let last = jobs.last, let counts = core.inspect({ $0.counts(last.job) }) else { return }
        substrate.ledger.expect(
            counts.failed + counts.active + counts.running == 0, "\(run.key) succeeded with \(counts)")
    }

    /// Where nobody has set the clock.
    private func checkTimes(of number: UInt32, _ runs: [RunRecord]) {
        guard scenario.clockSteps.isEmpty, let core,
            let version = look({ try $0.scheduleVersion(number, 1) }) ?? nil,
            let definition = try? ScheduleDefinition(json: version.definition),
            let interval = definition.intervals.first, let last = definition.notAfter,
            let record = core.inspect({ $0.schedule(number) })
        else { return }
        let step = interval.milliseconds
        var due = (record.creationTime.milliseconds + step - 1) / step * step
        // It was ended before its last time where something else could not go on.
        let end = min(last.milliseconds, runs.last?.due.milliseconds ?? 0)
        while due <= end {
            let isThere = runs.contains { run in
                run.due.milliseconds == due
                    || (run.due.milliseconds...max(run.due.milliseconds, run.dueUntil?.milliseconds ?? 0))
                        .contains(due)
            }
            substrate.ledger.expect(isThere, "schedule \(number) did nothing at \(due)")
            due += step
        }
        let isWhole = last.milliseconds < record.creationTime.milliseconds + step || !runs.isEmpty
        substrate.ledger.expect(isWhole, "schedule \(number) never ran")
    }
}
