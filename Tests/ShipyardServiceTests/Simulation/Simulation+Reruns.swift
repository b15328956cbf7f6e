import ShipyardModel
import ShipyardService
import ShipyardStore

// Users who want tasks to run again, of whatever job is there.

extension Simulation {
    func planReruns() {
        for (number, rerun) in scenario.reruns.enumerated() {
            rerunsToDo += 1
            substrate.schedule(
                .user(addUser { self.rerun(rerun, identity: "\(number)", triesLeft: 5) }),
                after: rerun.at.milliseconds)
        }
    }

    /// Asked again under one identity until an answer comes, as a client does whose connection breaks.
    private func rerun(_ wish: Scenario.Rerun, identity: String, triesLeft: Int) {
        guard let core else { return retry { self.rerun(wish, identity: identity, triesLeft: triesLeft) } }
        let jobs = core.inspect { engine in engine.jobsInOrder.compactMap { engine.job($0) } }
        guard triesLeft > 0, !jobs.isEmpty else {
            rerunsToDo -= 1
            return
        }
        let record = jobs[wish.job % jobs.count]
        guard let index = substrate.ledger.jobs[record.number], !scenario.parts[index].tasks.isEmpty else {
            rerunsToDo -= 1
            return
        }
        let tasks = scenario.parts[index].tasks
        let ids = [tasks[wish.task % tasks.count].id]
        let selection: RerunRequest.Selection =
            switch wish.kind {
            case .failed: .failed
            case .all: .all
            case .tasks: .tasks(ids)
            case .from: .from(ids)
            }
        let request = RerunRequest(
            job: record.id.text, number: record.number, selection, identity: identity)
        let (answer, reactivated) = ask(request, core, tasks.count, record)
        if wish.comesTwice {
            // Who comes a moment later finds nothing left to do, or what now runs.
            var other = request
            other.identity = identity + " of another"
            let (_, twice) = ask(other, core, tasks.count, record)
            substrate.ledger.expect(
                reactivated == 0 || twice == 0, "\(twice) tasks of job \(record.number) run again twice")
        }
        guard answer != nil else {
            return retry { self.rerun(wish, identity: identity, triesLeft: triesLeft - 1) }
        }
        core.afterCommit(isPromise: true) { [unowned self] error in
            guard error == nil else {
                return retry { self.rerun(wish, identity: identity, triesLeft: triesLeft) }
            }
            rerunsToDo -= 1
            tasksRerun += answer?.tasks ?? 0
        }
    }

    private func ask(
        _ request: RerunRequest, _ core: ServiceCore, _ taskCount: Int, _ record: JobRecord
    ) -> (RerunAnswer?, reactivated: Int) {
        let keys = (0..<UInt32(taskCount)).map { TaskKey(job: record.number, ordinal: $0) }
        let rows = keys.map { key in look { try $0.progress(of: key) } ?? nil }
        let wereOpen = keys.map { key in core.inspect { $0.state(of: key).map { $0 != .completed } ?? false } }
        // Somebody may have asked already in this turn.
        let state = core.inspect { $0.job(record.number)?.state }
        guard let answer = try? core.rerun(request, at: substrate.moment) else {
            let isAsItWas = core.inspect { $0.job(record.number)?.state } == state
            substrate.ledger.expect(isAsItWas, "job \(record.number) has changed by what was refused")
            return (nil, 0)
        }
        var reactivated = 0
        for (index, key) in keys.enumerated()
        where !wereOpen[index] && core.inspect({ $0.state(of: key) }) == .active {
            let attempt = max(rows[index]?.attempt ?? 0, substrate.ledger.endedByUser[key] ?? 0)
            if rows[index]?.state != .active || record.state != .completed {
                substrate.ledger.reruns[key, default: []].append(attempt)
                reactivated += 1
            }
        }
        if answer.wasReopened {
            substrate.ledger.endedJobs.remove(record.number)
            substrate.ledger.reopenedJobs.insert(record.number)
        }
        return (answer, reactivated)
    }

    /// What starts has all that it waits for at that moment, also where that has run before and is to run again.
    func checkOrder(of work: WorkID, _ core: ServiceCore) {
        let key = TaskKey(rawValue: work.key)
        // Who waits for a preparation, or is ordered once more, was chosen earlier.
        guard let index = substrate.ledger.jobs[key.job], scenario.parts[index].plan.preparationCommand == nil,
            let row = look({ try $0.progress(of: key) }) ?? nil, row.attempt == work.attempt,
            row.assignedTime == substrate.moment.wall
        else { return }
        for dependency in scenario.parts[index].tasks[Int(key.ordinal)].dependencies {
            substrate.ledger.expect(
                isMet(dependency, of: key.job, index, core) || isOfDeleted(dependency, of: key.job, index),
                "\(work) is ordered, and \(dependency.upstream) is open")
        }
    }

    private func isOfDeleted(_ dependency: Dependency, of job: UInt32, _ index: Int) -> Bool {
        let deleted = deletedTasks.filter { $0.job == job }.map(\.ordinal)
        let tasks = scenario.parts[index].tasks
        return deleted.contains { ordinal in
            switch dependency.upstream {
            case .task(let parent): parent == ordinal
            case .tasks(let range): range.contains(ordinal)
            case .numbers(let range): tasks[Int(ordinal)].number.map(range.contains) ?? false
            }
        }
    }

    /// Of schedules' runs that were over nobody is left to end their jobs.
    func endReopenedJobs() {
        guard phases.count > 1 else { return }
        retry(endReopenedJobs)
        guard let core else { return }
        let open = core.inspect { engine in
            engine.jobsInOrder.compactMap { engine.job($0) }.filter { $0.reopening != nil && $0.state.takesTasks }
        }
        for record in open { try? core.terminateJob(record.id.text, at: substrate.moment) }
    }
}
