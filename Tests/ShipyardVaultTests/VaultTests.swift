import Foundation
import ShipyardModel
import Synchronization
import TestSupport
import Testing

@testable import ShipyardVault

/// A directory that goes with its test.
final class Place: Sendable {
    let path: String
    var vault: String { path + "/vault/vault" }

    init() throws {
        path = NSTemporaryDirectory() + "/shipyard-vault-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(_ passphrase: String? = nil) -> Vault {
        Vault(path + "/vault", cost: .cheap) { () throws(VaultError) in passphrase.map { Secret($0) } }
    }

    func bytes(_ name: String = "vault") throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path + "/vault/" + name)))
    }
    func put(_ bytes: [UInt8], _ name: String = "vault") throws {
        try Data(bytes).write(to: URL(filePath: path + "/vault/" + name))
    }
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/vault").sorted()
    }
    func key() throws -> String { try #require(try names().first { $0.hasPrefix("key-") }) }
}

extension PassphraseCost {
    static let cheap = PassphraseCost(operations: 1, memoryBytes: 8 << 10)
}

func text(_ secret: Secret) -> String { secret.withExposedBytes { String(decoding: $0, as: UTF8.self) } }

let now = Instant(milliseconds: 1_700_000_000_000)

func code(_ body: () throws -> Void) -> VaultError.Code? {
    do {
        try body()
        return nil
    } catch let error as VaultError {
        return error.code
    } catch {
        return .system
    }
}

@Suite(.blocking) struct VaultTests {
    @Test func latestVersionAndEachOlderOneAreFound() throws {
        let place = try Place()
        let vault = place.open()
        #expect(try vault.add("db", Secret("first"), at: now) == 1)
        #expect(try vault.add("db", Secret("second"), at: now) == 2)
        #expect(try vault.add("a", Secret(""), at: now) == 1)
        let opened = try #require(try vault.open())
        #expect(text(try opened.value(of: "db")) == "second")
        #expect(text(try opened.value(of: "db", version: 1)) == "first")
        #expect(text(try opened.value(of: "a")) == "")
        #expect(opened.secrets.map(\.name) == ["a", "db"])
        #expect(opened.secrets.map(\.version) == [1, 2])
        #expect(try opened.values(of: "db").map(text) == ["first", "second"])
        #expect(code { _ = try opened.value(of: "db", version: 3) } == .notFound)
        #expect(code { _ = try opened.value(of: "d") } == .notFound)
        try vault.delete("db")
        #expect(code { _ = try vault.open()?.value(of: "db") } == .notFound)
        #expect(code { try vault.delete("db") } == .notFound)
    }

    @Test func onlySoManyVersionsAreKept() throws {
        let vault = try Place().open()
        for number in 1...Vault.mostVersions + 2 { _ = try vault.add("k", Secret("v\(number)"), at: now) }
        let kept = try #require(try vault.open()).secrets[0].versions.map(\.version)
        #expect(kept == Array(3...Vault.mostVersions + 2))
    }

    @Test func namesAreOfAzureKeyVault() throws {
        let vault = try Place().open()
        for name in ["", "a/b", "a b", "ä", String(repeating: "x", count: 128), "../x"] {
            #expect(code { _ = try vault.add(name, Secret("x"), at: now) } == .refused)
        }
        #expect(code { _ = try vault.add("x", Secret(String(repeating: "x", count: Vault.largestValue + 1)), at: now) } == .refused)
        #expect(try vault.open() == nil)
    }

    @Test func nothingOfAValueIsInAnyFile() throws {
        let place = try Place()
        _ = try place.open().add("db", Secret("correct-horse"), at: now)
        for name in try place.names() {
            #expect(Data(try place.bytes(name)).range(of: Data("correct-horse".utf8)) == nil)
            let attributes = try FileManager.default.attributesOfItem(atPath: place.path + "/vault/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    /// Whatever byte is changed, and however short the file has become.
    @Test func everyByteCounts() throws {
        for passphrase in [nil, "tulip"] {
            let place = try Place()
            let vault = place.open(passphrase)
            _ = try vault.add("one", Secret("uno"), at: now)
            _ = try vault.add("two", Secret("due"), at: now)
            if let passphrase { try vault.rotate(to: .passphrase(Secret(passphrase))) }
            let whole = try place.bytes()
            for index in whole.indices {
                var bytes = whole
                bytes[index] ^= 1
                try place.put(bytes)
                let found = code { _ = try vault.open() }
                #expect(found == .damaged || found == .wrongKey || found == .notFound, "byte \(index): \(String(describing: found))")
            }
            for count in stride(from: 0, to: whole.count, by: 7) {
                try place.put(Array(whole.prefix(count)))
                #expect(code { _ = try vault.open() } == .damaged, "\(count) bytes")
            }
            try place.put(whole + [0])
            #expect(code { _ = try vault.open() } == .damaged)
            try place.put(whole)
            #expect(text(try #require(try vault.open()).value(of: "two")) == "due")
        }
    }

    /// Also for who could make the whole file anew, but not the values.
    @Test func aValueOpensUnderItsOwnNameVersionAndVaultOnly() throws {
        let (place, other) = (try Place(), try Place())
        for place in [place, other] {
            _ = try place.open().add("a", Secret("of a"), at: now)
            _ = try place.open().add("a", Secret("of a, again"), at: now)
            _ = try place.open().add("b", Secret("of b"), at: now)
        }
        let vault = try #require(try place.open().open())
        func changed(_ change: (inout VaultImage) throws -> Void) rethrows -> OpenVault {
            var image = vault.image
            try change(&image)
            return OpenVault(image: image, dataKey: vault.dataKey, slotKey: vault.slotKey, path: "")
        }
        let swapped = changed { $0.entries.swapValues(1, 2) }
        #expect(code { _ = try swapped.value(of: "a") } == .damaged)
        #expect(code { _ = try swapped.value(of: "b") } == .damaged)
        #expect(text(try swapped.value(of: "a", version: 1)) == "of a")
        let versions = changed { $0.entries.swapValues(0, 1) }
        #expect(code { _ = try versions.value(of: "a") } == .damaged)
        let renamed = changed { $0.entries[2].name = "c" }
        #expect(code { _ = try renamed.value(of: "c") } == .damaged)
        let later = changed { $0.entries[2].created = now + .seconds(1) }
        #expect(code { _ = try later.value(of: "b") } == .damaged)
        let stranger = changed { $0.id = Array(repeating: 7, count: 16) }
        #expect(code { _ = try stranger.value(of: "b") } == .damaged)
    }

    @Test func anOlderCopyIsNoticed() throws {
        let place = try Place()
        let vault = place.open()
        _ = try vault.add("a", Secret("1"), at: now)
        let old = try place.bytes()
        _ = try vault.add("a", Secret("2"), at: now)
        try place.put(old)
        #expect(throws: VaultError.self) { _ = try vault.open() }
        do {
            _ = try vault.add("a", Secret("3"), at: now)
            Issue.record("an older copy was written on")
        } catch {
            #expect(error.code == .damaged)
            #expect(error.message.contains("\(place.vault) is an older copy: it was written 1 times, and 2 times is known"))
        }
        try FileManager.default.removeItem(atPath: place.vault)
        #expect(code { _ = try vault.add("a", Secret("3"), at: now) } == .damaged)
        try place.put(old)
        chmod(place.vault, 0o600)
        try FileManager.default.removeItem(atPath: place.path + "/vault/generation")
        #expect(text(try #require(try vault.open()).value(of: "a")) == "1")
    }

    @Test func aKeyThatOthersMayReadIsRefused() throws {
        let place = try Place()
        let vault = place.open()
        _ = try vault.add("a", Secret("1"), at: now)
        let key = place.path + "/vault/" + (try place.key())
        for mode: mode_t in [0o640, 0o604, 0o620, 0o644] {
            chmod(key, mode)
            do {
                _ = try vault.open()
                Issue.record("a key of mode \(mode)")
            } catch {
                #expect(error.code == .unsafe)
                #expect(error.message.contains(key))
            }
        }
        chmod(key, 0o600)
        #expect(try vault.open() != nil)
        rename(key, key + ".real")
        symlink(key + ".real", key)
        #expect(code { _ = try vault.open() } == .unsafe)
        unlink(key)
        #expect(code { _ = try vault.open() } == .notFound)
        // And no new one is made in its place.
        #expect(code { _ = try vault.add("b", Secret("1"), at: now) } == .notFound)
        rename(key + ".real", key)
        #expect(try vault.open() != nil)
        chmod(place.vault, 0o666)
        #expect(code { _ = try vault.open() } == .unsafe)
        chmod(place.vault, 0o600)
        for mode: mode_t in [0o770, 0o755, 0o711, 0o704] {
            chmod(place.path + "/vault", mode)
            #expect(code { _ = try vault.open() } == .unsafe)
            #expect(code { _ = try vault.add("b", Secret("1"), at: now) } == .unsafe)
        }
        do {
            _ = try vault.open()
        } catch {
            #expect(error.message == "the vault is not used: \(place.path)/vault can be read or changed by others (its mode is 704)")
            #expect(error.help == "`chmod 700 \(place.path)/vault` mends it")
        }
        chmod(place.path + "/vault", 0o700)
        if geteuid() == 0 {
            chown(key, 12345, 12345)
            #expect(code { _ = try vault.open() } == .unsafe)
        }
    }

    @Test func anotherKeyOpensNothing() throws {
        let (place, other) = (try Place(), try Place())
        for place in [place, other] { _ = try place.open().add("a", Secret("1"), at: now) }
        try place.put(try other.bytes(try other.key()), try place.key())
        #expect(code { _ = try place.open().open() } == .wrongKey)
    }

    @Test func rotationChangesEveryKeyAndNoValue() throws {
        let place = try Place()
        let vault = place.open("tulip")
        _ = try vault.add("a", Secret("1"), at: now)
        _ = try vault.add("a", Secret("2"), at: now)
        let before = try #require(try vault.open())
        let key = try place.key()
        try vault.rotate(to: .same)
        let after = try #require(try vault.open())
        #expect(!after.dataKey.isSameInConstantTime(as: before.dataKey))
        #expect(try place.key() != key)
        #expect(try place.names().count { $0.hasPrefix("key-") } == 1)
        #expect(try after.values(of: "a").map(text) == ["1", "2"])
        #expect(zip(before.image.entries, after.image.entries).allSatisfy { $0.sealed != $1.sealed })

        try vault.rotate(to: .passphrase(Secret("tulip")))
        #expect(try place.names().count { $0.hasPrefix("key-") } == 0)
        #expect(try #require(try vault.open()).isOfPassphrase)
        #expect(code { _ = try place.open().open() } == .locked)
        #expect(code { _ = try place.open("rose").open() } == .wrongKey)
        try vault.rotate(to: .same)
        #expect(try #require(try vault.open()).isOfPassphrase)
        #expect(try vault.add("a", Secret("3"), at: now) == 3)
        try vault.rotate(to: .keyFile)
        #expect(try place.open().open()?.values(of: "a").map(text) == ["1", "2", "3"])
    }

    @Test func aPassphraseIsWorkedOnOnce() throws {
        let place = try Place()
        _ = try place.open().add("a", Secret("1"), at: now)
        try place.open().rotate(to: .passphrase(Secret("tulip")))
        let asked = Mutex(0)
        let vault = Vault(place.path + "/vault", cost: .cheap) { () throws(VaultError) in
            asked.withLock { $0 += 1 }
            return Secret("tulip")
        }
        var keys = SlotKeys()
        for _ in 0..<3 { _ = try vault.open(&keys) }
        #expect(asked.withLock { $0 } == 1)
    }

    @Test func writersAtOnceLoseNothing() throws {
        let place = try Place()
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { writer in
            for number in 0..<10 {
                do {
                    _ = try place.open().add("w\(writer)-\(number)", Secret("\(number)"), at: now)
                    _ = try place.open().add("shared", Secret("\(number)"), at: now)
                    if number == 5 { try place.open().rotate(to: .same) }
                    // Who reads meanwhile sees the old or the new.
                    guard try place.open().open() != nil else { throw VaultError(.notFound, "gone") }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let opened = try #require(try place.open().open())
        #expect(opened.secrets.count == 81)
        #expect(opened.secrets.first { $0.name == "shared" }?.version == 80)
        #expect(try place.names().filter { $0.hasPrefix(".new") }.isEmpty)
    }

    @Test func aCopyGoesElsewhere() throws {
        let (place, other) = (try Place(), try Place())
        let file = place.path + "/copy"
        _ = try place.open().add("a", Secret("1"), at: now)
        _ = try place.open().add("a", Secret("2"), at: now)
        _ = try place.open().add("b", Secret("3"), at: now)
        #expect(try place.open().export(to: file, Secret("rose"), cost: .cheap) == 2)
        #expect(code { _ = try place.open().export(to: file, Secret("rose"), cost: .cheap) } == .system)
        #expect(code { _ = try other.open().importAll(from: file, Secret("tulip"), replaces: false) } == .wrongKey)
        _ = try other.open().add("b", Secret("mine"), at: now)
        var result = try other.open().importAll(from: file, Secret("rose"), replaces: false)
        #expect(result == VaultImport(added: ["a"], replaced: [], left: ["b"]))
        #expect(try other.open().open()?.values(of: "a").map(text) == ["1", "2"])
        #expect(try other.open().open()?.values(of: "b").map(text) == ["mine"])
        result = try other.open().importAll(from: file, Secret("rose"), replaces: true)
        #expect(result == VaultImport(added: [], replaced: ["a", "b"], left: []))
        #expect(try other.open().open()?.values(of: "b").map(text) == ["3"])
        var bytes = Array(try Data(contentsOf: URL(filePath: file)))
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(filePath: file))
        #expect(code { _ = try other.open().importAll(from: file, Secret("rose"), replaces: true) } == .damaged)
    }

    @Test func aFileThatOthersMayReadHoldsNoSecret() throws {
        let place = try Place()
        let file = place.path + "/pass"
        try Data("tulip\r\n".utf8).write(to: URL(filePath: file))
        chmod(file, 0o600)
        #expect(text(try SecretFile.passphrase(file)) == "tulip")
        #expect(text(try SecretFile.read(file, atMost: 100)) == "tulip\r\n")
        for mode: mode_t in [0o604, 0o620, 0o601] {
            chmod(file, mode)
            #expect(code { _ = try SecretFile.passphrase(file) } == .unsafe)
        }
        chmod(file, 0o600)
        try Data("\n".utf8).write(to: URL(filePath: file))
        #expect(code { _ = try SecretFile.passphrase(file) } == .refused)
        #expect(code { _ = try SecretFile.read(place.path, atMost: 100) } == .unsafe)
    }
}

extension [VaultImage.Entry] {
    mutating func swapValues(_ first: Int, _ second: Int) {
        (self[first].sealed, self[second].sealed) = (self[second].sealed, self[first].sealed)
    }
}
