import ShipyardModel
import ShipyardSystem

/// One attempt that has processes: from its first process to the moment when none of them is left.
final class Attempt {
    /// Which process is the main one now.
    enum Phase { case staging, command, uploading }

    /// Why and until when it is being ended.
    struct Ending {
        /// Nil when only what the command left behind is ended: then the command's own end holds.
        var outcome: Outcome?
        /// From then on with KILL; monotonic microseconds.
        var killAt: Int64
        /// The agent goes: what it ends was not the command's doing and must not be recorded as its result.
        var isUnrecorded = false
    }

    /// Without its secrets from the moment when its command has them.
    var order: WorkOrder
    /// What it has of the node from its first process to its end.
    var held = Resources.none
    let context: ContextState
    let parent: ParentDirectory
    /// Absolute; the value of AZ_BATCH_TASK_DIR in all its processes.
    let directory: String
    let startTime: Instant
    let startMicroseconds: Int64
    let startTicks: UInt64
    /// When `maxWallTime` is over; monotonic microseconds. Only while the command runs: files take their time.
    var deadline: Int64?

    var phase = Phase.command
    /// The main process; also its session and process group.
    var processID: Int32 = 0
    /// The first of its processes. Every other has been created later.
    var firstProcessID: Int32 = 0
    var mainHasEnded = false
    /// Its main process has been waited for and its group was seen empty. From then on the kernel may give the
    /// number to somebody else: with 32,768 of them, a busy node comes round in ten seconds.
    var isSessionGone = false
    var answer: FileDescriptor?
    var ending: Ending?
    var nextSweep: Int64 = 0
    var status: Int32 = 0
    var usage = ResourceUsage()
    /// Its secrets in files, while its command runs.
    var secretFiles: SecretFiles?
    /// What putting its files in place has to say to storing them: a line of JSON for its manifest.
    var staged: String?
    /// How often the process that moves its files was ended by a signal that was not ours.
    var brokenMovers = 0
    /// How its command ended, while what it has made is being stored.
    var commandOutcome: Outcome?
    /// What it has left for others, meanwhile.
    var output: TaskOutput?
    /// What was last said of its files, and when it is looked at again; monotonic microseconds.
    var progress: TransferProgress?
    var nextProgress: Int64 = 0
    var progressPause: Int64 = 0

    var hasUpload: Bool { context.context.upload != nil || order.upload != nil }

    init(_ order: WorkOrder, context: ContextState, parent: ParentDirectory, directory: String) {
        self.order = order
        self.context = context
        self.parent = parent
        self.directory = directory
        startTime = SystemClock.now()
        let microseconds = SystemClock.monotonicMicroseconds()
        startMicroseconds = microseconds
        startTicks = SystemClock.bootTicks()
    }
}

/// The open directory that the directories of a context's orders are made in.
final class ParentDirectory {
    let descriptor: FileDescriptor
    /// Whose it is; nil for the start task's.
    let job: UInt32?

    init(_ descriptor: consuming FileDescriptor, job: UInt32?) {
        self.descriptor = descriptor
        self.job = job
    }
}
