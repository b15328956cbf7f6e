import ShipyardModel

// The parts that messages and journal records have in common.

extension ByteWriter {
    package mutating func append(_ id: WorkID) {
        append(id.kind.rawValue)
        append(id.key)
        append(id.attempt)
    }

    package mutating func append(_ ids: [WorkID]) {
        append(count: ids.count)
        for id in ids { append(id) }
    }

    package mutating func append(_ failure: FailureInfo) {
        append(UInt8(failure.category == .userError ? 0 : 1))
        append(failure.code)
        append(failure.message)
    }

    package mutating func append(_ result: AttemptResult) {
        switch result.exit {
        case .exited(let code):
            append(UInt8(0))
            append(code)
        case .signalled(let signal):
            append(UInt8(1))
            append(signal)
        case .none:
            append(UInt8(2))
        }
        append(UInt8(result.failure == nil ? 0 : 1))
        if let failure = result.failure { append(failure) }
        append(result.startTime.milliseconds)
        append(result.endTime.milliseconds)
        append(result.usage.wallTimeMicroseconds)
        append(result.usage.userTimeMicroseconds)
        append(result.usage.systemTimeMicroseconds)
        append(result.usage.peakMemoryBytes)
    }
}

extension ByteReader {
    package mutating func workID() throws(WireError) -> WorkID {
        let tag = try integer(UInt8.self)
        guard let kind = WorkKind(rawValue: tag) else { throw .unknownTag(tag) }
        return WorkID(kind: kind, key: try integer(), attempt: try integer())
    }

    package mutating func workIDs() throws(WireError) -> [WorkID] {
        let count = try count(elementBytes: 13)
        var ids: [WorkID] = []
        ids.reserveCapacity(count)
        for _ in 0..<count { ids.append(try workID()) }
        return ids
    }

    package mutating func removalID() throws(WireError) -> RemovalID { RemovalID(rawValue: try integer()) }

    package mutating func stateID() throws(WireError) -> StateID {
        guard let id = StateID(try text()) else { throw .invalidText }
        return id
    }

    package mutating func lifeID() throws(WireError) -> LifeID {
        guard let id = LifeID(try text()) else { throw .invalidText }
        return id
    }

    package mutating func agentToken() throws(WireError) -> AgentToken? {
        guard let text = try optionalText() else { return nil }
        guard let token = AgentToken(text) else { throw .invalidText }
        return token
    }

    package mutating func instant() throws(WireError) -> Instant { Instant(milliseconds: try integer()) }

    package mutating func failure() throws(WireError) -> FailureInfo {
        let tag = try integer(UInt8.self)
        guard tag <= 1 else { throw .unknownTag(tag) }
        return FailureInfo(
            category: tag == 0 ? .userError : .serverError, code: try text(), message: try text())
    }

    package mutating func attemptResult() throws(WireError) -> AttemptResult {
        let exit: ExitStatus
        switch try integer(UInt8.self) {
        case 0: exit = .exited(try integer())
        case 1: exit = .signalled(try integer())
        case 2: exit = .none
        case let tag: throw .unknownTag(tag)
        }
        var failureInfo: FailureInfo?
        switch try integer(UInt8.self) {
        case 0: break
        case 1: failureInfo = try failure()
        case let tag: throw .unknownTag(tag)
        }
        let startTime = try instant()
        let endTime = try instant()
        let usage = ResourceUsage(
            wall: try integer(), user: try integer(), system: try integer(), peakMemoryBytes: try integer())
        return AttemptResult(
            exit: exit, failure: failureInfo, startTime: startTime, endTime: endTime, usage: usage)
    }
}
