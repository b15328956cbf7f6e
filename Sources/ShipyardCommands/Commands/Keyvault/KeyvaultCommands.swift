import Glibc
import ShipyardAPI
import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs
import ShipyardSystem
import ShipyardVault

/// `keyvault`: the secrets of the home.
enum KeyvaultCommands {
    static let all = [add, list.raw, show.raw, delete, rotate, export, importing]

    private static let name = Argument("NAME", "the secret: letters, digits, `-` and `_`")
    private static let passphraseFile = Option.value(
        "passphrase-file", "FILE", values: .file, "a file of mode 0600 that has the passphrase; default it is asked for")

    static let add = Command("add", "put a secret into the vault, or a new version of it")
        .details(
            "The value is asked for at the terminal, or read from standard input without its last line break. It is never a "
                + "word of the command line, which every process of this machine can read. The first secret makes the vault.",
            "With --credentials or --configdir the secret is the whole credentials file, as with Batch Shipyard; "
                + "--keyvault-credentials-secret-id then takes the place of --credentials."
        )
        .takes(name)
        .options(
            .value("from-file", "FILE", values: .file, "the value is the content of this file, byte by byte"),
            .value("from-env", "VARIABLE", "the value is that of this variable")
        )
        .example("keyvault add lake-key", "asks for the value")
        .example("keyvault add db-env --from-file db.json", "keeps a file")
        .example("pass show lake | shipyard-swift keyvault add lake-key", "takes what another program prints")
        .runs(runAdd)

    static let list = Command("list", "list the secrets, without their values")
        .example("keyvault list", "shows names and versions")
        .runs(runList)

    static let show = Command("show", "show one secret; its value only with --reveal")
        .takes(name)
        .options(
            .flag("reveal", "print the value"),
            .value("version", "NUMBER", "this version; default the latest")
        )
        .example("keyvault show lake-key", "shows which versions are kept")
        .example("keyvault show lake-key --reveal", "prints the value")
        .runs(runShow)

    static let delete = Command("del", "delete a secret with all its versions")
        .takes(name)
        .example("keyvault del lake-key", "asks, and deletes it")
        .runs(runDelete)

    static let rotate = Command("rotate", "encrypt the vault anew, by new keys")
        .details(
            "All values stay what they are. A value that others may have seen needs a new one: `keyvault add` again."
        )
        .options(
            .flag("to-passphrase", "from now on a passphrase opens the vault, and no key file"),
            .flag("to-key-file", "from now on a key file beside the vault opens it"), passphraseFile
        )
        .example("keyvault rotate", "makes new keys")
        .example("keyvault rotate --to-passphrase", "locks the vault by a passphrase")
        .runs(runRotate)

    static let export = Command("export", "write all secrets into a file, encrypted by a passphrase")
        .takes(Argument("FILE", "the new file", values: .file))
        .options(passphraseFile)
        .example("keyvault export secrets.vault", "asks for a passphrase, and writes the file")
        .runs(runExport)

    static let importing = Command("import", "take the secrets of an exported file")
        .details("A secret whose name is here already stays as it is, and the exit code is 1, unless --replace is given.")
        .takes(Argument("FILE", "the exported file", values: .file))
        .options(.flag("replace", "secrets of the same names give way"), passphraseFile)
        .example("keyvault import secrets.vault", "asks for the passphrase, and takes them")
        .runs(runImport)

    // MARK: -

    @Sendable private static func runAdd(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let name = invocation.arguments.words[0]
        // Before anybody is asked for a value.
        guard SecretName.isValid(name) else { throw .usage("`\(name)` cannot name a secret", help: SecretName.rule) }
        let vault = try CommandVault(invocation)
        let value = try KeyvaultValue(invocation).read(for: name)
        let version = try told { () throws(VaultError) in
            try vault.vault.add(name, value, at: SystemClock.now())
        }
        invocation.console.say("secret \(name): version \(version) is in the vault")
        return .done
    }

    @Sendable private static func runList(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let secrets = try CommandVault(invocation).open()?.secrets ?? []
        let console = invocation.console
        if invocation.isRaw {
            console.print(JSONValue.object([.init("value", .array(secrets.map(json)))]).compactText)
            return .done
        }
        guard !secrets.isEmpty else {
            console.say("the vault has no secrets")
            return .done
        }
        var table = Table()
        table.column("secret")
        table.column("version", .right)
        table.column("since")
        for secret in secrets { table.row(secret.name, String(secret.version), secret.created.iso8601) }
        console.print(table)
        return .done
    }

    @Sendable private static func runShow(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let name = invocation.arguments.words[0]
        let version = try invocation.arguments.number("version")
        let vault = try CommandVault(invocation).open()
        guard let vault, let secret = vault.secrets.first(where: { $0.name == name }) else {
            let near = closestWord(to: name, among: vault?.secrets.map(\.name) ?? [])
            throw CommandFailure(
                .failed, "the vault has no secret `\(name)`", help: near.map { "did you mean `\($0)`?" })
        }
        let value = try told { () throws(VaultError) in try vault.value(of: name, version: version) }
        let console = invocation.console
        if invocation.has("reveal") {
            value.withExposedBytes { console.output.write(bytes: $0) }
            if console.output.isTerminal { console.print("") }
            return .done
        }
        if invocation.isRaw {
            console.print(json(secret).compactText)
            return .done
        }
        var table = Table()
        table.column("version", .right)
        table.column("since")
        table.column("value")
        for kept in secret.versions where version == nil || kept.version == version {
            table.row(String(kept.version), kept.created.iso8601, Secret.mask)
        }
        console.print(table)
        return .done
    }

    @Sendable private static func runDelete(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let (name, console) = (invocation.arguments.words[0], invocation.console)
        let vault = try CommandVault(invocation)
        guard try console.confirm("deleting secret \(name) with all its versions", yes: invocation.has("yes"))
        else { return .done }
        try told { () throws(VaultError) in try vault.vault.delete(name) }
        console.say("secret \(name) deleted")
        return .done
    }

    @Sendable private static func runRotate(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let vault = try CommandVault(invocation)
        let lock: Vault.NewLock
        switch (invocation.has("to-passphrase"), invocation.has("to-key-file")) {
        case (true, true): throw .usage("`--to-passphrase` and `--to-key-file` exclude each other")
        case (true, false):
            lock = .passphrase(try vault.newPassphrase(invocation, "New passphrase of the vault", ofVault: true))
        case (false, true): lock = .keyFile
        case (false, false): lock = .same
        }
        try told { () throws(VaultError) in try vault.vault.rotate(to: lock) }
        invocation.console.say("the vault is encrypted anew")
        return .done
    }

    @Sendable private static func runExport(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let vault = try CommandVault(invocation)
        let file = absolutePath(invocation.arguments.words[0])
        guard !LocalFile.exists(file) else { throw .usage("\(file) is there already") }
        let passphrase = try vault.newPassphrase(invocation, "Passphrase of the file")
        let count = try told { () throws(VaultError) in try vault.vault.export(to: file, passphrase) }
        invocation.console.say("\(counted(count, "secret")) written to \(file)")
        return .done
    }

    @Sendable private static func runImport(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let vault = try CommandVault(invocation)
        let file = absolutePath(invocation.arguments.words[0])
        let passphrase = try vault.passphrase(invocation, "Passphrase of the file")
        let result = try told { () throws(VaultError) in
            try vault.vault.importAll(from: file, passphrase, replaces: invocation.has("replace"))
        }
        let console = invocation.console
        for name in result.left { console.warn("secret \(name) is here already, and stays as it is") }
        console.say(
            "\(counted(result.added.count, "secret")) added, \(result.replaced.count) replaced, \(result.left.count) left")
        return result.left.isEmpty ? .done : .failed
    }

    private static func json(_ secret: OpenVault.Listed) -> JSONValue {
        let versions = secret.versions.map { kept in
            JSONValue.object([
                .init("version", .integer(Int64(kept.version))), .init("creationTime", .string(kept.created.iso8601)),
            ])
        }
        return .object([.init("id", .string(secret.name)), .init("versions", .array(versions))])
    }

    private static func told<Answer>(
        _ body: () throws(VaultError) -> Answer
    ) throws(CommandFailure) -> Answer {
        do throws(VaultError) {
            return try body()
        } catch {
            throw CommandFailure(error)
        }
    }
}

/// The value of `keyvault add`.
private struct KeyvaultValue {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func read(for name: String) throws(CommandFailure) -> Secret {
        let arguments = invocation.arguments
        switch (arguments["from-file"], arguments["from-env"]) {
        case (_?, _?): throw .usage("`--from-file` and `--from-env` exclude each other")
        case (let file?, nil): return try content(of: file)
        case (nil, let variable?):
            guard let value = invocation.environment[variable] else {
                throw .usage("the environment has no variable \(variable)")
            }
            return Secret(value)
        case (nil, nil):
            if arguments["credentials"] != nil || arguments["configdir"] != nil { return try credentials() }
            let value = try typed(name)
            guard value.withExposedBytes({ !$0.isEmpty }) else { throw .usage("the value is empty") }
            return value
        }
    }

    private func typed(_ name: String) throws(CommandFailure) -> Secret {
        guard SecretPrompt.canAsk else { return try content(of: "-").withoutLineBreak }
        guard let value = SecretPrompt.ask("Value of \(name)") else { throw .usage("there is no value") }
        return value
    }

    private func content(of file: String) throws(CommandFailure) -> Secret {
        do throws(SystemError) {
            return Secret(copying: try LocalFile.read(file, atMost: Vault.largestValue + 1))
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }

    /// What is no credentials file would be noticed by a task at night.
    private func credentials() throws(CommandFailure) -> Secret {
        let files = SpecFiles(invocation)
        guard let path = files.find("credentials") else { throw files.missing("credentials") }
        let source = SpecSource(.credentials, try SpecFiles.source("credentials", path))
        let diagnostics = SpecLoader.load([source]).diagnostics
        guard !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            throw CommandFailure(.specRefused, "")
        }
        return Secret(copying: source.text.bytes)
    }
}
