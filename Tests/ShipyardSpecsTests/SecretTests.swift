import ShipyardDiagnostics
import ShipyardModel
import Testing

@testable import ShipyardSpecs

/// Secrets of spec files: which they are, and that nobody is shown one.
struct SecretTests {
    // MARK: The tables

    private static func rows(_ schema: MappingSchema, _ seen: inout Set<ObjectIdentifier>) -> [KeySchema] {
        guard seen.insert(ObjectIdentifier(schema)).inserted else { return [] }
        func inside(_ type: ValueType) -> [KeySchema] {
            switch type {
            case .mapping(let schema): rows(schema, &seen)
            case .list(let types): types.flatMap(inside)
            case .listOrOne(let type): inside(type)
            case .string, .integer, .wideInteger, .float, .bool, .text, .scalar, .word, .json: []
            }
        }
        return (schema.keys + [schema.pattern?.value].compactMap(\.self)).flatMap { [$0] + inside($0.type) }
    }

    /// Names say secret to whoever has no table at hand, so the two must agree.
    @Test func tableAndNamesAgreeOnWhatIsSecret() {
        var seen: Set<ObjectIdentifier> = []
        let rows = SpecKind.allCases.compactMap(\.schema).flatMap { Self.rows($0, &seen) }
        let secret = Set(rows.filter(\.isSecret).map(\.name))
        #expect(
            secret == [
                "account_key", "auth_key", "db_password", "instrumentation_key", "passphrase", "password",
                "sas_token", "secret_access_key", "session_token", "url",
            ])
        #expect(rows.allSatisfy { $0.isSecret == secret.contains($0.name) })
        // That of a database stands in credentials, which are masked whole, and is known by its scheme elsewhere.
        #expect(secret.subtracting(["url"]).allSatisfy { Redaction.isSecret(key: $0) })
        #expect(Redaction.holdsSecret("    url: postgresql://ada:word@db/x"))
        // What is masked by its name alone: names of files and of secrets, and what holds settings.
        let masked = Set(rows.filter { !$0.isSecret && Redaction.isSecret(key: $0.name) }.map(\.name))
        #expect(
            masked.filter { !$0.hasSuffix("keyvault_secret_id") }.sorted()
                == [
                    "credentials_secret_id", "secret_files", "secret_id", "signing_key", "ssh_private_key", "ssh_public_key",
                    "token_cache",
                ])
    }

    // MARK: What diagnostics show

    private static let hidden = "hunter2"

    private func shown(_ kind: SpecKind, _ text: String, _ name: String) -> String {
        let found = SpecLoader.validate(SpecSource(kind, SourceText(name: name, text: text)))
        #expect(found.hasErrors, "\(text)")
        return TextRenderer().render(found) + JSONRenderer.render(found)
    }

    /// In files that are no credentials, where a line is shown as it is unless there is a secret in it.
    @Test(arguments: [
        "passphrase: [hunter2]", "passphrase:\n        - hunter2", "passphrase:\n      - hunter2\n",
        "passphrase: {hunter2: 1}", "passphrase:\n        user: hunter2",
        "passphrase: !!binary hunter2", "passphrase: >\n        hunter2: [\n       x",
        "passphrase: \"\n       hunter2\n",
        "passphrase: *hunter2", "passphrase: !hunter2 x", "passphrase: &x [*x, hunter2]",
        "passphrase: 'hunter2",
        "\"passphrase\": [\n        hunter2, {]",
    ])
    func secretOfAnyFileIsShownByNothing(_ written: String) {
        let text =
            "batch_shipyard:\n  storage_account_settings: s\n  encryption:\n    pfx:\n      \(written)\n"
        let shown = shown(.config, text, "config.yaml")
        #expect(!shown.contains(Self.hidden), "\(shown)")
    }

    @Test func wholeFileInOneLineIsMasked() {
        let text =
            #"{"batch_shipyard":{"encryption":{"pfx":{"filename":"f","passphrase":["hunter2"]}},"x":1}}"#
        #expect(!shown(.config, text, "config.json").contains(Self.hidden))
        // Nor does it help that its line has neither a word nor a place of its own.
        let broken = text.replacing("\"passphrase\":", with: "\"passphrase\":\n")
        #expect(!shown(.config, broken, "config.json").contains(Self.hidden))
    }

    @Test func helpRepeatsNoNumberThatIsASecret() {
        let text =
            "batch_shipyard:\n  storage_account_settings: 7654321\n  encryption: {pfx: {passphrase: 1234567}}\n"
        let shown = shown(.config, text, "config.yaml")
        #expect(shown.contains("put it in quotes: \"7654321\"") && !shown.contains("1234567"), "\(shown)")
    }

    /// What stands beside a secret, and below a comment about one, is still shown.
    @Test func whatIsNoSecretIsShown() {
        let text = """
            batch_shipyard:
              encryption:
                pfx: {passphrase: hunter2, filename: f}
            # token
              oops: visible
            global_resources:
              docker_images: wrong-one

            """
        let shown = shown(.config, text, "config.yaml")
        #expect(shown.contains("oops: visible") && shown.contains("docker_images: wrong-one"), "\(shown)")
        #expect(!shown.contains(Self.hidden))
    }

    /// A number as well, which is otherwise shown also in a credentials file.
    @Test func secretIsQuotedByNoMessage() {
        let source = SourceText(name: "c.yaml", text: "a: 1234567")
        let node = SyntaxNode(.integer(1_234_567), in: source, 3, 10)
        #expect(Quoted(node).description == "`1234567`")
        source.hide(3..<10)
        #expect(node.isHidden && Quoted(node).description == "an integer")
        #expect(
            !SyntaxNode(.null, in: source, 2, 10).isHidden && SyntaxNode(.null, in: source, 4, 5).isHidden)
    }

    // MARK: What decoders get

    private func fields(_ text: String, _ effect: LocalEffect) throws -> Fields {
        let schema = MappingSchema(
            "a test",
            [
                KeySchema.secret("key", .text, effect: .used, ""),
                KeySchema("environment_variables_keyvault_secret_id", .string, effect: effect, ""),
            ])
        var diagnostics = Diagnostics()
        let root = try #require(SpecReader.read(SourceText(name: "t.yaml", text: text), &diagnostics))
        return Fields(root, schema)
    }

    @Test func secretIsDecodedAsOne() throws {
        func key(_ text: String) throws -> String? {
            try fields(text, .used).secret("key")?.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        }
        #expect(try key("key: hunter2") == Self.hidden)
        #expect(try key("key: 0123") == "123" && key("key:") == nil && key("other: 1") == nil)
    }

    /// A vault makes the keys useful, in the tables and nowhere else.
    @Test func referenceIsDecodedWhereItsKeyHasAnEffect() throws {
        let text = "environment_variables_keyvault_secret_id: https://v/secrets/s"
        #expect(try fields(text, .used).environmentSecret()?.text == "https://v/secrets/s")
        #expect(try fields(text, .none).environmentSecret() == nil)
        #expect(try fields("key: x", .used).environmentSecret() == nil)
    }

    @Test func referencesOfEveryLevelAreDecoded() throws {
        let key = "environment_variables_keyvault_secret_id: https://v/secrets/s"
        let (specs, found) = load(
            .jobs,
            "job_specifications:\n- id: j\n  \(key)\n  tasks:\n  - command: x\n    \(key)\n    secret_files: [{secret_id: s/2, file_path: a/b}]\n"
                + "  merge_task: {command: y, \(key)}"
        )
        let job = try #require(specs.jobs?.jobs.first)
        let secret = SecretReference("https://v/secrets/s")
        #expect(job.environmentSecret == secret && job.tasks[0].environmentSecret == secret)
        #expect(job.mergeTask?.environmentSecret == secret && found.all.isEmpty)
        #expect(job.tasks[0].secretFiles.map(\.id.text) == ["s/2"] && job.tasks[0].secretFiles.map(\.filePath) == ["a/b"])
        let pool = load(
            .pool, "pool_specification: {id: p, vm_count: {dedicated: 0}, additional_node_prep: {\(key)}}")
        #expect(pool.specs.pool?.nodePrepEnvironmentSecret == secret)
    }

    /// Templates of Batch Shipyard have placeholders, and pass.
    @Test func whatNamesNoSecretIsAWarning() {
        for id in ["a b", "https://v/keys/s", "env:", "file:here", "https://v/secrets/<name>"] {
            let (specs, found) = load(
                .jobs,
                "job_specifications:\n- id: j\n  environment_variables_keyvault_secret_id: '\(id)'\n  tasks: [{command: x}]")
            #expect(specs.jobs != nil && found.all.map(\.code) == [.invalidSecretID], "\(id)")
        }
    }

    /// What a submission that waits may keep of them.
    @Test func namesOfAccountsOutliveTheirKeys() throws {
        let text = """
            credentials:
              storage:
                b: {account: two, account_key: hunter2, endpoint: core.example}
                a: {account: one, account_key_keyvault_secret_id: x}
                c: {type: s3, account: three, access_key_id: i, secret_access_key: hunter2, path_style: true, region: r}
                d: {account: four}
              batch: {account_key: hunter2, account_service_url: u}

            """
        let stored = load(.credentials, text).specs.credentials.withoutSecrets
        #expect(
            stored
                == #"{"credentials":{"storage":{"a":{"type":"azure_blob","account":"one"},"b":{"type":"azure_blob","account":"two","endpoint":"core.example"},"c":{"type":"s3","account":"three","region":"r","path_style":true},"d":{"type":"embedded","account":"four"}}}}"#
        )
        let again = load(.credentials, stored)
        #expect(again.diagnostics.all.allSatisfy { $0.severity != .error })
        #expect(again.specs.credentials.withoutSecrets == stored)
        #expect(CredentialsSpec().withoutSecrets == #"{"credentials":{}}"#)
    }

    // MARK: Values that are no text

    private static let digits = "8675309"

    /// A password may be a number, a date, a list: whatever is wrong with it, nobody is shown it.
    @Test(arguments: [
        digits, "\(digits).5", "-\(digits)", "0x\(digits)", "86753-09-01", "[\(digits)]", "{a: \(digits)}", "{\(digits)}", "true\(digits)",
        "99999999999999\(digits)",
    ])
    func noValueOfASecretIsShown(value: String) {
        let files: [(SpecKind, String)] = [
            (.pool, "pool_specification:\n  id: p\n  vm_size: x\n  rdp: {username: [], password: \(value)}\n"),
            (.pool, "pool_specification:\n  id: p\n  wrong: 1\n  environment_variables: {DB_PASSWORD: \(value), API_KEY: \(value)}\n"),
            (.jobs, "job_specifications:\n- id: j\n  wrong: 1\n  environment_variables:\n    ACCESS_TOKEN: \(value)\n  tasks: []\n"),
            (.jobs, "job_specifications:\n- id: j\n  tasks:\n  - {command: x, wrong: 1, environment_variables: {MY_SECRET: \(value)}}\n"),
            (.jobs, "job_specifications:\n- id: j\n  tasks: []\n  merge_task: {environment_variables: {DB_PASSWORD: \(value)}}\n"),
            (.jobs, "job_specifications:\n- id: j\n  environment_variables: {DB_PASSWORD: \(value)}\n  tasks: [{command: x}]\n"),
            (.credentials, "credentials:\n  storage:\n    a: {account: 5, account_key: \(value), endpoint: \(value)}\n"),
            (.credentials, "credentials:\n  management: {subscription_id: \(value)}\n  wrong: \(value)\n"),
        ]
        for (kind, text) in files {
            let found = SpecLoader.validate(SpecSource(kind, SourceText(name: "f.yaml", text: text)))
            let shown = TextRenderer().render(found) + JSONRenderer.render(found)
            #expect(!shown.contains("8675309") && !shown.contains("86753-09"), "\(text): \(shown)")
        }
    }
}
