import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStore

// From the engine's effects to orders.

extension ServiceCore {
    func give(
        _ effects: [Effect], _ definitions: [TaskKey: TaskDefinition], _ late: LateValues = LateValues()
    ) {
        var needs = OrderNeeds(TurnSecrets(secrets, handedSecrets), late)
        for effect in effects {
            switch effect {
            case .launchNode(let node): substrate.allocate(node, description(of: node))
            case .startWork(let node, let work): order(work, on: node, definitions, &needs)
            case .killWork(let node, let work, let outcome): substrate.cancel(work, outcome, on: node)
            case .removeNode(let node): substrate.release(node, description(of: node))
            case .verifyPoolRemoved(let pool): substrate.verifyReleased(pool)
            case .removeFiles(let node, let id, let owner): substrate.removeFiles(id, of: owner, on: node)
            case .forgetRemoval(let node, let id): substrate.forgetRemoval(id, on: node)
            case .findOldFiles(let sweep): self.sweep = sweep
            case .shutDownNode(let node): substrate.reboot(node)
            case .startRun(let key): askForStart(of: key)
            }
        }
    }

    /// For each agent that is to be started: kept with its node before it is, so that the next service knows it, too.
    func newTokens(_ effects: [Effect]) -> [StoreWrite] {
        effects.compactMap { effect in
            guard case .launchNode(let node) = effect else { return nil }
            return newToken(for: node)
        }
    }

    func newToken(for node: NodeHandle) -> StoreWrite {
        let token = KnownToken(.random())
        tokens[node] = token
        let record = engine.nodeRecord(node)
        return .putAgentToken(record.pool, record.id, token.digest)
    }

    func description(of node: NodeHandle) -> NodeDescription {
        let record = engine.nodeRecord(node)
        return NodeDescription(
            pool: record.pool, id: record.id, boot: record.boot,
            slots: engine.pool(record.pool)?.taskSlotsPerNode ?? 1, isDedicated: record.isDedicated,
            token: tokens[node], mayExist: record.state != .creating)
    }

    /// Everything that this turn dispatches, read in one transaction: opening one for each task costs more than
    /// the row. Templates that nothing was ordered by yet are read as well.
    func definitions(for effects: [Effect]) throws(StoreError) -> [TaskKey: TaskDefinition] {
        var keys: [TaskKey] = []
        for case .startWork(_, let work) in effects where work.kind == .task {
            keys.append(TaskKey(rawValue: work.key))
        }
        guard !keys.isEmpty else { return [:] }
        let found = try store.definitions(of: keys)
        var last: WorkTemplate.Purpose?
        for definition in found {
            // Mostly the same for thousands.
            let purpose = WorkTemplate.Purpose.task(job: definition.key.job, template: definition.template)
            if purpose != last { try readTemplate(definition.template, of: definition.key.job) }
            last = purpose
        }
        return Dictionary(found.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func order(
        _ id: WorkID, on node: NodeHandle, _ definitions: [TaskKey: TaskDefinition],
        _ needs: inout OrderNeeds
    ) {
        switch id.kind {
        case .task: orderTask(id, definitions[TaskKey(rawValue: id.key)], on: node, &needs)
        case .startTask:
            guard let spec = specs[engine.nodeRecord(node).pool] else { return }
            send(
                WorkAssignment(
                    id: id, template: startTaskTemplate(spec), command: spec.nodePreparationCommand),
                to: node, &needs)
        case .jobPreparation, .jobRelease:
            let job = UInt32(truncatingIfNeeded: id.key)
            guard let plan = plans[job] else { return }
            let isRelease = id.kind == .jobRelease
            let command = isRelease ? plan.releaseCommand : plan.preparationCommand
            send(
                WorkAssignment(
                    id: id, template: nodeJobTemplate(job, plan, isRelease: isRelease),
                    command: command ?? "true"),
                to: node, &needs)
        }
    }

    private func orderTask(
        _ id: WorkID, _ definition: TaskDefinition?, on node: NodeHandle, _ needs: inout OrderNeeds
    ) {
        let key = TaskKey(rawValue: id.key)
        guard let definition, let template = taskTemplate(key.job, definition.template) else {
            // Of a job whose plan cannot be read nothing is dispatched.
            guard plans[key.job] != nil else { return }
            let text = "what the state file has of the task cannot be read"
            return unsent.append((node, id, .notStarted(.rowMissing, text)))
        }
        send(
            WorkAssignment(
                id: id, template: template, task: definition.id, command: definition.command ?? "true",
                needs: engine.needs(of: key) ?? Resources(slots: 1), staging: definition.extra),
            to: node, &needs)
    }

    /// With the values of its secrets, which are read here and kept by nobody on this side, and with whose files it gets.
    private func send(_ work: WorkAssignment, to node: NodeHandle, _ needs: inout OrderNeeds) {
        var work = work
        do throws(LateFailure) {
            try complete(&work, needs.late)
        } catch {
            return unsent.append((node, work.id, .notStarted(.outputMissing, error.sentence)))
        }
        do throws(SecretFailure) {
            try addSecrets(to: &work, &needs.secrets)
            if !work.template.secretFiles.isEmpty {
                work.secretFiles = try needs.secrets.files(of: work.template.secretFiles)
            }
            work.storageKeys = try storageKeys(of: work.template, &needs)
        } catch {
            return unsent.append((node, work.id, .notStarted(.secretMissing, error.reason)))
        }
        addToken(to: &work)
        do throws(TaskFilesMissing) {
            work.taskFiles = try taskFiles(of: work.template, &needs)
        } catch {
            return unsent.append((node, work.id, .notStarted(.taskFilesMissing, error.sentence)))
        }
        substrate.start(work, on: node)
    }

    /// To the environment. They win over what else there is.
    func addSecrets(to work: inout WorkAssignment, _ secrets: inout TurnSecrets) throws(SecretFailure) {
        guard !work.template.secrets.isEmpty else { return }
        let found = try secrets.variables(of: work.template.secrets)
        let names = Set(found.map(\.name))
        work.secrets = work.secrets.filter { !names.contains($0.name) } + found
    }

    /// - Parameter time: now, for somebody who steps into work that has ended.
    func addToken(to work: inout WorkAssignment, visiting time: Moment? = nil) {
        let token = time.map { tokensOfTasks?.token(for: work.id, until: $0.wall + TaskTokens.visit) } ?? tokensOfTasks?.token(for: work.id)
        guard let token else { return }
        work.secrets.removeAll { TaskTokens.isReserved($0.name) }
        work.secrets.append(SecretVariable(name: TaskTokens.variable, value: token))
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
            || !resourceFiles.isEmpty || inputData?.isEmpty == false
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
