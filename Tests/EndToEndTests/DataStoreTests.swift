import Foundation
import TestSupport
import Testing

private let requirements = [
    "moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "py-partiql-parser==0.6.3", "PyYAML==6.0.4",
    "boto3==1.44.8", "awscli==1.46.3",
]

/// The `data` commands, a file factory and a trigger over a real S3: moto, with every signature checked.
@Suite(.blocking, .needs(requirements)) struct DataStoreTests {
    private let program: BuiltProgram
    private let server: PythonServer

    init() throws {
        program = try BuiltProgram()
        let python = try PythonEnvironment.with(requirements).python
        let script = BuiltProgram.root.appending(path: "Tests/StorageServers/s3_moto.py").path
        server = try #require(PythonServer(words: [python, script, "AK:SK"]))
        try writeCredentials(key: "SK")
    }

    private func writeCredentials(key: String) throws {
        _ = try program.write(
            """
            credentials:
              storage:
                far:
                  type: s3
                  account: far
                  endpoint: http://127.0.0.1:\(server.port)
                  access_key_id: AK
                  secret_access_key: \(key)
                near: {type: embedded, account: near}
            """, to: "credentials.yaml")
    }

    @discardableResult
    private func run(
        _ words: String..., exits code: Int32 = 0, _ place: SourceLocation = #_sourceLocation
    ) throws -> BuiltProgram.Outcome {
        let outcome = try program.start(["data"] + words).outcome()
        #expect(outcome.code == code, "\(words): \(outcome.messages)", sourceLocation: place)
        return outcome
    }

    private func write(_ name: String, _ bytes: Data) throws {
        let url = program.directory.appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: url)
    }

    private func bytes(_ name: String) -> Data? {
        try? Data(contentsOf: program.directory.appending(path: name))
    }

    private func names(_ place: String) throws -> [String] {
        let value = try JSONSerialization.jsonObject(with: Data(try run("list", place, "--raw").output.utf8))
        return (value as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
    }

    @Test func commandsWorkOverAServiceAsOverTheEmbeddedStore() throws {
        let large = Data((0..<9_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
        try write("dir/large.bin", large)
        try write("dir/sub/a b+%ü.txt", Data("text".utf8))
        try run("put", "dir/", "far/raw/x")
        #expect(try names("far/raw") == ["x/large.bin", "x/sub/a b+%ü.txt"])
        #expect(try run("put", "dir/", "far/raw/x").messages.contains("stored 0 files, 0 bytes"))
        #expect(
            try run("sync", "./dir", "far/raw/x", "--dry-run").messages
                == "would copy 0 files, 0 bytes; 2 files there already\n")
        try run("copy", "far/raw/x/", "near/in")
        try run("move", "near/in/", "far/other/back")
        #expect(try names("near/in").isEmpty)
        try run("get", "far/other/back/", "out")
        #expect(bytes("out/large.bin") == large)
        #expect(bytes("out/sub/a b+%ü.txt") == Data("text".utf8))
        try run("copy", "far/raw/x/large.bin", "far/raw/y")
        try run("sync", "far/raw/x", "./out", "--delete", "--yes")
        try run("del", "far/raw/*", "--yes")
        #expect(try run("list", "far/raw").messages.hasPrefix("container `raw` of"))
        try run("list", "far/none", exits: 1)
    }

    @Test func wrongKeySaysSoOnceAndIsTriedForNoOtherFile() throws {
        for number in 0..<20 { try write("dir/\(number)", Data("x".utf8)) }
        try run("put", "dir/", "far/raw")
        try writeCredentials(key: "WRONG")
        let outcome = try run("get", "far/raw/", "out", exits: 1)
        #expect(outcome.messages.components(separatedBy: "error:").count == 2, "\(outcome.messages)")
        #expect(!outcome.messages.contains("WRONG"))
    }

    @Test func filesThatComeIntoAServiceStartTheirRunsOnce() throws {
        try write("one.txt", Data("1".utf8))
        try run("put", "one.txt", "far/inbox/")
        let log = program.directory.appending(path: "log").path
        try program.addPool()
        _ = try program.write(
            """
            job_specifications:
              - id: ingest
                tasks:
                  - {command: 'echo @{trigger.file_path} >> \(log)'}
            """, to: "ingest.yaml")
        _ = try program.write(
            """
            schedule_specifications:
              - id: far
                jobs: ingest.yaml
                pool: p
                overlap: parallel
                on:
                  storage_event:
                    {storage_account_settings: far, container: inbox, path_ends_with: .done, poll_interval: '00:00:01'}
            """, to: "schedules.yaml")
        let added = try program.run("schedules", "add", "--configdir", ".")
        #expect(added.code == 0, "\(added.messages)")
        // The key is not in the state file, and comes from the credentials.
        try write("a.done", Data())
        try write("b.done", Data())
        try run("put", "a.done", "far/inbox/")
        func ran() -> [String] {
            String(decoding: bytes("log") ?? Data(), as: UTF8.self).split(separator: "\n").map(String.init)
                .sorted()
        }
        #expect(program.eventually { ran() == ["a.done"] })
        kill(try program.serviceProcess(), SIGKILL)
        try run("put", "b.done", "far/inbox/x/")
        _ = try program.run("pool", "list")
        #expect(program.eventually { ran() == ["a.done", "x/b.done"] })
        usleep(3_000_000)
        #expect(ran() == ["a.done", "x/b.done"])
        let state = bytes("home/shipyard.db") ?? Data()
        #expect(state.range(of: Data("secret_access_key".utf8)) == nil)
        // A key that is wrong is told where events are listed.
        try writeCredentials(key: "WRONG")
        kill(try program.serviceProcess(), SIGKILL)
        #expect(
            try program.eventually {
                try program.run("triggers", "list").messages.contains(
                    "files that come into far/inbox cannot be seen since")
            })
    }

    @Test func factoryMakesATaskForEachFileOfAService() throws {
        for name in ["one.txt", "two.txt", "three.log"] { try write("films/\(name)", Data("x".utf8)) }
        try run("put", "films/", "far/reels/raw")
        _ = try program.write(
            """
            job_specifications:
              - id: j
                tasks:
                  - command: 'echo {file_path_with_container}'
                    task_factory:
                      file:
                        azure_storage: {storage_account_settings: far, remote_path: reels/raw, include: ['*.txt']}
                        task_filepath: file_name
            """, to: "jobs.yaml")
        let plan = try program.run("plan", "--configdir", ".", "--format", "jsonl")
        #expect(plan.code == 0, "\(plan.messages)")
        #expect(plan.output.split(separator: "\n").count == 2)
        #expect(plan.output.contains("reels/raw/two.txt"))
        try writeCredentials(key: "WRONG")
        let refused = try program.run("plan", "--configdir", ".")
        #expect(refused.code == 3 && !refused.messages.contains("WRONG"), "\(refused.messages)")
    }
}
