import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

/// Takes a plan task by task and hands it to the service in slices, which nobody sees until all is planned.
struct SubmissionSink: PlanSink {
    /// One slice is one transaction of some ten milliseconds: other commands get in between.
    static let sliceCount = 2000

    /// A job whose tasks are all written.
    struct Staged {
        var ticket: SubmissionTicket
        var plan: JobPlan
    }

    let target: Submissions
    let setting: PlanSetting
    private let isAbandoned: @Sendable () -> Bool
    /// Ids that some `depends_on` of the file names, by job.
    let referenced: [JobID: Set<String>]
    /// Refuses a job whose id is taken, be it by one that takes more tasks.
    var mustBeNew = false
    /// Jobs that are planned for what they draw from the stream of random values, and not submitted.
    var skipped: Set<JobID> = []
    private(set) var staged: [Staged] = []

    private var ticket: SubmissionTicket?
    private var job: JobID?
    private var slice = TaskSlice()
    private var ordinals: [String: UInt32] = [:]
    /// Tasks that depend on one that comes later: written last, when every id is known.
    private var forward: [(definition: TaskDefinition, dependencies: [DependencyPlan])] = []

    init(
        _ target: Submissions, setting: PlanSetting, jobs: JobsSpec,
        isAbandoned: @escaping @Sendable () -> Bool
    ) {
        self.target = target
        self.isAbandoned = isAbandoned
        self.setting = setting
        referenced = Dictionary(
            jobs.jobs.map { job in (job.id.value, Set(job.tasks.flatMap { $0.dependsOn.map(\.value) })) },
            uniquingKeysWith: { $0.union($1) })
    }

    // MARK: PlanSink

    mutating func jobBegan(_ plan: JobPlan) throws(SubmissionError) {
        let id = plan.id
        guard !skipped.contains(id) else { return ticket = nil }
        ticket = try begin(id, usesDependencies: plan.usesTaskDependencies)
        job = id
        slice = TaskSlice()
        ordinals = [:]
        forward = []
    }

    mutating func task(_ task: TaskPlan) throws(SubmissionError) {
        guard let ticket, let job else { return }
        let ordinal = UInt32(ticket.firstOrdinal + task.index)
        let id = task.id
        if referenced[job]?.contains(id) == true { ordinals[id] = ordinal }
        var definition = TaskDefinition(
            key: TaskKey(job: ticket.number, ordinal: ordinal), id: id, command: task.command,
            template: ticket.firstTemplate + task.template, extra: try staging(of: task.inputTransfer))
        let dependencies = try resolve(task.dependsOn, ticket)
        if let dependencies {
            definition.dependencies = dependencies.isEmpty ? nil : Dependency.text(of: dependencies)
            slice.definitions.append(definition)
        } else {
            forward.append((definition, task.dependsOn))
        }
        slice.seeds.append(
            TaskSeed(
                template: definition.template, dependencies: dependencies ?? [],
                number: number(of: task.idBytes)))
        if slice.definitions.count >= Self.sliceCount { try flush() }
    }

    mutating func jobEnded(_ plan: JobPlan, _ graph: PlanGraph) throws(SubmissionError) {
        guard let ticket else { return }
        try flush()
        for (definition, dependencies) in forward {
            guard let known = try resolve(dependencies, ticket) else {
                throw .broken("task `\(definition.id)` depends on a task that was not planned")
            }
            var definition = definition
            definition.dependencies = Dependency.text(of: known)
            slice.definitions.append(definition)
            slice.patches.append(
                (offset: Int(definition.key.ordinal) - ticket.firstOrdinal, dependencies: known))
        }
        try flush()
        staged.append(Staged(ticket: ticket, plan: plan))
        self.ticket = nil
    }

    /// What was begun and shall not be: also the job that planning stopped in.
    var begun: [SubmissionTicket] { staged.map(\.ticket) + (ticket.map { [$0] } ?? []) }

    // MARK: Parts

    /// Waits while the tasks of a refused submission to the same job are removed: some thousand in a blink.
    private func begin(_ job: JobID, usesDependencies: Bool) throws(SubmissionError) -> SubmissionTicket {
        while true {
            do throws(SubmissionError) {
                return try target.perform(isPromise: false) { [mustBeNew] core, _ throws(Refusal) in
                    // In the turn that reserves the id; from then on nobody else can make a job of it.
                    if mustBeNew { try core.checkIsFree(job) }
                    return try core.beginSubmission(job, usesDependencies: usesDependencies)
                }
            } catch {
                guard error.code == Refusal.rowsBeingRemoved else { throw error }
            }
            guard !isAbandoned() else { throw .abandoned }
            usleep(10_000)
        }
    }

    private mutating func flush() throws(SubmissionError) {
        guard let ticket, !slice.seeds.isEmpty || !slice.definitions.isEmpty else { return }
        let full = slice
        slice = TaskSlice()
        // No promise yet: the end of the submission is one, for all of it.
        try target.perform(isPromise: false) { core, _ throws(Refusal) in
            try core.addSlice(full, to: ticket)
        }
    }

    /// Nil when an id is not known yet.
    private func resolve(
        _ dependencies: [DependencyPlan], _ ticket: SubmissionTicket
    ) throws(SubmissionError) -> [Dependency]? {
        var known: [Dependency] = []
        for dependency in dependencies {
            switch dependency {
            case .task(let id):
                guard let ordinal = try ordinal(of: id, ticket) else { return nil }
                known.append(.task(ordinal))
            case .submission(let range):
                guard let last = range.last else { continue }
                known.append(
                    .tasks(
                        UInt32(ticket.firstOrdinal + range.lowerBound)...UInt32(ticket.firstOrdinal + last)))
            case .numbers(let range): known.append(.numbers(range))
            }
        }
        return known
    }

    private func ordinal(of id: String, _ ticket: SubmissionTicket) throws(SubmissionError) -> UInt32? {
        if let ordinal = ordinals[id] { return ordinal }
        guard !ticket.isNew else { return nil }
        return try target.read { reader throws(StoreError) in try reader.ordinal(of: id, in: ticket.number) }
    }

    private func number(of id: [UInt8]) -> Int? {
        guard let first = id.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else { return nil }
        return Int(String(decoding: id, as: UTF8.self))
    }

    /// The one file that a `file` factory adds to a task, as a manifest for its node.
    private func staging(of transfer: StorageTransferSpec?) throws(SubmissionError) -> String? {
        guard let transfer else { return nil }
        var manifest = StagingManifest()
        manifest.inputs = [transfer]
        guard let text = try? JSONCoding.encode(manifest) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }
}

extension ServiceCore {
    fileprivate func checkIsFree(_ id: JobID) throws(Refusal) {
        guard let present = inspect({ engine in engine.jobNumber(id).flatMap { engine.job($0) } }) else {
            return
        }
        throw Refusal(
            .conflict, code: "JobExists",
            "job `\(id)` is there already (\(present.state.rawValue), in pool `\(present.pool)`) and belongs to no run;"
                + " delete it with `jobs del --jobid \(id)`, or give this one another id")
    }
}
