import Foundation
import ShipyardEngine
import ShipyardModel
import ShipyardSpecs
import Testing

@testable import ShipyardService

/// Keys are read where work is sent, from the file that the account came from.
struct StorageKeyTests {
    private let directory = "/tmp/shipyard-keys-\(UInt32.random(in: 0...UInt32.max))"
    private var path: String { directory + "/credentials.yaml" }
    private let ring = StorageKeyRing()

    init() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func write(_ key: String, endpoint: String = "http://127.0.0.1:1") throws {
        let text = """
            credentials:
              storage:
                s: {type: s3, account: w, endpoint: "\(endpoint)", access_key_id: id, secret_access_key: \(key)}

            """
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private var account: StorageAccount {
        var account = StorageAccount(.s3, alias: "s", name: "w")
        account.endpoint = "http://127.0.0.1:1"
        account.credentialsFile = path
        return account
    }

    private func key(_ account: StorageAccount? = nil) throws(SecretFailure) -> String? {
        try ring.keys(of: account ?? self.account).key?.withExposedBytes {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test func aKeyHoldsFromTheNextOrderOn() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try write("first")
        #expect(try key() == "first")
        // Of the same length, and written within the same second.
        try write("other")
        #expect(try key() == "other")
        #expect(try ring.keys(of: StorageAccount(.embedded, alias: "s", name: "w")).isEmpty)
    }

    @Test func whatASubmissionBroughtIsForAFileThatIsGone() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var credentials = CredentialsSpec()
        credentials.add(account, StorageKeys(key: Secret("brought")))
        ring.remember([account], of: credentials)
        #expect(try key() == "brought")
        try write("written")
        #expect(try key() == "written")
        try FileManager.default.removeItem(atPath: path)
        #expect(try key() == "brought")
        var other = account
        other.name = "x"
        let failure = #expect(throws: SecretFailure.self) { try key(other) }
        #expect(failure?.reason.contains(path) == true)
    }

    /// A key must not go to another service because somebody has edited the file meanwhile.
    @Test func anotherAccountUnderTheAliasGetsNothing() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try write("k", endpoint: "http://127.0.0.1:2")
        let failure = #expect(throws: SecretFailure.self) { try key() }
        #expect(
            failure?.reason
                == "The keys of the S3 account s at http://127.0.0.1:1 cannot be had: `s` in \(path) is another account by now; submit the jobs again."
        )
        try "credentials: {storage: {t: {account: w}}}\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: SecretFailure.self) { try key() }
        try ": no yaml".write(toFile: path, atomically: true, encoding: .utf8)
        let broken = #expect(throws: SecretFailure.self) { try key() }
        #expect(broken?.reason.hasSuffix("it is no credentials file.") == true)
    }

    @Test func ratesAreOfTheTimeBetweenTwoReports() {
        let board = TransferBoard()
        let work = WorkID(TaskKey(job: 1, ordinal: 2), attempt: 1)
        let node = NodeHandle(index: 0)
        board.tell(TransferProgress(.upload, bytes: 100), of: work, on: node, at: 1_000_000)
        #expect(board.ofTasks()[TaskKey(job: 1, ordinal: 2)]?.bytesPerSecond == nil)
        board.tell(TransferProgress(.upload, bytes: 1100), of: work, on: node, at: 3_000_000)
        #expect(board.ofTasks()[TaskKey(job: 1, ordinal: 2)]?.bytesPerSecond == 500)
        board.tell(
            TransferProgress(.upload), of: WorkID(kind: .startTask, key: 0, attempt: 1), on: node, at: 0)
        #expect(board.ofTasks().count == 1)
        board.forget(node)
        #expect(board.ofTasks().isEmpty)
    }
}
