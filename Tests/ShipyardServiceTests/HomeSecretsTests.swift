import Foundation
import ShipyardModel
import ShipyardPlanner
import ShipyardVault
import TestSupport
import Testing

@testable import ShipyardService

/// Where references lead.
@Suite(.blocking) struct HomeSecretsTests {
    private let home = NSTemporaryDirectory() + "/shipyard-home-secrets-\(UInt64.random(in: 0...UInt64.max))"
    private let vault: Vault
    private let sent = SentVariables()

    init() throws {
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        vault = Vault(home + "/vault")
    }

    private func value(_ id: String) -> String {
        let secrets = HomeSecrets(vault) { [sent] name throws(SecretFailure) in try sent.value(of: name) }
        do throws(SecretFailure) {
            return text(try secrets.secret(SecretReference(id)!))
        } catch {
            return "failed: \(error.reason)"
        }
    }

    private func text(_ secret: Secret) -> String {
        secret.withExposedBytes { String(decoding: $0, as: UTF8.self) }
    }

    @Test func eachFormOfAReferenceLeadsToItsPlace() throws {
        defer { try? FileManager.default.removeItem(atPath: home) }
        #expect(value("lake") == "failed: this home has no vault yet; `keyvault add` makes one")
        _ = try vault.add("lake", Secret("first"), at: Instant(milliseconds: 0))
        _ = try vault.add("lake", Secret("second"), at: Instant(milliseconds: 0))
        #expect(value("lake") == "second" && value("lake/1") == "first")
        #expect(value("https://any.vault.azure.net/secrets/lake") == "second")
        #expect(value("https://any.vault.azure.net/secrets/lake/1") == "first")
        #expect(value("pond") == "failed: the vault has no secret `pond`")
        #expect(value("lake/7") == "failed: the secret `lake` has no version 7 in the vault (it has 1, 2)")
        #expect(value("lake/0a1b").hasPrefix("failed: `0a1b` is no version of this vault"))
        for id in ["a b", "https://x/keys/lake", "https://x/secrets/", "lake/1/2", "env:", "file:rel", "http://x/secrets/a"] {
            #expect(value(id).hasPrefix("failed: it is `NAME`"), "\(id)")
        }

        let file = home + "/token"
        try "of a file\n".write(toFile: file, atomically: true, encoding: .utf8)
        chmod(file, 0o600)
        #expect(value("file:\(file)") == "of a file\n")
        chmod(file, 0o644)
        #expect(value("file:\(file)").contains("can be read or changed by others"))
        #expect(value("file:\(home)/nothing").hasPrefix("failed: open \(home)/nothing"))

        #expect(value("env:TOKEN").hasPrefix("failed: the variable TOKEN came with no command"))
        sent.take([SecretVariable(name: "TOKEN", value: Secret("of a command"))])
        #expect(value("env:TOKEN") == "of a command")
    }

    @Test func whatWasHandedOutIsHiddenAlsoWhenItIsGone() throws {
        defer { try? FileManager.default.removeItem(atPath: home) }
        let (reference, handed) = (SecretReference("db")!, HandedSecrets())
        let secrets = HomeSecrets(vault) { [sent] name throws(SecretFailure) in try sent.value(of: name) }
        _ = try vault.add("db", Secret("{P: yesterday's}"), at: Instant(milliseconds: 0))
        _ = try vault.add("db", Secret("{P: today's one}"), at: Instant(milliseconds: 0))
        func masked(_ text: String) throws -> String {
            try SecretMasks(secrets, handed).mask(of: [reference]).masked(text)
        }
        // Of a service that has handed out nothing yet.
        #expect(try masked("yesterday's and today's one") == "*** and ***")
        #expect(handed.masked("today's one") == "today's one")
        var turn = TurnSecrets(secrets, handed)
        _ = try turn.variables(of: [EnvironmentSecret(reference)])
        #expect(handed.masked("is it today's one?") == "is it ***?")
        try vault.delete("db")
        #expect(try masked("yesterday's and today's one") == "yesterday's and ***")
        // One that cannot be looked at hides nothing, and so nothing may be shown.
        try Data([1]).write(to: URL(filePath: home + "/vault/vault"))
        chmod(home + "/vault/vault", 0o600)
        #expect(throws: SecretFailure.self) { try masked("x") }
    }
}
