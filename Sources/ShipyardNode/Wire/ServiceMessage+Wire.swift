import ShipyardModel

extension ServiceMessage: WireMessage {
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .hello(let offer, let state, let life):
            writer.append(UInt8(0))
            if writer.version != ProtocolVersions.beforeGreetings {
                writer.append(offer.oldest)
                writer.append(offer.newest)
            }
            writer.append(state.text)
            writer.append(life.text)
        case .context(let context):
            writer.append(UInt8(1))
            context.write(to: &writer)
        case .start(let order):
            writer.append(UInt8(2))
            order.write(to: &writer)
        case .kill(let id, let outcome):
            writer.append(UInt8(3))
            writer.append(id)
            writer.append(ending: outcome)
        case .recall(let id):
            writer.append(UInt8(4))
            writer.append(id)
        case .acknowledge(let sequence):
            writer.append(UInt8(5))
            writer.append(sequence)
        case .removeDirectory(let id, let path):
            writer.append(UInt8(6))
            writer.append(id.rawValue)
            writer.append(path)
        case .shutDown:
            writer.append(UInt8(7))
        case .forgetContext(let number):
            writer.append(UInt8(8))
            writer.append(number)
        case .forgetRemoval(let id):
            writer.append(UInt8(9))
            writer.append(id.rawValue)
        case .ping(let number):
            writer.append(UInt8(10))
            writer.append(number)
        case .accept:
            writer.append(UInt8(11))
        }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        switch try reader.integer(UInt8.self) {
        case 0:
            var offer = ProtocolVersions(oldest: reader.version, newest: reader.version)
            if reader.version != ProtocolVersions.beforeGreetings {
                offer = ProtocolVersions(oldest: try reader.integer(), newest: try reader.integer())
            }
            self = .hello(offer, try reader.stateID(), try reader.lifeID())
        case 1: self = .context(try WorkContext(from: &reader))
        case 2: self = .start(try WorkOrder(from: &reader))
        case 3: self = .kill(try reader.workID(), try reader.ending())
        case 4: self = .recall(try reader.workID())
        case 5: self = .acknowledge(try reader.integer())
        case 6: self = .removeDirectory(try reader.removalID(), path: try reader.text())
        case 7: self = .shutDown
        case 8: self = .forgetContext(try reader.integer())
        case 9: self = .forgetRemoval(try reader.removalID())
        case 10: self = .ping(try reader.integer())
        case 11: self = .accept
        case let tag: throw .unknownTag(tag)
        }
    }
}

extension WorkContext: WireMessage {
    package func write(to writer: inout ByteWriter) {
        writer.append(number)
        writer.append(parentDirectory)
        writer.append(count: environment.count)
        for (name, value) in environment {
            writer.append(name)
            writer.append(value)
        }
        // -1 is no limit: a limit is never negative.
        writer.append(maxWallTime?.milliseconds ?? -1)
        writer.append(staging)
        guard writer.version != ProtocolVersions.beforeGreetings else { return }
        writer.append(upload)
        writer.append(uploadsAfter.rawValue)
        writer.append(UInt8(recordsOutput ? 1 : 0))
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        let number = try reader.integer(UInt32.self)
        let parentDirectory = try reader.text()
        let count = try reader.count(elementBytes: 8)
        var environment: [(name: String, value: String)] = []
        environment.reserveCapacity(count)
        for _ in 0..<count { environment.append((try reader.text(), try reader.text())) }
        let wallTime = try reader.integer(Int64.self)
        self.init(
            number: number, parentDirectory: parentDirectory, environment: environment,
            maxWallTime: wallTime < 0 ? nil : TimeSpan(milliseconds: wallTime),
            staging: try reader.optionalText())
        guard reader.version != ProtocolVersions.beforeGreetings else { return }
        upload = try reader.optionalText()
        uploadsAfter = UploadConditions(rawValue: try reader.integer())
        recordsOutput = try reader.integer(UInt8.self) != 0
    }
}

extension WorkOrder: WireMessage {
    private static let stagingFlag: UInt8 = 1
    private static let resourcesFlag: UInt8 = 2
    private static let secretsFlag: UInt8 = 4
    private static let keysFlag: UInt8 = 8
    private static let filesFlag: UInt8 = 16
    private static let uploadFlag: UInt8 = 32
    private static let flags = stagingFlag | resourcesFlag | secretsFlag | keysFlag | filesFlag | uploadFlag

    package func write(to writer: inout ByteWriter) {
        writer.append(id)
        writer.append(context)
        writer.append(name)
        writer.append(command)
        writer.append(UInt16(clamping: needs.slots))
        // What follows. An order of slots only lies as it did when there was nothing else.
        writer.append(
            UInt8(staging == nil ? 0 : Self.stagingFlag) | (needs.isPlain ? 0 : Self.resourcesFlag)
                | (secrets.isEmpty ? 0 : Self.secretsFlag) | (storageKeys == nil ? 0 : Self.keysFlag)
                | (files.isEmpty ? 0 : Self.filesFlag) | (upload == nil ? 0 : Self.uploadFlag))
        if let staging { writer.append(staging) }
        if !needs.isPlain { writer.append(othersOf: needs) }
        if !secrets.isEmpty { writer.append(exposing: secrets) }
        if let storageKeys { writer.append(exposing: storageKeys) }
        if !files.isEmpty {
            writer.append(count: files.count)
            for file in files {
                writer.append(file.name)
                writer.append(file.content)
            }
        }
        if let upload { writer.append(upload) }
    }

    package init(from reader: inout ByteReader) throws(WireError) {
        let id = try reader.workID()
        let (context, name, command) = (
            try reader.integer(UInt32.self), try reader.text(), try reader.text()
        )
        var needs = Resources(slots: Int(try reader.integer(UInt16.self)))
        let parts = try reader.integer(UInt8.self)
        guard parts & ~Self.flags == 0 else { throw .unknownTag(parts) }
        let staging = parts & Self.stagingFlag == 0 ? nil : try reader.text()
        if parts & Self.resourcesFlag != 0 { try reader.others(of: &needs) }
        let secrets = parts & Self.secretsFlag == 0 ? [] : try reader.secretVariables()
        let keys = parts & Self.keysFlag == 0 ? nil : try reader.secret()
        self.init(
            id: id, context: context, name: name, command: command, needs: needs, staging: staging,
            secrets: secrets, storageKeys: keys)
        if parts & Self.filesFlag != 0 {
            for _ in 0..<(try reader.count(elementBytes: 8)) {
                files.append(ActivityFile(try reader.text(), try reader.text()))
            }
        }
        if parts & Self.uploadFlag != 0 { upload = try reader.text() }
    }
}
