import Foundation
import TestSupport
import Testing

/// What a node is given before its first task: start tasks, preparation commands, packages and files.
@Suite(.blocking) struct NodePreparationTests {
    @Test func startTaskAndPreparationRunInOrderBeforeEveryTask() throws {
        let program = try BuiltProgram()
        let add = try program.addPool(
            nodes: 2,
            """
              additional_node_prep:
                commands: {pre: [echo before], post: [echo after]}
                environment_variables: {GREETING: hello}
              start_task:
                command: /bin/bash -c "echo $GREETING $WHO; touch $AZ_BATCH_NODE_SHARED_DIR/ready"
                environment_variables: {WHO: world}

            """)
        #expect(add.code == 0, "\(add.messages)")
        let job = try program.follow(
            "{task_factory: {repeat: 4}, command: test -e $AZ_BATCH_NODE_SHARED_DIR/ready}")
        #expect(job.code == 0, "\(job.messages)")
        try program.run("data", "files", "node", "--poolid", "p", "--filespec", "node-1,startup/stdout.txt")
        let log = try String(contentsOf: program.directory.appending(path: "stdout.txt"), encoding: .utf8)
        #expect(log == "before\nhello world\nafter\n")
    }

    @Test func failedStartTaskFailsThePoolAndSaysWhyTheJobCannotRun() throws {
        let program = try BuiltProgram()
        let add = try program.addPool(
            "  start_task: {command: echo no good >&2; exit 7, max_task_retries: 2}\n")
        #expect(add.code == 1)
        #expect(
            add.messages.contains("node node-1 is startTaskFailed: The command ended with exit code 7"),
            "\(add.messages)")
        let nodes = try program.json("pool", "nodes", "list", "--poolid", "p")["value"] as? [[String: Any]]
        let info = try #require(nodes?.first?["startTaskInfo"] as? [String: Any])
        #expect(info["exitCode"] as? Int == 7)
        #expect(info["retryCount"] as? Int == 2)
        let job = try program.follow("{id: a, command: echo never}")
        #expect(job.code == 1)
        #expect(job.messages.contains("1 startTaskFailed"), "\(job.messages)")
    }

    @Test func startTaskIsRetriedUntilItSucceeds() throws {
        let program = try BuiltProgram()
        let script = "n=$(cat n || echo 0); echo $((n + 1)) > n; test $n -ge 2"
        let add = try program.addPool("  start_task: {command: '\(script)', max_task_retries: 5}\n")
        #expect(add.code == 0, "\(add.messages)")
        #expect(try program.follow("{id: a, command: echo}").code == 0)
    }

    @Test(arguments: ["app.zip", "app.tar.gz", "app.tar.xz", "app.tar.zst"])
    func applicationPackageIsUnpackedAndFoundByItsVariable(archive: String) throws {
        let program = try BuiltProgram()
        try pack(archive, in: program.directory)
        let add = try program.addPool(
            "  application_packages:\n    - {id: my-app, version: '1.2', path: \(archive)}\n")
        #expect(add.code == 0, "\(add.messages)")
        let job = try program.follow(
            "{id: a, command: $AZ_BATCH_APP_PACKAGE_my_app_1_2/bin/tool}",
            "{id: b, command: /bin/bash -c \"$AZ_BATCH_APP_PACKAGE_my_app/bin/tool\"}")
        #expect(job.code == 0, "\(job.messages)")
        #expect(try program.output(of: "a") == "the tool\n")
    }

    /// Each of these would write beside the package's directory if it were believed.
    @Test(arguments: ["../../escaped", "/tmp/shipyard-escaped", "link/escaped"])
    func packageThatLeavesItsDirectoryIsRefused(member: String) throws {
        let program = try BuiltProgram()
        let script = """
            import io, tarfile, sys
            with tarfile.open(sys.argv[1], 'w:gz') as tar:
                link = tarfile.TarInfo('link'); link.type = tarfile.SYMTYPE; link.linkname = '..'
                if sys.argv[2].startswith('link'): tar.addfile(link)
                file = tarfile.TarInfo(sys.argv[2]); file.size = 4
                tar.addfile(file, io.BytesIO(b'evil'))
            """
        try shell("python3", "-c", script, program.directory.appending(path: "evil.tar.gz").path, member)
        let add = try program.addPool(
            "  application_packages:\n    - {id: evil, version: '1', path: evil.tar.gz}\n")
        #expect(add.code == 1, "\(add.messages)")
        let found = FileManager.default.enumerator(atPath: program.directory.path)?
            .compactMap { $0 as? String }.filter { $0.hasSuffix("escaped") }
        #expect(found == [])
        #expect(!FileManager.default.fileExists(atPath: "/tmp/shipyard-escaped"))
    }

    @Test func resourceFilesAreInPlaceForTasksAndStartTask() throws {
        let program = try BuiltProgram()
        _ = try program.write("for the node\n", to: "node.txt")
        _ = try program.write("for the task\n", to: "task.txt")
        let add = try program.addPool(
            """
              start_task:
                command: grep node in/node.txt
                resource_files: [{blob_source: node.txt, file_path: in/node.txt}]

            """)
        #expect(add.code == 0, "\(add.messages)")
        let job = try program.follow(
            "{id: a, command: cat sub/dir/f, resource_files: [{blob_source: task.txt, file_path: sub/dir/f}]}",
            "{id: b, command: echo, max_task_retries: 3, resource_files: [{blob_source: absent.txt, file_path: f}]}"
        )
        #expect(job.code == 1)
        #expect(try program.output(of: "a") == "for the task\n")
        let execution = try #require(try program.task("b")["executionInfo"] as? [String: Any])
        let failure = try #require(execution["failureInfo"] as? [String: Any])
        #expect((failure["message"] as? String)?.contains("absent.txt") == true, "\(failure)")
        #expect(execution["retryCount"] as? Int == 0)
        #expect(execution["exitCode"] == nil)
    }

    private func pack(_ archive: String, in directory: URL) throws {
        let bin = directory.appending(path: "tree/bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        let tool = bin.appending(path: "tool")
        try "#!/bin/sh\necho the tool\n".write(to: tool, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool.path)
        let target = directory.appending(path: archive).path
        if archive.hasSuffix(".zip") {
            let script = """
                import sys, zipfile
                info = zipfile.ZipInfo('bin/tool'); info.external_attr = 0o100755 << 16
                zipfile.ZipFile(sys.argv[1], 'w').writestr(info, open(sys.argv[2]).read())
                """
            try shell("python3", "-c", script, target, tool.path)
        } else {
            try shell(
                "tar", "--auto-compress", "-cf", target, "-C", directory.appending(path: "tree").path, "bin")
        }
    }

    private func shell(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(words.first ?? "")")
    }
}
