import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

// From the engine's effects to messages and calls.

extension ServiceCore {
    func act(on effects: [Effect], _ definitions: [TaskKey: TaskDefinition]) {
        var outgoing: [NodeHandle: [ServiceMessage]] = [:]
        for effect in effects {
            switch effect {
            case .launchNode(let node): world.launch(node, identity(of: node))
            case .startWork(let node, let work):
                let definition = work.kind == .task ? definitions[TaskKey(rawValue: work.key)] : nil
                appendOrder(work, definition, on: node, to: &outgoing[node, default: []])
            case .killWork(let node, let work, let outcome):
                outgoing[node, default: []].append(.kill(work, outcome))
            case .removeNode(let node): world.remove(node, identity(of: node))
            case .verifyPoolRemoved(let pool): world.verifyRemoved(pool)
            case .removeDirectory(let node, let id, let path):
                outgoing[node, default: []].append(.removeDirectory(id, path: path))
            case .forgetRemoval(let node, let id): outgoing[node, default: []].append(.forgetRemoval(id))
            case .findOldFiles(let sweep): self.sweep = sweep
            case .shutDownNode(let node): outgoing[node, default: []].append(.shutDown)
            }
        }
        for node in outgoing.keys.sorted(by: { $0.index < $1.index }) {
            world.send(outgoing[node] ?? [], to: node)
        }
    }

    func identity(of node: NodeHandle) -> NodeIdentity {
        let record = engine.nodeRecord(node)
        return NodeIdentity(
            pool: record.pool, id: record.id, boot: record.boot,
            slots: engine.pool(record.pool)?.taskSlotsPerNode ?? 1, isDedicated: record.isDedicated,
            mayHaveAgent: record.state != .creating)
    }

    /// Everything that this turn dispatches, read in one transaction: opening one for each task costs more than
    /// the row.
    func definitions(for effects: [Effect]) throws(StoreError) -> [TaskKey: TaskDefinition] {
        var keys: [TaskKey] = []
        for case .startWork(_, let work) in effects where work.kind == .task {
            keys.append(TaskKey(rawValue: work.key))
        }
        guard !keys.isEmpty else { return [:] }
        let found = try store.definitions(of: keys)
        return Dictionary(found.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func appendOrder(
        _ work: WorkID, _ definition: TaskDefinition?, on node: NodeHandle,
        to messages: inout [ServiceMessage]
    ) {
        switch work.kind {
        case .task: appendTask(work, definition, on: node, to: &messages)
        case .startTask: appendStartTask(work, on: node, to: &messages)
        case .jobPreparation, .jobRelease: appendNodeJob(work, on: node, to: &messages)
        }
    }

    private func appendTask(
        _ work: WorkID, _ definition: TaskDefinition?, on node: NodeHandle,
        to messages: inout [ServiceMessage]
    ) {
        let key = TaskKey(rawValue: work.key)
        guard let plan = plan(of: key.job) else { return }
        guard let definition, plan.templates.indices.contains(definition.template) else {
            return missingRows.append((node, work))
        }
        let template = plan.templates[definition.template]
        let number = contexts.number(of: .template(job: key.job, index: definition.template))
        if contexts.mustTell(number, to: node) {
            var environment = jobEnvironment(plan, on: node)
            environment += template.environment.map { ($0.name, $0.value) }
            messages.append(
                .context(
                    WorkContext(
                        number: number, parentDirectory: NodeLayout.jobDirectory(plan.id.text),
                        environment: environment, maxWallTime: template.maxWallTime,
                        staging: staging(resourceFiles: template.resourceFiles))))
        }
        messages.append(
            .start(
                WorkOrder(
                    id: work, context: number, name: definition.id, command: definition.command ?? "true",
                    needs: engine.needs(of: key) ?? Resources(slots: template.requiredSlots),
                    staging: definition.extra)))
    }

    private func appendStartTask(_ work: WorkID, on node: NodeHandle, to messages: inout [ServiceMessage]) {
        guard let spec = spec(of: engine.nodeRecord(node).pool) else { return }
        let number = contexts.number(of: .startTask(spec.id))
        if contexts.mustTell(number, to: node) {
            var environment = nodeEnvironment(spec, on: node)
            environment += spec.nodePrepEnvironment.map { ($0.name, $0.value) }
            environment += (spec.startTask?.environmentVariables ?? []).map { ($0.name, $0.value) }
            let files = spec.resourceFiles + (spec.startTask?.resourceFiles ?? [])
            messages.append(
                .context(
                    WorkContext(
                        number: number, parentDirectory: "", environment: environment,
                        staging: staging(resourceFiles: files, packages: spec.applicationPackages))))
        }
        messages.append(
            .start(
                WorkOrder(
                    id: work, context: number, name: NodeLayout.startTaskName,
                    command: spec.nodePreparationCommand,
                    needs: .none)))
    }

    private func appendNodeJob(_ work: WorkID, on node: NodeHandle, to messages: inout [ServiceMessage]) {
        let job = UInt32(truncatingIfNeeded: work.key)
        guard let plan = plan(of: job) else { return }
        let isRelease = work.kind == .jobRelease
        let number = contexts.number(of: isRelease ? .release(job: job) : .preparation(job: job))
        if contexts.mustTell(number, to: node) {
            messages.append(
                .context(
                    WorkContext(
                        number: number, parentDirectory: NodeLayout.jobDirectory(plan.id.text),
                        environment: jobEnvironment(plan, on: node)
                            + plan.environment.map { ($0.name, $0.value) },
                        maxWallTime: isRelease ? Limits.releaseTime : nil)))
        }
        let command = isRelease ? plan.releaseCommand : plan.preparationCommand
        messages.append(
            .start(
                WorkOrder(
                    id: work, context: number,
                    name: isRelease ? NodeLayout.jobReleaseName : NodeLayout.jobPreparationName,
                    command: command ?? "true", needs: .none)))
    }

    // MARK: Environment

    func nodeRoot(of node: NodeHandle) -> String {
        let record = engine.nodeRecord(node)
        return HomeLayout(home).nodeRoot(record.id, of: record.pool)
    }

    private func nodeEnvironment(_ spec: PoolSpec?, on node: NodeHandle) -> [(name: String, value: String)] {
        var environment = [
            ("AZ_BATCH_ACCOUNT_NAME", "local"), ("AZ_BATCH_ACCOUNT_URL", "unix://\(home)/service.sock"),
        ]
        for package in spec?.applicationPackages ?? [] {
            let directory = "\(nodeRoot(of: node))/applications/\(package.directoryName)"
            for name in package.variableNames { environment.append((name, directory)) }
        }
        return environment
    }

    private func jobEnvironment(_ plan: JobPlan, on node: NodeHandle) -> [(name: String, value: String)] {
        var environment = nodeEnvironment(spec(of: engine.nodeRecord(node).pool), on: node)
        environment.append(("AZ_BATCH_JOB_ID", plan.id.text))
        if plan.preparationCommand != nil {
            let directory =
                "\(nodeRoot(of: node))/\(NodeLayout.jobDirectory(plan.id.text))/\(NodeLayout.jobPreparationName)"
            environment.append(("AZ_BATCH_JOB_PREP_DIR", directory))
            environment.append(("AZ_BATCH_JOB_PREP_WORKING_DIR", directory + "/wd"))
        }
        return environment
    }

    // MARK: What the database keeps as JSON

    func plan(of job: UInt32) -> JobPlan? {
        if let plan = plans[job] { return plan }
        guard let record = engine.job(job) else { return nil }
        let plan = Stored<JobPlan>(record.plan).value
        plans[job] = plan
        return plan
    }

    func spec(of pool: PoolID) -> PoolSpec? {
        if let spec = specs[pool] { return spec }
        guard let record = engine.pool(pool) else { return nil }
        let spec = Stored<PoolSpec>(record.specification).value
        specs[pool] = spec
        return spec
    }
}

/// A value that the database keeps as JSON, or why it cannot be read: damage, other hands than ours, or a newer
/// program. That is the trouble of one job or pool, and no reason to end the service.
enum Stored<Value: Decodable> {
    case value(Value)
    case problem(String)

    init(_ text: String) {
        do {
            self = .value(try JSONCoding.decode(Value.self, from: Array(text.utf8)))
        } catch {
            self = .problem("what the state file has of it cannot be read: \(error)")
        }
    }

    var value: Value? {
        switch self {
        case .value(let value): value
        case .problem: nil
        }
    }
}

extension PoolSpec {
    /// What the start task runs: `additional_node_prep` around the pool's own start task. One command alone
    /// stays as it is written, so that it needs no shell when it has no shell syntax.
    var nodePreparationCommand: String {
        let commands = nodePrepPre + (startTask.map { [$0.command] } ?? []) + nodePrepPost
        if commands.count <= 1 { return commands.first ?? "true" }
        return (commands + ["wait"]).joined(separator: "\n")
    }

    package var needsStartTask: Bool {
        startTask != nil || !nodePrepPre.isEmpty || !nodePrepPost.isEmpty || !applicationPackages.isEmpty
            || !resourceFiles.isEmpty
    }

    package var rules: PoolRules {
        var rules = PoolRules()
        rules.nodeFillType = nodeFillType
        rules.hasStartTask = needsStartTask
        rules.startTaskRetries = startTask?.maxTaskRetries ?? 0
        rules.waitsForStartTask = startTask?.waitForSuccess ?? true
        rules.rebootsOnStartTaskFailed = rebootOnStartTaskFailed
        return rules
    }
}
