/// A directory on a node that is to go, as stored: its row is there from the decision until the node has
/// answered, and stays where the node could not remove it.
package struct RemovalRecord: Sendable, Hashable {
    package var pool: PoolID
    package var node: NodeID
    package var id: RemovalID
    /// Whose files they were; the job itself may be gone, and another of its id there.
    package var owner: FilesOwner
    package var time: Instant
    /// Nil until the node says that something could not be removed.
    package var failure: RemovalFailure?

    package init(
        pool: PoolID, node: NodeID, id: RemovalID, owner: FilesOwner, time: Instant,
        failure: RemovalFailure? = nil
    ) {
        self.pool = pool
        self.node = node
        self.id = id
        self.owner = owner
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

/// Whose files on a node. Where they are is the node's.
package enum FilesOwner: Sendable, Hashable {
    /// All that the job has left, with those of its tasks.
    case job(JobID)
    case task(String, of: JobID)

    package var job: JobID {
        switch self {
        case .job(let job), .task(_, let job): job
        }
    }

    /// Nil for a whole job.
    package var task: String? {
        switch self {
        case .job: nil
        case .task(let task, _): task
        }
    }
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
