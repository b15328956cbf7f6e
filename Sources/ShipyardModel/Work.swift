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
    /// From 0: which of the nodes that one attempt holds. Every attempt has one so far.
    package var instance: UInt16

    package init(kind: WorkKind, key: Int64, attempt: Int32, instance: UInt16 = 0) {
        self.kind = kind
        self.key = key
        self.attempt = attempt
        self.instance = instance
    }

    package init(_ task: TaskKey, attempt: Int32, instance: UInt16 = 0) {
        self.init(kind: .task, key: task.rawValue, attempt: attempt, instance: instance)
    }

    package var description: String {
        "\(kind) \(key)#\(attempt)" + (instance == 0 ? "" : "/\(instance)")
    }

    /// The number of the job that it is for; nil for a start task.
    package var job: UInt32? {
        switch kind {
        case .task: TaskKey(rawValue: key).job
        case .jobPreparation, .jobRelease: UInt32(truncatingIfNeeded: key)
        case .startTask: nil
        }
    }
}

/// Names one removal of a directory on a node, for the life of a home: a job's, or one task's. Numbers of jobs
/// and ordinals of tasks are never given twice, so neither is this; a removal that is asked for again after a
/// crash is known as the same one, whatever has come to its path since.
package struct RemovalID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    /// Of everything that the job left on the node. No task has the last ordinal.
    package init(job: UInt32) { self.init(TaskKey(job: job, ordinal: .max)) }
    package init(_ task: TaskKey) { rawValue = task.rawValue }

    package var description: String { "removal \(TaskKey(rawValue: rawValue))" }
    package static func < (left: RemovalID, right: RemovalID) -> Bool { left.rawValue < right.rawValue }
}
