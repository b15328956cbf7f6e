import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardNode

/// A node's directory that the state does not know: another state file was in its place when the node was made.
package struct OrphanedNode: Sendable, Hashable {
    package let pool: String
    package let name: String
    package let root: String
    /// Whether an agent lives there; where that cannot be told, one may. Not to be asked of a node that may be
    /// about to start: for a moment the question holds the agent's lock.
    package var hasAgent: Bool { !AgentLock.isFree(root: root) }

    private init(pool: String, name: String, root: String) {
        self.pool = pool
        self.name = name
        self.root = root
    }

    /// Everything that looks like a node's directory, known or not, and what was moved aside and not deleted yet.
    package static func all(below layout: HomeLayout) -> [OrphanedNode] {
        names(in: layout.nodes).flatMap { pool in
            names(in: "\(layout.nodes)/\(pool)").map { name in
                OrphanedNode(pool: pool, name: name, root: "\(layout.nodes)/\(pool)/\(name)")
            }
        }
    }

    package func isOf(_ known: Set<[String]>) -> Bool {
        known.contains([pool, name]) || (NodeDirectory.isAside(name) && known.contains([pool]))
    }

    /// Ends the agent and whatever it has started. Answers how many processes there were.
    package func endProcesses() -> Int {
        let journal = (try? JournalReader.read(root: root)) ?? JournalState()
        return NodeTeardown.endProcesses(root: root, journal: journal)
    }

    /// Under a name that no node gets. Nil when it cannot be renamed.
    package func movedAside() -> OrphanedNode? {
        if NodeDirectory.isAside(name) { return self }
        return NodeDirectory.moveAside(root).map { aside in
            OrphanedNode(
                pool: pool,
                name: String(aside[aside.index(after: aside.lastIndex(of: "/") ?? aside.startIndex)...]),
                root: aside)
        }
    }

    /// Deletes the directory. Answers what is left.
    package func remove() -> [String] {
        let problems = NodeTeardown.run(roots: [root], grace: .zero).flatMap(RemovalProof.problems)
        // The pool's own directory goes with its last node; one that is in use is not empty.
        if let slash = root.lastIndex(of: "/") { rmdir(String(root[..<slash])) }
        return problems
    }

    private static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var information = stat()
            guard name != ".", name != "..", lstat("\(directory)/\(name)", &information) == 0,
                information.st_mode & S_IFMT == S_IFDIR
            else { continue }
            found.append(name)
        }
        return found.sorted()
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
