import Foundation
import ShipyardDiagnostics
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardSpecs

@Suite struct LateReferenceTests {
    private func load(_ task: String, job: String = "", _ context: RunContext = RunContext()) -> (
        specs: SpecSet, diagnostics: Diagnostics
    ) {
        let text = "job_specifications:\n- id: j\n\(job)  tasks:\n  - {id: a, command: x}\n  - \(task)\n"
        return SpecLoader.load([SpecSource(.jobs, SourceText(name: "jobs.yaml", text: text))], .of(context))
    }

    private func task(
        _ text: String, job: String = "", _ context: RunContext = RunContext()
    ) throws -> TaskSpec {
        let (specs, diagnostics) = load(text, job: job, context)
        return try #require(specs.jobs?.jobs.first?.tasks.last, "\(TextRenderer().render(diagnostics))")
    }

    private func errors(_ text: String, job: String = "") -> [String] {
        load(text, job: job).diagnostics.all.filter { $0.severity == .error }.map {
            "\($0.code.rawValue) \($0.message)"
        }
    }

    /// Values of outputs by their whole names.
    private func resolution(_ values: [String: String]) -> LateResolution {
        LateResolution { reference throws(LateFailure) in
            guard let json = values["\(reference)"] else { throw LateFailure("no `\(reference)`") }
            return try LateReference("tasks.x.output")!.value(in: json)
        }
    }

    @Test func aTaskIsAnActivity() throws {
        let task = try task(
            """
            {id: b, command: y, extended_properties: {n: "@{parameters.n}", s: "n@{parameters.n}", list: [1, {deep: "@{tasks.a.output.p}"}], when: 2030-01-02, none: null},
                 reference_objects: {linked_services: [{name: "l@{parameters.n}", properties: {type: T, typeProperties: {x: "@{tasks.a.output}"}}}],
                                     datasets: [{name: d, properties: {}}]}}
            """, job: "  parameters: {n: {type: int, default: 3}}\n")
        let activity = try #require(task.activity)
        let late = LateText.marked(LateReference("tasks.a.output.p")!)
        #expect(
            activity.extendedProperties == [
                "n": 3, "s": "n3", "list": [1, ["deep": .string(late)]], "when": "2030-01-02", "none": .null,
            ])
        #expect(activity.linkedServices.map(\.name) == ["l3"] && activity.datasets.map(\.name) == ["d"])
        #expect(Set(activity.lateReferences.map(\.description)) == ["tasks.a.output.p", "tasks.a.output"])
        #expect(task.lateReferences.map(\.value.description) == ["tasks.a.output.p", "tasks.a.output"])
        #expect(task.dependsOn.map(\.value) == ["a"] && task.impliedDependencies == 1)
        #expect(try JSONCoding.decode(ActivitySpec.self, from: JSONCoding.encode(activity)) == activity)
        #expect(try self.task("{id: b, command: y}").activity == nil)
        #expect(try self.task("{id: b, command: y, extended_properties: {}}").activity == ActivitySpec())
    }

    @Test func aDependencyThatIsWrittenIsNotImplied() throws {
        let task = try task("{id: b, command: 'y @{tasks.a.output} @{tasks.a.output.x}', depends_on: [a]}")
        #expect(task.dependsOn.map(\.value) == ["a"] && task.impliedDependencies == 0)
        #expect(task.lateReferences.map(\.value.description) == ["tasks.a.output", "tasks.a.output.x"])
    }

    @Test(arguments: [
        (
            "{id: b, command: 'y @{tasks.a.outputs}'}",
            "SY2031 `@{tasks.a.outputs}` is not how a task's output is referred to"
        ),
        ("{id: b, command: 'y @{task.a.output}'}", "SY2030 `@{task.a.output}` refers to nothing"),
        ("{id: b, command: 'y @{tasks.a.output:raw}'}", "SY2031 `raw` means nothing for `@{tasks.a.output}`"),
        ("{id: 'b-@{tasks.a.output}', command: y}", "SY2033 `id` takes no references to outputs of tasks"),
        (
            "{id: b, command: y, depends_on: ['@{tasks.a.output}']}",
            "SY2033 `depends_on` takes no references to outputs of tasks"
        ),
        (
            "{id: b, command: \"y $'@{tasks.a.output}'\"}",
            "SY2034 `@{tasks.a.output}` cannot be kept one word in or behind `$'`"
        ),
        (
            "{id: b, command: y, extended_properties: {p: {type: SecureString, value: hunter2}}}",
            "SY3040 `p` has a secret in clear"
        ),
        (
            "{id: b, command: y, extended_properties: {p: [\"a\\0b\"]}}",
            "SY3010 `p` holds the character U+0000"
        ),
    ])
    func whatIsWrongIsSaid(_ task: String, _ error: String) { #expect(errors(task).first == error) }

    /// A reference that somebody has made of the characters that stand around ours.
    @Test func nobodyElseMakesAReference() throws {
        #expect(!errors("{id: b, command: \"y \\0@@{tasks.a.output}\\0\"}").isEmpty)
        let file = "resource_files: [{blob_source: x, file_path: \"\\0@@{tasks.a.output}\\0\"}]"
        #expect(!errors("{id: b, command: y, \(file)}").isEmpty)
        let given = RunContext(parameters: ["x": "@{tasks.a.output}"])
        let task = try task(
            "{id: b, command: 'y @{parameters.x}', extended_properties: {p: '@{parameters.x}'}}",
            job: "  parameters: {x: {}}\n", given)
        #expect(task.lateReferences.isEmpty && task.command?.value == "y '@{tasks.a.output}'")
        let literal = try self.task("{id: b, command: 'y @@{tasks.a.output}'}")
        #expect(literal.command?.value == "y @{tasks.a.output}" && literal.dependsOn.isEmpty)
    }

    @Test func aJobsOwnKeysKnowNoTasks() {
        let job = "  environment_variables: {X: '@{tasks.a.output}'}\n"
        #expect(
            errors("{id: b, command: y}", job: job) == [
                "SY2033 `X` of a job takes no references to outputs of its tasks"
            ])
    }

    @Test func secretsInClearAreShownByNobody() {
        let (_, diagnostics) = load(
            "{id: b, command: y, extended_properties: {p: {type: SecureString, value: hunter2}}}")
        let text = TextRenderer().render(diagnostics)
        #expect(text.contains("SY3040") && !text.contains("hunter2"), "\(text)")
        let reference = "{type: AzureKeyVaultSecret, secretName: s}"
        #expect(errors("{id: b, command: y, extended_properties: {p: \(reference)}}").isEmpty)
    }

    // MARK: Values

    @Test(arguments: [
        ("cp @{tasks.a.output.f} to", "cp 'a b;$(x)' to"),
        ("cp \"x@{tasks.a.output.f}\"", "cp \"xa b;\\$(x)\""),
        ("cp 'x@{tasks.a.output.f}'", "cp 'xa b;$(x)'"), ("echo @{tasks.a.output.n}", "echo 1.50"),
        ("bash -c 'cp @{tasks.a.output.f}'", "bash -c 'cp '\\''a b;$(x)'\\'''"),
        ("echo x # @{tasks.a.output.nothing}", "echo x # @{tasks.a.output.nothing}"),
        ("@{tasks.a.output.f}@{tasks.a.output.n}", "'a b;$(x)'1.50"),
        ("echo `@{tasks.a.output.n}`", "echo `1.50`"), ("echo @{tasks.a.output.n}>x", "echo '1.50'>x"),
    ])
    func valuesInACommandStayWords(_ command: String, _ expected: String) throws {
        let resolution = resolution(["tasks.a.output.f": "\"a b;$(x)\"", "tasks.a.output.n": "1.50"])
        let marked = command.replacing(#/@\{[^}]*\}/#) { "\0\($0.output)\0" }
        #expect(try resolution.command(marked) == expected)
    }

    /// What a factory has put in between opens a quote: nobody knows what the value would be there.
    @Test func aPlaceThatCannotBeKnownIsRefused() throws {
        let resolution = resolution(["tasks.a.output": "\"x\"", "tasks.a.output.z": "\"a\\u0000b\""])
        for command in [
            "echo $'\0@{tasks.a.output}\0'", "x \0@{tasks.a.output.z}\0", "a\0b",
            "echo $(case x in \0@{tasks.a.output}\0",
        ] {
            #expect(throws: LateFailure.self, "\(command)") { try resolution.command(command) }
        }
        #expect(throws: LateFailure.self) { try resolution.text("\0@{tasks.a.output.z}\0") }
        #expect(try resolution.text("a\0@{tasks.a.output}\0b") == "axb")
    }

    @Test func valuesInPropertiesKeepTheirTypes() throws {
        let resolution = resolution([
            "tasks.a.output": "{\"n\": 1e400}", "tasks.a.output.n": "12345678901234567890",
        ])
        var bytes: [UInt8] = []
        try resolution.append(
            [
                "whole": "\0@{tasks.a.output}\0", "n": "\0@{tasks.a.output.n}\0",
                "s": "n=\0@{tasks.a.output.n}\0\"", "list": [1, .null, "x"],
                "twice": "\0@{tasks.a.output.n}\0\0@{tasks.a.output.n}\0",
            ], to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"whole":{"n": 1e400},"n":12345678901234567890,"s":"n=12345678901234567890\"","list":[1,null,"x"],"twice":"1234567890123456789012345678901234567890"}"#
        )
    }

    @Test func pathsOfDataTakeThem() throws {
        let task = try task(
            """
            {id: b, command: y, input_data: {azure_storage: [{storage_account_settings: s, remote_path: "c/@{tasks.a.output.d}", include: ["@{tasks.a.output.d}*"]}]},
                 output_data: {azure_storage: [{storage_account_settings: s, remote_path: c, local_path: "@{tasks.a.output.d}/x"}]}}
            """)
        let resolution = resolution(["tasks.a.output.d": "\"d 1\""])
        let input = try resolution.input(try #require(task.inputData)).azureStorage[0]
        #expect(input.remotePath == "c/d 1" && input.include == ["d 1*"])
        #expect(try resolution.transfer(task.outputData[0]).localPath == "d 1/x" && task.outputData[0].isLate)
        #expect(task.dependsOn.map(\.value) == ["a"])
    }
}
