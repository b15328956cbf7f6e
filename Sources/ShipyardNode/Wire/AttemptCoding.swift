import ShipyardModel

// The parts that messages and journal records have in common.

/// Beside the kind: an instance follows. The first one has none, so that it lies as it did before there were any.
private let instanceFlag: UInt8 = 0x80

/// How an outcome lies in bytes. The first three are read only: journals of agents before this one have them.
private enum OutcomeForm {
    static let exit: UInt8 = 0
    static let signal: UInt8 = 1
    static let none: UInt8 = 2
    static let parts: UInt8 = 3
    /// As `parts`, and behind them what went wrong with the upload: in results alone.
    static let partsAndUpload: UInt8 = 4
    /// As `parts`, and behind them the output of a success: in results alone.
    static let partsAndOutput: UInt8 = 5
}

extension ByteWriter {
    package mutating func append(_ id: WorkID) {
        append(id.kind.rawValue | (id.instance == 0 ? 0 : instanceFlag))
        append(id.key)
        append(id.attempt)
        if id.instance != 0 { append(id.instance) }
    }

    /// All but the slots, which have their own place.
    package mutating func append(othersOf resources: Resources) {
        append(Int64(resources.milliCPUs))
        append(resources.memoryBytes)
        append(count: resources.others.count)
        for other in resources.others {
            append(other.name)
            append(Int64(other.count))
        }
    }

    package mutating func append(_ ids: [WorkID]) {
        append(count: ids.count)
        for id in ids { append(id) }
    }

    package mutating func append(_ outcome: Outcome) {
        guard version != ProtocolVersions.beforeGreetings else { return appendBeforeForms(outcome) }
        append(OutcomeForm.parts)
        append(outcome.parts)
    }

    /// A result has one of the two at most: an output is a success's.
    private mutating func append(_ outcome: Outcome, _ upload: UploadFailure?, _ output: TaskOutput?) {
        guard version != ProtocolVersions.beforeGreetings else { return append(outcome) }
        if let output {
            append(OutcomeForm.partsAndOutput)
            append(outcome.parts)
            switch output {
            case .absent: append(nil as String?)
            case .document(let text): append(text as String?)
            }
        } else if let upload {
            append(OutcomeForm.partsAndUpload)
            append(outcome.parts)
            append(upload.fault.rawValue)
            append(upload.message)
        } else {
            append(outcome)
        }
    }

    private mutating func append(_ parts: Outcome.Parts) {
        append(parts.tag)
        append(parts.number)
        append(parts.text)
    }

    /// As it was written before outcomes had a form of their own: an exit or none, and words where there are any.
    private mutating func appendBeforeForms(_ outcome: Outcome) {
        switch outcome {
        case .exited(let code):
            append(OutcomeForm.exit)
            append(code)
        case .signalled(let signal):
            append(OutcomeForm.signal)
            append(signal)
        case .notStarted, .stagingFailed, .inputFailed, .uploadFailed, .outputRefused, .nodeLost,
            .endedByUser,
            .overWallTime, .outOfMemory, .skipped, .unreadable:
            append(OutcomeForm.none)
        }
        append(UInt8(outcome.failure == nil ? 0 : 1))
        if let failure = outcome.failure { append(failure) }
    }

    /// What is to be told of the end of a kill, which was words alone.
    package mutating func append(ending outcome: Outcome) {
        guard version == ProtocolVersions.beforeGreetings else { return append(outcome) }
        append(outcome.failure ?? FailureInfo(category: .userError, code: "TaskEnded", message: ""))
    }

    private mutating func append(_ failure: FailureInfo) {
        append(UInt8(failure.category == .userError ? 0 : 1))
        append(failure.code)
        append(failure.message)
    }

    package mutating func append(_ result: AttemptResult) {
        append(result.outcome, result.uploadFailure, result.output)
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
        guard let kind = WorkKind(rawValue: tag & ~instanceFlag) else { throw .unknownTag(tag) }
        return WorkID(
            kind: kind, key: try integer(), attempt: try integer(),
            instance: tag & instanceFlag == 0 ? 0 : try integer())
    }

    package mutating func workIDs() throws(WireError) -> [WorkID] {
        let count = try count(elementBytes: 13)
        var ids: [WorkID] = []
        ids.reserveCapacity(count)
        for _ in 0..<count { ids.append(try workID()) }
        return ids
    }

    package mutating func others(of resources: inout Resources) throws(WireError) {
        resources.milliCPUs = Int(clamping: try integer(Int64.self))
        resources.memoryBytes = try integer()
        for _ in 0..<(try count(elementBytes: 12)) {
            resources.others.append(
                Resources.Other(try text(), Int(clamping: try integer(Int64.self))))
        }
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

    package mutating func instant() throws(WireError) -> Instant { Instant(milliseconds: try integer()) }

    /// Also as agents and journals before this form have it: an exit or none, and perhaps words.
    package mutating func outcome() throws(WireError) -> Outcome {
        try outcome(form: try integer())
    }

    private mutating func outcome(form: UInt8) throws(WireError) -> Outcome {
        switch form {
        case OutcomeForm.parts: return try outcomeParts()
        case OutcomeForm.exit: return try outcome(of: .exited(try integer()))
        case OutcomeForm.signal: return try outcome(of: .signalled(try integer()))
        case OutcomeForm.none: return try outcome(of: nil)
        case let tag: throw .unknownTag(tag)
        }
    }

    package mutating func ending() throws(WireError) -> Outcome {
        version == ProtocolVersions.beforeGreetings ? Outcome(words: try words()) : try outcome()
    }

    private mutating func outcomeParts() throws(WireError) -> Outcome {
        let parts = Outcome.Parts(tag: try integer(), number: try integer(), text: try optionalText())
        guard let outcome = Outcome(parts) else { throw .unknownTag(parts.tag) }
        return outcome
    }

    private mutating func outcome(of exit: Outcome?) throws(WireError) -> Outcome {
        switch try integer(UInt8.self) {
        case 0: break
        case 1:
            let words = try words()
            return exit ?? Outcome(words: words)
        case let tag: throw .unknownTag(tag)
        }
        guard let exit else { throw .unknownTag(OutcomeForm.none) }
        return exit
    }

    private mutating func words() throws(WireError) -> FailureInfo {
        let tag = try integer(UInt8.self)
        guard tag <= 1 else { throw .unknownTag(tag) }
        return FailureInfo(
            category: tag == 0 ? .userError : .serverError, code: try text(), message: try text())
    }

    package mutating func attemptResult() throws(WireError) -> AttemptResult {
        let form = try integer(UInt8.self)
        let hasUpload = form == OutcomeForm.partsAndUpload
        let hasOutput = form == OutcomeForm.partsAndOutput
        let outcome = try outcome(form: hasUpload || hasOutput ? OutcomeForm.parts : form)
        let upload = hasUpload ? try uploadFailure() : nil
        let output = hasOutput ? try optionalText().map(TaskOutput.document) ?? .absent : nil
        let startTime = try instant()
        let endTime = try instant()
        let usage = ResourceUsage(
            wall: try integer(), user: try integer(), system: try integer(), peakMemoryBytes: try integer())
        return AttemptResult(
            outcome, startTime: startTime, endTime: endTime, usage: usage, uploadFailure: upload,
            output: output)
    }

    private mutating func uploadFailure() throws(WireError) -> UploadFailure {
        let tag = try integer(UInt8.self)
        guard let fault = UploadFault(rawValue: tag) else { throw .unknownTag(tag) }
        return UploadFailure(fault, try text())
    }
}
