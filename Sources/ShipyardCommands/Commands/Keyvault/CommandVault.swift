import Glibc
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardSystem
import ShipyardVault

/// The vault of a command's home, which commands open themselves: no service is asked.
struct CommandVault {
    let vault: Vault
    /// Secrets as references name them: `env:` is the environment of this command.
    let secrets: HomeSecrets
    private let passphraseFile: String?

    init(_ invocation: Invocation) throws(CommandFailure) {
        // Values are in memory from here on: neither another process nor a core file shall have them.
        OwnProcess.hide()
        let home = try HomeDirectory(invocation)
        try home.checkTrust()
        let environment = invocation.environment
        let file = environment[HomeSecrets.passphraseVariable].flatMap { $0.isEmpty ? nil : absolutePath($0) }
        vault = Vault(HomeLayout(home.path).vault) { () throws(VaultError) in
            if let file { return try SecretFile.passphrase(file) }
            return SecretPrompt.ask("Passphrase of the vault")
        }
        passphraseFile = file
        secrets = HomeSecrets(vault) { name throws(SecretFailure) in
            guard let value = environment[name] else {
                throw SecretFailure("the environment of this command has no variable \(name)")
            }
            return Secret(value)
        }
    }

    /// With the values of the secrets that it names.
    func resolved(_ credentials: CredentialsSpec) throws(CommandFailure) -> CredentialsSpec {
        guard credentials.hasReferences else { return credentials }
        let resolved = credentials.resolved(secrets.lookup)
        if credentials.innerSecret != nil, let failure = resolved.failure(at: ["credentials"]) {
            throw CommandFailure(.failed, failure.reason)
        }
        return resolved
    }

    static func resolved(
        _ credentials: CredentialsSpec, _ invocation: Invocation
    ) throws(CommandFailure) -> CredentialsSpec {
        credentials.hasReferences ? try CommandVault(invocation).resolved(credentials) : credentials
    }

    func open() throws(CommandFailure) -> OpenVault? {
        do throws(VaultError) {
            return try vault.open()
        } catch {
            throw CommandFailure(error)
        }
    }

    /// A passphrase that somebody chooses: of `--passphrase-file`, or typed twice.
    ///
    /// - Parameter ofVault: whether it will be the vault's own, which the file of the vault's may have already.
    func newPassphrase(
        _ invocation: Invocation, _ question: String, ofVault: Bool = false
    ) throws(CommandFailure) -> Secret {
        if let given = try givenPassphrase(invocation, ofVault ? passphraseFile : nil) { return given }
        guard let first = SecretPrompt.ask(question), first.withExposedBytes({ !$0.isEmpty }),
            let second = SecretPrompt.ask("Once more")
        else { throw Self.noPassphrase() }
        guard first.isSameInConstantTime(as: second) else { throw .usage("the two are not the same") }
        return first
    }

    func passphrase(_ invocation: Invocation, _ question: String) throws(CommandFailure) -> Secret {
        if let given = try givenPassphrase(invocation, nil) { return given }
        guard let typed = SecretPrompt.ask(question) else { throw Self.noPassphrase() }
        return typed
    }

    private func givenPassphrase(
        _ invocation: Invocation, _ other: String?
    ) throws(CommandFailure) -> Secret? {
        guard let file = invocation.arguments["passphrase-file"].map({ absolutePath($0) }) ?? other else { return nil }
        do throws(VaultError) {
            return try SecretFile.passphrase(file)
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func noPassphrase() -> CommandFailure {
        .usage("there is no passphrase", help: "type it at a terminal, or name its file with `--passphrase-file FILE`")
    }
}

extension CommandFailure {
    init(_ error: VaultError) { self.init(.failed, error.message, help: error.help) }
}
