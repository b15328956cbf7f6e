import ShipyardModel

extension AgentMessage: WireMessage {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .welcome(let welcome):
            writer.append(UInt8(0))
            welcome.write(to: &writer)
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
        case .directoryRemoved(let id):
            writer.append(UInt8(4))
            writer.append(id.rawValue)
        case .directoryNotRemoved(let id, let path, let reason):
            writer.append(UInt8(5))
            writer.append(id.rawValue)
            writer.append(path)
            writer.append(reason)
        case .pong(let number):
            writer.append(UInt8(6))
            writer.append(number)
        case .cannotStartWork(let reason):
            writer.append(UInt8(7))
            writer.append(reason)
        case .canStartWork:
            writer.append(UInt8(8))
        case .transferring(let id, let progress):
            writer.append(UInt8(9))
            writer.append(id)
            writer.append(progress.direction.rawValue)
            writer.append(progress.files)
            writer.append(progress.bytes)
            writer.append(progress.totalFiles)
            writer.append(progress.totalBytes)
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0: self = .welcome(try Welcome(from: &reader))
        case 1: self = .started(try reader.workID(), at: try reader.instant())
        case 2:
            self = .exited(sequence: try reader.integer(), try reader.workID(), try reader.attemptResult())
        case 3: self = .returned(try reader.workID())
        case 4: self = .directoryRemoved(try reader.removalID())
        case 5:
            self = .directoryNotRemoved(
                try reader.removalID(), path: try reader.text(), reason: try reader.text())
        case 6: self = .pong(try reader.integer())
        case 7: self = .cannotStartWork(reason: try reader.text())
        case 8: self = .canStartWork
        case 9: self = .transferring(try reader.workID(), try reader.transferProgress())
        case let tag: throw .unknownTag(tag)
        }
    }
}

extension ByteReader {
    fileprivate mutating func transferProgress() throws(WireError) -> TransferProgress {
        let tag = try integer(UInt8.self)
        guard let direction = TransferProgress.Direction(rawValue: tag) else { throw .unknownTag(tag) }
        return TransferProgress(
            direction, files: try integer(), bytes: try integer(), totalFiles: try integer(),
            totalBytes: try integer())
    }
}

extension Welcome: WireMessage {
    package func write(to writer: inout ByteWriter) {
        if writer.version != ProtocolVersions.beforeGreetings {
            writer.append(version)
            writer.append(exposing: token)
        }
        writer.append(state.text)
        writer.append(life.text)
        writer.append(boot)
        writer.append(processID)
        writer.append(running)
        writer.append(queued)
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        version = reader.version
        if reader.version != ProtocolVersions.beforeGreetings {
            version = try reader.integer()
            token = try reader.agentToken()
        }
        state = try reader.stateID()
        life = try reader.lifeID()
        boot = try reader.integer()
        processID = try reader.integer()
        running = try reader.workIDs()
        queued = try reader.workIDs()
    }
}
