import ShipyardModel
import ShipyardSystem

/// What the records of a journal come to: the agent's memory of what it has promised.
package struct JournalState: Sendable {
    package struct Exit: Sendable, Hashable {
        package var sequence: UInt64
        package var id: WorkID
        package var result: AttemptResult
    }

    /// Nil when no agent has ever begun here.
    package private(set) var boot: JournalBoot?
    package private(set) var nextSequence: UInt64 = 1
    /// Started and not ended, as far as the agent lived to see.
    package private(set) var running: [WorkID: ProcessStamp] = [:]
    private var exits: [Exit] = []
    /// How many of `exits` are acknowledged: removed in bulk, because removing the first of many is slow.
    private var acknowledged = 0
    private var waiting: Set<WorkID> = []
    /// Of the outputs in exits that are not acknowledged.
    package private(set) var outputBytes = 0

    package init() {}

    /// Exits that the service has not acknowledged, oldest first.
    package var unacknowledged: ArraySlice<Exit> { exits[acknowledged...] }

    package func hasUnacknowledgedExit(of id: WorkID) -> Bool { waiting.contains(id) }

    package mutating func apply(_ record: JournalRecord) {
        switch record {
        case .boot(let boot, let sequence):
            self.boot = boot
            nextSequence = max(nextSequence, sequence)
            running.removeAll()
        case .started(let id, let stamp):
            running[id] = stamp
        case .exited(let sequence, let id, let result):
            running[id] = nil
            exits.append(Exit(sequence: sequence, id: id, result: result))
            waiting.insert(id)
            outputBytes += result.output?.byteCount ?? 0
            nextSequence = max(nextSequence, sequence == .max ? .max : sequence + 1)
        case .withdrawn(let id):
            running[id] = nil
        case .acknowledged(let sequence):
            acknowledge(upTo: sequence)
        case .heard(let life):
            boot?.life = life
        }
    }

    private mutating func acknowledge(upTo sequence: UInt64) {
        while acknowledged < exits.count, exits[acknowledged].sequence <= sequence {
            waiting.remove(exits[acknowledged].id)
            outputBytes -= exits[acknowledged].result.output?.byteCount ?? 0
            // Exits stay here for a while, and an output may be long.
            exits[acknowledged].result.output = nil
            acknowledged += 1
        }
        if acknowledged > 1024 || acknowledged == exits.count {
            exits.removeFirst(acknowledged)
            acknowledged = 0
        }
    }

    /// Forgets the exits of another state: its numbers are given again by this one, for other work.
    mutating func believe(_ state: StateID) {
        guard let boot, boot.state != state else { return }
        forgetExits()
    }

    /// Whether it was written for a service whose work `lives` knows. One without a beginning says nothing.
    package func isKnown(to lives: StateLives) -> Bool {
        boot.map { lives.know($0.life, of: $0.state) } ?? true
    }

    mutating func forgetExits() {
        exits.removeAll()
        waiting.removeAll()
        acknowledged = 0
        outputBytes = 0
    }

    /// What was running, as far as its numbers still mean anything: nothing of another machine, another boot or
    /// another numbering of processes.
    var stamps: [ProcessStamp] {
        guard let boot, boot.machine == MachineID.current() else { return [] }
        return [boot.agent] + running.values
    }

    /// The control group of the last agent of that root; nil also when it is gone. Another root's is not believed:
    /// this may be a copy of its journal.
    func group(of root: FileIdentity) -> ControlGroup? {
        guard let group = namedGroup, group.isOf(root) else { return nil }
        return group
    }

    /// Whether there is a group that the journal names and that is another root's.
    func namesForeignGroup(in root: FileIdentity) -> Bool { namedGroup.map { !$0.isOf(root) } ?? false }

    private var namedGroup: ControlGroup? {
        guard let boot, boot.machine == MachineID.current(), case .made(let path) = boot.group else {
            return nil
        }
        return ControlGroup(path: path)
    }

    /// The shortest journal that comes to this state.
    package func records() -> [JournalRecord] {
        var records: [JournalRecord] = []
        if let boot { records.append(.boot(boot, nextSequence: nextSequence)) }
        records += running.map { .started($0.key, $0.value) }
        records += unacknowledged.map { .exited(sequence: $0.sequence, $0.id, $0.result) }
        return records
    }
}
