import ShipyardDiagnostics
import ShipyardModel

/// What of `credentials` has a meaning on this machine: storage accounts and databases by their aliases.
package struct CredentialsSpec: Sendable {
    package private(set) var accounts: [String: StorageAccount] = [:]
    /// For whoever opens a store. Whatever is kept or sent on has the account alone.
    package private(set) var keys: [String: StorageKeys] = [:]
    /// A secret that holds a credentials file of its own, for what this one does not say.
    package internal(set) var innerSecret: SecretReference?
    /// The file, where it names secrets whose values are not filled in.
    var unresolved: SyntaxNode?
    private var ownFile: String?
    private var missing: [(path: [String], failure: SecretFailure)] = []

    package private(set) var connections: [String: SQLConnection] = [:]
    /// Those that have a secret in them; what opens a database of the home or of a file is its place.
    package private(set) var urls: [String: Secret] = [:]
    /// Where the URLs are that do not stand in the file.
    var urlSecrets: [String: SecretReference] = [:]

    package init() {}

    package mutating func add(_ connection: SQLConnection, _ url: Secret?) {
        connections[connection.alias] = connection
        urls[connection.alias] = url
    }

    /// Whether there are keys that stand in secrets, and so are not in `keys`.
    package var hasReferences: Bool { unresolved != nil }

    /// With the values of all secrets that it names, as they are now.
    package func resolved(_ find: @escaping SecretLookup) -> CredentialsSpec {
        guard var root = unresolved else { return self }
        var failures: [(path: [String], failure: SecretFailure)] = []
        if let innerSecret {
            do throws(SecretFailure) {
                root = try Self.merged(root, over: innerSecret, find)
            } catch {
                let reason = "the secret `\(innerSecret)` with the credentials cannot be had: \(error.reason)"
                failures.append((["credentials"], SecretFailure(reason)))
            }
        }
        var substitution = SecretSubstitution(find)
        root = substitution.filled(root, SchemaTable.credentials)
        var spec = CredentialsSpec(decoding: root)
        (spec.unresolved, spec.innerSecret) = (nil, nil)
        spec.missing = failures + substitution.missing
        for (alias, account) in spec.accounts {
            let file = accounts[alias]?.credentialsFile ?? ownFile
            spec.accounts[alias]?.credentialsFile = account.credentialsFile ?? file
        }
        for (alias, connection) in spec.connections {
            let file = connections[alias]?.credentialsFile ?? ownFile
            spec.connections[alias]?.credentialsFile = connection.credentialsFile ?? file
        }
        return spec
    }

    private static func merged(
        _ root: SyntaxNode, over secret: SecretReference, _ find: SecretLookup
    ) throws(SecretFailure) -> SyntaxNode {
        let text = SourceText(
            name: "secret.yaml", bytes: try find(secret).withExposedBytes { Array($0) }, isSecret: true)
        let (specs, diagnostics) = SpecLoader.load([SpecSource(.credentials, text)])
        guard let inner = specs.merged, !diagnostics.hasErrors else {
            throw SecretFailure("it is no credentials file")
        }
        var findings = Diagnostics()
        guard let whole = SpecMerge.merge(inner, with: root, &findings) else {
            throw SecretFailure("it and the file that names it contradict each other")
        }
        return whole
    }

    /// Why what stands at a path of the file is not there: `["credentials", "storage", ALIAS]`.
    package func failure(at path: [String]) -> SecretFailure? {
        missing.first { path == $0.path }?.failure
    }

    /// Why the keys of an account are not there. What an account has of its own is there, whatever becomes of a secret
    /// with others.
    package func failure(ofAccount alias: String) -> SecretFailure? {
        if let failure = failure(at: ["credentials", "storage", alias]) { return failure }
        return keys[alias]?.hasAny == true ? nil : failure(at: ["credentials"])
    }

    /// A credentials file that only says in which secret the credentials are.
    package static func text(ofSecret id: String) -> String {
        let inner = JSONValue.object([.init("credentials_secret_id", .string(id))])
        return JSONValue.object([.init("credentials", .object([.init("keyvault", inner)]))]).compactText
    }

    package mutating func add(_ account: StorageAccount, _ keys: StorageKeys) {
        accounts[account.alias] = account
        self.keys[account.alias] = keys
    }

    /// What credentials that are no file have for a path.
    package static func path(ofSecret id: String) -> String { "keyvault:\(id).yaml" }
    package static func secret(ofPath path: String) -> String? {
        guard path.hasPrefix("keyvault:"), path.hasSuffix(".yaml") else { return nil }
        return String(path.dropFirst("keyvault:".count).dropLast(".yaml".count))
    }

    /// Nil where there are none, or the alias stands for another account.
    package func keys(ofSame account: StorageAccount) -> StorageKeys? {
        guard let found = accounts[account.alias], found.isSamePlace(as: account),
            let keys = keys[account.alias],
            keys.hasAny
        else { return nil }
        return keys
    }

    /// - Parameter file: absolute path of the file that these were read from: where the keys are found later.
    package mutating func setFile(_ file: String) {
        ownFile = file
        for alias in accounts.keys { accounts[alias]?.credentialsFile = file }
        for alias in connections.keys { connections[alias]?.credentialsFile = file }
    }

    /// As a credentials file, in JSON, which is YAML as well. The type is always written, since it would otherwise be told
    /// from keys.
    package var withoutSecrets: String {
        let all = accounts.sorted { $0.key < $1.key }.map { alias, account in
            var members = [
                JSONValue.Member("type", .string(account.kind.rawValue)),
                JSONValue.Member("account", .string(account.name)),
            ]
            if let endpoint = account.endpoint { members.append(.init("endpoint", .string(endpoint))) }
            if let region = account.region { members.append(.init("region", .string(region))) }
            if let style = account.usesPathStyle { members.append(.init("path_style", .bool(style))) }
            return JSONValue.Member(alias, .object(members))
        }
        let databases = connections.sorted { $0.key < $1.key }.map { alias, connection in
            // A name is no secret, and whoever reads this must come to the same database.
            let secret = urlSecrets[alias].map { JSONValue.Member("url_keyvault_secret_id", .string($0.text)) }
            let place = connection.place.map { JSONValue.Member("url", .string($0)) }
            return JSONValue.Member(alias, .object([secret ?? place].compactMap(\.self)))
        }
        var members: [JSONValue.Member] = []
        if !all.isEmpty { members.append(.init("storage", .object(all))) }
        if !databases.isEmpty { members.append(.init("sql", .object(databases))) }
        // A name is no secret.
        if let innerSecret {
            let id = JSONValue.Member("credentials_secret_id", .string(innerSecret.text))
            members.append(JSONValue.Member("keyvault", .object([id])))
        }
        return JSONValue.object([.init("credentials", .object(members))]).compactText
    }
}
