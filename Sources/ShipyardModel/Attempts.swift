/// Names one piece of work for the life of a home: the job's number in the upper half, the task's ordinal
/// in the lower. It is the row id of the task in the database and its name on the wire to an agent.
package struct TaskKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(job: UInt32, ordinal: UInt32) {
        rawValue = Int64(job) << 32 | Int64(ordinal)
    }

    package var job: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    package var ordinal: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    package var description: String { "\(job).\(ordinal)" }
    package static func < (left: TaskKey, right: TaskKey) -> Bool { left.rawValue < right.rawValue }
}

/// How a process ended.
package enum ExitStatus: Hashable, Sendable, Codable {
    /// It exited by itself, 0 to 255.
    case exited(Int32)
    /// It was ended by a signal; reported to users as 128 + signal, as a shell does.
    case signalled(Int32)
    /// It never started, or was ended by us; the reason stands in the failure.
    case none

    package var code: Int32? {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        case .none: nil
        }
    }
}

/// What one attempt used, as the kernel accounted it (`wait4`): its process and every descendant that was waited for.
package struct ResourceUsage: Hashable, Sendable, Codable {
    package var wallTimeMicroseconds: Int64
    package var userTimeMicroseconds: Int64
    package var systemTimeMicroseconds: Int64
    package var peakMemoryBytes: Int64

    package init(wall: Int64 = 0, user: Int64 = 0, system: Int64 = 0, peakMemoryBytes: Int64 = 0) {
        wallTimeMicroseconds = wall
        userTimeMicroseconds = user
        systemTimeMicroseconds = system
        self.peakMemoryBytes = peakMemoryBytes
    }
}

/// How an attempt ended, as its node says.
package struct AttemptResult: Hashable, Sendable, Codable {
    package var exit: ExitStatus
    /// Nil on success.
    package var failure: FailureInfo?
    package var startTime: Instant
    package var endTime: Instant
    package var usage: ResourceUsage

    package init(
        exit: ExitStatus, failure: FailureInfo?, startTime: Instant, endTime: Instant,
        usage: ResourceUsage = ResourceUsage()
    ) {
        self.exit = exit
        self.failure = failure
        self.startTime = startTime
        self.endTime = endTime
        self.usage = usage
    }

    package var isSuccess: Bool { failure == nil }
}
