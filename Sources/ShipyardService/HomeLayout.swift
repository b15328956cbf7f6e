import Glibc
import ShipyardModel

/// Where things are under `$SHIPYARD_HOME`.
package struct HomeLayout: Sendable, Hashable {
    package let home: String
    package init(_ home: String) { self.home = home }

    package var database: String { home + "/shipyard.db" }
    package var socketName: String { "service.sock" }
    package var socket: String { home + "/" + socketName }
    package var lock: String { home + "/service.lock" }
    package var log: String { home + "/service.log" }
    /// What tokens of tasks are made with.
    package var tokenKey: String { home + "/token.key" }
    package var packages: String { home + "/packages" }
    package var vault: String { home + "/vault" }
    package var storage: String { home + "/storage" }
    /// Files of SQLite that credentials name without a directory. As `storage`, they are the user's.
    package var databases: String { home + "/databases" }
    /// What tasks have begun to delete (docs/adr/0048).
    package var deletions: String { home + "/deleting" }
    package var nodes: String { home + "/nodes" }
    package func poolRoot(_ pool: PoolID) -> String { "\(home)/nodes/\(pool)" }
    package func nodeRoot(_ node: NodeID, of pool: PoolID) -> String { "\(home)/nodes/\(pool)/\(node)" }
}

/// Whether a directory may be a home: who can write there speaks for the user, and runs what he likes as the user.
package enum HomeTrust {
    /// Why it may not, and what mends it. Nil also where there is none yet: it will be made, with mode 0700.
    package static func objection(to home: String) -> (message: String, help: String)? {
        var information = stat()
        // A file in the way is told by whoever tries to make the directory.
        guard stat(home, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else { return nil }
        let path = quoted(home)
        guard information.st_uid == geteuid() else {
            return (
                "the home \(home) belongs to another user (\(information.st_uid)), who could do anything in your name",
                "choose another home with `--home DIR`, or make it yours with `sudo chown -R \(geteuid()) \(path)`"
            )
        }
        guard information.st_mode & (S_IWGRP | S_IWOTH) != 0 else { return nil }
        let message = "others may write to the home \(home), and so could do anything in your name"
        // A directory for everybody, as /tmp, must stay one.
        guard information.st_mode & S_ISVTX == 0 else {
            return (message, "choose a directory of your own with `--home DIR`")
        }
        return (message, "`chmod go-w \(path)` mends it")
    }

    private static func quoted(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            byte > 127 || isalnum(Int32(byte)) != 0 || "/._-+:@%".utf8.contains(byte)
        }
        return isPlain
            ? path
            : "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
                + "'"
    }
}
