/// What kind of command a piece of work is; each has its own place in a node's directory tree.
package enum WorkKind: UInt8, Sendable, Hashable, CaseIterable {
    case task, startTask, jobPreparation, jobRelease
}

/// Names one attempt at one piece of work on one node.
package struct WorkID: Hashable, Sendable, CustomStringConvertible {
    package var kind: WorkKind
    /// A task's `TaskKey`; the job's number for job preparation and release; 0 for the start task.
    package var key: Int64
    /// From 1. Counts retries and requeues alike.
    package var attempt: Int32

    package init(kind: WorkKind, key: Int64, attempt: Int32) {
        self.kind = kind
        self.key = key
        self.attempt = attempt
    }

    package var description: String { "\(kind) \(key)#\(attempt)" }
}
