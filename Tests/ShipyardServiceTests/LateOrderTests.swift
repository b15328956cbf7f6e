import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import Testing

@testable import ShipyardService
@testable import ShipyardStore

private struct LockedVault: SecretSource {
    func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret { throw SecretFailure("it is locked") }
    func everyVersion(of reference: SecretReference) throws(SecretFailure) -> [Secret] {
        throw SecretFailure("it is locked")
    }
}

/// What a task takes from outputs of others, from the row to the order.
struct LateOrderTests {
    private let store: StoreWriter
    private let substrate = RecordingSubstrate()
    private let vault = TestVault(["v": "B: secret-b"])
    private let now = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))
    private let pool = PoolID("pool")!
    private let node = NodeHandle(index: 0)

    init() throws { store = try StoreWriter(path: ":memory:") }

    private func core() throws -> ServiceCore {
        let core = try ServiceCore(store: store, substrate: substrate, secrets: vault, now: now)
        guard core.inspect({ $0.pool(pool) }) == nil else { return core }
        var spec = PoolSpec(id: pool)
        spec.dedicatedNodes = 1
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.endTurn(at: now)
        return core
    }

    private func marked(_ text: String) -> String { text.replacing(#/@\{[^}]*\}/#) { "\0\($0.output)\0" } }

    /// `a`, and `b` after it.
    private func addJob(
        _ core: ServiceCore, _ command: String, _ change: (inout TaskTemplate) -> Void = { _ in },
        ofFirst: (inout TaskTemplate) -> Void = { _ in }
    ) throws -> UInt32 {
        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate(), TaskTemplate()]
        plan.templates[0].recordsOutput = true
        plan.templates[1].hasLateReferences = true
        ofFirst(&plan.templates[0])
        change(&plan.templates[1])
        let ticket = try core.beginSubmission(plan.id, usesDependencies: true)
        var slice = TaskSlice()
        for (ordinal, id) in ["a", "b"].enumerated() {
            let dependencies = ordinal == 1 ? [Dependency.task(0)] : []
            slice.definitions.append(
                TaskDefinition(
                    key: TaskKey(job: ticket.number, ordinal: UInt32(ordinal)), id: id,
                    command: ordinal == 1 ? marked(command) : "run", template: ordinal,
                    dependencies: dependencies.isEmpty ? nil : Dependency.text(of: dependencies)))
            slice.seeds.append(TaskSeed(template: ordinal, dependencies: dependencies))
        }
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: pool, at: now)
        try core.endTurn(at: now)
        return ticket.number
    }

    private func end(_ core: ServiceCore, _ output: TaskOutput?) throws {
        let work = try #require(substrate.started.last).work.id
        var result = AttemptResult(.exited(0), at: now.wall)
        result.output = output
        core.receive(.workExited(node, work, result), at: now)
        try core.endTurn(at: now)
        // What cannot be sent ends with the next turn.
        try core.endTurn(at: now)
    }

    private func failure(of job: UInt32) throws -> FailureInfo? {
        try store.progress(of: TaskKey(job: job, ordinal: 1))?.result?.failure
    }

    /// However they are written in it, and whichever service has handed them out.
    @Test(arguments: [false, true]) func valuesOfSecretsAreNotInAnOutput(isRestarted: Bool) throws {
        vault.set("v", #"{"A": "pa-ss\"wörd", "N": "12345678"}"#)
        let first = try core()
        let job = try addJob(
            first, "do", ofFirst: { $0.environmentSecrets = [EnvironmentSecret(SecretReference("v")!)] })
        let later = isRestarted ? try self.core() : first
        try end(later, .document(#"{"a":"pa\u002dss\"w\u00f6rd","pa-ss\"wörd":12345678,"c":"x"}"#))
        let output = try store.taskOutput(of: TaskKey(job: job, ordinal: 0))
        #expect(output?.document == #"{"a":"***","***":"***","c":"x"}"#)
    }

    @Test func nothingIsKeptOfAnOutputWhoseSecretsCannotBeLookedFor() throws {
        let job = try addJob(
            try core(), "do", ofFirst: { $0.environmentSecrets = [EnvironmentSecret(SecretReference("v")!)] })
        let later = try ServiceCore(store: store, substrate: substrate, secrets: LockedVault(), now: now)
        try end(later, .document(#"{"a":"secret-b"}"#))
        #expect(try store.taskOutput(of: TaskKey(job: job, ordinal: 0))?.document == #""***""#)
    }

    /// What others' outputs do not say any more stands there as it was written.
    @Test func commandOfATaskThatIsSteppedIntoHasNoMarks() throws {
        let core = try core()
        let job = try addJob(core, "do @{tasks.a.output.f} and @{tasks.a.output.g}")
        try end(core, .document(#"{"f": 1, "g": "two words"}"#))
        substrate.reach = NodeReach(directory: "/d", environment: Secret(""))
        func command() throws -> String? { try core.reachTask("b", of: "j", attempt: nil, at: now).command }
        #expect(try command() == "do 1 and 'two words'")
        try store.putOutput(.document(#"{"f": 1}"#), of: TaskProgress(key: TaskKey(job: job, ordinal: 0)))
        #expect(try command() == "do @{tasks.a.output.f} and @{tasks.a.output.g}")
    }

    @Test func valuesAreInTheOrderAndNowhereElse() throws {
        let core = try core()
        let job = try addJob(core, "do @{tasks.a.output.f[0]}") { template in
            template.environment = [
                EnvironmentVariable(name: "A", value: marked("<@{tasks.a.output.n}>")),
                EnvironmentVariable(name: "B", value: marked("@{tasks.a.output.n}")),
                EnvironmentVariable(name: "C", value: "c"),
            ]
            template.environmentSecrets = [EnvironmentSecret(SecretReference("v")!)]
            var activity = ActivitySpec()
            activity.extendedProperties = ["n": .string(marked("@{tasks.a.output.n}"))]
            activity.linkedServices = [
                .init(name: "l", properties: ["x": .string(marked("@{tasks.a.output.f}"))])
            ]
            template.activity = activity
        }
        #expect(substrate.started.last?.work.template.recordsOutput == true)
        #expect(substrate.started.last?.work.files.isEmpty == true)
        try end(core, .document(#"{"f": ["a b"], "n": 7}"#))
        let work = try #require(substrate.started.last?.work)
        #expect(substrate.started.count == 2 && work.command == "do 'a b'")
        // A secret wins over what an output says.
        #expect(substrate.lastSecrets == ["A=<7>", "B=secret-b"])
        #expect(work.template.environment.map(\.name) == ["C"])
        #expect(
            work.files == [
                ActivityFile(
                    "activity.json",
                    #"{"name":"b","type":"Custom","typeProperties":{"command":"do 'a b'","referenceObjects":{"linkedServices":[{"referenceName":"l","type":"LinkedServiceReference"}],"datasets":[]},"extendedProperties":{"n":7}}}"#
                        + "\n"),
                ActivityFile("linkedServices.json", #"[{"name":"l","properties":{"x":["a b"]}}]"# + "\n"),
                ActivityFile("datasets.json", "[]\n"),
            ])
        // What is stored has the references, for whoever runs it again.
        let stored = try store.definition(of: TaskKey(job: job, ordinal: 1))?.command
        #expect(stored == marked("do @{tasks.a.output.f[0]}"))
    }

    @Test(
        arguments: [
            (TaskOutput.document("{}"), "The output of task `a` has no `f`: it is an empty object."),
            (.absent, "Task `a` has left no output: no `outputs.json` when it last succeeded."),
            (nil, "Task `a` has left no output: no `outputs.json` when it last succeeded."),
        ] as [(TaskOutput?, String)])
    func whatIsMissingIsTheTasksOutcome(_ output: TaskOutput?, _ sentence: String) throws {
        let core = try core()
        let job = try addJob(core, "do @{tasks.a.output.f}") { $0.maxTaskRetries = 3 }
        try end(core, output)
        #expect(substrate.started.count == 1)
        let expected = FailureInfo(category: .userError, code: "TaskOutputNotFound", message: sentence)
        #expect(try failure(of: job) == expected)
        #expect(core.inspect { $0.counts(job)?.failed } == 1)
    }

    /// Much longer than memory, too.
    @Test(arguments: ["properties", "text", "variables", "paths", "command", "both"])
    func whatMakesAnOrderTooLongIsSaid(_ place: String) throws {
        let core = try core()
        let whole = marked("@{tasks.a.output}")
        let many = String(repeating: whole, count: 100_000)
        let job = try addJob(
            core, place == "command" ? "do" + String(repeating: " @{tasks.a.output}", count: 100) : "do"
        ) { template in
            var activity = ActivitySpec()
            switch place {
            case "properties":
                activity.extendedProperties = .array(Array(repeating: .string(whole), count: 100_000))
            case "text": activity.extendedProperties = .string(many)
            case "variables":
                template.environment = (0..<10_000).map { EnvironmentVariable(name: "V\($0)", value: whole) }
            case "paths":
                template.outputData = Array(
                    repeating: StorageTransferSpec(storageAccountSettings: "s", remotePath: whole),
                    count: 10_000)
            case "both":
                template.environment = (0..<3).map { EnvironmentVariable(name: "V\($0)", value: whole) }
                activity.extendedProperties = .array([.string(whole), .string(whole)])
            default: break
            }
            template.activity = activity
        }
        try end(core, .document("\"\(String(repeating: "x", count: 2_000_000))\""))
        #expect(substrate.started.count == 1)
        let message = try failure(of: job)?.message
        #expect(message?.hasSuffix("order longer than 8 MiB.") == true, "\(message ?? "none")")
    }

    /// It is no outcome of the task that the state file cannot be read: the next core finds it.
    @Test func anOutputThatCannotBeReadIsReadByTheNextService() throws {
        let core = try core()
        let job = try addJob(core, "do @{tasks.a.output}")
        let work = try #require(substrate.started.last).work.id
        var result = AttemptResult(.exited(0), at: now.wall)
        result.output = .document("5")
        core.receive(.workExited(node, work, result), at: now)
        var reads = 0
        // The definition, then where the other task is, then what it has left.
        store.readFaultInjection = {
            reads += 1
            return reads >= 3
        }
        let error = #expect(throws: StoreError.self) { try core.endTurn(at: now) }
        if let error { core.abandon(error) }
        #expect(substrate.started.count == 1)
        store.readFaultInjection = nil
        let next = try self.core()
        next.receive(.nodeConnected(NodeHandle(index: 0), running: [], queued: []), at: now)
        try next.endTurn(at: now)
        try next.endTurn(at: now)
        #expect(substrate.started.last?.work.command == "do 5" && substrate.started.count == 2)
        #expect(try failure(of: job) == nil)
    }

    @Test func aTaskThatIsGoneIsSaid() throws {
        let core = try core()
        let job = try addJob(core, "do @{tasks.gone.output}")
        try end(core, .document("5"))
        #expect(
            try failure(of: job)?.message
                == "The job has no task `gone` any more, whose output is referred to.")
    }

    @Test func pathsOfDataAreTheOrders() throws {
        let core = try core()
        _ = try addJob(core, "do") { template in
            var input = InputDataSpec()
            var transfer = StorageTransferSpec(
                storageAccountSettings: "s", remotePath: marked("c/@{tasks.a.output}"))
            input.azureStorage = [transfer]
            transfer.remotePath = "out"
            template.inputData = input
            template.outputData = [transfer]
        }
        try end(core, .document("\"x y\""))
        let data = try #require(substrate.started.last?.work.lateData)
        #expect(data.input?.azureStorage.map(\.remotePath) == ["c/x y"])
        #expect(data.output.map(\.remotePath) == ["out"])
    }
}
