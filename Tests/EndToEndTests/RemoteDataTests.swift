import Foundation
import TestSupport
import Testing

private let requirements = [
    "moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5", "py-partiql-parser==0.6.3", "PyYAML==6.0.4",
    "boto3==1.44.8", "awscli==1.46.3",
]

/// Data of tasks that comes from services and goes to them: S3 played by moto, and a blob service that verifies what it is asked.
@Suite(.blocking, .needs(requirements)) struct RemoteDataTests {
    private static let azureKey = "c2VjcmV0LWtleS1vZi10aGUtYmxvYi1zZXJ2aWNl"
    private static let s3Key = "secret-key-of-the-s3-service"

    private func credentials(_ kind: String, _ port: Int, isRight: Bool = true) -> String {
        let account =
            kind == "s3"
            ? "{type: s3, account: far, endpoint: 'http://127.0.0.1:\(port)', access_key_id: AK, secret_access_key: \(isRight ? Self.s3Key : "wrong")}"
            : "{account: far, endpoint: 'http://127.0.0.1:\(port)/far', account_key: \(isRight ? Self.azureKey : "d3Jvbmc=")}"
        return "credentials: {storage: {far: \(account)}}\n"
    }

    private func server(_ kind: String) throws -> PythonServer {
        let python = try PythonEnvironment.with(requirements).python
        let folder = BuiltProgram.root.appending(path: "Tests/StorageServers").path
        return try #require(
            kind == "s3"
                ? PythonServer(words: [python, folder + "/s3_moto.py", "AK:\(Self.s3Key)"])
                : PythonServer(words: [
                    python, folder + "/azure_server.py", "--account", "far", "--key", Self.azureKey,
                ]))
    }

    @Test(arguments: ["s3", "azure_blob"]) func dataOfTasksTravelsToAServiceAndBack(_ kind: String) throws {
        let program = try BuiltProgram()
        let server = try server(kind)
        _ = try program.write(credentials(kind, server.port), to: "credentials.yaml")
        _ = try program.write("a row\n", to: "in 1+%ü.csv")
        #expect(try program.run("data", "put", "in 1+%ü.csv", "far/raw/d/").code == 0)
        try program.addPool()
        // More than one part of either service.
        let size = 20_000_000
        let jobs = """
              - id: j
                auto_complete: true
                tasks:
                  - id: a
                    command: /bin/sh -c 'cat d/*.csv; head -c \(size) /dev/urandom > big; sha256sum < big > sum'
                    input_data: {azure_storage: [{storage_account_settings: far, remote_path: raw/d}]}
                    output_data: {azure_storage: [{storage_account_settings: far, remote_path: out/a}]}
                  - id: b
                    depends_on: [a]
                    command: /bin/sh -c 'sha256sum < wd/big | cmp - wd/sum && cat stdout.txt'
                    input_data: {azure_storage: [{storage_account_settings: far, remote_path: out/a/, local_path: $AZ_BATCH_TASK_WORKING_DIR, blobxfer_extra_options: --strip-components 1}]}
            """
        let added = try program.addJobs(jobs, "--wait", "--credentials", "credentials.yaml")
        #expect(added.code == 0, "\(added.messages)")
        #expect(try program.run("data", "get", "far/out/a/stdout.txt", "-").output == "a row\n")
        // A key that is wrong by now is the task's failure, and nothing else is said of it.
        _ = try program.write(credentials(kind, server.port, isRight: false), to: "credentials.yaml")
        let refused = try program.addJobs(
            jobs.replacing("id: j", with: "id: k"), "--wait", "--credentials", "credentials.yaml")
        #expect(refused.code == 1, "\(refused.messages)")
        let info = try program.api("/jobs/k/tasks/a")["executionInfo"] as? [String: Any]
        let failure = info?["failureInfo"] as? [String: Any]
        #expect(failure?["code"] as? String == "BlobAccessDenied", "\(String(describing: failure))")
        // Keys are in no file of the home: not in the state, a journal or a log.
        for path in FileManager.default.subpaths(atPath: program.home.path) ?? [] {
            let bytes = FileManager.default.contents(atPath: program.home.path + "/" + path) ?? Data()
            for key in [Self.s3Key, Self.azureKey] {
                #expect(bytes.range(of: Data(key.utf8)) == nil, "\(path)")
            }
        }
    }
}
