import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

// Tasks that run again because a user wants it. All that is asked of the database is read before anything changes, so a
// request is taken whole, in one turn, or not at all.

extension ServiceCore {
    /// Reads the rows of all tasks of the job: some seconds for a million.
    package func rerun(_ request: RerunRequest, at now: Moment) throws(Refusal) -> RerunAnswer {
        if let answer = try knownAnswer(to: request) { return answer }
        let (number, record) = try job(request.job)
        if let wanted = request.number, wanted != number { throw .jobReplaced(request.job) }
        try checkRerun(number, record)
        let pool = try poolToMake(for: number, record)
        if let pool { try checkPool(pool) }
        let recalled = try recall(number, record)
        do throws(Refusal) {
            let scope = try scope(of: request, number)
            let found = engine.tasks(scope, of: number, recalled.dependencies)
            try refuseRunning(found.running, of: number, record)
            var answer = RerunAnswer(
                job: record.id.text, number: number, pool: record.pool.text, tasks: found.completed.count,
                waiting: found.active.count, state: record.state.rawValue)
            if take(found, of: number, recalled, pool, &answer, at: now) {
                answer.state = engine.job(number)?.state.rawValue ?? answer.state
            } else {
                giveUp(recalled, number)
            }
            if let identity = request.identity {
                keepAnswer(jsonText(answer), toSubmission: Self.answerKey(identity))
            }
            return answer
        } catch {
            giveUp(recalled, number)
            throw error
        }
    }

    /// False where there is nothing to do.
    private func take(
        _ found: RerunTasks, of number: UInt32, _ recalled: Recalled, _ pool: PoolSpec?,
        _ answer: inout RerunAnswer, at now: Moment
    ) -> Bool {
        let hasEnded = engine.job(number)?.state == .completed
        let isAny =
            !found.completed.isEmpty || hasEnded && !found.active.isEmpty
            || !hasEnded && engine.hasFailedPreparations(number)
        guard isAny else { return false }
        if let pool {
            do throws(Refusal) {
                try addPool(pool, autoPoolJob: number, at: now)
            } catch {
                invariantFailure("what was checked is refused: \(error.message)")
            }
            answer.poolWasMade = true
        }
        if hasEnded {
            answer.wasReopened = true
            answer.others = (engine.counts(number)?.active ?? 0) - found.active.count
        }
        if let plan = recalled.plan { plans[number] = plan }
        engine.apply(.tasksRerun(number, found.completed, recalled.dependencies), at: now)
        return true
    }

    // MARK: What is refused

    private func checkRerun(_ number: UInt32, _ record: JobRecord) throws(Refusal) {
        let id = record.id
        if let problem = engine.problem(ofJob: number) { throw .unreadable("job `\(id)`", problem) }
        switch record.state {
        case .active, .disabling, .disabled, .enabling, .completed: break
        case .terminating:
            throw Refusal(
                .conflict, code: Refusal.jobEnding,
                "job `\(id)` is ending; ask again when it is completed (`jobs wait --jobid \(id)`)")
        case .deleting:
            throw Refusal(.conflict, code: "JobBeingDeleted", "job `\(id)` is being deleted")
        }
        let stored: JobRecord?
        do throws(StoreError) { stored = try store.job(number: number) } catch { throw Refusal(error) }
        guard stored?.taskCount == record.taskCount else {
            throw Refusal(
                .unavailable, code: Refusal.tasksBeingAdded,
                "tasks are being added to job `\(id)` at this moment; try again")
        }
    }

    private func refuseRunning(
        _ running: [UInt32], of number: UInt32, _ record: JobRecord
    ) throws(Refusal) {
        guard !running.isEmpty else { return }
        let shown = running.prefix(5).map { TaskKey(job: number, ordinal: $0) }
        let names: [String]
        do throws(StoreError) {
            names = try store.definitions(of: shown).map { "`\($0.id)`" }
        } catch {
            throw Refusal(error)
        }
        let others = running.count > shown.count ? " and \(running.count - shown.count) more" : ""
        let (verb, them) = running.count == 1 ? ("runs", "it ends or end it") : ("run", "they end or end them")
        throw Refusal(
            .conflict, code: "TaskRunning",
            "nothing of job `\(record.id)` was asked to run again: \(names.joined(separator: ", "))\(others) \(verb)"
                + " now; wait until \(them) with `jobs tasks term`")
    }

    // MARK: The pool

    /// Nil where the job's pool is there. One that the job had made for itself is made again.
    private func poolToMake(for number: UInt32, _ record: JobRecord) throws(Refusal) -> PoolSpec? {
        switch engine.pool(record.pool)?.state {
        case .active: return nil
        case .deleting:
            throw Refusal(
                .conflict, code: Refusal.poolBeingDeleted,
                "pool `\(record.pool)` of job `\(record.id)` is being deleted; wait until it is gone with `pool del --wait`"
            )
        case nil: break
        }
        let (plan, spec): (Stored<JobPlan>, DocumentRecord?)
        do throws(StoreError) {
            plan = Stored(try store.plan(of: number), named: "its plan")
            spec = try store.poolSpec(of: record.pool)
        } catch {
            throw Refusal(error)
        }
        guard case .value(let plan) = plan, plan.autoPool != nil, spec != nil else {
            throw Refusal(
                .conflict, code: "PoolNotFound",
                "pool `\(record.pool)` of job `\(record.id)` is gone; add it again with `pool add`, and then ask again")
        }
        switch Stored<PoolSpec>(spec, named: "its specification") {
        case .value(let spec): return spec
        case .problem(let problem): throw .unreadable("pool `\(record.pool)`", problem)
        }
    }

    // MARK: What the database knows

    /// What of the job was read.
    private struct Recalled {
        var dependencies: [TaskDependencies] = []
        /// Where its tasks were not in memory: what it counted.
        var counts: TaskCounts?
        var plan: JobPlan?
    }

    private func giveUp(_ recalled: Recalled, _ number: UInt32) {
        if let counts = recalled.counts { engine.forgetAgain(number, counts) }
    }

    private func recall(_ number: UInt32, _ record: JobRecord) throws(Refusal) -> Recalled {
        var recalled = Recalled()
        let problem: String?
        do throws(StoreError) {
            problem = try read(&recalled, number, record)
        } catch {
            giveUp(recalled, number)
            throw Refusal(error)
        }
        guard let problem else { return recalled }
        giveUp(recalled, number)
        throw .unreadable("job `\(record.id)`", problem)
    }

    /// Answers why the job cannot be read, where that is so.
    private func read(
        _ recalled: inout Recalled, _ number: UInt32, _ record: JobRecord
    ) throws(StoreError) -> String? {
        if engine.knowsTasks(of: number) {
            recalled.dependencies = try dependencies(of: number, record)
            return nil
        }
        switch Stored<JobPlan>(try store.plan(of: number), named: "its plan") {
        case .value(let plan): recalled.plan = plan
        case .problem(let problem): return problem
        }
        let nodeJobs = try store.nodeJobs(of: number)
        recalled.counts = engine.counts(number)
        engine.beginRecall(of: number)
        // No node has a task of a job that is completed.
        let problem = try restoreTasks(
            of: record, templateCount: engine.templateCount(number), [], &recalled.dependencies)
        if let problem { return problem }
        for record in nodeJobs where !record.isRelease { engine.recallNodeJob(record) }
        for record in nodeJobs where record.isRelease { engine.recallNodeJob(record) }
        engine.deleteRecalledTasks(of: number)
        return nil
    }

    private func dependencies(
        of number: UInt32, _ record: JobRecord
    ) throws(StoreError) -> [TaskDependencies] {
        var found: [TaskDependencies] = []
        try store.streamOutlines(of: number) { outline in
            guard let text = outline.dependencies, let list = Dependency.list(from: text),
                list.allSatisfy({ $0.isWithin(record.taskCount) })
            else { return }
            found.append(TaskDependencies(outline.key.ordinal, list))
        }
        return found
    }

    private func scope(of request: RerunRequest, _ number: UInt32) throws(Refusal) -> RerunScope {
        switch request.selection {
        case .failed: .failed
        case .all: .all
        case .tasks(let ids): .tasks(try ordinals(of: ids, request.job, number))
        case .from(let ids): .from(try ordinals(of: ids, request.job, number))
        }
    }

    private func ordinals(
        of ids: [String], _ job: String, _ number: UInt32
    ) throws(Refusal) -> [UInt32] {
        var found: [UInt32] = []
        for id in ids {
            let key = try taskKey(id, of: job)
            guard !engine.isDeletedInThisTurn(key) else { throw .taskNotFound(id, job: job) }
            found.append(key.ordinal)
        }
        return found
    }

    // MARK: The same request again

    private static func answerKey(_ identity: String) -> String { "rerun \(identity)" }

    private func knownAnswer(to request: RerunRequest) throws(Refusal) -> RerunAnswer? {
        guard let identity = request.identity else { return nil }
        let text: String?
        do throws(StoreError) {
            text = try store.answer(toSubmission: Self.answerKey(identity))
        } catch {
            throw Refusal(error)
        }
        return text.flatMap { try? JSONCoding.decode(RerunAnswer.self, from: Array($0.utf8)) }
    }
}

extension Refusal {
    /// Codes of refusals that a rerun waits out.
    package static let jobEnding = "JobEnding"
    package static let tasksBeingAdded = "TasksBeingAdded"
    package static let poolBeingDeleted = "PoolBeingDeleted"

    package static func jobReplaced(_ id: String) -> Refusal {
        Refusal(
            .conflict, code: "JobReplaced",
            "the job `\(id)` that was meant is gone; the one that has its id now is another")
    }
}
