import Foundation
import TestSupport
import Testing

/// Tasks as activities: what they find, what they leave, and who takes it.
@Suite(.blocking) struct ActivityTests {
    private func info(_ program: BuiltProgram, _ task: String) throws -> [String: Any] {
        try program.task(task)["executionInfo"] as? [String: Any] ?? [:]
    }

    private func failure(_ program: BuiltProgram, _ task: String) throws -> [String: Any] {
        try info(program, task)["failureInfo"] as? [String: Any] ?? [:]
    }

    /// One job: unpack, blur, report, each with what the one before has said.
    @Test func stepsOfAPipelineTakeWhatTheOnesBeforeLeave() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let convert =
            #"printf '{"files": ["a b;.csv", "c"], "count": 2, "note": "$(touch /tmp/no)"}' > outputs.json"#
        let script = try program.write(
            "cat activity.json linkedServices.json datasets.json\n\(convert)\n", to: "convert.sh")
        let run = try program.follow(
            """
            {id: convert, command: sh \(script), extended_properties: {dataset: "d-@{parameters.id}", id: "@{parameters.id}"},
             reference_objects: {linked_services: [{name: lake, properties: {type: AzureBlobStorage, typeProperties: {}}}]}}
            """,
            """
            {id: pii, command: 'printf "[%s]" @{tasks.convert.output.files[0]} "n=@{tasks.convert.output.note}" $ALL',
             environment_variables: {ALL: "@{tasks.convert.output.count}"}}
            """,
            """
            {id: report, command: "cp activity.json outputs.json",
             extended_properties: {all: "@{tasks.convert.output}", count: "@{tasks.convert.output.count}", text: "of @{tasks.convert.output.count}"}}
            """,
            "{command: 'echo {0} @{tasks.report.output.typeProperties.extendedProperties.text}', task_factory: {parametric_sweep: {product: [{start: 0, stop: 2, step: 1}]}}}",
            job: "    parameters: {id: {type: int, default: 7}}\n")
        #expect(run.code == 0, "\(run.messages)")
        let lines = try program.output(of: "convert").split(separator: "\n").map(String.init)
        #expect(
            lines == [
                #"{"name":"convert","type":"Custom","typeProperties":{"command":"sh \#(script)","referenceObjects":{"linkedServices":[{"referenceName":"lake","type":"LinkedServiceReference"}],"datasets":[]},"extendedProperties":{"dataset":"d-7","id":7}}}"#,
                #"[{"name":"lake","properties":{"type":"AzureBlobStorage","typeProperties":{}}}]"#, "[]",
            ])
        #expect(try program.output(of: "pii") == "[a b;.csv][n=$(touch /tmp/no)][2]")
        #expect(try program.output(of: "task-00001") == "1 of 2\n")
        let output = try #require(try program.task("report")["output"] as? [String: Any])
        let given = (output["typeProperties"] as? [String: Any])?["extendedProperties"] as? [String: Any]
        #expect(given?["count"] as? Int == 2 && (given?["all"] as? [String: Any])?["count"] as? Int == 2)
        let shown = try program.run("jobs", "tasks", "list", "--jobid", "j", "--taskid", "convert").output
        #expect(shown.contains(#"output: {"files":["a b;.csv","c"],"count":2"#), "\(shown)")
        let pii = try program.run("jobs", "tasks", "list", "--jobid", "j", "--taskid", "pii").output
        #expect(pii.contains(#"command: printf "[%s]" @{tasks.convert.output.files[0]}"#), "\(pii)")
        #expect(try program.task("pii")["dependsOn"] as? [String] == ["convert"])
        let raw = try program.json("jobs", "tasks", "list", "--jobid", "j", "--taskid", "convert")["output"]
        #expect((raw as? [String: Any])?["count"] as? Int == 2)
        let config = try program.run("plan", "--jobs", "jobs.yaml", "--show-config").messages
        #expect(config.contains("@{tasks.convert.output.files[0]}") && !config.contains("u0000"), "\(config)")
        // With the job everything goes.
        #expect(try program.run("jobs", "del", "--jobid", "j", "-y", "--wait").code == 0)
    }

    @Test func whatCannotBeTakenIsSaidOnce() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let run = try program.follow(
            "{id: a, command: \"sh -c 'echo {} > outputs.json'\"}",
            "{id: b, command: 'echo @{tasks.a.output.files[0]}', max_task_retries: 3}",
            "{id: c, command: 'mkdir outputs.json', extended_properties: {}, max_task_retries: 3}",
            "{id: d, command: 'true', extended_properties: {x: '@{tasks.a.output.x.y}'}}")
        #expect(run.code == 1)
        #expect(try failure(program, "b")["code"] as? String == "TaskOutputNotFound")
        #expect(try info(program, "b")["retryCount"] as? Int == 0)
        #expect(
            try failure(program, "c")["message"] as? String
                == "The task has succeeded, and its outputs.json is no regular file.")
        #expect(
            try failure(program, "d")["message"] as? String
                == "The output of task `a` has no `x`: it is an empty object.")
    }

    @Test func dataGoesWhereAnOutputSays() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let script = try program.write("echo '{\"to\": \"lake/d 1\"}' > outputs.json\n", to: "a.sh")
        let run = try program.follow(
            "{id: a, command: sh \(script)}",
            """
            {id: b, command: "sh -c 'echo two > g'", depends_on: [a],
             output_data: {azure_storage: [{storage_account_settings: main, remote_path: '@{tasks.a.output.to}', local_path: g}]}}
            """,
            """
            {id: c, command: 'cat "d 1/g"', depends_on: [b],
             input_data: {azure_storage: [{storage_account_settings: main, remote_path: '@{tasks.a.output.to}', include: ['*g']}]}}
            """)
        #expect(run.code == 0, "\(run.messages)")
        #expect(try program.output(of: "c") == "two\n")
    }

    /// The task ends while nobody is there to hear of it.
    @Test func anOutputOutlivesTheServiceThatWaitsForIt() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let go = program.directory.appending(path: "go").path
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - {id: a, command: "sh -c 'while ! test -e \(go); do sleep 0.05; done; echo [5] > outputs.json'"}
                  - {id: b, command: 'echo got @{tasks.a.output[0]}'}
            """)
        #expect(try program.eventually { try program.task("a")["state"] as? String == "running" })
        kill(try program.serviceProcess(), SIGKILL)
        _ = FileManager.default.createFile(atPath: go, contents: nil)
        Thread.sleep(forTimeInterval: 1)
        #expect(try program.run("jobs", "wait", "--jobid", "j").code == 0)
        #expect(try program.output(of: "b") == "got 5\n")
    }
}
