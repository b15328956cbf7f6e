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
    package var packages: String { home + "/packages" }
    package var storage: String { home + "/storage" }
    package var nodes: String { home + "/nodes" }
    package func poolRoot(_ pool: PoolID) -> String { "\(home)/nodes/\(pool)" }
    package func nodeRoot(_ node: NodeID, of pool: PoolID) -> String { "\(home)/nodes/\(pool)/\(node)" }
}
