import ShipyardModel

/// What of `credentials` has a meaning on this machine: storage accounts and databases by their aliases.
package struct CredentialsSpec: Sendable {
    package private(set) var accounts: [String: StorageAccount] = [:]
    /// For whoever opens a store. Whatever is kept or sent on has the account alone.
    package private(set) var keys: [String: StorageKeys] = [:]

    package private(set) var connections: [String: SQLConnection] = [:]
    /// Those that have a secret in them; what opens a database of the home or of a file is its place.
    package private(set) var urls: [String: Secret] = [:]

    package init() {}

    package mutating func add(_ connection: SQLConnection, _ url: Secret?) {
        connections[connection.alias] = connection
        urls[connection.alias] = url
    }

    package mutating func add(_ account: StorageAccount, _ keys: StorageKeys) {
        accounts[account.alias] = account
        self.keys[account.alias] = keys
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
            let place = connection.place.map { JSONValue.Member("url", .string($0)) }
            return JSONValue.Member(
                alias, .object([place ?? .init("url_keyvault_secret_id", .string("-"))]))
        }
        var members: [JSONValue.Member] = []
        if !all.isEmpty { members.append(.init("storage", .object(all))) }
        if !databases.isEmpty { members.append(.init("sql", .object(databases))) }
        return JSONValue.object([.init("credentials", .object(members))]).compactText
    }
}
