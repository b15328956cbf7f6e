import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

/// A task's place on its node, for somebody who steps into it.
package struct TaskReach: Sendable {
    package var reach: NodeReach
    package var node: NodeID
    package var pool: PoolID
    package var attempt: Int
    package var state: TaskState
    /// Nil where the task has none of its own.
    package var command: String?
}

extension ServiceCore {
    /// Where the task is, or was: of its latest attempt, or of an earlier one. Its environment is what it would be given
    /// now, its secrets with it but for those in files, which are there while a command of the agent runs. Of an attempt that has ended the
    /// token would open nothing: in its place comes one for a while.
    package func reachTask(
        _ task: String, of id: String, attempt wanted: Int?, at now: Moment
    ) throws(Refusal) -> TaskReach {
        let key = try taskKey(task, of: id)
        let record = try job(id).record
        let (definition, progress, template, late) = try read(key, record, wanted)
        guard let node = progress.node, progress.attempt > 0 else {
            throw Refusal(
                .conflict, code: "TaskNeverRan",
                wanted.map { "task `\(task)` of job `\(id)` has no attempt \($0) that was on a node" }
                    ?? "task `\(task)` of job `\(id)` has not been on a node yet, so it has no directory")
        }
        var work = WorkAssignment(
            id: WorkID(key, attempt: progress.attempt), template: template, task: definition.id,
            command: definition.command ?? "true")
        // Without what outputs of others do not say any more: somebody may be here to see why. References stand there as they
        // were written then.
        var filled = work
        if (try? complete(&filled, late)) != nil { work = filled }
        do throws(SecretFailure) {
            var secrets = TurnSecrets(self.secrets, handedSecrets)
            try addSecrets(to: &work, &secrets)
        } catch {
            throw Refusal(.conflict, code: "SecretMissing", "the secrets of task `\(task)` cannot be had: \(error.reason)")
        }
        addToken(to: &work, visiting: isUnderWay(work.id) ? nil : now)
        guard let handle = engine.node(node, of: record.pool) else {
            throw Refusal(
                .notFound, code: "NodeGone",
                "node `\(node)` of pool `\(record.pool)`, which had task `\(task)`, is gone, and the task's files with it;"
                    + " `jobs rerun \(id) --task \(task)` runs it again")
        }
        let place = ReachedPlace(node: description(of: handle), work: work, template: template)
        guard let reach = substrate.way(to: place) else {
            throw Refusal(
                .notFound, code: "TaskFilesGone",
                "the directory of task `\(task)` is not on node `\(node)` any more: it was deleted, or kept for its"
                    + " `retention_time`; `jobs rerun \(id) --task \(task)` runs it again")
        }
        return TaskReach(
            reach: reach, node: node, pool: record.pool, attempt: Int(progress.attempt), state: progress.state,
            command: definition.command == nil ? nil : LateText.shown(work.command))
    }

    /// The node's root directory, and the environment that all its work has.
    package func reachNode(_ node: String, of id: String) throws(Refusal) -> NodeReach {
        guard let pool = PoolID(id), engine.pool(pool) != nil else { throw .poolNotFound(id) }
        guard let handle = engine.node(NodeID(node), of: pool) else {
            throw Refusal(.notFound, code: "NodeNotFound", "pool `\(id)` has no node `\(node)`")
        }
        let template = WorkTemplate(
            .startTask(pool), environment: [], applicationPackages: specs[pool]?.applicationPackages ?? [])
        let place = ReachedPlace(node: description(of: handle), template: template)
        guard let reach = substrate.way(to: place) else {
            throw Refusal(
                .notFound, code: "NodeGone", "node `\(node)` of pool `\(id)` has no directory yet, or no more")
        }
        return reach
    }

    private func read(
        _ key: TaskKey, _ record: JobRecord, _ attempt: Int?
    ) throws(Refusal) -> (TaskDefinition, TaskProgress, WorkTemplate, LateValues) {
        do throws(StoreError) {
            guard let definition = try store.definition(of: key), var progress = try store.progress(of: key)
            else { throw StoreError(kind: .other, operation: "read task \(key)", message: "it is not there") }
            if let attempt, attempt != Int(progress.attempt) {
                progress =
                    try store.pastAttempts(of: key).first { Int($0.attempt) == attempt } ?? TaskProgress(key: key)
            }
            let plan: JobPlan
            switch Stored<JobPlan>(try store.plan(of: key.job), named: "its plan") {
            case .value(let value): plan = value
            case .problem(let problem):
                throw StoreError(kind: .other, operation: "read job \(record.id)", message: problem)
            }
            let template = try makeTemplate(definition.template, of: key.job, plan)
            return (definition, progress, template, try lateValues(for: [definition]))
        } catch {
            throw Refusal(.conflict, code: "StateUnreadable", "\(error)")
        }
    }
}
