import Foundation
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import TestSupport
import Testing

@testable import ShipyardService

/// A directory with a credentials file.
private final class KeyBench {
    let directory: String
    let file: String
    let ring: StorageKeyRing

    /// - Parameter hours: how far ahead the ring's clock is: then files that were just written are old to it.
    init(hours: Int64 = 1) throws {
        directory = NSTemporaryDirectory() + "shipyard-keyring-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        file = directory + "/credentials.yaml"
        ring = StorageKeyRing(now: {
            Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + hours * 3_600_000)
        })
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func write(
        _ key: String, account: String = "box", alias: String = "lake", endpoint: String = "http://h:1"
    )
        throws
    {
        try """
        credentials:
          storage:
            \(alias): {type: s3, account: \(account), endpoint: '\(endpoint)', access_key_id: id, secret_access_key: \(key)}

        """.write(toFile: file, atomically: true, encoding: .utf8)
    }

    var account: StorageAccount {
        var account = StorageAccount(.s3, alias: "lake", name: "box")
        account.endpoint = "http://h:1"
        account.credentialsFile = file
        return account
    }

    func key(of account: StorageAccount? = nil) -> String {
        do throws(SecretFailure) {
            let key = try ring.keys(for: account ?? self.account).key
            return key?.withExposedBytes { String(decoding: $0, as: UTF8.self) } ?? "none"
        } catch {
            return "failed: \(error.reason)"
        }
    }

    func remember(_ key: String) {
        var credentials = CredentialsSpec()
        credentials.add(account, StorageKeys(key: Secret(key)))
        credentials.setFile(file)
        ring.remember(credentials)
    }
}

@Suite(.blocking) struct StorageKeyRingTests {
    /// As keys are: from the file as it is, for the database that was meant, else as it came.
    @Test func urlOpensTheDatabaseThatWasMeant() throws {
        let bench = try KeyBench()
        func connection(_ url: String) throws -> SQLConnection {
            var connection = try SQLConnection(alias: "shop", url: url)
            connection.credentialsFile = bench.file
            return connection
        }
        func write(_ url: String) throws {
            try "credentials:\n  sql:\n    shop: {url: '\(url)'}\n".write(toFile: bench.file, atomically: true, encoding: .utf8)
        }
        func url(_ connection: SQLConnection) -> String {
            do throws(SecretFailure) {
                var turn = ResolvedCredentials()
                let url = try bench.ring.url(for: connection, &turn)
                return url?.withExposedBytes { String(decoding: $0, as: UTF8.self) } ?? "none"
            } catch {
                return "failed: \(error.reason)"
            }
        }
        let meant = try connection("postgresql://db/shop")
        try write("postgresql://ada:one@db/shop")
        #expect(url(meant) == "postgresql://ada:one@db/shop")
        try write("postgresql://bob:two@db/shop")
        #expect(url(meant) == "postgresql://bob:two@db/shop")
        try write("postgresql://bob:two@other/shop")
        #expect(url(meant) == "failed: `shop` in \(bench.file) is another database by now")
        var brought = CredentialsSpec()
        brought.add(meant, Secret("postgresql://eve:three@db/shop"))
        bench.ring.remember(brought)
        #expect(url(meant) == "postgresql://eve:three@db/shop")
        #expect(url(try connection("sqlite:x.db")) == "none")
        #expect(url(try connection("postgresql://else/x")) == "failed: `shop` in \(bench.file) is another database by now")
    }

    @Test func keyIsTheOneThatTheFileHasNow() throws {
        let bench = try KeyBench()
        try bench.write("first")
        #expect(bench.key() == "first")
        try bench.write("other")
        #expect(bench.key() == "other")
    }

    @Test func fileThatWasOnlyJustWrittenIsReadAgain() throws {
        // Written twice within one tick of the file system's clock, with the same length, it has the same times.
        let bench = try KeyBench(hours: 0)
        try bench.write("first")
        #expect(bench.key() == "first")
        let handle = try #require(FileHandle(forUpdatingAtPath: bench.file))
        let text = try String(contentsOfFile: bench.file, encoding: .utf8)
        for round in 0..<200 {
            let key = String(format: "k%04d", round)
            try handle.seek(toOffset: 0)
            handle.write(Data(text.replacingOccurrences(of: "first", with: key).utf8))
            #expect(bench.key() == key)
        }
    }

    @Test func fileThatStaysIsReadOnce() throws {
        let bench = try KeyBench()
        try bench.write("first")
        #expect(bench.key() == "first")
        // Nobody can write to a file and leave its time of change as it was, so what is counted is what is read.
        let before = try Self.bytesRead()
        for _ in 0..<100 { #expect(bench.key() == "first") }
        #expect(try Self.bytesRead() - before < 10_000)
    }

    /// By this thread.
    private static func bytesRead() throws -> Int {
        let text = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
        return try #require(
            text.split(separator: "\n").first { $0.hasPrefix("rchar: ") }.flatMap { Int($0.dropFirst(7)) })
    }

    @Test func whatASubmissionBroughtCountsWhereTheFileIsOfNoUse() throws {
        let bench = try KeyBench()
        #expect(bench.key() == "failed: \(bench.file) cannot be read: No such file or directory")
        bench.remember("brought")
        #expect(bench.key() == "brought")
        try bench.write("file")
        #expect(bench.key() == "file")
        try bench.write("file", account: "another")
        #expect(bench.key() == "brought")
        var unknown = bench.account
        unknown.name = "third"
        #expect(bench.key(of: unknown) == "failed: `lake` in \(bench.file) is another account by now")
    }

    @Test func keyOpensNoOtherAccountThanTheOneThatWasMeant() throws {
        let bench = try KeyBench()
        for (account, alias, endpoint) in [
            ("another", "lake", "http://h:1"), ("box", "lake", "http://h:2"),
        ] {
            try bench.write("key", account: account, alias: alias, endpoint: endpoint)
            #expect(bench.key() == "failed: `lake` in \(bench.file) is another account by now")
        }
        try bench.write("key", alias: "pond")
        #expect(bench.key() == "failed: \(bench.file) has no storage account `lake` any more")
    }

    @Test func onlySmallRegularFilesWithoutErrorsAreRead() throws {
        let bench = try KeyBench()
        #expect(mkfifo(bench.file, 0o600) == 0)
        #expect(bench.key() == "failed: \(bench.file) is no regular file")
        unlink(bench.file)
        try String(repeating: "# long\n", count: 200_000).write(
            toFile: bench.file, atomically: true, encoding: .utf8)
        #expect(
            bench.key() == "failed: \(bench.file) is longer than a credentials file may be (1048576 bytes)")
        try "credentials: {storage: {lake: {account: box, secret_access_key: [hush]}}}".write(
            toFile: bench.file, atomically: true, encoding: .utf8)
        #expect(
            bench.key()
                == "failed: \(bench.file) has errors; `shipyard-swift validate --credentials` shows them")
    }

    @Test func embeddedStoreNeedsNoKeysAndNoFile() throws {
        let bench = try KeyBench()
        #expect(bench.key(of: StorageAccount(.embedded, alias: "a", name: "b")) == "none")
        #expect(
            bench.key(of: StorageAccount(.azureBlob, alias: "a", name: "b"))
                == "failed: nobody has said which credentials file has the keys of `a`")
    }
}

/// Credentials that name secrets in place of keys.
struct StorageSecretTests {
    private let vault = TestVault(["lake": "first\n", "sas": "sig=1"])
    private let text = """
        credentials:
          storage:
            lake: {type: s3, account: box, endpoint: 'http://h:1', access_key_id: id, secret_access_key: plain,
              secret_access_key_keyvault_secret_id: lake}
            pond: {account: pool, sas_token_keyvault_secret_id: sas}
            well: {account: deep, account_key_keyvault_secret_id: nowhere}
            local: {account: here}

        """

    private func load(_ text: String) -> CredentialsSpec {
        SpecLoader.load([
            SpecSource(.credentials, SourceText(name: "c.yaml", text: text))
        ]).specs.credentials
    }

    private func shown(_ secret: Secret?) -> String? {
        secret?.withExposedBytes { String(decoding: $0, as: UTF8.self) }
    }

    @Test func secretTakesThePlaceOfTheKeyBesideIt() throws {
        let spec = load(text)
        #expect(spec.hasReferences && spec.accounts["pond"]?.kind == .azureBlob)
        let resolved = spec.resolved(vault.lookup)
        #expect(shown(resolved.keys["lake"]?.key) == "first")
        #expect(shown(resolved.keys["pond"]?.sas) == "sig=1")
        #expect(resolved.failure(at: ["credentials", "storage", "lake"]) == nil)
        let failure = resolved.failure(at: ["credentials", "storage", "well"])
        #expect(failure?.reason == "the secret `nowhere` cannot be had: nobody put it there")
        #expect(!load("credentials: {storage: {a: {account: b}}}").hasReferences)
        #expect(!spec.withoutSecrets.contains("plain"))
    }

    @Test func keyIsAskedForEachTime() throws {
        let ring = StorageKeyRing(vault)
        var credentials = load(text)
        credentials.setFile("/no/such/file")
        ring.remember(credentials)
        let lake = try #require(credentials.accounts["lake"])
        #expect(shown(try ring.keys(for: lake).key) == "first")
        vault.set("lake", "second")
        #expect(shown(try ring.keys(for: lake).key) == "second")
        vault.set("lake", nil)
        do {
            _ = try ring.keys(for: lake)
            Issue.record("a key that nobody has")
        } catch {
            #expect(error.reason == "the secret `lake` cannot be had: nobody put it there")
        }
        let pond = try #require(credentials.accounts["pond"])
        #expect(shown(try ring.keys(for: pond).sas) == "sig=1")
    }

    /// Of however many accounts and databases, of files and of what came along.
    @Test func secretsOfCredentialsAreAskedForOnceInATurn() throws {
        let text = """
            credentials:
              storage:
                lake: {account: a, account_key_keyvault_secret_id: lake}
                pond: {account: b, sas_token_keyvault_secret_id: sas}
              sql:
                shop: {url_keyvault_secret_id: url}

            """
        vault.set("url", "postgresql://ada:one@db/shop")
        let file = NSTemporaryDirectory() + "shipyard-turn-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        for isFile in [true, false] {
            let ring = StorageKeyRing(vault)
            var credentials = load(text)
            credentials.setFile(isFile ? file : "/no/such/file")
            if !isFile { ring.remember(credentials) }
            let known = ring.resolved(credentials)
            let before = vault.questions.count
            var turn = ResolvedCredentials()
            for _ in 0..<3 {
                #expect(shown(try ring.keys(for: try #require(known.accounts["lake"]), &turn).key) == "first")
                #expect(shown(try ring.keys(for: try #require(known.accounts["pond"]), &turn).sas) == "sig=1")
                #expect(shown(try ring.url(for: try #require(known.connections["shop"]), &turn)) == "postgresql://ada:one@db/shop")
            }
            #expect(Array(vault.questions[before...]).sorted() == ["lake", "sas", "url"])
            // The next turn asks anew.
            vault.set("lake", "second")
            var next = ResolvedCredentials()
            #expect(shown(try ring.keys(for: try #require(known.accounts["lake"]), &next).key) == "second")
            vault.set("lake", "first\n")
        }
    }

    /// The whole file in a secret: what the file that names it says wins.
    @Test func credentialsMayBeASecret() throws {
        vault.set("all", text)
        let outer = """
            credentials:
              keyvault: {credentials_secret_id: all}
              storage:
                pond: {account: other, account_key: mine}

            """
        let resolved = load(outer).resolved(vault.lookup)
        #expect(resolved.accounts.keys.sorted() == ["lake", "local", "pond", "well"])
        #expect(shown(resolved.keys["lake"]?.key) == "first")
        #expect(resolved.accounts["pond"]?.name == "other" && shown(resolved.keys["pond"]?.key) == "mine")

        let ring = StorageKeyRing(vault)
        let whole = load(CredentialsSpec.text(ofSecret: "all"))
        var lake = try #require(ring.resolved(whole).accounts["lake"])
        lake.credentialsFile = CredentialsSpec.path(ofSecret: "all")
        #expect(shown(try ring.keys(for: lake).key) == "first")
        // What is kept for a schedule names the secret, and has none of it.
        #expect(whole.withoutSecrets == #"{"credentials":{"keyvault":{"credentials_secret_id":"all"}}}"#)

        vault.set("all", "credentials: [")
        #expect(
            ring.resolved(whole).failure(at: ["credentials"])?.reason
                == "the secret `all` with the credentials cannot be had: it is no credentials file")
    }
}
