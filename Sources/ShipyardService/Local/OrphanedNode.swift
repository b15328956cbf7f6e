import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode

/// A node's directory that the state does not know: another state file was in its place when the node was made.
package struct OrphanedNode: Sendable {
    private let place: NodePath
    private let pool: BytePath
    /// Why nothing of it is touched: something is mounted there, or it cannot be opened.
    package let obstacle: SystemError?

    private init(_ place: NodePath, pool: BytePath, obstacle: SystemError? = nil) {
        (self.place, self.pool, self.obstacle) = (place, pool, obstacle)
    }

    /// For people: what cannot be shown is escaped.
    package var root: String { place.bytes.description }

    /// Whether an agent lives there; where that cannot be told, one may. Not to be asked of a node that may be
    /// about to start: for a moment the question holds the agent's lock.
    package var hasAgent: Bool { obstacle == nil && !AgentLock.isFree(place) }

    /// Everything that looks like a node's directory, known or not, and what was moved aside and not deleted yet.
    package static func all(below layout: HomeLayout) -> [OrphanedNode] {
        NodePath.all(in: layout.nodes).map { OrphanedNode($0.path, pool: $0.pool, obstacle: $0.obstacle) }
    }

    package func isOf(_ known: Set<[String]>) -> Bool {
        // No id is of other bytes than these.
        guard let pool = String(validating: pool.bytes, as: UTF8.self),
            let name = String(validating: place.name.bytes, as: UTF8.self)
        else { return false }
        let isPool = place.name == self.pool && obstacle != nil
        if known.contains([pool, name]) { return true }
        // Of a removal that is under way, or was when the service was killed: whoever asked for it goes on.
        if let node = NodeTeardown.name(ofRemoved: place.name).flatMap({ String(validating: $0.bytes, as: UTF8.self) }) {
            return known.contains([pool, node])
        }
        return (isPool || NodeDirectory.isAside(place.name)) && known.contains([pool])
    }

    /// Ends the agent and whatever it has started. Answers how many processes there were.
    package func endProcesses() -> Int {
        guard obstacle == nil else { return 0 }
        return NodeTeardown.endProcesses(place, journal: (try? JournalReader.read(place)) ?? JournalState())
    }

    /// Under a name that no node gets. Nil when it cannot be renamed.
    package func movedAside() -> OrphanedNode? {
        if NodeDirectory.isAside(place.name) || NodeTeardown.name(ofRemoved: place.name) != nil { return self }
        guard obstacle == nil else { return nil }
        return NodeDirectory.moveAside(place).map { OrphanedNode($0, pool: pool) }
    }

    /// Deletes the directory. Answers what is left.
    package func remove() -> [String] {
        if let obstacle { return [obstacle.description] }
        let problems = NodeTeardown.run([place], grace: .zero).flatMap(RemovalProof.problems)
        // The pool's own directory goes with its last node; one that is in use is not empty.
        place.removeEmptyPool()
        return problems
    }
}

extension Engine {
    /// Pools, and their nodes, as their directories are named.
    package func knownRoots() -> Set<[String]> {
        var known: Set<[String]> = []
        for pool in poolIDs {
            known.insert([pool.text])
            for node in nodes(of: pool) { known.insert([pool.text, node.record.id.text]) }
        }
        return known
    }
}
