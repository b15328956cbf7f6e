import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardStore
import ShipyardSubmission
import ShipyardSystem

extension APIRoutes {
    func addJobs(to router: inout Router) {
        on(.get, "/jobs", in: &router) { _ throws(APIFailure) in
            let statuses = try inspect { engine in
                engine.jobsInOrder.compactMap { JobStatus($0, in: engine) }
            }
            var responses: [JobResponse] = []
            for status in statuses { responses.append(try jobResponse(status)) }
            return .json(ListBody(value: responses))
        }
        on(.post, "/jobs", in: &router) { request throws(APIFailure) in
            let made = try submit(request) { submission, isAbandoned throws(SubmissionError) in
                try submissions.addJobs(submission, isAbandoned: isAbandoned)
            }
            return .json(SubmissionResponse(made), status: 201)
        }
        on(.get, "/jobs/{job}", in: &router) { request throws(APIFailure) in
            .json(try jobAlone(try jobStatus(request.parameters["job"] ?? "")))
        }
        on(.delete, "/jobs/{job}", in: &router) { request throws(APIFailure) in
            let id = request.parameters["job"] ?? ""
            let number = try number("number", atLeast: 0, in: request)
            let removal = try perform { core, now throws(Refusal) in
                try core.checkJob(id, isNumber: number)
                return try core.deleteJob(id, at: now)
            }
            return .json(DeletionResponse(removal), status: 202)
        }
        on(.get, "/jobs/{job}/removals", in: &router) { request throws(APIFailure) in
            .json(try removals(request))
        }
        for (word, act) in Self.jobActs {
            on(.post, "/jobs/{job}/\(word)", in: &router) { request throws(APIFailure) in
                let id = request.parameters["job"] ?? ""
                let number = try number("number", atLeast: 0, in: request)
                try perform { core, now throws(Refusal) in
                    try core.checkJob(id, isNumber: number)
                    try act(core, id, now)
                }
                return HTTPReply(status: 202)
            }
        }
        on(.post, "/jobs/{job}/migrate", in: &router) { request throws(APIFailure) in
            let id = request.parameters["job"] ?? ""
            let target = try body(of: request, as: MigrateBody.self)
            try perform { core, now throws(Refusal) in try core.migrateJob(id, to: target.poolId, at: now) }
            return HTTPReply(status: 202)
        }
        on(.get, "/jobs/{job}/wait", in: &router) { request throws(APIFailure) in .json(try wait(request)) }
        on(.get, "/jobs/{job}/taskcounts", in: &router) { request throws(APIFailure) in
            .json(TaskCountsResponse(try jobStatus(request.parameters["job"] ?? "").shownCounts))
        }
    }

    private struct MigrateBody: Codable, Sendable {
        var poolId: String
    }

    private typealias JobAct = @Sendable (ServiceCore, String, Moment) throws(Refusal) -> Void
    private static let jobActs: [(String, JobAct)] = [
        ("terminate", { core, id, now throws(Refusal) in try core.terminateJob(id, at: now) }),
        ("disable", { core, id, now throws(Refusal) in try core.disableJob(id, at: now) }),
        ("enable", { core, id, now throws(Refusal) in try core.enableJob(id, at: now) }),
        (
            "holdpool",
            { core, id, now throws(Refusal) in
                core.holdPool(ofJob: try core.job(id).number, for: PoolLimits.longestHold, at: now)
            }
        ),
        (
            "releasepool",
            { core, id, now throws(Refusal) in core.releasePool(ofJob: try core.job(id).number, at: now) }
        ),
    ]

    /// What the engine knows of a job, taken in one moment.
    struct JobStatus: Sendable {
        var record: JobRecord
        var counts: TaskCounts
        /// What waits at an agent told apart from what runs.
        var shownCounts: TaskCounts
        var longestRunning: (task: TaskKey, since: Instant)?
        var waitReason: WaitReason?

        init?(_ number: UInt32, in engine: borrowing Engine, isAlone: Bool = false) {
            guard let record = engine.job(number), let counts = engine.counts(number) else { return nil }
            self.record = record
            self.counts = counts
            shownCounts = engine.shownCounts(number) ?? counts
            if isAlone { longestRunning = engine.longestRunning(number) }
            waitReason = engine.waitReason(number)
        }
    }

    func jobStatus(
        _ id: String, patience: TimeSpan = ServiceLoop.inspectionPatience
    ) throws(APIFailure) -> JobStatus {
        let status = try inspect(patience: patience) { engine in
            JobID(id).flatMap { engine.jobNumber($0) }.flatMap { JobStatus($0, in: engine, isAlone: true) }
        }
        guard let status else { throw APIFailure(Refusal.jobNotFound(id)) }
        return status
    }

    private func wait(_ request: HTTPRequest) throws(APIFailure) -> JobResponse {
        let id = request.parameters["job"] ?? ""
        let seconds = min(try number("timeout", atLeast: 0, in: request) ?? 30, 600)
        let seen = request.queryValue("counts")
        // Whoever waits for a job also waits for a disk to have room again.
        let patience = max(.seconds(seconds), ServiceLoop.inspectionPatience)
        let status = try jobStatus(id, patience: patience)
        let response = try jobAlone(status)
        if let seen, seen == response.progressToken, status.record.state != .completed, !response.isBlocked {
            _ = loop.waitForChange(
                of: status.record.number, seen: status.counts, seenState: status.record.state,
                patience: .seconds(seconds))
            return try jobAlone(try jobStatus(id, patience: patience))
        }
        if seen != nil, status.record.state != .completed, !response.isBlocked {
            // It has changed since, as it does all the time under load: not more than five answers a second.
            _ = loop.waitForChange(
                of: status.record.number, seen: TaskCounts(), seenState: nil,
                patience: TimeSpan(milliseconds: 200))
            return try jobAlone(try jobStatus(id, patience: patience))
        }
        return response
    }

    /// With what takes a look at its tasks.
    private func jobAlone(_ status: JobStatus) throws(APIFailure) -> JobResponse {
        var response = try jobResponse(status)
        guard let (key, since) = status.longestRunning else { return response }
        let task = try read { reader throws(StoreError) in try reader.definition(of: key) }
        response.longestRunningTask = task.map {
            JobResponse.RunningTask(
                id: $0.id, startTime: since.iso8601,
                elapsedMilliseconds: max(0, (SystemClock.now() - since).milliseconds))
        }
        return response
    }

    func jobResponse(_ status: JobStatus) throws(APIFailure) -> JobResponse {
        let record = status.record
        let plan = try planSummary(of: record)
        return JobResponse(
            id: record.id.text, state: record.state.rawValue, priority: record.priority,
            poolId: record.pool.text,
            creationTime: record.creationTime.iso8601,
            stateTransitionTime: record.stateTransitionTime.iso8601,
            endTime: record.endTime?.iso8601, terminateReason: record.terminateReason,
            onAllTasksComplete: record.autoComplete ? "terminateJob" : "noAction",
            maxWallClockTime: plan.maxWallTime?.iso8601Duration,
            usesTaskDependencies: plan.usesTaskDependencies,
            taskCounts: TaskCountsResponse(status.shownCounts), isBlocked: status.waitReason != nil,
            blockedReason: try status.waitReason.map { waitReason throws(APIFailure) in
                try sentence(for: waitReason, record)
            }, number: record.number, runTimeMilliseconds: record.runTime?.milliseconds, stateProblem: loop.trouble)
    }

    private func sentence(for waitReason: WaitReason, _ job: JobRecord) throws(APIFailure) -> String {
        switch waitReason {
        case .dependencies(let example, let count):
            let definition = try read { reader throws(StoreError) in
                try reader.definition(of: TaskKey(job: job.number, ordinal: example))
            }
            let others = count == 1 ? "" : " and \(count - 1) more"
            return "`\(definition?.id ?? "?")`\(others) \(count == 1 ? "waits" : "wait") for tasks that failed, and will never run"
        case .poolIsGone:
            return "its pool `\(job.pool)` is gone; add it again, or end the job with `jobs term`"
        case .poolHasNoNodes: return "pool `\(job.pool)` has no nodes; resize it with `pool resize`"
        case .nodesUnusable(let states):
            let list = states.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                "\($0.value) \($0.key.rawValue)"
            }
            return "no node of pool `\(job.pool)` can run tasks: \(list.joined(separator: ", "))"
        case .preparationFailedEverywhere:
            return "its job preparation task failed on every node of pool `\(job.pool)`"
        case .tooFewSlots(let needed, let available):
            return
                "its next task needs \(needed) slots, and the nodes of pool `\(job.pool)` have \(available)"
        case .disabled: return "it is disabled"
        case .nodesCannotStart(let node, let reason):
            return "no node of pool `\(job.pool)` can start work now; \(node): \(reason)"
        case .unreadable(let problem): return problem
        }
    }
}

extension ServiceCore {
    /// Refuses what was meant for another job of this id, which was deleted since. In one turn with what follows.
    fileprivate func checkJob(_ id: String, isNumber number: Int64?) throws(Refusal) {
        guard let number else { return }
        guard try job(id).number == number else { throw .jobReplaced(id) }
    }
}
