import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

extension Submitter {
    func addPool() throws(SubmissionError) -> PoolID {
        try once("pools") { identity throws(SubmissionError) in
            let (specs, _) = try load()
            let credentials = submission.contains(.credentials) ? specs.credentials : nil
            guard let spec = specs.pool else {
                throw .refused(
                    .invalid, "PoolSpecMissing", "no pool file was given; name one with --pool or --configdir"
                )
            }
            return try whileAdding(spec) { () throws(SubmissionError) in
                let placed = try placed(spec, credentials)
                if submission.options.recreates { try removePool(placed.id) }
                try target.perform { core, now throws(Refusal) in
                    try core.addPool(placed, at: now)
                    if let identity { core.keepAnswer(Self.text(of: placed.id), toSubmission: identity) }
                }
                return placed.id
            }
        }
    }

    /// Packages that come in are named by no pool until it is in the state, and resource files by no schedule.
    func whileAdding<Answer>(
        _ spec: PoolSpec?, _ body: () throws(SubmissionError) -> Answer
    ) throws(SubmissionError) -> Answer {
        guard spec?.applicationPackages.isEmpty == false || !submission.resources.isEmpty else {
            return try body()
        }
        let store = PackageStore(home: target.layout.home)
        // Afterwards, because a sweep that came meanwhile did nothing, and what is refused leaves its packages.
        defer { PackageSweep(target.layout).run() }
        return try store.whileAdding(body)
    }

    private func removePool(_ id: PoolID) throws(SubmissionError) {
        guard try target.inspect({ $0.pool(id) }) != nil else { return }
        try target.perform { core, now throws(Refusal) in try core.deletePool(id.text, at: now) }
        try wait(until: "pool `\(id)` is gone") { $0.pool(id) == nil }
    }

    func checkIsThere(_ digest: String, _ path: String) throws(SubmissionError) {
        guard !target.hasPackage(digest) else { return }
        throw .refused(
            .conflict, Submissions.packageMissing, "the content of \(path) is not there; send it first")
    }

    /// Makes every path absolute, and those of package files lead to what has come in: a pool must not depend on where
    /// a command was typed, nor on a file that is edited later.
    ///
    /// - Parameter credentials: nil where none came along: then an alias is an embedded account's name.
    func placed(_ spec: PoolSpec, _ credentials: CredentialsSpec?) throws(SubmissionError) -> PoolSpec {
        let base = submission.directory(of: .pool)
        let store = PackageStore(home: target.layout.home)
        var placed = spec
        for (index, package) in spec.applicationPackages.enumerated() {
            guard let content = submission.packages.first(where: { $0.path == package.path }) else {
                throw .refused(
                    .invalid, "ApplicationPackageNotFound",
                    "application package `\(package.id)`: \(package.path) did not come with the submission")
            }
            guard let digest = content.sha256 else {
                placed.applicationPackages[index].path = absolute(package.path, below: base)
                continue
            }
            guard target.hasPackage(digest) else {
                throw .refused(
                    .conflict, Submissions.packageMissing,
                    "application package `\(package.id)`: the content of \(package.path) is not there; send it first"
                )
            }
            placed.applicationPackages[index].path = store.path(of: digest)
        }
        placed.resourceFiles = placed.resourceFiles.map { located($0, below: base) }
        if let files = placed.startTask?.resourceFiles {
            placed.startTask?.resourceFiles = files.map { located($0, below: base) }
        }
        placed.storageAccounts = try accounts(of: placed, PlanSetting(credentials: credentials))
        placed.connections = try connections(of: placed, PlanSetting(credentials: credentials))
        return placed
    }

    private func connections(of spec: PoolSpec, _ setting: PlanSetting) throws(SubmissionError) -> [SQLConnection]? {
        for query in spec.inputData?.queries ?? [] where setting.connection(of: query.connection) == nil {
            throw .refused(
                .invalid, "ConnectionUnknown",
                "pool `\(spec.id)`: the credentials have no database `\(query.connection)`")
        }
        return setting.connections(spec.inputData, [])
    }

    /// What the aliases of its data stand for; nil where it has none.
    private func accounts(of spec: PoolSpec, _ setting: PlanSetting) throws(SubmissionError)
        -> [StorageAccount]?
    {
        let files = spec.resourceFiles + (spec.startTask?.resourceFiles ?? [])
        let aliases =
            (spec.inputData?.azureStorage.map(\.storageAccountSettings) ?? [])
            + files.compactMap { $0.blobSource.stored?.alias }
        let accounts = try Set(aliases).sorted().map { alias throws(SubmissionError) in
            guard let account = setting.account(of: alias) else {
                throw .refused(
                    .invalid, "StorageAliasUnknown",
                    "pool `\(spec.id)`: the credentials have no storage account `\(alias)`")
            }
            return account
        }
        return accounts.isEmpty ? nil : accounts
    }
}

/// The pool that the jobs of a file run on: one that is there, one for each job, or one for all runs of a schedule.
struct JobPool {
    let spec: PoolSpec
    /// What pools of these jobs are made of; nil where their pool is there.
    private(set) var own: PoolSpec?
    /// All runs of the schedule share it.
    private(set) var isOfSchedule = false
    /// Nil where each job has its own.
    private var shared: PoolID?

    init(_ jobs: JobsSpec, _ specs: SpecSet, _ submitter: Submitter) throws(SubmissionError) {
        let target = submitter.target
        let run = submitter.submission.run
        if let autoPool = jobs.jobs.lazy.compactMap(\.autoPool).first {
            spec = try submitter.placed(
                try Self.free(specs.pool, target),
                submitter.submission.contains(.credentials) ? specs.credentials : nil)
            own = spec
            guard let run, autoPool.lifetime == .jobSchedule else { return }
            isOfSchedule = true
            let id = try Self.generated(spec.id, "s\(run.key.schedule)")
            shared = id
            // Of an earlier run.
            if try target.inspect({ $0.pool(id) }) != nil { own = nil }
        } else {
            let record = try Self.present(run?.poolID ?? specs.pool?.id.text, target)
            shared = record.id
            let stored = try target.read { reader throws(StoreError) in try reader.poolSpec(of: record.id) }
            do throws(DocumentProblem) {
                spec = try PoolSpec(stored, named: "its specification")
            } catch {
                throw .broken("the stored pool `\(record.id)` cannot be read: \(error)")
            }
        }
    }

    /// The pool of the job of this number.
    func id(for job: UInt32) throws(SubmissionError) -> PoolID {
        if let shared { return shared }
        return try Self.generated(spec.id, "\(job)")
    }

    private static func generated(_ prefix: PoolID, _ suffix: String) throws(SubmissionError) -> PoolID {
        guard let id = PoolID("\(prefix)_\(suffix)") else {
            throw .refused(
                .invalid, "InvalidPoolId",
                "the pool id `\(prefix)` is too long for auto_pool, which adds `_\(suffix)` to it")
        }
        return id
    }

    /// The active pool of this id, or the only one there is.
    private static func present(
        _ id: String?, _ target: Submissions
    ) throws(SubmissionError) -> PoolRecord {
        let pools = try target.inspect { engine in engine.poolIDs.compactMap { engine.pool($0) } }
        guard let id else {
            if pools.count == 1 { return pools[0] }
            if pools.isEmpty {
                throw .refused(.notFound, "PoolNotFound", "there is no pool; add one with `pool add`, or use `run`")
            }
            throw .refused(.invalid, "PoolSpecMissing", "there are \(pools.count) pools; say which with --pool FILE")
        }
        guard let record = pools.first(where: { $0.id.text == id }) else {
            throw .refused(
                .notFound, "PoolNotFound",
                "there is no pool `\(id)`; add it with `shipyard-swift pool add --pool FILE` first, or use `shipyard-swift run`"
            )
        }
        guard record.state == .active else {
            throw .refused(.conflict, "PoolBeingDeleted", "pool `\(id)` is being deleted")
        }
        return record
    }

    /// A spec whose id no pool has.
    static func free(_ spec: PoolSpec?, _ target: Submissions) throws(SubmissionError) -> PoolSpec {
        guard let spec else {
            throw .refused(
                .invalid, "PoolSpecMissing", "auto_pool makes its pool of a pool file; name one with --pool")
        }
        guard try target.inspect({ $0.pool(spec.id) }) == nil else {
            throw .refused(
                .conflict, "PoolExists",
                "pool with id of `\(spec.id)` already exists; auto_pool uses it as a prefix")
        }
        return spec
    }
}
