import ShipyardModel
import ShipyardService
import ShipyardStore

// What must be so in the end, whatever has happened.

extension Simulation {
    func checkCountsAreNotNegative(_ core: ServiceCore) {
        core.inspect { engine in
            for number in engine.jobsInOrder {
                guard let counts = engine.counts(number) else { continue }
                let least = min(counts.active, counts.running, counts.succeeded, counts.failed)
                substrate.ledger.expect(least >= 0, "job \(number) has counts \(counts)")
            }
        }
    }

    /// A job that has ended has nothing that still prepares it.
    func checkPreparations(_ core: ServiceCore) {
        for (name, agent) in substrate.agents where agent.isAlive {
            for work in agent.running.keys where work.kind == .jobPreparation {
                let state = core.inspect { $0.job(UInt32(truncatingIfNeeded: work.key))?.state }
                substrate.ledger.expect(
                    state != nil && state != .completed,
                    "\(work) runs on \(name.node), and its job is \(state.map(String.init(describing:)) ?? "gone")"
                )
            }
        }
    }

    /// The counts of every job are those of its rows, every task has its row, and every job is there that was
    /// accepted and not deleted.
    func checkCounts() {
        guard let core else { return }
        for (number, index) in substrate.ledger.jobs.sorted(by: { $0.key < $1.key }) {
            guard let counts = core.inspect({ $0.counts(number) }) else {
                let isAccepted = substrate.ledger.accepted.contains(number)
                substrate.ledger.expect(
                    !isAccepted || deletedJobs.contains(number), "job \(number) is lost")
                continue
            }
            let rows = look { try $0.taskCounts(of: number) }
            substrate.ledger.expect(
                rows == counts, "job \(number) counts \(counts), and its rows \(String(describing: rows))")
            let record = core.inspect { $0.job(number) }
            let deleted = deletedTasks.count { $0.job == number }
            substrate.ledger.expect(
                counts.total == (record?.taskCount ?? 0) - deleted,
                "job \(number) has \(counts.total) of \(scenario.parts[index].tasks.count) tasks, \(deleted) deleted"
            )
            guard record?.terminateReason == TerminateReason.maxWallClockTimeExpiry, let record,
                let end = record.endSteady, let limit = scenario.parts[index].plan.maxWallTime
            else { continue }
            substrate.ledger.expect(end - record.wallTimeBegin >= limit, "job \(number) ended before its wall time")
        }
    }

    /// Each task has the output of its latest success, and nothing else has any.
    func checkOutputs() {
        for (number, index) in substrate.ledger.jobs.sorted(by: { $0.key < $1.key })
        where substrate.ledger.accepted.contains(number) && !deletedJobs.contains(number) {
            for ordinal in scenario.parts[index].tasks.indices {
                let key = TaskKey(job: number, ordinal: UInt32(ordinal))
                guard let row = look({ try $0.progress(of: key) }),
                    let output = look({ try $0.taskOutput(of: key) })
                else { continue }
                // One that runs again keeps what its latest success has left.
                let past = look { try $0.pastAttempts(of: key) } ?? []
                let success = ([row].compactMap(\.self) + past).filter { $0.result?.isSuccess == true }
                    .max { $0.attempt < $1.attempt }
                var expected: TaskOutputRecord?
                if let success, !deletedTasks.contains(key),
                    case .document(let text) = Ledger.output(
                        of: WorkID(kind: .task, key: key.rawValue, attempt: success.attempt))
                {
                    expected = TaskOutputRecord(attempt: success.attempt, document: text)
                }
                substrate.ledger.expect(
                    output == expected,
                    "\(key) has the output \(String(describing: output)) and not \(String(describing: expected))"
                )
            }
        }
    }

    /// No task waits for nothing: each that is active in a job that could go on has a reason.
    func checkWaiting() {
        guard let core else { return }
        for (number, index) in substrate.ledger.jobs.sorted(by: { $0.key < $1.key }) {
            guard core.inspect({ $0.job(number)?.state }) == .active,
                case .dependencies = core.inspect({ $0.waitReason(number) })
            else { continue }
            let tasks = scenario.parts[index].tasks
            for ordinal in tasks.indices {
                let key = TaskKey(job: number, ordinal: UInt32(ordinal))
                guard core.inspect({ $0.state(of: key) }) == .active else { continue }
                let isHeldBack = tasks[ordinal].dependencies.contains { !isMet($0, of: number, index, core) }
                substrate.ledger.expect(isHeldBack, "\(key) waits for nothing")
            }
        }
    }

    func isMet(_ dependency: Dependency, of number: UInt32, _ index: Int, _ core: ServiceCore) -> Bool
    {
        let tasks = scenario.parts[index].tasks
        func isSatisfied(_ ordinal: Int) -> Bool {
            let key = TaskKey(job: number, ordinal: UInt32(ordinal))
            guard let row = look({ try $0.progress(of: key) }) ?? nil, row.state == .completed else {
                return false
            }
            let template = scenario.parts[index].plan.templates[tasks[ordinal].template]
            return row.result?.isSuccess == true || template.dependencyAction == .satisfy
        }
        return switch dependency.upstream {
        case .task(let parent): isSatisfied(Int(parent))
        case .tasks(let range): range.allSatisfy { isSatisfied(Int($0)) }
        case .numbers(let range):
            range.allSatisfy { wanted in
                tasks.indices.contains { tasks[$0].number == wanted && isSatisfied($0) }
            }
        }
    }

    /// No node owes an answer any more, and none keeps one.
    var nothingIsToBeRemoved: Bool {
        guard let removals = look({ try $0.removals() }) else { return false }
        return removals.allSatisfy { $0.failure != nil }
            && substrate.agents.values.allSatisfy(\.removals.isEmpty)
    }

    /// Files of what was deleted are gone; files of what was not are there.
    func checkDirectories() {
        guard let core else { return }
        for (name, agent) in substrate.agents.sorted(by: { $0.key < $1.key }) {
            for (path, key) in agent.directories.sorted(by: { $0.key < $1.key }) {
                let isThere = core.inspect { $0.job(key.job) } != nil && !deletedTasks.contains(key)
                substrate.ledger.expect(isThere, "\(path) of \(key) is still on \(name.node)")
            }
        }
        for number in core.inspect({ $0.jobsInOrder }) {
            for row in look({ try $0.tasks(of: number, limit: 1000) }) ?? [] {
                let progress = row.progress
                let work = WorkID(kind: .task, key: progress.key.rawValue, attempt: progress.attempt)
                guard progress.state == .completed, substrate.ledger.hasRun(work), let node = progress.node,
                    let agent = substrate.agents[.init(pool: scenario.pool.id, node: node)],
                    agent.life == substrate.lives[work]
                else { continue }
                let isThere = agent.directories.values.contains(progress.key)
                substrate.ledger.expect(isThere, "files of \(progress.key) are not on \(node)")
            }
        }
    }
}
