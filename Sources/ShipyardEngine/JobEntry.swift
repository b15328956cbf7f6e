import ShipyardModel

/// One job and its tasks.
///
/// A class, because a copy of this value held across a change would copy a million entries.
final class JobEntry {
    var record: JobRecord { didSet { tally.count(self) } }
    private(set) var rules: JobRules
    /// For how long files of its tasks stay, from the shortest to the longest; nil where all stay for ever.
    private(set) var retentions: ClosedRange<TimeSpan>?
    var tasks = TaskTable()
    /// Its first task may run, whenever it has one.
    var ready = ReadyQueue()
    var counts = TaskCounts() { didSet { tally.count(self) } }
    /// Active tasks that can never run (`TaskEntry.Flags.neverRuns`).
    var neverRuns = 0
    var graph = DependencyGraph()
    /// Preparation and release by node index; no entry where the job never was.
    var nodes: [Int: NodeJobState] = [:]
    /// The next thing to be done is deletion: set by `jobs del`.
    var isDeleting: Bool { record.state == .deleting }
    /// Tasks that hold slots, kept so that the end of a job need not look at a million entries.
    var assigned: Set<UInt32> = []
    /// How many of them wait at their agents.
    var queued = 0
    /// It is in its pool's list of jobs that may have something to run.
    var isListed = false
    /// Until when its own pool stays though it has ended; nil where nobody looks at that.
    var poolHeldUntil: SteadyTime?
    /// The run of a schedule that has made it.
    var run: RunKey?
    /// The attempt at the run that has made it.
    var runAttempt = 0
    /// No task before this one waits.
    private var firstThatMayWait = 0

    /// Why nothing can be done with the job: what the database has of it cannot be read.
    var problem: String?
    private let tally: JobTally
    fileprivate var isCounted = false

    init(record: JobRecord, rules: JobRules, tally: JobTally) {
        self.record = record
        self.rules = rules
        self.tally = tally
        widenRetentions(by: rules.templates)
    }

    /// Costs what is added, not what is there.
    func add(_ addition: JobAddition) {
        rules.templates += addition.templates
        widenRetentions(by: addition.templates)
        if addition.performsJobAction { rules.performsJobAction = true }
        if addition.autoComplete { record.autoComplete = true }
    }

    private func widenRetentions(by templates: [TaskRules]) {
        for retention in templates.lazy.compactMap(\.retention) {
            let known = retentions ?? retention...retention
            retentions = min(known.lowerBound, retention)...max(known.upperBound, retention)
        }
    }

    /// Something of it may still happen without a user.
    fileprivate var isBusy: Bool {
        record.state != .completed && problem == nil && counts.active + counts.running > 0
    }

    func rules(of entry: TaskEntry) -> TaskRules {
        let template = Int(entry.template)
        // A task whose row names none is restored as one that has failed.
        return rules.templates.indices.contains(template) ? rules.templates[template] : TaskRules()
    }

    /// Asked for more often than the rest.
    func needs(of entry: TaskEntry) -> Resources {
        let template = Int(entry.template)
        return rules.templates.indices.contains(template)
            ? rules.templates[template].needs : TaskRules().needs
    }

    func key(_ ordinal: UInt32) -> TaskKey { TaskKey(job: record.number, ordinal: ordinal) }

    var hasSucceeded: Bool { !isDeleting && counts.failed == 0 && counts.active == 0 }

    /// Tasks wait that did not.
    func lookForWaitingAnew() { firstThatMayWait = 0 }

    /// The lowest ordinal of a task that waits for others. What waits no more never waits again, until tasks of the job
    /// are to run again, so no task is passed twice.
    func firstWaiting() -> UInt32? {
        while firstThatMayWait < tasks.count, !tasks[firstThatMayWait].isWaiting { firstThatMayWait += 1 }
        return firstThatMayWait < tasks.count ? UInt32(firstThatMayWait) : nil
    }
}

/// How many jobs have tasks that are not done, kept up to date by the jobs: asked for in every turn, of however
/// many jobs there are.
final class JobTally {
    private(set) var busyJobs = 0

    fileprivate func count(_ job: JobEntry) {
        guard job.isBusy != job.isCounted else { return }
        job.isCounted.toggle()
        busyJobs += job.isCounted ? 1 : -1
    }

    func forget(_ job: JobEntry) {
        if job.isCounted { busyJobs -= 1 }
        job.isCounted = false
    }
}

/// Job preparation and release on one node.
struct NodeJobState: Sendable {
    enum Phase: Sendable {
        case preparing, prepared, preparationFailed
        /// The node died while the preparation ran: it runs again, under the next number.
        case preparationLost
        case releasing, released
    }
    var phase: Phase
    /// Of the latest of both: a release has a higher number than the preparation before it, and the next preparation
    /// a higher one than that.
    var attempt: Int32
    /// Tasks that hold slots on the node and wait for the preparation.
    var waiting: [UInt32] = []
    /// The node was told to end the preparation, as the job ends.
    var isEnding = false
    /// For the deaths of the node while the preparation ran.
    var blame: UInt8 = 0
}
