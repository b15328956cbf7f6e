import ShipyardModel

/// One record of an agent's journal.
package enum JournalRecord: Sendable, Hashable {
    /// An agent began. What an older one had running has been ended.
    case boot(Int64, agent: ProcessStamp, nextSequence: UInt64)
    /// A process of this attempt exists. A second one of the same attempt replaces the first.
    case started(WorkID, ProcessStamp)
    case exited(sequence: UInt64, WorkID, AttemptResult)
    /// The service keeps every exit up to this one.
    case acknowledged(UInt64)
}

/// In the file each record is a 32-bit length, the CRC-32 of what follows, and the record.
extension JournalRecord: WireMessage {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .boot(let boot, let agent, let nextSequence):
            writer.append(UInt8(0))
            writer.append(boot)
            writer.append(agent)
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
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0:
            self = .boot(try reader.integer(), agent: try reader.stamp(), nextSequence: try reader.integer())
        case 1: self = .started(try reader.workID(), try reader.stamp())
        case 2:
            self = .exited(sequence: try reader.integer(), try reader.workID(), try reader.attemptResult())
        case 3: self = .acknowledged(try reader.integer())
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
