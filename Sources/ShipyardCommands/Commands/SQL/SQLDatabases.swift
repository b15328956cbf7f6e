import ShipyardAPI
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardSystem
import ShipyardTables

/// The databases that a command may name, opened by its own process: no service is asked.
struct SQLDatabases {
    let databases: Databases
    /// Nil where no credentials file was found: then an alias is the name of a database file of the home.
    private let credentials: CredentialsSpec?
    private let home: HomeDirectory

    init(_ invocation: Invocation) throws(CommandFailure) {
        // Passwords are in memory from here on: neither another process nor a core file shall have them.
        OwnProcess.hide()
        home = try HomeDirectory(invocation)
        databases = Databases(root: HomeLayout(home.path).databases, waitsForServer: false)
        credentials = try CommandCredentials.read(invocation)
    }

    /// With what opens it.
    func connection(_ alias: String) throws(CommandFailure) -> (SQLConnection, Secret?) {
        guard let connection = credentials.map({ $0.connections[alias] }) ?? SQLConnection(embedded: alias) else {
            // The alias may be in credentials that a secret has.
            if let failure = credentials?.failure(at: ["credentials"]) { throw CommandFailure(.failed, failure.reason) }
            let known = credentials.map { Array($0.connections.keys) } ?? []
            throw CommandCredentials.unknown("database", alias, known: known)
        }
        if let failure = credentials?.failure(at: ["credentials", "sql", alias]) {
            throw CommandFailure(.failed, "the URL of the database `\(alias)` cannot be had: \(failure.reason)")
        }
        if connection.path.map({ !$0.hasPrefix("/") }) == true { try home.checkTrust() }
        return (connection, credentials?.urls[alias])
    }
}

extension CommandFailure {
    init(_ error: TableError) { self.init(.failed, error.message, help: error.help) }
}
