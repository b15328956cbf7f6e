import Foundation
import TestSupport
import Testing

/// Packages from their import to their end, and files that must be what they are said to be.
@Suite(.blocking) struct PackageLifeTests {
    private func packages(_ program: BuiltProgram) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: program.home.appending(path: "packages").path))
            ?? []
    }

    private func pack(_ text: String, _ name: String, in program: BuiltProgram) throws {
        let script = """
            import io, sys, tarfile
            with tarfile.open(sys.argv[1], 'w:gz') as tar:
                data = sys.argv[2].encode()
                info = tarfile.TarInfo('f'); info.size = len(data); tar.addfile(info, io.BytesIO(data))
            """
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", script, program.directory.appending(path: name).path, text]
        try python.run()
        python.waitUntilExit()
        try #require(python.terminationStatus == 0)
    }

    private func pool(_ id: String, _ archive: String, _ program: BuiltProgram, _ options: String...) throws
        -> BuiltProgram.Outcome
    {
        let file = try program.write(
            """
            pool_specification:
              id: \(id)
              vm_count: {dedicated: 1}
              application_packages: [{id: tool, version: '1', path: \(archive)}]

            """, to: "\(id).yaml")
        return try program.start(["pool", "add", "--pool", file] + options).outcome()
    }

    @Test func aPackageGoesWithTheLastPoolThatNamesIt() throws {
        let program = try BuiltProgram()
        try pack("one", "one.tar.gz", in: program)
        try pack("two", "two.tar.gz", in: program)
        for (id, archive) in [("a", "one"), ("b", "one"), ("c", "two")] {
            #expect(try pool(id, "\(archive).tar.gz", program).code == 0)
        }
        #expect(packages(program).count == 2)
        try program.run("pool", "del", "--poolid", "a", "-y", "--wait")
        #expect(packages(program).count == 2)
        try program.run("pool", "del", "--poolid", "b", "-y", "--wait")
        #expect(packages(program).count == 1)
        // What is refused leaves nothing, and what a killed service left goes with the next one's start.
        #expect(try pool("c", "one.tar.gz", program).code == 1)
        #expect(packages(program).count == 1)
        try program.run("service", "stop")
        for name in [String(repeating: "0", count: 64), ".package.part-123"] {
            let path = program.home.appending(path: "packages/\(name)").path
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
        }
        try program.run("pool", "list")
        #expect(packages(program).count == 1)
        try program.run("pool", "del", "--poolid", "c", "-y", "--wait")
        #expect(packages(program).isEmpty)
    }

    /// It goes to the service by its content, and in several requests.
    @Test func aLargePackageComesInWhole() throws {
        let program = try BuiltProgram()
        let text = String(repeating: "0123456789abcde\n", count: 300_000)
        let script = """
            import io, sys, tarfile
            with tarfile.open(sys.argv[1], 'w') as tar:
                data = (b'0123456789abcde\\n' * 300000)
                info = tarfile.TarInfo('f'); info.size = len(data); tar.addfile(info, io.BytesIO(data))
            """
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3", "-c", script, program.directory.appending(path: "large.tar").path]
        try python.run()
        python.waitUntilExit()
        #expect(try pool("p", "large.tar", program).code == 0)
        #expect(packages(program).count == 1)
        let job = try program.follow("{id: a, command: 'wc -c < $AZ_BATCH_APP_PACKAGE_tool/f'}")
        #expect(job.code == 0, "\(job.messages)")
        #expect(try program.output(of: "a") == "\(text.utf8.count)\n")
    }

    @Test func aPackageThatIsNotThereIsToldByItsPath() throws {
        let program = try BuiltProgram()
        let add = try pool("p", "none.tar.gz", program)
        #expect(add.code == 2)
        let path = program.directory.appending(path: "none.tar.gz").path
        #expect(
            add.messages
                == "error: application package `tool`: \(path) cannot be read: No such file or directory\n",
            "\(add.messages)")
    }

    /// What an interrupted removal leaves under a name that comes again is not the package.
    @Test func aDirectoryThatIsLeftOverIsUnpackedAnew() throws {
        let program = try BuiltProgram()
        try pack("whole", "tool.tar.gz", in: program)
        try program.run("pool", "list")
        let left = program.home.appending(path: "nodes/p/node-1/applications/tool/1")
        try FileManager.default.createDirectory(at: left, withIntermediateDirectories: true)
        try "stale".write(to: left.appending(path: "other"), atomically: true, encoding: .utf8)
        let add = try program.addPool(
            "  application_packages: [{id: tool, version: '1', path: tool.tar.gz}]\n")
        #expect(add.code == 0, "\(add.messages)")
        let job = try program.follow(
            "{id: a, command: 'cat $AZ_BATCH_APP_PACKAGE_tool/f; test ! -e $AZ_BATCH_APP_PACKAGE_tool/other'}"
        )
        #expect(job.code == 0, "\(job.messages)")
        #expect(try program.output(of: "a") == "whole")
    }

    @Test func aFileOfAnotherContentFailsItsTask() throws {
        let program = try BuiltProgram()
        try program.addPool()
        _ = try program.write("abc", to: "data")
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        func file(_ digest: String) -> String { "[{blob_source: data, file_path: f, sha256: '\(digest)'}]" }
        let job = try program.follow(
            "{id: a, command: cat f, resource_files: \(file(digest))}",
            "{id: b, command: cat f, resource_files: \(file(digest.uppercased()))}",
            "{id: c, command: cat f, resource_files: \(file("0" + digest.dropFirst()))}")
        #expect(job.code == 1)
        #expect(try program.output(of: "a") == "abc" && program.output(of: "b") == "abc")
        let execution = try #require(try program.task("c")["executionInfo"] as? [String: Any])
        let failure = try #require(execution["failureInfo"] as? [String: Any])
        #expect(failure["code"] as? String == "ResourceFileChecksumMismatch", "\(failure)")
        #expect(execution["exitCode"] == nil)
        let files = try program.api("/jobs/j/tasks/c/files")["value"] as? [[String: Any]] ?? []
        #expect(!files.contains { $0["name"] as? String == "wd/f" })
        let bad = try program.follow("{id: d, command: echo, resource_files: \(file("abc"))}")
        #expect(bad.code == 3 && bad.messages.contains("error[SY3020]"), "\(bad.messages)")
    }
}
