import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import Synchronization
import Testing

@testable import ShipyardPlanner

/// Planning ends soon after nobody waits for it, wherever it is.
struct StoppingTests {
    /// Wants no plan from its `limit`-th question on, and has files and rows without end.
    private final class ImpatientWorld: PlannerWorld {
        let limit: Int
        private let questions = Mutex(0)
        let entered = Mutex(0)

        init(limit: Int) { self.limit = limit }

        var isStopped: Bool {
            questions.withLock {
                $0 += 1
                return $0 > limit
            }
        }

        func jobExists(_ job: JobID) -> Bool { false }
        func hasTask(_ id: String, in job: JobID) -> Bool { false }
        func forEachTaskID(in job: JobID, prefix: String, _ body: (String) -> Void) {}
        func forEachFile(in listing: FileListing, _ body: (String) -> Bool) { forever { body("name") } }
        func forEachRow(
            of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
        ) {
            forever { body([]) }
        }
        func entropy() -> [UInt32] { [1] }

        /// A million is for ever: each of its questions comes long before.
        private func forever(_ body: () -> Bool) {
            for _ in 0..<1_000_000 {
                entered.withLock { $0 += 1 }
                if !body() { return }
            }
            Issue.record("nobody asked whether to stop")
        }
    }

    @Test(
        arguments: [
            "repeat: 4000000000", "custom: {module: m}",
            "random: {generate: 4000000000, integer: {start: 0, stop: 9, step: 1}}",
            "file: {azure_storage: {storage_account_settings: s, remote_path: c}, task_filepath: file_name}",
            "file: {azure_storage: {storage_account_settings: s, remote_path: c, include: [none]}, task_filepath: file_name}",
            "parametric_sweep: {product: [{start: 0, stop: 4000000000, step: 1}]}",
        ], [0, 1, 2, 3, 10])
    func everyFactoryIsLeft(_ factory: String, limit: Int) throws {
        let (specs, diagnostics) = SpecLoader.load([
            SpecSource(
                .jobs,
                SourceText(
                    name: "jobs.yaml",
                    text: """
                        job_specifications:
                        - id: j
                          tasks:
                          - command: echo
                            task_factory: {\(factory)}
                        - id: k
                          tasks: [{command: x}]
                        """)),
            SpecSource(
                .credentials,
                SourceText(
                    name: "credentials.yaml",
                    text: """
                        credentials: {storage: {s: {account: a, account_key: k, endpoint: core.windows.net}}}
                        """)),
        ])
        #expect(!diagnostics.hasErrors, "\(diagnostics.all.map(\.message))")
        let world = ImpatientWorld(limit: limit)
        var planner = Planner(
            try #require(specs.jobs), setting: PlanSetting(credentials: specs.credentials), world: world)
        var found = Diagnostics()
        var sink = CountingSink()
        let isAccepted = try planner.planAll(into: &sink, &found)
        #expect(!isAccepted)
        #expect(planner.wasStopped)
        #expect(sink.ended == 0)
        #expect(sink.tasks <= 64 * limit)
        #expect(world.entered.withLock { $0 } <= 64 * (limit + 1))
    }

    private struct CountingSink: PlanSink {
        struct NobodyAsked: Error {}
        var tasks = 0
        var ended = 0
        mutating func jobBegan(_ job: JobPlan) throws(NobodyAsked) {}
        mutating func task(_ task: TaskPlan) throws(NobodyAsked) {
            tasks += 1
            guard tasks < 100_000 else { throw NobodyAsked() }
        }
        mutating func jobEnded(_ job: JobPlan, _ graph: PlanGraph) throws(NobodyAsked) { ended += 1 }
    }
}
