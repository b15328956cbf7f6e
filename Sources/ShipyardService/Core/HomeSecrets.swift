import Glibc
import ShipyardModel
import ShipyardVault
import Synchronization

/// Secrets as references name them: of the home's vault, of files, and of the environment of whoever is asked.
///
/// The vault is opened each time, so that what was changed in it counts at once; only what a passphrase comes to is
/// remembered, because that takes half a second.
package final class HomeSecrets: SecretSource {
    /// The variable that names the file with the vault's passphrase.
    package static let passphraseVariable = "SHIPYARD_VAULT_PASSPHRASE_FILE"

    package let vault: Vault
    private let keys = Mutex(SlotKeys())
    private let variable: @Sendable (String) throws(SecretFailure) -> Secret

    /// - Parameter variable: finds what `env:` stands for.
    package init(
        _ vault: Vault, variable: @escaping @Sendable (String) throws(SecretFailure) -> Secret
    ) {
        self.vault = vault
        self.variable = variable
    }

    /// Of a service: its passphrase is in a file, and its environment is nobody's. What commands have sent of theirs is kept
    /// in memory.
    package static func ofService(_ layout: HomeLayout, _ sent: SentVariables) -> HomeSecrets {
        let vault = Vault(layout.vault) { () throws(VaultError) in
            guard let path = getenv(passphraseVariable).map({ String(cString: $0) }), !path.isEmpty else { return nil }
            return try SecretFile.passphrase(path)
        }
        return HomeSecrets(vault) { name throws(SecretFailure) in try sent.value(of: name) }
    }

    package func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret {
        switch SecretPlace(reference.text) {
        case .vault(let name, let version):
            do throws(VaultError) {
                let opened = try open()
                guard let version else { return try opened.value(of: name) }
                // Azure's versions are 32 digits; those of the vault here are numbers.
                guard let number = Int(version) else {
                    throw VaultError(.notFound, "`\(version)` is no version of this vault: they are numbers")
                }
                return try opened.value(of: name, version: number)
            } catch {
                throw SecretFailure(error)
            }
        case .environment(let name): return try variable(name)
        case .file(let path):
            do throws(VaultError) {
                return try SecretFile.read(path, atMost: Vault.largestValue)
            } catch {
                throw SecretFailure(error)
            }
        case nil: throw SecretFailure("it is \(SecretPlace.forms)")
        }
    }

    /// Empty where there is no such secret. Throws only where the vault is there and cannot be read.
    package func everyVersion(of reference: SecretReference) throws(SecretFailure) -> [Secret] {
        guard case .vault(let name, _) = SecretPlace(reference.text) else {
            return (try? secret(reference)).map { [$0] } ?? []
        }
        do throws(VaultError) {
            return try keys.withLock { keys throws(VaultError) in try vault.open(&keys)?.values(of: name) ?? [] }
        } catch {
            throw SecretFailure(error)
        }
    }

    /// Throws as `everyVersion` does.
    package func everything() throws(SecretFailure) -> [Secret] {
        do throws(VaultError) {
            guard let opened = try keys.withLock({ keys throws(VaultError) in try vault.open(&keys) }) else { return [] }
            var found: [Secret] = []
            for secret in opened.secrets { found += try opened.values(of: secret.name) }
            return found
        } catch {
            throw SecretFailure(error)
        }
    }

    /// Works on a passphrase before anybody waits for it.
    package func warmUp() { _ = try? open() }

    private func open() throws(VaultError) -> OpenVault {
        let opened = try keys.withLock { keys throws(VaultError) in try vault.open(&keys) }
        guard let opened else {
            throw VaultError(.notFound, "this home has no vault yet; `keyvault add` makes one")
        }
        return opened
    }
}

extension SecretFailure {
    fileprivate init(_ error: VaultError) {
        self.init(error.help.map { "\(error.message) (\($0))" } ?? error.message)
    }
}

/// Variables of the environments of commands, as they came with submissions: the latest of each name, in memory alone.
package final class SentVariables: Sendable {
    static let most = 1000
    private let values = Mutex<[String: Secret]>([:])

    package init() {}

    package func take(_ variables: [SecretVariable]) {
        values.withLock { values in
            if values.count + variables.count > Self.most { values = [:] }
            for variable in variables { values[variable.name] = variable.value }
        }
    }

    func value(of name: String) throws(SecretFailure) -> Secret {
        guard let value = values.withLock({ $0[name] }) else {
            throw SecretFailure(
                "the variable \(name) came with no command since this service was started; what runs later than that is better"
                    + " kept in the vault")
        }
        return value
    }
}
