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

    /// The account behind `alias`; without credentials the alias itself, nil where they do not know it.
    package func account(of alias: String) -> String? {
        guard let credentials else { return alias }
        return credentials.storageAccounts[alias]
    }

    func endpoint(of spec: FileFactorySpec) -> String {
        credentials?.storageEndpoints[spec.storageAccountSettings.value] ?? "core.windows.net"
    }
}
