import Glibc
import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStaging

/// From the texts of spec files to pools and jobs. Runs on the request's own thread: reading and planning a
/// large spec takes seconds, and the service loop must not.
struct Submitter {
    let routes: APIRoutes
    /// Whether nobody waits for the answer: then nothing is planned any longer, and nothing is taken.
    let isAbandoned: @Sendable () -> Bool

    init(_ routes: APIRoutes, isAbandoned: @escaping @Sendable () -> Bool) {
        self.routes = routes
        self.isAbandoned = isAbandoned
    }

    // MARK: Pools

    /// Makes the pool of the pool file; answers its id.
    func addPool(_ request: SubmissionRequest) throws(APIFailure) -> String {
        try once("pools", request) { identity throws(APIFailure) in
            try addPool(request, identity: identity)
        }
    }

    private func addPool(_ request: SubmissionRequest, identity: String?) throws(APIFailure) -> String {
        let (specs, _) = try load(request)
        guard let spec = specs.pool else {
            throw APIFailure(
                400, "PoolSpecMissing", "no pool file was given; name one with --pool or --configdir")
        }
        return try whileAdding(spec) { () throws(APIFailure) in
            let placed = try placePackages(of: spec, request)
            if request.recreate { try removePool(placed.id) }
            let answer = placed.id.text
            try routes.perform { core, now throws(Refusal) in
                try core.addPool(placed, at: now)
                if let identity { core.keepAnswer(Self.text(of: answer), toSubmission: identity) }
            }
            return answer
        }
    }

    /// Packages that come in are named by no pool until it is in the state.
    private func whileAdding<Answer>(
        _ spec: PoolSpec, _ body: () throws(APIFailure) -> Answer
    ) throws(APIFailure) -> Answer {
        guard !spec.applicationPackages.isEmpty else { return try body() }
        let store = PackageStore(home: routes.layout.home)
        // Afterwards, because a sweep that came meanwhile did nothing, and what is refused leaves its packages.
        defer { PackageSweep(routes.layout).run() }
        return try store.whileAdding(body)
    }

    private func removePool(_ id: PoolID) throws(APIFailure) {
        guard try routes.inspect({ $0.pool(id) }) != nil else { return }
        try routes.perform { core, now throws(Refusal) in try core.deletePool(id.text, at: now) }
        try wait(until: "pool `\(id)` is gone") { $0.pool(id) == nil }
    }

    /// Looks every few milliseconds, but not for ever: a process that hangs in the kernel keeps its pool.
    private func wait(
        until what: String, _ holds: @escaping @Sendable (borrowing Engine) -> Bool
    ) throws(APIFailure) {
        let (pause, patience): (UInt32, UInt32) = (10_000, 120_000_000)
        for _ in 0..<patience / pause {
            if try routes.inspect(holds) { return }
            guard !isAbandoned() else { throw .planningStopped }
            usleep(pause)
        }
        throw APIFailure(
            503, "OperationTimedOut", "waited for two minutes until \(what); nothing was added, try again")
    }

    /// Copies package files into the home and makes every path absolute: a pool must not depend on where a
    /// command was typed, nor on a file that is edited later.
    private func placePackages(of spec: PoolSpec, _ request: SubmissionRequest) throws(APIFailure) -> PoolSpec
    {
        let base = directory(of: "pool", in: request)
        var placed = spec
        for index in placed.applicationPackages.indices {
            let path = absolute(placed.applicationPackages[index].path, below: base)
            var information = stat()
            guard stat(path, &information) == 0 else {
                let id = placed.applicationPackages[index].id
                throw APIFailure(
                    400, "ApplicationPackageNotFound",
                    "application package `\(id)`: \(path) cannot be read: \(String(cString: strerror(errno)))"
                )
            }
            if information.st_mode & S_IFMT == S_IFDIR {
                placed.applicationPackages[index].path = path
                continue
            }
            let store = PackageStore(home: routes.layout.home)
            do throws(StagingFailure) {
                placed.applicationPackages[index].path = store.path(of: try store.add(path))
            } catch {
                throw APIFailure(400, "ApplicationPackageError", "\(error.message)")
            }
        }
        placed.resourceFiles = placed.resourceFiles.map { located($0, below: base) }
        if let files = placed.startTask?.resourceFiles {
            placed.startTask?.resourceFiles = files.map { located($0, below: base) }
        }
        return placed
    }

    // MARK: Jobs

    func addJobs(_ request: SubmissionRequest) throws(APIFailure) -> SubmissionResponse {
        try once("jobs", request) { identity throws(APIFailure) in
            try addJobs(request, identity: identity)
        }
    }

    private func addJobs(
        _ request: SubmissionRequest, identity: String?
    ) throws(APIFailure) -> SubmissionResponse {
        let (specs, diagnostics) = try load(request)
        guard let jobs = specs.jobs else {
            throw APIFailure(
                400, "JobsSpecMissing", "no jobs file was given; name one with --jobs or --configdir")
        }
        guard jobs.jobs.contains(where: { $0.autoPool != nil }), let pool = specs.pool else {
            return try add(jobs, specs, diagnostics, request, identity)
        }
        return try whileAdding(pool) { () throws(APIFailure) in
            try add(jobs, specs, diagnostics, request, identity)
        }
    }

    private func add(
        _ jobs: JobsSpec, _ specs: SpecSet, _ diagnostics: Diagnostics, _ request: SubmissionRequest,
        _ identity: String?
    ) throws(APIFailure) -> SubmissionResponse {
        try refuseWhatCannotRun(jobs)
        let mustBeNew = request.mustBeNew ?? false
        if mustBeNew { try waitForLeaving(jobs) }
        let autoPool = jobs.jobs.contains { $0.autoPool != nil }
        let pool = autoPool ? nil : try existingPool(specs.pool)
        let poolSpec = try autoPool ? autoPoolSpec(specs.pool, request) : pool.map(spec)
        if request.recreate, !mustBeNew { try removeCompleted(jobs) }
        var setting = PlanSetting(config: specs.config, credentials: specs.credentials, pool: poolSpec)
        if !request.files.contains(where: { $0.kind == "credentials" }) { setting.credentials = nil }
        if !request.files.contains(where: { $0.kind == "config" }) { setting.config = nil }
        var warnings = diagnostics
        let staged = try plan(jobs, setting, request, &warnings)
        let answer = SubmissionResponse(
            jobs: staged.map { item in
                SubmissionResponse.Job(
                    id: item.plan.id.text,
                    poolId: (pool?.id ?? self.autoPool(poolSpec, for: item.ticket.number))?.text ?? "",
                    tasksAdded: item.plan.taskCount, isNew: item.ticket.isNew, number: item.ticket.number)
            }, warnings: warnings.all.filter { $0.severity != .note }.map { TextRenderer().render($0) })
        try take(staged, pool: pool?.id, autoPool: autoPool ? poolSpec : nil, request) { core in
            if let identity { core.keepAnswer(Self.text(of: answer), toSubmission: identity) }
        }
        return answer
    }

    private func plan(
        _ jobs: JobsSpec, _ setting: PlanSetting, _ request: SubmissionRequest,
        _ diagnostics: inout Diagnostics
    ) throws(APIFailure) -> [SubmissionSink.Staged] {
        let world = LocalPlannerWorld(
            home: routes.layout.home, specDirectory: directory(of: "jobs", in: request),
            existing: StoredJobs(readers: routes.readers),
            caller: GeneratorCaller(
                workingDirectory: request.workingDirectory, environment: request.environment),
            isAbandoned: isAbandoned)
        var planner = Planner(jobs, setting: setting, world: world)
        var sink = SubmissionSink(routes: routes, setting: setting, jobs: jobs, isAbandoned: isAbandoned)
        sink.mustBeNew = request.mustBeNew ?? false
        do throws(APIFailure) {
            let isPlanned = try planner.planAll(into: &sink, &diagnostics)
            if planner.wasStopped { throw APIFailure.planningStopped }
            if request.isStrict ?? false { diagnostics.makeWarningsErrors() }
            guard isPlanned, !diagnostics.hasErrors else { throw APIFailure(refused: diagnostics) }
            return sink.staged
        } catch {
            let tickets = sink.begun
            try routes.perform { core, _ throws(Refusal) in tickets.forEach { core.cancelSubmission($0) } }
            throw error
        }
    }

    /// All jobs of the file in one turn, pools included: the file is taken whole.
    private func take(
        _ staged: [SubmissionSink.Staged], pool: PoolID?, autoPool spec: PoolSpec?,
        _ request: SubmissionRequest, _ also: @escaping @Sendable (ServiceCore) -> Void
    ) throws(APIFailure) {
        let base = directory(of: "jobs", in: request)
        let jobs = staged.map { item in (item.ticket, located(item.plan, below: base)) }
        do throws(APIFailure) {
            let pools = try jobs.map { job throws(APIFailure) -> PoolID in
                if let pool { return pool }
                return try autoPoolID(spec, for: job.0.number)
            }
            try routes.perform { core, now throws(Refusal) in
                // All of them before any: a refusal must not leave half a file behind.
                var made: [PoolSpec?] = []
                for ((ticket, _), id) in zip(jobs, pools) {
                    try core.checkSubmission(ticket)
                    var own = ticket.isNew ? spec : nil
                    own?.id = id
                    if let own { try core.checkPool(own) }
                    made.append(own)
                }
                for (index, (ticket, plan)) in jobs.enumerated() {
                    if let own = made[index] { try core.addPool(own, autoPoolJob: ticket.number, at: now) }
                    core.endSubmission(ticket, plan, pool: pools[index], at: now)
                }
                also(core)
            }
        } catch {
            try routes.perform { core, _ throws(Refusal) in
                jobs.forEach { core.cancelSubmission($0.0) }
            }
            throw error
        }
    }

    /// Encoding our own plain types cannot fail.
    private static func text(of answer: some Encodable) -> String {
        (try? JSONCoding.encode(answer)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func autoPool(_ spec: PoolSpec?, for job: UInt32) -> PoolID? {
        spec.flatMap { PoolID("\($0.id)_\(job)") }
    }

    private func autoPoolID(_ spec: PoolSpec?, for job: UInt32) throws(APIFailure) -> PoolID {
        guard let id = autoPool(spec, for: job) else {
            throw APIFailure(
                400, "InvalidPoolId",
                "the pool id `\(spec?.id.text ?? "")` is too long for auto_pool, which adds `_\(job)` to it")
        }
        return id
    }

    private func refuseWhatCannotRun(_ jobs: JobsSpec) throws(APIFailure) {
        for job in jobs.jobs {
            let id = job.id.value
            if job.recurrence != nil {
                throw APIFailure(
                    400, "JobScheduleNotSupported",
                    "job `\(id)` has a recurrence, and this version runs no job schedules yet; `plan` shows its tasks"
                )
            }
            if job.tasks.contains(where: { $0.multiInstance != nil }) {
                throw APIFailure(
                    400, "MultiInstanceNotSupported",
                    "job `\(id)` has multi-instance tasks, and this version runs none yet; `plan` shows its tasks"
                )
            }
        }
    }

    private func existingPool(_ spec: PoolSpec?) throws(APIFailure) -> PoolRecord? {
        let pools = try routes.inspect { engine in engine.poolIDs.compactMap { engine.pool($0) } }
        guard let spec else {
            if pools.count == 1 { return pools[0] }
            throw APIFailure(
                400, "PoolSpecMissing",
                pools.isEmpty
                    ? "there is no pool; add one with `pool add`, or use `run`"
                    : "there are \(pools.count) pools; say which with --pool FILE")
        }
        guard let record = pools.first(where: { $0.id == spec.id }) else {
            throw APIFailure(
                404, "PoolNotFound",
                "there is no pool `\(spec.id)`; add it with `shipyard-swift pool add` first, or use `shipyard-swift run`"
            )
        }
        guard record.state == .active else {
            throw APIFailure(409, "PoolBeingDeleted", "pool `\(spec.id)` is being deleted")
        }
        return record
    }

    private func spec(of record: PoolRecord) throws(APIFailure) -> PoolSpec {
        do throws(JSONError) {
            return try JSONCoding.decode(PoolSpec.self, from: Array(record.specification.utf8))
        } catch {
            throw APIFailure(500, "InternalError", "the stored pool `\(record.id)` cannot be read: \(error)")
        }
    }

    private func autoPoolSpec(_ spec: PoolSpec?, _ request: SubmissionRequest) throws(APIFailure) -> PoolSpec
    {
        guard let spec else {
            throw APIFailure(
                400, "PoolSpecMissing", "auto_pool makes its pool of a pool file; name one with --pool")
        }
        guard try routes.inspect({ $0.pool(spec.id) }) == nil else {
            throw APIFailure(
                409, "PoolExists",
                "pool with id of `\(spec.id)` already exists; auto_pool uses it as a prefix")
        }
        return try placePackages(of: spec, request)
    }

    /// `--recreate`: jobs that are completed go first; others get the tasks added.
    private func removeCompleted(_ jobs: JobsSpec) throws(APIFailure) {
        for job in jobs.jobs {
            let id = job.id.value
            let state = try routes.inspect { engine in engine.jobNumber(id).flatMap { engine.job($0)?.state }
            }
            guard state == .completed else { continue }
            let removal = try routes.perform { core, now throws(Refusal) in
                try core.deleteJob(id.text, at: now)
            }
            try wait(until: "job `\(id)` is gone") { $0.jobNumber(id) == nil }
            try waitForFiles(of: id, removal)
        }
    }

    /// A job that is being deleted is as good as gone, and its id free in a moment: `run` twice in a row.
    private func waitForLeaving(_ jobs: JobsSpec) throws(APIFailure) {
        for job in jobs.jobs {
            let id = job.id.value
            try wait(until: "job `\(id)` is gone") { engine in
                engine.jobNumber(id).flatMap { engine.job($0)?.state } != .deleting
            }
        }
    }

    /// What the new job's tasks find on a node must be their own. A million files take as long as they take; a
    /// node that answers nothing is not waited for so long.
    private func waitForFiles(of id: JobID, _ removal: RemovalID) throws(APIFailure) {
        let (pause, patience): (UInt32, UInt32) = (10_000, 120_000_000)
        var remains = try routes.removals(of: id, only: removal)
        var pausesInVain: UInt32 = 0
        while remains.isPending, pausesInVain < patience / pause {
            guard !isAbandoned() else { throw .planningStopped }
            usleep(pause)
            remains = try routes.removals(of: id, only: removal)
            pausesInVain = try waitsInVain(remains) ? pausesInVain + 1 : 0
        }
        guard let first = remains.value.first(where: { $0.failure != nil }) ?? remains.value.first else {
            return
        }
        let others = remains.value.count == 1 ? "" : ", and \(remains.value.count - 1) more"
        throw APIFailure(
            remains.isPending ? 503 : 409, "FilesNotRemoved",
            first.failure.map { reason in
                "job `\(id)` is deleted, but its files on \(first.nodeId) could not be removed:"
                    + " \(first.failedPath ?? first.path): \(reason)\(others); nothing was added"
            }
                ?? "job `\(id)` is deleted, but \(first.nodeId), which has its files in \(first.path), has not answered"
                + " for two minutes\(others); nothing was added, try again")
    }

    /// Whether a node that owes an answer is not there to give it.
    private func waitsInVain(_ remains: DirectoryRemovalsResponse) throws(APIFailure) -> Bool {
        let owing = remains.value.filter { $0.failure == nil }.map { ($0.poolId, $0.nodeId) }
        return try routes.inspect { engine in
            owing.contains { pool, node in
                let nodes = PoolID(pool).map { engine.nodes(of: $0) } ?? []
                return nodes.contains { $0.record.id.text == node && !$0.answers }
            }
        }
    }

    // MARK: Files

    private func load(_ request: SubmissionRequest) throws(APIFailure) -> (SpecSet, Diagnostics) {
        var sources: [SpecSource] = []
        for file in request.files {
            guard let kind = SpecKind(rawValue: file.kind) else {
                throw APIFailure(400, "InvalidRequestBody", "`\(file.kind)` is no kind of spec file")
            }
            sources.append(SpecSource(kind, SourceText(name: file.name, bytes: Array(file.text.utf8))))
        }
        var (specs, diagnostics) = SpecLoader.load(sources)
        if request.isStrict ?? false { diagnostics.makeWarningsErrors() }
        guard !diagnostics.hasErrors else { throw APIFailure(refused: diagnostics) }
        return (specs, diagnostics)
    }

    /// Where relative paths of the file of a kind start.
    private func directory(of kind: String, in request: SubmissionRequest) -> String {
        guard let path = request.files.last(where: { $0.kind == kind })?.path, path.hasPrefix("/"),
            let slash = path.lastIndex(of: "/")
        else { return request.workingDirectory }
        return String(path[..<slash])
    }

    private func absolute(_ path: String, below base: String) -> String {
        path.hasPrefix("/") ? path : base + "/" + path
    }

    private func located(_ file: ResourceFileSpec, below base: String) -> ResourceFileSpec {
        var file = file
        if !file.blobSource.contains("://") { file.blobSource = absolute(file.blobSource, below: base) }
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
