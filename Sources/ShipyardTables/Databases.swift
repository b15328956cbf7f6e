import Glibc
import ShipyardModel
import ShipyardSystem

/// Opens databases, and tries again what may succeed later.
package struct Databases: Sendable {
    package enum Access: Sendable { case read, write, load }

    /// Where relative paths of SQLite start: `databases/` of the home.
    private let root: String
    /// How long to wait before each further attempt, in seconds.
    private let pauses: [UInt32]
    /// Whether a server that does not answer at first is waited for.
    private let waitsForServer: Bool

    package init(root: String, pauses: [UInt32] = [1, 2, 4, 8, 15], waitsForServer: Bool) {
        (self.root, self.pauses, self.waitsForServer) = (root, pauses, waitsForServer)
    }

    /// - Parameter url: of PostgreSQL; SQLite's place is no secret.
    package func open(
        _ connection: SQLConnection, _ url: Secret?, to access: Access
    ) throws(TableError) -> any TableConnection {
        guard let place = connection.place else {
            throw TableError(.accessDenied, "nobody has said the URL of connection `\(connection.alias)`")
        }
        switch connection.kind {
        case .sqlite:
            let path = connection.path ?? ""
            let full = path.hasPrefix("/") ? path : "\(root)/\(path)"
            if access == .load { try Self.makeFolder(of: full) }
            try Self.checkKind(of: full, connection)
            return try SQLiteConnection(full, connection.shown, access)
        case .postgresql:
            guard let url else {
                throw TableError(.accessDenied, "nobody has said how \(place) is opened")
            }
            return try PostgreSQLConnection(url, connection.shown, access)
        }
    }

    /// With the same identity each time, so that a commit whose answer was lost is not done again.
    package func load(
        _ load: TableLoad, _ file: TableFile, into connection: SQLConnection, _ url: Secret?
    ) throws(TableError) -> TableLoadResult {
        try checkName(load.target.table, of: "the table")
        var wasConnected = false
        var rest = pauses[...]
        while true {
            do throws(TableError) {
                let database = try open(connection, url, to: .load)
                wasConnected = true
                return try database.load(load, file)
            } catch {
                let mayWait = error.isPassing && (wasConnected || waitsForServer) && file.canBeReadAgain
                guard mayWait, let pause = rest.popFirst() else { throw error }
                sleep(pause)
            }
        }
    }

    /// SQLite would wait for a writer at a pipe, and read from a device for ever. One that is not there is another matter.
    private static func checkKind(of path: String, _ connection: SQLConnection) throws(TableError) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TableError(connection, path, "is no regular file") }
        // It takes what is shorter than the smallest page for new, if it is of one byte.
        guard !(1..<512).contains(status.st_size) else { throw TableError(connection, path, "is no database of SQLite") }
    }

    private static func makeFolder(of path: String) throws(TableError) {
        let parts = path.split(separator: "/").dropLast()
        do throws(SystemError) {
            try makeDirectories(BytePath("/" + parts.joined(separator: "/")), mode: 0o700)
        } catch {
            throw TableError(.file, "the folder of the database cannot be made: \(error.description)")
        }
    }
}

extension TableError {
    init(_ connection: SQLConnection, _ path: String, _ what: String) {
        self.init(.refused, "the database \(connection.shown) cannot be opened: \(path) \(what)")
    }
}
