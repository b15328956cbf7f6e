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

/// What one attempt used, as the kernel accounted it (`wait4`): its process and every descendant that was waited for.
package struct ResourceUsage: Hashable, Sendable {
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

/// An attempt that has ended, as its node says.
package struct AttemptResult: Hashable, Sendable {
    package var outcome: Outcome
    package var startTime: Instant
    package var endTime: Instant
    package var usage: ResourceUsage
    /// What else went wrong, where the outcome is a failure by itself.
    package var uploadFailure: UploadFailure?
    /// Of a success, where its task records one.
    package var output: TaskOutput?

    package init(
        _ outcome: Outcome, startTime: Instant, endTime: Instant, usage: ResourceUsage = ResourceUsage(),
        uploadFailure: UploadFailure? = nil, output: TaskOutput? = nil
    ) {
        self.outcome = outcome
        self.startTime = startTime
        self.endTime = endTime
        self.usage = usage
        self.uploadFailure = uploadFailure
        self.output = output
    }

    /// It ended where it began: nothing ran.
    package init(_ outcome: Outcome, at time: Instant) {
        self.init(outcome, startTime: time, endTime: time)
    }

    package var isSuccess: Bool { outcome.isSuccess }
    /// In Azure Batch's words.
    package var failure: FailureInfo? { outcome.failure }
}
