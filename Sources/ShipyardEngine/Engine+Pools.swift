import ShipyardModel

extension Engine {
    mutating func addPool(_ record: PoolRecord, _ rules: PoolRules, at now: Moment) {
        invariant(pools[record.id] == nil, "pool \(record.id) is there already")
        pools[record.id] = PoolEntry(record: record, rules: rules)
        // A job names its pool by id: those of an earlier pool of this id go on here.
        for number in livingJobs[record.id] ?? [] { list(entry(number)) }
        fitNodes(of: record.id, at: now)
    }

    mutating func resize(_ id: PoolID, _ dedicated: Int, _ lowPriority: Int, at now: Moment) {
        guard pools[id]?.record.state == .active else { return }
        pools[id]?.record.targetDedicatedNodes = dedicated
        pools[id]?.record.targetLowPriorityNodes = lowPriority
        fitNodes(of: id, at: now)
    }

    /// Adds or takes away nodes until there are as many as wanted.
    private mutating func fitNodes(of id: PoolID, at now: Moment) {
        guard let pool = pools[id] else { return }
        fitNodes(of: id, isDedicated: true, target: pool.record.targetDedicatedNodes, at: now)
        fitNodes(of: id, isDedicated: false, target: pool.record.targetLowPriorityNodes, at: now)
        updateAllocation(of: id)
        writes.append(contentsOf: pools[id].map { [.putPool($0.record)] } ?? [])
        poolsToSchedule.insert(id)
    }

    private mutating func fitNodes(of id: PoolID, isDedicated: Bool, target: Int, at now: Moment) {
        let present = (pools[id]?.nodes ?? []).filter {
            nodes[$0].record.isDedicated == isDedicated && nodes[$0].record.state != .leavingPool
        }
        for _ in present.count..<max(present.count, target) {
            addNode(to: id, isDedicated: isDedicated, at: now)
        }
        guard present.count > target else { return }
        // The broken ones go first, then those with the least to finish, then the youngest.
        let leaving = present.sorted {
            let (left, right) = (nodes[$0], nodes[$1])
            return (left.record.state.isSchedulable ? 1 : 0, left.stock.taken.slots, -$0)
                < (right.record.state.isSchedulable ? 1 : 0, right.stock.taken.slots, -$1)
        }.prefix(present.count - target)
        for node in leaving { leave(node, at: now) }
    }

    private mutating func addNode(to id: PoolID, isDedicated: Bool, at now: Moment) {
        guard let pool = pools[id] else { return }
        let number = pool.record.lastNodeNumber + 1
        pools[id]?.record.lastNodeNumber = number
        let record = NodeRecord(
            pool: id, id: NodeID("node-\(number)"), isDedicated: isDedicated, state: .creating, boot: 1,
            startTaskAttempt: 0, startTaskResult: nil, allocationTime: now.wall, stateTransitionTime: now.wall
        )
        nodes.append(NodeEntry(record: record, pool.record.nodeResources))
        pools[id]?.nodes.append(nodes.count - 1)
        save(nodes.count - 1)
        effects.append(.launchNode(NodeHandle(index: nodes.count - 1)))
    }

    /// Takes a node out of its pool once its running tasks have ended: a resize never kills a task.
    private mutating func leave(_ node: Int, at now: Moment) {
        setState(of: node, .leavingPool, at: now)
        removeIfDrained(node)
    }

    /// At once, unlike a resize: what runs there runs again elsewhere, as Azure Batch requeues it. The pool's target falls,
    /// or another node would come in its place.
    mutating func deleteNode(_ handle: NodeHandle, at now: Moment) {
        let node = handle.index
        let id = nodes[node].record.pool
        guard !nodes[node].isGone, pools[id]?.record.state == .active else { return }
        if nodes[node].record.state != .leavingPool {
            if nodes[node].record.isDedicated {
                pools[id]?.record.targetDedicatedNodes -= 1
            } else {
                pools[id]?.record.targetLowPriorityNodes -= 1
            }
        }
        giveBackTasks(of: node, .left, reason: "the node was deleted", at: now)
        setState(of: node, .leavingPool, at: now)
        askForRemoval(ofNode: node)
        updateAllocation(of: id)
        writes.append(contentsOf: pools[id].map { [.putPool($0.record)] } ?? [])
        poolsToSchedule.insert(id)
    }

    mutating func removeIfDrained(_ node: Int) {
        guard nodes[node].record.state == .leavingPool, nodes[node].tasks.isEmpty else { return }
        askForRemoval(ofNode: node)
    }

    /// Once: a second removal might still be at work when the next pool of this id has its own node there.
    mutating func askForRemoval(ofNode node: Int) {
        guard !nodes[node].isRemovalAsked else { return }
        nodes[node].isRemovalAsked = true
        effects.append(.removeNode(NodeHandle(index: node)))
    }

    /// - Parameter isUnwanted: by a user, and not with its job.
    mutating func deletePool(_ id: PoolID, isUnwanted: Bool = false, at now: Moment) {
        guard pools[id]?.record.state == .active else { return }
        pools[id]?.record.state = .deleting
        pools[id]?.record.isUnwanted = isUnwanted
        pools[id]?.record.targetDedicatedNodes = 0
        pools[id]?.record.targetLowPriorityNodes = 0
        for node in pools[id]?.nodes ?? [] {
            giveBackTasks(of: node, .left, reason: "the pool was deleted", at: now)
            setState(of: node, .leavingPool, at: now)
            askForRemoval(ofNode: node)
        }
        updateAllocation(of: id)
        writes.append(contentsOf: pools[id].map { [.putPool($0.record)] } ?? [])
        askForRemoval(of: id)
    }

    mutating func askForRemoval(of id: PoolID) {
        guard let pool = pools[id], pool.record.state == .deleting, pool.nodes.isEmpty, !pool.isRemovalAsked
        else { return }
        pools[id]?.isRemovalAsked = true
        effects.append(.verifyPoolRemoved(id))
    }

    mutating func poolRemoved(_ id: PoolID, removal: String, at now: Moment) {
        guard pools[id]?.record.state == .deleting else { return }
        for number in pools[id]?.jobs ?? [] { entry(number).isListed = false }
        pools[id] = nil
        poolsToSchedule.remove(id)
        writes.append(.deletePool(id, removal: removal, at: now.wall))
    }

    func currentNodes(of pool: PoolEntry, isDedicated: Bool) -> Int {
        pool.nodes.count { nodes[$0].record.isDedicated == isDedicated }
    }

    mutating func updateAllocation(of id: PoolID) {
        guard let pool = pools[id] else { return }
        let fits =
            currentNodes(of: pool, isDedicated: true) == pool.record.targetDedicatedNodes
            && currentNodes(of: pool, isDedicated: false) == pool.record.targetLowPriorityNodes
        pools[id]?.record.allocationState = fits ? .steady : .resizing
    }
}
