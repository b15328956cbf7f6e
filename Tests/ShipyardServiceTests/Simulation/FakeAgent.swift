import ShipyardModel
import ShipyardService

/// An agent as a table: what it was told, what runs, which exits are not acknowledged. It keeps the rules of the
/// real one (known work is not started twice, exits and answers are kept until the service has stored them) and
/// outlives the service.
struct FakeAgent {
    struct Running {
        var work: WorkAssignment
        var started: Instant
        var ends: Instant
        /// What it is ended as.
        var ending: Outcome?
        /// Its command has ended.
        var isUploading = false
    }

    /// How far a removal is. All of it is in the journal, so the next agent goes on with it.
    enum Removal {
        case underWay
        case removed
        case failed
    }

    /// What it is told.
    enum Order {
        case start(WorkAssignment)
        case cancel(WorkID, Outcome)
        case removeFiles(RemovalID, FilesOwner)
        case forgetRemoval(RemovalID)
        case acknowledge(UInt64)
        case reboot
    }

    let boot: Int64
    let slots: Int
    /// Counts nodes of one name: each has a disk of its own.
    let life: Int
    /// Of the program that it is.
    let version: Int
    var isAlive = true
    var running: [WorkID: Running] = [:]
    var queued: [WorkAssignment] = []
    /// Work that it will give back.
    var held: [WorkAssignment] = []
    var exits: [(sequence: UInt64, work: WorkID, result: AttemptResult)] = []
    var lastSequence: UInt64 = 0
    /// The node's directories of tasks, and whose they are.
    var directories: [String: TaskKey] = [:]
    var removals: [RemovalID: Removal] = [:]
    /// Why it starts nothing.
    var trouble: String?
    /// Stopped by a signal: it hears, does and says nothing, and what it has started runs on.
    var isStopped = false
    var unread: [Order] = []
    var unseenEnds: [(work: WorkID, started: Instant)] = []

    var usedSlots: Int { running.values.reduce(0) { $0 + $1.work.needs.slots } }

    func knows(_ work: WorkID) -> Bool {
        running[work] != nil || (queued + held).contains { $0.id == work }
            || exits.contains { $0.work == work }
    }

    /// Its death: what it had started dies with it, and the disk stays.
    mutating func die() {
        (isAlive, isStopped, trouble) = (false, false, nil)
        (running, queued, held, unread, unseenEnds) = ([:], [], [], [], [])
    }
}
