import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore
import Synchronization

/// A job's tasks on their way in: their rows are written in slices, and nobody sees them until the end.
struct Submission {
    var job: JobID
    var ticket: SubmissionTicket
    var seeds = SeedList()
    /// Whether tasks were written that must go when it comes to nothing.
    var hasRows = false
}

/// The seeds of a submission: those in a row that are alike are one.
struct SeedList {
    private var seeds: [TaskSeed] = []
    /// By the position of the task.
    private var patches: [Int: [Dependency]] = [:]

    mutating func append(_ added: [TaskSeed]) {
        for seed in added {
            if let last = seeds.last, last.template == seed.template, last.isPlain, seed.isPlain {
                seeds[seeds.count - 1].count += seed.count
            } else {
                seeds.append(seed)
            }
        }
    }

    mutating func patch(_ offset: Int, _ dependencies: [Dependency]) { patches[offset] = dependencies }

    var all: [TaskSeed] {
        guard !patches.isEmpty else { return seeds }
        var rest = patches.sorted { $0.key < $1.key }[...]
        var all: [TaskSeed] = []
        var end = 0
        for seed in seeds {
            var seed = seed
            end += seed.count
            while let (offset, dependencies) = rest.first, offset < end {
                var patched = seed
                (patched.count, patched.dependencies) = (1, dependencies)
                let before = seed.count - (end - offset)
                seed.count = before
                if before > 0 { all.append(seed) }
                all.append(patched)
                seed.count = end - offset - 1
                rest = rest.dropFirst()
            }
            if seed.count > 0 { all.append(seed) }
        }
        return all
    }
}

extension TaskSeed {
    fileprivate var isPlain: Bool { dependencies.isEmpty && number == nil }
}

/// A slice of a submission, as the planning thread makes it.
package struct TaskSlice: Sendable {
    package var definitions: [TaskDefinition] = []
    package var seeds: [TaskSeed] = []
    /// Dependencies of tasks whose seeds came in an earlier slice, by their position in the submission.
    package var patches: [(offset: Int, dependencies: [Dependency])] = []
    package init() {}
}

/// Where the tasks of a submission go.
package struct SubmissionTicket: Sendable, Hashable {
    package var number: UInt32
    package var firstOrdinal: Int
    package var firstTemplate: Int
    package var isNew: Bool
    /// Tells it from any other to the same job, also from those to a core that was given up.
    private let serial = lastSerial.add(1, ordering: .relaxed).newValue

    private static let lastSerial = Atomic<UInt64>(0)
}

extension ServiceCore {
    /// Reserves a job for a submission. Another submission to the same job is refused until this one ends.
    package func beginSubmission(_ job: JobID, usesDependencies: Bool) throws(Refusal) -> SubmissionTicket {
        guard submittingJobs.insert(job).inserted else {
            throw Refusal(
                .conflict, code: "SubmissionUnderWay",
                "another submission to job `\(job)` is under way; try again")
        }
        do {
            let ticket = try ticket(for: job)
            submissions[ticket.number] = Submission(job: job, ticket: ticket)
            engine.addWrites([.openSubmission(job: ticket.number)])
            return ticket
        } catch {
            submittingJobs.remove(job)
            throw error
        }
    }

    private func ticket(for job: JobID) throws(Refusal) -> SubmissionTicket {
        guard let number = engine.jobNumber(job), let record = engine.job(number) else {
            do {
                return SubmissionTicket(
                    number: try store.reserveJobNumber(), firstOrdinal: 0, firstTemplate: 0, isNew: true)
            } catch {
                throw Refusal(error)
            }
        }
        switch record.state {
        case .active, .disabling, .disabled, .enabling:
            if let problem = engine.problem(ofJob: number) { throw .unreadable("job `\(job)`", problem) }
            try refuseWhilePurged(number, job)
            return SubmissionTicket(
                number: number, firstOrdinal: record.taskCount, firstTemplate: engine.templateCount(number),
                isNew: false)
        case .terminating, .completed, .deleting:
            throw Refusal(
                .conflict, code: "JobCompleted",
                "job `\(job)` is \(record.state.rawValue) and takes no more tasks; delete it first, or use `jobs add --recreate`"
            )
        }
    }

    /// New tasks would be written where those of a refused submission still are.
    private func refuseWhilePurged(_ number: UInt32, _ job: JobID) throws(Refusal) {
        let isPurged: Bool
        do throws(StoreError) {
            isPurged = try store.isBeingPurged(number) || discardedJobs.contains(number)
        } catch {
            throw Refusal(error)
        }
        guard isPurged else { return }
        throw Refusal(
            .unavailable, code: Refusal.rowsBeingRemoved,
            "tasks of an earlier submission to job `\(job)` that was refused are being removed; try again")
    }

    /// Writes a slice. Nothing of it is visible until `endSubmission`.
    package func addSlice(_ slice: TaskSlice, to ticket: SubmissionTicket) throws(Refusal) {
        let number = ticket.number
        guard submissions[number]?.ticket == ticket else { throw .submissionGivenUp }
        submissions[number]?.hasRows = true
        submissions[number]?.seeds.append(slice.seeds)
        for patch in slice.patches { submissions[number]?.seeds.patch(patch.offset, patch.dependencies) }
        engine.addWrites(slice.definitions.map(StoreWrite.addTask))
    }

    /// Refuses a submission that a failed turn has thrown away, and one whose job has ended since it began, for
    /// instance by `jobs term` while a large file was planned: its tasks could never run.
    package func checkSubmission(_ ticket: SubmissionTicket) throws(Refusal) {
        guard let submission = submissions[ticket.number], submission.ticket == ticket else {
            throw .submissionGivenUp
        }
        guard !ticket.isNew else { return }
        switch engine.job(ticket.number)?.state {
        case .active, .disabling, .disabled, .enabling: return
        case nil, .terminating, .completed, .deleting:
            throw Refusal(
                .conflict, code: "JobCompleted",
                "job `\(submission.job)` has ended while its tasks were planned, so none were added")
        }
    }

    /// Makes the tasks part of their job, all at once. `plan` holds this submission's templates only, and it costs
    /// what they are, however many the job has.
    package func endSubmission(_ ticket: SubmissionTicket, _ plan: JobPlan, pool: PoolID, at now: Moment) {
        let number = ticket.number
        guard let submission = takeSubmission(ticket) else { return }
        keepPlan(plan, of: ticket)
        engine.addWrites(
            plan.templates.enumerated().map { position, template in
                .addTemplate(job: number, position: ticket.firstTemplate + position, template.record)
            })
        if ticket.isNew {
            let record = JobRecord(
                number: number, id: plan.id, pool: pool, state: .active, priority: plan.priority,
                taskCount: 0, autoComplete: false, creationTime: now.wall, stateTransitionTime: now.wall,
                endTime: nil, terminateReason: nil, creationSteady: now.steady)
            engine.apply(.jobAdded(record, JobRules(plan)), at: now)
        }
        engine.apply(.tasksAdded(job: number, submission.seeds.all, JobAddition(plan)), at: now)
        engine.addWrites([.closeSubmission(job: number)])
    }

    private func keepPlan(_ plan: JobPlan, of ticket: SubmissionTicket) {
        guard var known = plans[ticket.number] else {
            var settings = plan
            settings.templates = []
            plans[ticket.number] = settings
            return engine.addWrites([.putPlan(job: ticket.number, settings.record)])
        }
        guard known.turnOn(by: plan) else { return }
        plans[ticket.number] = known
        engine.addWrites([.putPlan(job: ticket.number, known.record)])
    }

    /// The submission came to nothing: its rows go.
    package func cancelSubmission(_ ticket: SubmissionTicket) {
        let number = ticket.number
        guard let submission = takeSubmission(ticket) else { return }
        guard submission.hasRows else { return engine.addWrites([.closeSubmission(job: number)]) }
        discardedJobs.insert(number)
        engine.addWrites([.discardSubmission(job: number)])
    }

    /// Nil when it is not under way any more, whatever else is for the same job.
    private func takeSubmission(_ ticket: SubmissionTicket) -> Submission? {
        guard let submission = submissions[ticket.number], submission.ticket == ticket else { return nil }
        submissions[ticket.number] = nil
        submittingJobs.remove(submission.job)
        return submission
    }

    /// Has a repetition of the submission answered with `answer`, which is kept with what this turn takes.
    package func keepAnswer(_ answer: String, toSubmission id: String) {
        engine.addWrites([.keepAnswer(submission: id, answer: answer)])
    }
}

extension JobPlan {
    /// Only tasks are added by a later submission: what the job is was said when it was made. But a switch may come
    /// on with it, as the actions stand with each template. Answers whether one did.
    fileprivate mutating func turnOn(by later: JobPlan) -> Bool {
        var hasChanged = false
        let switches: [WritableKeyPath<JobPlan, Bool>] = [
            \.autoComplete, \.usesTaskDependencies, \.performsExitOptionsJobAction,
        ]
        for path in switches where later[keyPath: path] && !self[keyPath: path] {
            self[keyPath: path] = true
            hasChanged = true
        }
        return hasChanged
    }
}

extension Refusal {
    /// The code of a refusal that a submission waits out.
    package static let rowsBeingRemoved = "TasksBeingRemoved"

    /// The core was made anew since the submission began, and what it had written is thrown away.
    fileprivate static var submissionGivenUp: Refusal {
        Refusal(
            .unavailable, code: "SubmissionGivenUp",
            "the service had to begin anew while the tasks were planned, so none were added; try again")
    }
}
