import Foundation
import TestSupport
import Testing

/// Data that comes to tasks and goes from them, with the built program and the embedded store.
@Suite(.blocking) struct DataTests {
    private func put(_ program: BuiltProgram, _ name: String, _ text: String) throws {
        let url = program.home.appending(path: "storage/main/\(name)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    private func stored(_ program: BuiltProgram, _ name: String) -> String? {
        try? String(contentsOf: program.home.appending(path: "storage/main/\(name)"), encoding: .utf8)
    }

    private func names(_ program: BuiltProgram, _ directory: String) -> [String] {
        let url = program.home.appending(path: "storage/main/\(directory)")
        return (FileManager.default.subpaths(atPath: url.path) ?? []).filter { name in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: url.path + "/" + name, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.sorted()
    }

    private func info(_ program: BuiltProgram, _ task: String) throws -> [String: Any] {
        try program.task(task)["executionInfo"] as? [String: Any] ?? [:]
    }

    private func code(_ program: BuiltProgram, _ task: String, _ member: String = "failureInfo") throws
        -> String?
    {
        (try info(program, task)[member] as? [String: Any])?["code"] as? String
    }

    @Test func dataComesAtEveryLevelAndResultsGo() throws {
        let program = try BuiltProgram()
        try put(program, "raw/d/a b.txt", "one\n")
        try put(program, "raw/d/x.bin", "two\n")
        try program.addPool(
            """
              input_data:
                azure_storage:
                  - {storage_account_settings: main, remote_path: raw/d, local_path: $AZ_BATCH_NODE_SHARED_DIR/pool}

            """)
        let run = try program.follow(
            """
            {id: a, command: "sh -c 'cat d/*.txt $AZ_BATCH_NODE_SHARED_DIR/pool/d/x.bin $AZ_BATCH_NODE_SHARED_DIR/job/x.bin; echo made > out'",
             input_data: {azure_storage: [{storage_account_settings: main, remote_path: raw/d/, include: ['*.txt']}]},
             output_data: {azure_storage: [{storage_account_settings: main, remote_path: res/a, local_path: $AZ_BATCH_TASK_WORKING_DIR/out}]}}
            """,
            """
            {id: b, depends_on: [a], command: cat wd/out,
             input_data: {azure_batch: [{job_id: j, task_id: a, include: [wd/out]}]}}
            """,
            "{id: c, command: cat r, resource_files: [{blob_source: 'store:main/raw/d/a b.txt', file_path: r}]}",
            job: """
                    input_data:
                      azure_storage:
                        - {storage_account_settings: main, remote_path: raw/d/x, local_path: $AZ_BATCH_NODE_SHARED_DIR/job, blobxfer_extra_options: --strip-components 1}
                    output_data:
                      azure_storage:
                        - {storage_account_settings: main, remote_path: log/run, include: [std*], condition: taskcompletion}

                """)
        #expect(run.code == 0, "\(run.messages)")
        #expect(try program.output(of: "a") == "one\ntwo\ntwo\n" && program.output(of: "b") == "made\n")
        #expect(try program.output(of: "c") == "one\n")
        #expect(
            stored(program, "res/a/out") == "made\n" && stored(program, "log/run/b/stdout.txt") == "made\n")
        #expect(names(program, "log/run").count == 6)
        // What an agent keeps of an order, and what the state file has, is free of paths that only transfers know.
        #expect(try program.run("jobs", "del", "--jobid", "j", "-y", "--wait").code == 0)
    }

    @Test func whatAFailedTaskSaidIsInTheStore() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let rules = ["tasksuccess", "taskfailure", "taskcompletion"].map {
            "{storage_account_settings: main, remote_path: o/\($0), include: [stdout.txt], condition: \($0)}"
        }.joined(separator: ", ")
        let run = try program.addJobs(
            """
              - id: j
                auto_complete: true
                output_data: {azure_storage: [\(rules)]}
                tasks:
                  - {id: good, command: echo good}
                  - {id: bad, command: "sh -c 'echo bad; exit 3'"}
                  - {id: late, command: "sh -c 'echo late; sleep 600'", max_wall_time: "00:00:01"}
            """, "--wait")
        #expect(run.code == 1)
        #expect(names(program, "o/tasksuccess") == ["good/stdout.txt"])
        #expect(names(program, "o/taskfailure") == ["bad/stdout.txt", "late/stdout.txt"])
        #expect(
            names(program, "o/taskcompletion") == ["bad/stdout.txt", "good/stdout.txt", "late/stdout.txt"])
        #expect(stored(program, "o/taskfailure/bad/stdout.txt") == "bad\n")
    }

    @Test func aFailedUploadIsTheTasksFailureAndObeysItsCondition() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let rule =
            "output_data: {azure_storage: [{storage_account_settings: main, remote_path: o, local_path: none}]}"
        let always = rule.replacingOccurrences(of: "none}", with: "none, condition: taskcompletion}")
        let run = try program.follow(
            "{id: up, command: 'true', max_task_retries: 2, \(rule), exit_conditions: {file_upload_error: {exit_options: {dependency_action: satisfy}}}}",
            "{id: both, command: 'false', \(always), exit_conditions: {file_upload_error: {exit_options: {job_action: terminate}}}}",
            "{id: after, command: 'true', depends_on: [up]}",
            "{id: input, command: 'true', max_task_retries: 1, input_data: {azure_storage: [{storage_account_settings: main, remote_path: none/x}]}}",
            "{id: early, command: 'true', max_task_retries: 1, input_data: {azure_batch: [{job_id: j, task_id: nobody}]}}"
        )
        #expect(run.code == 1)
        #expect(
            try code(program, "up") == "FileUploadMiscError" && info(program, "up")["exitCode"] as? Int == 0)
        #expect(try info(program, "up")["retryCount"] as? Int == 0)
        #expect(
            try code(program, "both") == "FailureExitCode"
                && code(program, "both", "uploadFailureInfo") == "FileUploadMiscError")
        #expect(try info(program, "after")["result"] as? String == "success")
        #expect(
            try code(program, "input") == "BlobNotFound" && info(program, "input")["retryCount"] as? Int == 1)
        #expect(
            try code(program, "early") == "TaskFilesNotFound"
                && info(program, "early")["retryCount"] as? Int == 0)
        let list = try program.run("jobs", "tasks", "list", "--jobid", "j").output
        #expect(list.contains("there is nothing at"), "\(list)")
    }

    private static let slow = """
        {id: a, command: "sh -c 'head -c 4000000 /dev/urandom > big; sha256sum big'",
         output_data: {azure_storage: [{storage_account_settings: main, remote_path: o, include: [wd/big, stdout.txt], bytes_per_second: 500000}]}}
        """

    private func waitForUpload(_ program: BuiltProgram) throws -> [String: Any]? {
        var found: [String: Any]?
        #expect(
            try program.eventually {
                found = try program.task("a")["transferInfo"] as? [String: Any]
                return found != nil
            })
        return found
    }

    private func checkStored(_ program: BuiltProgram) throws {
        let digest = try #require(stored(program, "o/stdout.txt")).prefix(64)
        let file = program.home.appending(path: "storage/main/o/wd/big").path
        let found = Process()
        found.executableURL = URL(filePath: "/usr/bin/sha256sum")
        found.arguments = [file]
        let pipe = Pipe()
        found.standardOutput = pipe
        try found.run()
        #expect(
            String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).hasPrefix(digest)
        )
        found.waitUntilExit()
    }

    @Test func anUploadIsShownAndSurvivesTheService() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    auto_complete: true\n    tasks:\n      - \(Self.slow)")
        let transfer = try waitForUpload(program)
        #expect(transfer?["direction"] as? String == "upload" && transfer?["totalFiles"] as? Int == 2)
        #expect(try program.task("a")["state"] as? String == "running")
        #expect(try program.run("jobs", "tasks", "list", "--jobid", "j").output.contains("uploading "))
        kill(try program.serviceProcess(), SIGKILL)
        #expect(try program.run("jobs", "wait", "--jobid", "j").code == 0)
        #expect(try info(program, "a")["requeueCount"] as? Int == 0)
        #expect(try program.task("a")["transferInfo"] == nil)
        try checkStored(program)
    }

    @Test func anAttemptThatDiesWhileItUploadsRunsAgain() throws {
        let program = try BuiltProgram()
        try program.addPool()
        try program.addJobs("  - id: j\n    auto_complete: true\n    tasks:\n      - \(Self.slow)")
        _ = try waitForUpload(program)
        for agent in try program.agents() { kill(agent, SIGKILL) }
        #expect(try program.run("jobs", "wait", "--jobid", "j").code == 0)
        #expect(try info(program, "a")["requeueCount"] as? Int == 1)
        #expect(
            names(program, "o").filter { !$0.contains("/.") && !$0.hasPrefix(".") } == [
                "stdout.txt", "wd/big",
            ])
        try checkStored(program)
    }

    @Test(.enabled(if: geteuid() == 0)) func aFullStoreSaysSoAndTheRerunSucceeds() throws {
        let program = try BuiltProgram()
        let store = program.home.appending(path: "storage").path
        try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
        guard mount("shipyard", store, "tmpfs", 0, "size=1m") == 0 else { return }
        defer { umount2(store, Int32(MNT_DETACH)) }
        try program.addPool()
        let task = { (id: String) in
            "{id: \(id), command: 'head -c 3000000 /dev/zero', output_data: {azure_storage: [{storage_account_settings: main, remote_path: o/\(id)}]}}"
        }
        #expect(try program.follow(task("a")).code == 1)
        #expect(try code(program, "a") == "FileUploadInsufficientSpace")
        #expect(!names(program, "o/a").contains("stdout.txt"))
        #expect(mount("shipyard", store, "tmpfs", UInt(MS_REMOUNT), "size=16m") == 0)
        #expect(
            try program.addJobs(
                "  - id: k\n    auto_complete: true\n    tasks:\n      - \(task("a"))", "--wait"
            ).code == 0)
        #expect(stored(program, "o/a/stdout.txt")?.utf8.count == 3_000_000)
    }

    @Test func factoryFilesAndOddNamesArrive() throws {
        let program = try BuiltProgram()
        for number in 0..<20 { try put(program, "in/f \(number) $HOME.txt", "\(number)\n") }
        try program.addPool(slots: 4)
        let run = try program.follow(
            """
            {command: "sh -c 'cat *.txt'", task_factory: {file: {azure_storage: {storage_account_settings: main, remote_path: in}, task_filepath: file_name}},
             output_data: {azure_storage: [{storage_account_settings: main, remote_path: out, include: [wd/*]}]}}
            """)
        #expect(run.code == 0, "\(run.messages)")
        #expect(names(program, "out/wd").count == 20)
        #expect(stored(program, "out/wd/f 7 $HOME.txt") == "7\n")
    }

    @Test func aRunStoresWhatWouldGoWithItsPool() throws {
        let program = try BuiltProgram()
        _ = try program.write("credentials: {storage: {keep: {account: main}}}\n", to: "credentials.yaml")
        _ = try program.write(
            """
            job_specifications:
              - id: one
                tasks:
                  - {id: a, command: "sh -c 'echo said; echo made > f; exit 2'"}
              - id: two
                tasks:
                  - {id: a, command: echo two}

            """, to: "jobs.yaml")
        let run = try program.run("run", ".", "--output", "keep/results/day 1")
        #expect(run.code == 1)
        #expect(stored(program, "results/day 1/one/a/stdout.txt") == "said\n")
        #expect(stored(program, "results/day 1/one/a/wd/f") == "made\n")
        #expect(stored(program, "results/day 1/two/a/stdout.txt") == "two\n")
        #expect(!FileManager.default.fileExists(atPath: program.directory.appending(path: "keep").path))
        #expect(try program.run("pool", "list").output.contains("run-") == false)
    }

    /// One file of many, from an inbox that it empties: a second run on what is left would put a part in the place of the whole.
    @Test func anAgentThatIsKilledWhileATasksInputIsDeletedCostsNothingOfItsResult() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let inbox = program.home.appending(path: "storage/main/in").path
        let count = 20_000
        let make = try Process.run(
            URL(filePath: "/bin/sh"), arguments: ["-c", "mkdir -p '\(inbox)' && cd '\(inbox)' && seq \(count) | split -l 1 -a 4"])
        make.waitUntilExit()
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - id: a
                    command: "sh -c 'cat x???? | wc -l > lines; echo run >> $AZ_BATCH_NODE_SHARED_DIR/runs'"
                    input_data: {azure_storage: [{storage_account_settings: main, remote_path: in, delete_files_after_completion: true}]}
                    output_data: {azure_storage: [{storage_account_settings: main, remote_path: out, local_path: lines}]}
            """)
        let deleting = program.home.appending(path: "deleting").path
        let records = { (try? FileManager.default.contentsOfDirectory(atPath: deleting)) ?? [] }
        let agent = try #require(try program.agents().first)
        let end = Date(timeIntervalSinceNow: 120)
        while !records().contains(where: { !$0.hasSuffix(".new") }), Date() < end { usleep(500) }
        kill(agent, SIGKILL)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(stored(program, "out/lines") == "\(count)\n")
        #expect(records() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: inbox) == [])
        let runs = program.home.appending(path: "nodes/p/node-1/shared/runs")
        #expect(try String(contentsOf: runs, encoding: .utf8) == "run\n")
        let attempts = (try program.task("a")["attempts"] as? [Any])?.count
        if attempts == 1 {
            let log = program.home.appending(path: "nodes/p/node-1/workitems/j/job-1/a/stderr.txt")
            #expect(try String(contentsOf: log, encoding: .utf8).contains("not run again"))
        }
    }

    @Test func aRunOfAScheduleGetsTheFilesOfItsOwnTasks() throws {
        let program = try BuiltProgram()
        _ = try program.write("pool_specification: {id: sp, vm_count: {dedicated: 1}}\n", to: "pool.yaml")
        _ = try program.write("schedule_specifications: [{id: s, cron: '0 0 1 1 *'}]\n", to: "schedules.yaml")
        _ = try program.write(
            """
            job_specifications:
              - id: j
                auto_pool: {pool_lifetime: job}
                tasks:
                  - {id: a, command: "sh -c 'echo $AZ_BATCH_JOB_ID > id'"}
                  - id: b
                    command: cat wd/id
                    depends_on: [a]
                    input_data: {azure_batch: [{job_id: j, task_id: a, include: [wd/id]}]}
                    output_data: {azure_storage: [{storage_account_settings: main, remote_path: o, local_path: $AZ_BATCH_TASK_DIR/stdout.txt}]}

            """, to: "jobs.yaml")
        let added = try program.run("schedules", "add")
        #expect(added.code == 0, "\(added.messages)")
        let run = try program.run("schedules", "run", "s", "--wait")
        #expect(run.code == 0, "\(run.messages)")
        #expect(stored(program, "o/stdout.txt") == "s:j-1\n")
    }

    @Test func manyTasksWithAFileEach() throws {
        let program = try BuiltProgram()
        try program.addPool(slots: 4)
        let run = try program.addJobs(
            """
              - id: j
                auto_complete: true
                output_data: {azure_storage: [{storage_account_settings: main, remote_path: all, include: [wd/f]}]}
                tasks:
                  - {command: "sh -c 'echo $AZ_BATCH_TASK_ID > f'", task_factory: {repeat: 150}}
            """, "--wait")
        #expect(run.code == 0, "\(run.messages)")
        #expect(names(program, "all").count == 150)
        #expect(stored(program, "all/task-00149/wd/f") == "task-00149\n")
    }

    /// What is no file is named in the log that is stored with the rest, and folders of a dataset are there before the command.
    @Test func whatIsNoFileIsNamedAndFoldersAreMade() throws {
        let program = try BuiltProgram()
        _ = try program.write(
            """
            batch_shipyard: {storage_account_settings: main}
            data_layout: {recording: {folders: [original, rosbag/raw/]}}
            """, to: "config.yaml")
        _ = try program.write("credentials: {storage: {main: {account: main}}}\n", to: "credentials.yaml")
        try program.addPool()
        let jobs = """
              - id: j
                auto_complete: true
                tasks:
                  - id: a
                    command: /bin/sh -c 'mkfifo pipe; ln -s /etc/passwd out; ln -s in inside; echo x > in'
                    input_data: {data_layout: [{kind: recording, storage_account_settings: main, remote_path: proc/one}]}
                    output_data: {azure_storage: [{storage_account_settings: main, remote_path: res}]}
            """
        let added = try program.addJobs(jobs, "--wait", "--configdir", ".")
        #expect(added.code == 0, "\(added.messages)")
        #expect(names(program, "res") == ["stderr.txt", "stdout.txt", "wd/in", "wd/inside"])
        let log = stored(program, "res/stderr.txt") ?? ""
        #expect(
            log.split(separator: "\n").count == 2 && log.contains("wd/out") && log.contains("wd/pipe"),
            "\(log)")
        let folders = FileManager.default.subpaths(
            atPath: program.home.appending(path: "storage/main/proc").path)
        #expect(folders?.sorted() == ["one", "one/original", "one/rosbag", "one/rosbag/raw"])
        let refused = try program.addJobs(
            jobs.replacing("kind: recording", with: "kind: recordin").replacing("id: j", with: "id: k"),
            "--configdir", ".")
        #expect(
            refused.code == 3 && refused.messages.contains("did you mean `recording`?"), "\(refused.messages)"
        )
    }
}
