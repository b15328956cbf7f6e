import ShipyardModel
import ShipyardNode

/// An agent as a table: what it was told, what runs, what it has not been thanked for. It keeps the rules of the
/// real one (known work is not started twice, exits are kept until acknowledged) and outlives the service.
struct FakeAgent {
    struct Running {
        var order: WorkOrder
        var started: Instant
        var ends: Instant
        var isKilled: FailureInfo?
    }

    let boot: Int64
    let slots: Int
    var isAlive = true
    var running: [WorkID: Running] = [:]
    var queued: [WorkOrder] = []
    var exits: [(sequence: UInt64, work: WorkID, result: AttemptResult)] = []
    var lastSequence: UInt64 = 0
    /// Contexts as told on this or an earlier connection, by number.
    var contexts: Set<UInt32> = []

    var usedSlots: Int { running.values.reduce(0) { $0 + Int($1.order.slots) } }

    func knows(_ work: WorkID) -> Bool {
        running[work] != nil || queued.contains { $0.id == work } || exits.contains { $0.work == work }
    }
}
