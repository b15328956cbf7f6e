import ShipyardModel
import ShipyardSpecs

/// The other files of a submission, as far as they are there. A reference into a file that was not given
/// cannot be checked, so it is taken for good: `plan` and `validate` work on a jobs file alone.
package struct PlanSetting: Sendable {
    package var config: ConfigSpec?
    package var credentials: CredentialsSpec?
    package var pool: PoolSpec?

    package init(config: ConfigSpec? = nil, credentials: CredentialsSpec? = nil, pool: PoolSpec? = nil) {
        self.config = config
        self.credentials = credentials
        self.pool = pool
    }

    /// The account behind `alias`; nil where the credentials do not know it. Without credentials the alias is the name of an
    /// embedded one.
    package func account(of alias: String) -> StorageAccount? {
        guard let credentials else { return StorageAccount(.embedded, alias: alias, name: alias) }
        return credentials.accounts[alias]
    }

    /// The database behind `alias`. Without credentials it is a file of the home that is named so.
    package func connection(of alias: String) -> SQLConnection? {
        guard let credentials else { return SQLConnection(embedded: alias) }
        return credentials.connections[alias]
    }

    /// Those that data come from and go to, each once; nil for none.
    package func connections(_ input: InputDataSpec?, _ output: [TableLoadSpec]) -> [SQLConnection]? {
        let aliases = (input?.queries ?? []).map(\.connection) + output.map(\.connection)
        let found = Set(aliases).sorted().compactMap { connection(of: $0) }
        return found.isEmpty ? nil : found
    }
}
