import ShipyardModel

/// What the records of a journal come to: the agent's memory of what it has promised.
package struct JournalState: Sendable {
    package struct Exit: Sendable, Hashable {
        package var sequence: UInt64
        package var id: WorkID
        package var result: AttemptResult
    }

    /// 0 when no agent has ever begun here.
    package private(set) var boot: Int64 = 0
    package private(set) var agent: ProcessStamp?
    package private(set) var nextSequence: UInt64 = 1
    /// Started and not ended, as far as the agent lived to see.
    package private(set) var running: [WorkID: ProcessStamp] = [:]
    private var exits: [Exit] = []
    /// How many of `exits` are acknowledged: removed in bulk, because removing the first of many is slow.
    private var acknowledged = 0
    private var waiting: Set<WorkID> = []

    package init() {}

    /// Exits that the service has not acknowledged, oldest first.
    package var unacknowledged: ArraySlice<Exit> { exits[acknowledged...] }

    package func hasUnacknowledgedExit(of id: WorkID) -> Bool { waiting.contains(id) }

    package mutating func apply(_ record: JournalRecord) {
        switch record {
        case .boot(let number, let agent, let sequence):
            boot = number
            self.agent = agent
            nextSequence = max(nextSequence, sequence)
            running.removeAll()
        case .started(let id, let stamp):
            running[id] = stamp
        case .exited(let sequence, let id, let result):
            running[id] = nil
            exits.append(Exit(sequence: sequence, id: id, result: result))
            waiting.insert(id)
            nextSequence = max(nextSequence, sequence + 1)
        case .acknowledged(let sequence):
            acknowledge(upTo: sequence)
        }
    }

    private mutating func acknowledge(upTo sequence: UInt64) {
        while acknowledged < exits.count, exits[acknowledged].sequence <= sequence {
            waiting.remove(exits[acknowledged].id)
            acknowledged += 1
        }
        if acknowledged > 1024 || acknowledged == exits.count {
            exits.removeFirst(acknowledged)
            acknowledged = 0
        }
    }

    /// The shortest journal that comes to this state.
    package func records(boot: Int64, agent: ProcessStamp) -> [JournalRecord] {
        var records: [JournalRecord] = [.boot(boot, agent: agent, nextSequence: nextSequence)]
        records += running.map { .started($0.key, $0.value) }
        records += unacknowledged.map { .exited(sequence: $0.sequence, $0.id, $0.result) }
        return records
    }
}
