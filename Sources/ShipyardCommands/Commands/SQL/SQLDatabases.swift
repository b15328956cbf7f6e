import ShipyardAPI
import ShipyardDiagnostics
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
        guard let path = SpecFiles(invocation).find("credentials") else {
            credentials = nil
            return
        }
        let (specs, diagnostics) = SpecLoader.load([
            SpecSource(.credentials, try SpecFiles.source("credentials", path))
        ])
        guard !diagnostics.hasErrors else {
            invocation.console.show(diagnostics)
            throw CommandFailure(.specRefused, "")
        }
        credentials = try CommandVault.resolved(specs.credentials, invocation)
    }

    /// With what opens it.
    func connection(_ alias: String) throws(CommandFailure) -> (SQLConnection, Secret?) {
        let known = credentials?.connections.keys.sorted() ?? []
        guard let connection = credentials.map({ $0.connections[alias] }) ?? SQLConnection(embedded: alias) else {
            let near = closestWord(to: alias, among: known).map { "did you mean `\($0)`?" }
            throw .usage(
                "the credentials have no database `\(alias)`",
                help: near ?? (known.isEmpty ? nil : "they have \(known.joined(separator: ", "))"))
        }
        if connection.path.map({ !$0.hasPrefix("/") }) == true { try home.checkTrust() }
        return (connection, credentials?.urls[alias])
    }
}

extension CommandFailure {
    init(_ error: TableError) { self.init(.failed, error.message, help: error.help) }
}
