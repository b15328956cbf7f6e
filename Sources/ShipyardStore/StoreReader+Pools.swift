import ShipyardModel

/// What was looked for when a pool was removed.
package struct PoolRemovalRecord: Sendable, Hashable {
    package var pool: PoolID
    /// JSON, as the service wrote it.
    package var removal: String
    package var time: Instant
}

extension StoreReader {
    /// Ordered by id.
    package func pools() throws(StoreError) -> [PoolRecord] {
        try rows(.pools) { $0.pool() }
    }

    package func pool(_ id: PoolID) throws(StoreError) -> PoolRecord? {
        try firstRow(.pool, bind: { $0.bind(1, id.text) }) { $0.pool() }
    }

    /// Of one pool, or of all; ordered by pool and id.
    package func nodes(of pool: PoolID? = nil) throws(StoreError) -> [NodeRecord] {
        try rows(.nodes, bind: { $0.bind(1, pool?.text) }) { $0.node() }
    }

    /// Of the nodes' latest agents, where those have one: a token's digest, or a token where a program stored it that
    /// kept no digests.
    package func agentTokens() throws(StoreError) -> [(pool: PoolID, node: NodeID, text: String)] {
        try rows(.agentTokens) { row in
            guard let pool = PoolID(row.text(0)) else { return nil }
            return (pool, NodeID(row.text(1)), row.text(2))
        }
    }

    package func node(_ id: NodeID, of pool: PoolID) throws(StoreError) -> NodeRecord? {
        try firstRow(
            .node,
            bind: {
                $0.bind(1, pool.text)
                $0.bind(2, id.text)
            }
        ) { $0.node() }
    }

    /// The newest first.
    package func poolRemovals(limit: Int) throws(StoreError) -> [PoolRemovalRecord] {
        try rows(.poolRemovals, bind: { $0.bind(1, Int64(limit)) }) { row in
            guard let pool = PoolID(row.text(0)) else { return nil }
            return PoolRemovalRecord(
                pool: pool, removal: row.text(1), time: Instant(milliseconds: row.integer(2)))
        }
    }

    /// Of one job, or of all.
    package func nodeJobs(of job: UInt32? = nil) throws(StoreError) -> [NodeJobRecord] {
        try rows(.nodeJobs, bind: { $0.bind(1, job.map(Int64.init)) }) { $0.nodeJob() }
    }
}

extension SQL {
    fileprivate static let pools = SQL("SELECT \(poolColumns) FROM pools ORDER BY id")
    fileprivate static let pool = SQL("SELECT \(poolColumns) FROM pools WHERE id = ?")
    fileprivate static let nodes = SQL(
        "SELECT \(nodeColumns) FROM nodes WHERE pool = ?1 OR ?1 IS NULL ORDER BY pool, id")
    fileprivate static let agentTokens = SQL(
        "SELECT pool, id, agent_token FROM nodes WHERE agent_token IS NOT NULL ORDER BY pool, id")
    fileprivate static let node = SQL("SELECT \(nodeColumns) FROM nodes WHERE pool = ? AND id = ?")
    fileprivate static let poolRemovals = SQL(
        "SELECT pool, removal, time FROM pool_removals ORDER BY number DESC LIMIT ?")
    fileprivate static let nodeJobs = SQL(
        "SELECT \(nodeJobColumns) FROM node_jobs WHERE job = ?1 OR ?1 IS NULL ORDER BY job, pool, node")
}
