import ShipyardModel
import ShipyardSystem

/// One record of an agent's journal.
package enum JournalRecord: Sendable, Hashable {
    /// An agent began. What an older one had running has been ended.
    case boot(JournalBoot, nextSequence: UInt64)
    /// A process of this attempt exists. A second one of the same attempt replaces the first.
    case started(WorkID, ProcessStamp)
    case exited(sequence: UInt64, WorkID, AttemptResult)
    /// It was given back before its command began.
    case withdrawn(WorkID)
    /// The service keeps every exit up to this one.
    case acknowledged(UInt64)
    /// A later life of the service has accepted the agent.
    case heard(LifeID)
}

/// In the file each record is a 32-bit length, the CRC-32 of what follows, and the record.
extension JournalRecord: WireMessage {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .boot(let boot, let nextSequence):
            writer.append(UInt8(4))
            boot.write(to: &writer)
            writer.append(nextSequence)
        case .started(let id, let stamp):
            writer.append(UInt8(1))
            writer.append(id)
            writer.append(stamp)
        case .exited(let sequence, let id, let result):
            writer.append(UInt8(2))
            writer.append(sequence)
            writer.append(id)
            writer.append(result)
        case .acknowledged(let sequence):
            writer.append(UInt8(3))
            writer.append(sequence)
        case .withdrawn(let id):
            writer.append(UInt8(5))
            writer.append(id)
        case .heard(let life):
            writer.append(UInt8(6))
            writer.append(life.text)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 4: self = .boot(try JournalBoot(from: &reader), nextSequence: try reader.integer())
        case 1: self = .started(try reader.workID(), try reader.stamp())
        case 2:
            self = .exited(sequence: try reader.integer(), try reader.workID(), try reader.attemptResult())
        case 3: self = .acknowledged(try reader.integer())
        case 5: self = .withdrawn(try reader.workID())
        case 6: self = .heard(try reader.lifeID())
        case let tag: throw .unknownTag(tag)
        }
    }

    func appendLine(to writer: inout ByteWriter) {
        let start = writer.bytes.count
        writer.append(UInt64(0))
        write(to: &writer)
        writer.patch(UInt32(writer.bytes.count - start - 8), at: start)
        writer.patch(Checksum.crc32(writer.bytes[(start + 8)...]), at: start + 4)
    }
}

/// Who wrote the records that follow: which agent, of which state, on which machine.
package struct JournalBoot: Sendable, Hashable {
    package var number: Int64
    package var state: StateID
    /// Of the service that the agent has last heard; at first the one that has launched it.
    package var life: LifeID
    package var machine: MachineID
    package var agent: ProcessStamp
    package var group: NodeGroup

    package init(
        number: Int64, state: StateID, life: LifeID, machine: MachineID, agent: ProcessStamp, group: NodeGroup
    ) {
        self.number = number
        self.state = state
        self.life = life
        self.machine = machine
        self.agent = agent
        self.group = group
    }
}

/// Whether an agent has a control group.
package enum NodeGroup: Sendable, Hashable {
    case made(path: String)
    case none(reason: String)
}

extension JournalBoot: WireMessage {
    package func write(to writer: inout ByteWriter) {
        writer.append(number)
        writer.append(state.text)
        writer.append(life.text)
        writer.append(machine.boot)
        writer.append(machine.processNamespace)
        writer.append(agent)
        switch group {
        case .made(let path):
            writer.append(UInt8(0))
            writer.append(path)
        case .none(let reason):
            writer.append(UInt8(1))
            writer.append(reason)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        number = try reader.integer()
        state = try reader.stateID()
        life = try reader.lifeID()
        machine = MachineID(boot: try reader.text(), processNamespace: try reader.text())
        agent = try reader.stamp()
        switch try reader.integer(UInt8.self) {
        case 0: group = .made(path: try reader.text())
        case 1: group = .none(reason: try reader.text())
        case let tag: throw .unknownTag(tag)
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ stamp: ProcessStamp) {
        append(stamp.processID)
        append(stamp.startedNotBefore)
        append(stamp.startedNotAfter)
    }
}

extension ByteReader {
    fileprivate mutating func stamp() throws(WireError) -> ProcessStamp {
        ProcessStamp(
            processID: try integer(), startedNotBefore: try integer(), startedNotAfter: try integer())
    }
}

/// CRC-32 as zip and Ethernet have it: finds every torn or half-written record that a crash may leave.
enum Checksum {
    static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in table[Int((sum ^ UInt32(byte)) & 255)] ^ (sum >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
    }
}
