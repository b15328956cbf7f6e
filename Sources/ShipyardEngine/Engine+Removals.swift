import ShipyardModel

// Files on nodes that are to go. The wish is stored in the turn that has it; the node is asked until it
// has answered, across the ends of agents and services, and takes its wishes with it when it leaves.

extension Engine {
    mutating func removeFiles(_ id: RemovalID, of owner: FilesOwner, on node: Int, at now: Moment) {
        // Where no agent ever was there is no file; where all goes, this goes.
        guard !nodes[node].isGone, !nodes[node].isRemovalAsked, nodes[node].record.state != .creating else {
            return
        }
        let record = nodes[node].record
        let removal = RemovalRecord(
            pool: record.pool, node: record.id, id: id, owner: owner, time: now.wall)
        nodes[node].removals[id] = removal
        writes.append(.putRemoval(removal))
        effects.append(.removeFiles(NodeHandle(index: node), id, owner))
    }

    /// The agent is connected: what it may not have heard comes before any order, so that no task of a new job
    /// finds, or loses, files where an older one's should have gone.
    mutating func askForRemovals(on node: Int) {
        for (id, removal) in nodes[node].removals.sorted(by: { $0.key < $1.key }) {
            effects.append(.removeFiles(NodeHandle(index: node), id, removal.owner))
        }
    }

    mutating func filesRemoved(_ id: RemovalID, on handle: NodeHandle) {
        if let removal = takeRemoval(id, on: handle) {
            writes.append(.deleteRemoval(removal.pool, removal.node, id))
        }
    }

    mutating func filesNotRemoved(_ id: RemovalID, on handle: NodeHandle, _ failure: RemovalFailure) {
        guard var removal = takeRemoval(id, on: handle) else { return }
        removal.failure = failure
        writes.append(.putRemoval(removal))
    }

    /// Also when the answer is known already: the agent keeps it until it hears that it need not.
    private mutating func takeRemoval(_ id: RemovalID, on handle: NodeHandle) -> RemovalRecord? {
        guard !nodes[handle.index].isGone else { return nil }
        effects.append(.forgetRemoval(handle, id))
        return nodes[handle.index].removals.removeValue(forKey: id)
    }
}
