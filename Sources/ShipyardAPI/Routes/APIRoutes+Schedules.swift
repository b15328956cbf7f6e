import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStore
import ShipyardSubmission
import ShipyardSystem

extension APIRoutes {
    func addSchedules(to router: inout Router) {
        on(.get, "/schedules", in: &router) { _ throws(APIFailure) in
            .json(ListBody(value: try scheduleResponses()))
        }
        on(.post, "/schedules", in: &router) { request throws(APIFailure) in
            let sent = try body(of: request, as: SchedulesRequest.self)
            take(sent.variables)
            let wanted = try SchedulesSubmission(sent)
            do throws(SubmissionError) {
                return .json(
                    try submissions.addSchedules(
                        wanted, at: SystemClock.now(), isAbandoned: request.isAbandoned), status: 201)
            } catch {
                throw APIFailure(error)
            }
        }
        on(.get, "/schedules/{schedule}", in: &router) { request throws(APIFailure) in
            .json(try scheduleResponse(request.parameters["schedule"] ?? ""))
        }
        on(.delete, "/schedules/{schedule}", in: &router) { request throws(APIFailure) in
            let id = request.parameters["schedule"] ?? ""
            try perform { core, now throws(Refusal) in try core.deleteSchedule(id, at: now) }
            return HTTPReply(status: 202)
        }
        for (word, act) in Self.scheduleActs {
            on(.post, "/schedules/{schedule}/\(word)", in: &router) { request throws(APIFailure) in
                let id = request.parameters["schedule"] ?? ""
                try perform { core, now throws(Refusal) in try act(core, id, now) }
                return HTTPReply(status: 202)
            }
        }
        addRuns(to: &router)
    }

    private func addRuns(to router: inout Router) {
        on(.post, "/schedules/{schedule}/run", in: &router) { request throws(APIFailure) in
            let asked = try body(of: request, as: RunRequestBody.self)
            let id = request.parameters["schedule"] ?? ""
            let key: RunKey
            do throws(SubmissionError) {
                key = try submissions.askForRun(
                    of: id, parameters: asked.parameters ?? [:], request: asked.submissionId,
                    at: SystemClock.now())
            } catch {
                throw APIFailure(error)
            }
            return .json(try runResponse(key, try status(ofSchedule: id)), status: 201)
        }
        on(.post, "/schedules/{schedule}/backfill", in: &router) { request throws(APIFailure) in
            let asked = try body(of: request, as: BackfillRequest.self)
            let isDry = asked.dryRun ?? false
            let wanted = Submissions.Backfill(from: asked.from, to: asked.to, parallel: asked.parallel ?? 1)
            do throws(SubmissionError) {
                let times = try submissions.backfill(
                    request.parameters["schedule"] ?? "", wanted, isDry: isDry, at: SystemClock.now())
                return .json(BackfillResponse(times: times, isDryRun: isDry), status: isDry ? 200 : 202)
            } catch {
                throw APIFailure(error)
            }
        }
        on(.get, "/schedules/{schedule}/runs", in: &router) { request throws(APIFailure) in
            .json(try runs(request))
        }
        on(.get, "/schedules/{schedule}/runs/{run}", in: &router) { request throws(APIFailure) in
            let status = try status(ofSchedule: request.parameters["schedule"] ?? "")
            let text = request.parameters["run"] ?? ""
            guard let number = UInt32(text) else { throw Self.runNotFound(text, status) }
            return .json(try runResponse(RunKey(schedule: status.record.number, number: number), status))
        }
    }

    private typealias ScheduleAct = @Sendable (ServiceCore, String, Moment) throws(Refusal) -> Void
    private static let scheduleActs: [(String, ScheduleAct)] = [
        ("enable", { core, id, now throws(Refusal) in try core.enableSchedule(id, at: now) }),
        ("disable", { core, id, now throws(Refusal) in try core.disableSchedule(id, at: now) }),
        ("terminate", { core, id, now throws(Refusal) in try core.terminateSchedule(id, at: now) }),
    ]

    private static func runNotFound(_ number: String, _ status: ScheduleStatus) -> APIFailure {
        APIFailure(404, "RunNotFound", "schedule `\(status.record.id)` has no run `\(number)` on record")
    }

    // MARK: - Schedules

    private func status(ofSchedule id: String) throws(APIFailure) -> ScheduleStatus {
        let status = try inspect { engine in
            ScheduleID(id).flatMap { engine.scheduleNumber($0) }.flatMap { engine.scheduleStatus($0) }
        }
        guard let status else { throw APIFailure(Refusal.scheduleNotFound(id)) }
        return status
    }

    private func scheduleResponses() throws(APIFailure) -> [ScheduleResponse] {
        let all = try inspect { engine in engine.schedulesInOrder.compactMap { engine.scheduleStatus($0) } }
        let versions = try read { reader throws(StoreError) in try reader.newestScheduleVersions() }
        var clocks = ScheduleClocks()
        var responses: [ScheduleResponse] = []
        for status in all {
            let definition = versions[status.record.number].flatMap {
                try? ScheduleDefinition(json: $0.definition)
            }
            responses.append(try response(status, definition, &clocks))
        }
        return responses.sorted { $0.id < $1.id }
    }

    private func scheduleResponse(_ id: String) throws(APIFailure) -> ScheduleResponse {
        let status = try status(ofSchedule: id)
        let definition = try definition(of: status)
        var clocks = ScheduleClocks()
        var response = try response(status, definition, &clocks)
        response.keys = definition?.shownKeys.map { ScheduleResponse.Key(name: $0.name, value: $0.value) }
        return response
    }

    private func definition(of status: ScheduleStatus) throws(APIFailure) -> ScheduleDefinition? {
        let version = try read { reader throws(StoreError) in
            try reader.scheduleVersion(status.record.number, status.record.version)
        }
        return version.flatMap { try? ScheduleDefinition(json: $0.definition) }
    }

    /// How far back the latest run that is over is looked for: those that are not over stand before it.
    private static let runsLookedAt = 20

    private func response(
        _ status: ScheduleStatus, _ definition: ScheduleDefinition?, _ clocks: inout ScheduleClocks
    ) throws(APIFailure) -> ScheduleResponse {
        let record = status.record
        let zone = definition?.timezone ?? "UTC"
        let (runs, jobs) = try read { reader throws(StoreError) in
            let runs = try reader.runs(of: record.number, limit: Self.runsLookedAt)
            // A run that is skipped has no jobs.
            let latest = runs.first { $0.startTime != nil }
            return (runs, try latest.map { run throws(StoreError) in try reader.runJobs(of: run.key) } ?? [])
        }
        var info = ScheduleResponse.ExecutionInfo(nextRunTime: status.next?.instant.iso8601)
        info.recentJob = jobs.last.map { ScheduleResponse.ExecutionInfo.RecentJob(id: $0.id.text) }
        if record.state == .completed { info.endTime = record.stateTransitionTime.iso8601 }
        // One that never began says nothing of how runs go, unless none ever did.
        let last = runs.first { $0.state == .succeeded || $0.state == .failed } ?? runs.first { $0.state.isOver }
        let failure = runs.first { $0.startTime == nil && $0.reason != nil }
        return ScheduleResponse(
            id: record.id.text, state: record.state.rawValue, isRecurrence: record.isRecurrence,
            version: record.version, creationTime: record.creationTime.iso8601,
            stateTransitionTime: record.stateTransitionTime.iso8601, timezone: zone,
            nextRunTimeLocal: status.next.flatMap { clocks.reading(of: $0.instant, in: zone) },
            executionInfo: info, activeRuns: status.active.map(\.number), queuedRuns: status.queued,
            failedStarts: record.failedStarts,
            failedStartReason: record.failedStarts > 0 ? failure?.reason : nil,
            lastRun: last.map { RunResponse($0, [], in: zone, &clocks) }, problem: status.problem)
    }

    // MARK: - Runs

    private static let largestPage: Int64 = 1000

    private func runs(_ request: HTTPRequest) throws(APIFailure) -> ListBody<RunResponse> {
        let status = try status(ofSchedule: request.parameters["schedule"] ?? "")
        let limit = Int(min(try number("limit", atLeast: 1, in: request) ?? 100, Self.largestPage))
        let before = try number("before", atLeast: 0, in: request).map { UInt32(clamping: $0) }
        let found = try read { reader throws(StoreError) in
            let runs = try reader.runs(of: status.record.number, before: before, limit: limit)
            var jobs: [RunKey: [RunJobRecord]] = [:]
            for run in runs where run.startTime != nil { jobs[run.key] = try reader.runJobs(of: run.key) }
            return (runs: runs, jobs: jobs)
        }
        let zone = try definition(of: status)?.timezone ?? "UTC"
        let states = try states(of: found.jobs.values.joined().map(\.job))
        var clocks = ScheduleClocks()
        let responses = found.runs.map { run in
            RunResponse(run, Self.jobs(found.jobs[run.key] ?? [], states), in: zone, &clocks)
        }
        let isLast = responses.count < limit || responses.last?.number == 1
        return ListBody(value: responses, next: isLast ? nil : responses.last.map { Int($0.number) })
    }

    private func runResponse(_ key: RunKey, _ status: ScheduleStatus) throws(APIFailure) -> RunResponse {
        let (run, jobs) = try read { reader throws(StoreError) in
            (try reader.run(key), try reader.runJobs(of: key))
        }
        guard let run else { throw Self.runNotFound("\(key.number)", status) }
        let zone = try definition(of: status)?.timezone ?? "UTC"
        var clocks = ScheduleClocks()
        return RunResponse(run, Self.jobs(jobs, try states(of: jobs.map(\.job))), in: zone, &clocks)
    }

    private func states(of jobs: [UInt32]) throws(APIFailure) -> [UInt32: JobState] {
        try inspect { engine in
            var states: [UInt32: JobState] = [:]
            for job in jobs { states[job] = engine.job(job)?.state }
            return states
        }
    }

    private static func jobs(_ records: [RunJobRecord], _ states: [UInt32: JobState]) -> [RunResponse.Job] {
        records.map {
            RunResponse.Job(
                id: $0.id.text, number: $0.job, attempt: $0.attempt, state: states[$0.job]?.rawValue)
        }
    }
}

extension RunResponse {
    fileprivate init(
        _ run: RunRecord, _ jobs: [Job], in zone: String, _ clocks: inout ScheduleClocks
    ) {
        self.init(
            number: run.key.number, dueTime: run.due.iso8601,
            dueTimeLocal: clocks.reading(of: run.due, in: zone), dueUntilTime: run.dueUntil?.iso8601,
            cause: run.cause.word, state: run.state.rawValue, beginTime: run.begin.iso8601,
            startTime: run.startTime?.iso8601,
            startTimeLocal: run.startTime.flatMap { clocks.reading(of: $0, in: zone) },
            delayMilliseconds: run.startTime.map { $0.milliseconds - run.due.milliseconds },
            endTime: run.endTime?.iso8601, attempt: run.attempt, version: run.version,
            skipReason: run.skip?.rawValue, reason: run.reason ?? run.skip?.sentence,
            parameters: run.parameters.flatMap { try? JSONCoding.decode([String: String].self, from: $0) },
            jobs: jobs)
    }
}

extension SkipReason {
    fileprivate var sentence: String {
        switch self {
        case .overlap: "another run was still active"
        case .queueFull: "too many runs were waiting already"
        case .replaced: "a later run took its place"
        case .startWindow: "its start window had passed"
        case .missed: "the service was not there, and `catch_up` does not make up for it"
        case .disabled: "the schedule was disabled"
        case .terminated: "the schedule was ended"
        case .duplicate: "it had run at this time before the clock was set back"
        }
    }
}

extension SchedulesSubmission {
    fileprivate init(_ request: SchedulesRequest) throws(APIFailure) {
        func files(_ files: [SubmissionRequest.File]) throws(APIFailure) -> [Submission.File] {
            let whole = SubmissionRequest(files: files, workingDirectory: request.workingDirectory)
            return try files.map { file throws(APIFailure) in
                try Submission.File(file, below: whole.directory(of: file.kind))
            }
        }
        let bundles = try request.bundles.map { bundle throws(APIFailure) in
            var made = Bundle(schedules: bundle.schedules, files: try files(bundle.files))
            made.generated = bundle.generated ?? []
            made.packages = bundle.packages ?? []
            made.resources = bundle.resources ?? []
            return made
        }
        self.init(request: request.submissionId, files: try files(request.files), bundles: bundles)
        isStrict = request.isStrict ?? false
    }
}
