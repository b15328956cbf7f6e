import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStaging
import Synchronization
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// Values for tests, which may change at any time.
final class TestVault: SecretSource {
    private let values: Mutex<[String: String]>
    private let asked = Mutex<[String]>([])

    init(_ values: [String: String]) { self.values = Mutex(values) }

    func set(_ name: String, _ value: String?) { values.withLock { $0[name] = value } }
    var questions: [String] { asked.withLock { $0 } }

    func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret {
        asked.withLock { $0.append(reference.text) }
        guard let value = values.withLock({ $0[reference.text] }) else {
            throw SecretFailure("nobody put it there")
        }
        return Secret(value)
    }
}

/// Keeps what it is told, and does nothing.
final class RecordingSubstrate: Substrate {
    var started: [(work: WorkAssignment, node: NodeHandle)] = []
    var described: [NodeDescription] = []

    func allocate(_ node: NodeHandle, _ description: NodeDescription) { described.append(description) }
    func recover(_ node: NodeHandle, _ description: NodeDescription) { described.append(description) }
    func start(_ work: WorkAssignment, on node: NodeHandle) { started.append((work, node)) }
    func cancel(_ work: WorkID, _ outcome: Outcome, on node: NodeHandle) {}
    func removeFiles(_ id: RemovalID, of owner: FilesOwner, on node: NodeHandle) {}
    func forgetRemoval(_ id: RemovalID, on node: NodeHandle) {}
    func reboot(_ node: NodeHandle) {}
    func release(_ node: NodeHandle, _ description: NodeDescription) {}
    func verifyReleased(_ pool: PoolID) {}
    func jobEnded(_ job: UInt32) {}
    func turnCommitted() {}
    func reset() {}
    func takeEvents() -> [SubstrateEvent] { [] }
    var reach: NodeReach?
    func way(to place: ReachedPlace) -> NodeReach? { reach }
    var hasEvents: Bool { false }
    var nextMoment: Int64? { nil }
    func wait(until moment: Int64, for news: AwaitedNews) {}
    var files: any FilesOfNodes { invariantFailure("nobody looks at files here") }

    /// What the last piece of work was given, as a shell would write it.
    var lastSecrets: [String]? { started.last?.work.secrets.map(\.shown) }
}

extension SecretVariable {
    var shown: String {
        name + "=" + value.withExposedBytes { String(decoding: $0, as: UTF8.self) }
    }
}

/// From the reference in a template to the value in an order, and tokens.
struct SecretTests {
    private let store: StoreWriter
    private let substrate = RecordingSubstrate()
    private let vault = TestVault([
        "job": "{A: job-a, B: job-b, C: job-c}", "task": #"{"C": "task-c", "N": 010}"#,
    ])
    private let now = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))
    private let pool = PoolID("pool")!
    private let node = NodeHandle(index: 0)

    init() throws { store = try StoreWriter(path: ":memory:") }

    private func core(_ change: (inout PoolSpec) -> Void = { _ in }) throws -> ServiceCore {
        let core = try ServiceCore(store: store, substrate: substrate, secrets: vault, now: now)
        var spec = PoolSpec(id: pool)
        spec.dedicatedNodes = 1
        change(&spec)
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.endTurn(at: now)
        return core
    }

    /// Two tasks: of a template with secrets and of one without.
    private func addJob(_ core: ServiceCore, _ change: (inout JobPlan) -> Void = { _ in }) throws -> UInt32 {
        var plan = JobPlan(id: JobID("j")!)
        plan.autoComplete = true
        plan.templates = [TaskTemplate(), TaskTemplate()]
        plan.templates[0].maxTaskRetries = 5
        plan.templates[0].environment = [EnvironmentVariable(name: "B", value: "task-b")]
        plan.templates[0].environmentSecrets = [
            EnvironmentSecret(SecretReference("job")!, yieldsTo: plan.templates[0].environment),
            EnvironmentSecret(SecretReference("task")!),
        ]
        change(&plan)
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        var slice = TaskSlice()
        for ordinal: UInt32 in 0...1 {
            let key = TaskKey(job: ticket.number, ordinal: ordinal)
            slice.definitions.append(
                TaskDefinition(key: key, id: "t\(ordinal)", command: "run", template: Int(ordinal)))
            slice.seeds.append(TaskSeed(template: Int(ordinal)))
        }
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: pool, at: now)
        try core.endTurn(at: now)
        return ticket.number
    }

    private func end(_ core: ServiceCore, code: Int32) throws {
        let work = try #require(substrate.started.last)
        core.receive(
            .workExited(work.node, work.work.id, AttemptResult(.exited(code), at: now.wall)), at: now)
        try core.endTurn(at: now)
    }

    @Test func valuesAreReadForEachOrder() throws {
        let core = try core()
        _ = try addJob(core)
        #expect(substrate.lastSecrets == ["A=job-a", "C=task-c", "N=10"])
        #expect(substrate.started.last?.work.template.environment.map(\.value) == ["task-b"])
        vault.set("job", "A: later")
        try end(core, code: 1)
        #expect(substrate.lastSecrets == ["A=later", "C=task-c", "N=10"])
        try end(core, code: 0)
        // Of a template without secrets, which asks nobody.
        #expect(substrate.lastSecrets == [])
        #expect(vault.questions == ["job", "task", "job", "task"])
    }

    /// Of the pool, of the job and of its templates: each order is given by a service that has only the state file.
    @Test func referencesAreStored() throws {
        var core = try core { spec in
            spec.nodePrepEnvironmentSecret = SecretReference("job")
            spec.startTask = StartTaskSpec(command: "start")
        }
        _ = try addJob(core) { plan in
            plan.preparationCommand = "prepare"
            plan.environmentSecret = SecretReference("task")
        }
        let all = ["A=job-a", "B=job-b", "C=job-c"]
        let expected: [(WorkKind, [String])] = [
            (.startTask, all), (.jobPreparation, ["C=task-c", "N=10"]),
            (.task, ["A=job-a", "C=task-c", "N=10"]),
        ]
        for (kind, secrets) in expected {
            #expect(substrate.started.last?.work.id.kind == kind && substrate.lastSecrets == secrets)
            substrate.started = []
            core = try ServiceCore(store: store, substrate: substrate, secrets: vault, now: now)
            core.receive(.nodeConnected(node, running: [], queued: []), at: now)
            try core.endTurn(at: now)
            #expect(substrate.started.last?.work.id.kind == kind && substrate.lastSecrets == secrets)
            try end(core, code: 0)
        }
    }

    /// Also where the task might be retried: nothing that it could do would help.
    @Test(arguments: [nil, "[no, mapping]", "{A: [b]}", "{A=B: c}", "A: \"\\0\"", "}"])
    func taskWhoseSecretCannotBeHadEndsAndItsJobGoesOn(_ value: String?) throws {
        vault.set("task", value)
        let core = try core()
        let job = try addJob(core)
        #expect(substrate.started.isEmpty)
        // Due at once, since nobody else will come.
        #expect(core.nextDeadline == SteadyTime(milliseconds: 0))
        try core.endTurn(at: now)
        let progress = try #require(try store.progress(of: TaskKey(job: job, ordinal: 0)))
        #expect(progress.state == .completed && progress.retryCount == 0)
        let failure = try #require(progress.result?.failure)
        #expect(failure.code == "SecretMissing" && failure.category == .userError)
        let reason =
            switch value {
            case nil: "nobody put it there"
            case "{A: [b]}", "A: \"\\0\"": "a value in it is no text"
            case "{A=B: c}": "a name in it cannot name an environment variable"
            default: "it is no mapping of names and values"
            }
        #expect(failure.message == "The secret `task` cannot be had: \(reason).")
        #expect(substrate.started.map(\.work.task) == ["t1"])
        try end(core, code: 0)
        #expect(core.inspect { $0.job(job)?.state } == .completed)
        #expect(vault.questions == ["job", "task"])
    }

    /// All that a turn sends asks once.
    @Test func secretOfATurnIsReadOnce() throws {
        let core = try core { $0.taskSlotsPerNode = 2 }
        _ = try addJob(core) { $0.templates[1] = $0.templates[0] }
        #expect(substrate.started.count == 2 && vault.questions == ["job", "task"])
    }

    @Test func serviceWithoutAVaultSaysSo() throws {
        let core = try ServiceCore(store: store, substrate: substrate, now: now)
        let source = core.secrets
        let failure = #expect(throws: SecretFailure.self) { try source.secret(SecretReference("x")!) }
        #expect(failure?.reason == "this service has no vault")
    }

    @Test func startTaskHasTheSecretsOfItsPreparation() throws {
        let core = try core { spec in
            spec.nodePrepPre = ["prepare"]
            spec.nodePrepEnvironmentSecret = SecretReference("job")
            spec.startTask = StartTaskSpec(command: "start")
            spec.startTask?.environmentVariables = [EnvironmentVariable(name: "A", value: "own")]
        }
        #expect(substrate.lastSecrets == ["B=job-b", "C=job-c"])
        _ = core
    }

    /// A start task that may be retried without end would be asked for in a loop that never pauses.
    @Test func startTaskWhoseSecretIsMissingFailsAtOnce() throws {
        vault.set("job", nil)
        let core = try core { spec in
            spec.nodePrepEnvironmentSecret = SecretReference("job")
            spec.startTask = StartTaskSpec(command: "start")
            spec.startTask?.maxTaskRetries = -1
            spec.rebootOnStartTaskFailed = true
        }
        for _ in 0..<5 { try core.endTurn(at: now) }
        #expect(core.inspect { $0.nodeRecord(node).state } == .startTaskFailed)
        #expect(core.inspect { $0.nodeRecord(node).startTaskResult?.failure?.code } == "SecretMissing")
        #expect(substrate.started.isEmpty && vault.questions == ["job"])
        #expect(core.nextDeadline != SteadyTime(milliseconds: 0))
    }

    @Test(arguments: [true, false]) func jobPreparationHasTheSecretsOfItsJob(_ isThere: Bool) throws {
        if !isThere { vault.set("job", nil) }
        let core = try core()
        let job = try addJob(core) { plan in
            plan.preparationCommand = "prepare"
            plan.environmentSecret = SecretReference("job")
        }
        for _ in 0..<5 { try core.endTurn(at: now) }
        #expect(substrate.lastSecrets == (isThere ? ["A=job-a", "B=job-b", "C=job-c"] : nil))
        #expect(core.inspect { $0.waitReason(job) } == (isThere ? nil : .preparationFailedEverywhere))
        #expect(vault.questions == ["job"])
    }

    // MARK: Tokens

    private func stored() throws -> String? { try store.agentTokens().first?.text }

    @Test func digestOfATokenIsStoredAndRecognisesItsAgent() throws {
        _ = try core()
        let given = try #require(substrate.described.last?.token)
        let token = try #require(given.token)
        let text = token.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        #expect(try stored() == SHA256.hexDigest(of: Array(text.utf8)))
        _ = try ServiceCore(store: store, substrate: substrate, now: now)
        let known = try #require(substrate.described.last?.token)
        #expect(substrate.described.count == 2 && known.token == nil)
        #expect(known.isDigest(of: token) && !known.isDigest(of: .random()) && !known.isDigest(of: nil))
    }

    /// The service died before it had started the agent, and what the token was died with it.
    @Test func agentThatIsYetToBeStartedGetsAnotherToken() throws {
        let first = try ServiceCore(store: store, substrate: substrate, now: now)
        var spec = PoolSpec(id: pool)
        spec.dedicatedNodes = 1
        try first.addPool(spec, at: now)
        try first.endTurn(at: now)
        let second = try ServiceCore(store: store, substrate: substrate, now: now)
        try second.endTurn(at: now)
        let tokens = try substrate.described.map { try #require($0.token?.token) }
        #expect(tokens.count == 2 && !tokens[0].isSameInConstantTime(as: tokens[1]))
        #expect(try stored() == tokens[1].digest.text)
    }

    /// The agent lives on, and the clear text goes.
    @Test func tokenThatAnEarlierProgramHasStoredBecomesItsDigest() throws {
        _ = try core()
        let text = String(repeating: "5a", count: 16)
        try store.database.execute(script: "UPDATE nodes SET agent_token = '\(text)'")
        let core = try ServiceCore(store: store, substrate: substrate, now: now)
        #expect(substrate.described.last?.token?.isDigest(of: AgentToken(text)) == true)
        try core.endTurn(at: now)
        #expect(try stored() == AgentToken(text)?.digest.text)
    }
}
