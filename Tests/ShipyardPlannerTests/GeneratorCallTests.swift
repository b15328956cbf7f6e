import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import Synchronization
import Testing

@testable import ShipyardPlanner

/// The calls of generators that are made beforehand are those that planning makes.
struct GeneratorCallTests {
    /// Writes down what it is asked for, and fails the calls that it is told to.
    private final class Recorder: PlannerWorld {
        let calls = Mutex<[String]>([])
        let failing: GeneratorCall?

        init(failing: GeneratorCall? = nil) { self.failing = failing }

        func jobExists(_ job: JobID) -> Bool { false }
        func hasTask(_ id: String, in job: JobID) -> Bool { false }
        func forEachTaskID(in job: JobID, prefix: String, _ body: (String) -> Void) {}
        func forEachFile(in listing: FileListing, _ body: (String) -> Bool) {}
        func forEachRow(
            of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
        ) throws(PlannerWorldError) {
            calls.withLock { $0.append(Self.line(call, generator)) }
            if call == failing { throw PlannerWorldError("no") }
            _ = body([.int(1)])
        }
        func entropy() -> [UInt32] { [1] }

        static func line(_ call: GeneratorCall, _ generator: CustomFactorySpec) -> String {
            "\(call.job) \(call.entry) \(call.pass) \(generator.module)"
        }
    }

    private static let jobs = SpecLoader.load([
        SpecSource(
            .jobs,
            SourceText(
                name: "jobs.yaml",
                text: """
                    job_specifications:
                    - id: a
                      tasks:
                      - {command: '{0}', task_factory: {custom: {module: one}}}
                      - {command: x}
                      - {command: '{0}', task_factory: {custom: {module: two}}}
                      merge_task: {command: x}
                    - id: b
                      tasks:
                      - {command: x, task_factory: {repeat: 2}}
                      - {command: '{0}', task_factory: {custom: {module: one}}}
                    """))
    ]).specs.jobs

    @Test func theyComeInTheOrderOfPlanning() throws {
        let jobs = try #require(Self.jobs)
        let world = Recorder()
        var planner = Planner(jobs, world: world)
        var diagnostics = Diagnostics()
        let isGood = planner.check(&diagnostics)
        #expect(isGood)
        let lines = world.calls.withLock { $0 }
        #expect(lines == jobs.generatorCalls.map { Recorder.line($0.call, $0.generator) })
        #expect(lines.count == 6 && lines[1] == "a 2 check two" && lines[2] == "a 0 build one")
    }

    @Test func whatFailsItsCheckIsNotBuilt() throws {
        let jobs = try #require(Self.jobs)
        let failing = GeneratorCall(job: JobID("a")!, entry: 0, pass: .check)
        let world = Recorder(failing: failing)
        var planner = Planner(jobs, world: world)
        var diagnostics = Diagnostics()
        let isGood = planner.check(&diagnostics)
        #expect(!isGood)
        let expected = jobs.generatorCalls.filter {
            $0.call != GeneratorCall(job: failing.job, entry: 0, pass: .build)
        }
        #expect(world.calls.withLock { $0 } == expected.map { Recorder.line($0.call, $0.generator) })
    }
}

/// Objects of subclasses, as a generator's rows bring them.
@Suite struct GeneratorObjectTests {
    private func formatted(_ row: String, _ template: String) throws -> String {
        let values = try #require(GeneratorRow.values(Array(row.utf8)[...]))
        var bytes: [UInt8] = []
        var arguments = FormatTemplate.Arguments()
        arguments.positions = values
        try FormatTemplate(template).append(arguments, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func aSubclassOfANumberIsFormattedAsOne() throws {
        let half = "ofloat64\u{1F}0.5\u{1F}np.float64(0.5)\u{1F}f0.5"
        #expect(try formatted(half, "{0} {0!r} {0:.2f} {0:>6}") == "0.5 np.float64(0.5) 0.50    0.5")
        let red = "oColor\u{1F}Color.RED\u{1F}<Color.RED: 1>\u{1F}i1"
        #expect(try formatted(red, "{0:03d} {0:x} {0!s:>10}") == "001 1  Color.RED")
        let text = "oName\u{1F}a\\\\tb\u{1F}'a'\u{1F}sa\\\\\\\\tb"
        #expect(try formatted(text, "{0:>5}").hasSuffix("b"))
    }

    @Test func anotherObjectTakesNoSpecification() {
        #expect(throws: PythonError.self) { try formatted("oThing\u{1F}t\u{1F}t", "{0:>5}") }
        #expect(GeneratorRow.values(Array("oThing\u{1F}t\u{1F}t\u{1F}?".utf8)[...]) == nil)
    }
}
