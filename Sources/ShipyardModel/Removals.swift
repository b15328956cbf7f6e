/// A directory on a node that is to go, as stored: its row is there from the decision until the node has
/// answered, and stays where the node could not remove it.
package struct RemovalRecord: Sendable, Hashable {
    package var pool: PoolID
    package var node: NodeID
    package var id: RemovalID
    /// Whose files they were; the job itself may be gone, and another of its id there.
    package var job: JobID
    /// Relative to the node's root.
    package var path: String
    package var time: Instant
    /// Nil until the node says that something could not be removed.
    package var failure: RemovalFailure?

    package init(
        pool: PoolID, node: NodeID, id: RemovalID, job: JobID, path: String, time: Instant,
        failure: RemovalFailure? = nil
    ) {
        self.pool = pool
        self.node = node
        self.id = id
        self.job = job
        self.path = path
        self.time = time
        self.failure = failure
    }
}

/// What of a directory is still there, and why.
package struct RemovalFailure: Sendable, Hashable {
    /// Absolute: the first that could not be removed.
    package var path: String
    package var reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }
}

extension JobID {
    /// All that a job leaves on a node, relative to the node's root.
    package var nodeDirectory: String { "workitems/\(text)" }
}

/// Ties the steady line to one boot of the machine: what its clock said, and where the line was then.
package struct ClockAnchor: Sendable, Hashable {
    /// The kernel's name for the boot; empty where it has none.
    package var boot: String
    /// The boot and the PID namespace: nothing that ran in one life is alive in another.
    package var life: String
    package var bootMilliseconds: Int64
    package var now: Moment

    package init(boot: String, life: String, bootMilliseconds: Int64, now: Moment) {
        self.boot = boot
        self.life = life
        self.bootMilliseconds = bootMilliseconds
        self.now = now
    }
}
