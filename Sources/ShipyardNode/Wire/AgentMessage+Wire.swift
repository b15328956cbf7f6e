import ShipyardModel

extension AgentMessage: WireMessage {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .welcome(let boot, let processID, let running, let queued):
            writer.append(UInt8(0))
            writer.append(boot)
            writer.append(processID)
            writer.append(running)
            writer.append(queued)
        case .started(let id, let instant):
            writer.append(UInt8(1))
            writer.append(id)
            writer.append(instant.milliseconds)
        case .exited(let sequence, let id, let result):
            writer.append(UInt8(2))
            writer.append(sequence)
            writer.append(id)
            writer.append(result)
        case .returned(let id):
            writer.append(UInt8(3))
            writer.append(id)
        case .directoryRemoved(let path):
            writer.append(UInt8(4))
            writer.append(path)
        case .directoryNotRemoved(let path, let reason):
            writer.append(UInt8(5))
            writer.append(path)
            writer.append(reason)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0:
            self = .welcome(
                boot: try reader.integer(), processID: try reader.integer(), running: try reader.workIDs(),
                queued: try reader.workIDs())
        case 1: self = .started(try reader.workID(), at: try reader.instant())
        case 2:
            self = .exited(sequence: try reader.integer(), try reader.workID(), try reader.attemptResult())
        case 3: self = .returned(try reader.workID())
        case 4: self = .directoryRemoved(try reader.text())
        case 5: self = .directoryNotRemoved(try reader.text(), reason: try reader.text())
        case let tag: throw .unknownTag(tag)
        }
    }
}
