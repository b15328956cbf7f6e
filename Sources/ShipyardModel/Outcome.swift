/// How an attempt ended. Everything that is decided, stored, sent and shown about an end starts here; what Azure
/// Batch calls it is a rendering (`failure`, `exitCode`).
///
/// Where a case has a text, it is one sentence for people, made where the cause was seen.
package enum Outcome: Hashable, Sendable {
    /// The command exited by itself, 0 to 255. 0 is success, and the only one.
    case exited(Int32)
    /// The command was ended by a signal that was not ours.
    case signalled(Int32)
    /// No process of the command ever was.
    case notStarted(StartFault, String)
    /// Files could not be put in place before the command.
    case stagingFailed(StagingFault, String)
    /// Data could not be fetched before the command: in Batch Shipyard a part of it, so this is retried as its exit would be.
    case inputFailed(StagingFault, String)
    /// The command succeeded, and not all that it has made could be stored.
    case uploadFailed(UploadFault, String)
    /// The command succeeded, and what it has left as its output is none.
    case outputRefused(OutputFault, String)
    /// The node went away, and what ran there with it.
    case nodeLost(NodeLoss, String)
    /// Ended by us, as a user or the end of its job wanted it.
    case endedByUser
    /// It ran longer than its `max_wall_time`, which this is.
    case overWallTime(TimeSpan)
    /// Ended because it used more memory than it was given.
    case outOfMemory
    /// Not run, because of how what it depends on has ended.
    case skipped
    /// What is stored of the end makes no sense: whether anything ran is not known.
    case unreadable(String)

    package var isSuccess: Bool { self == .exited(0) }
}

// Raw values are stored and sent: none is ever given again.

/// Why a command could not be started.
package enum StartFault: UInt8, Sendable, CaseIterable {
    case programNotFound = 1
    case launchFailed = 2
    case directoryNotMade = 3
    case fileNotMade = 4
    case diskFull = 5
    /// The node can start nothing, and the work does not wait for that to pass.
    case nodeCannotStartWork = 6
    /// The state file has lost what was to be run.
    case rowMissing = 7
    /// A secret that it needs cannot be had.
    case secretMissing = 8
    /// The task whose files it is to get has none: it is not there, has not run, or its node is gone.
    case taskFilesMissing = 9
    /// A value that it is to get from another task's output is not there.
    case outputMissing = 10
}

/// Why files could not be put in place.
package enum StagingFault: UInt8, Sendable, CaseIterable {
    case blobNotFound = 1
    case blobAccessDenied = 2
    case blobDownloadMiscError = 3
    case blobDownloadTimedOut = 4
    case resourceDirectoryCreateFailed = 5
    case resourceFileCreateFailed = 6
    case resourceFileWriteFailed = 7
    /// Ours: Azure Batch checks no content.
    case resourceFileChecksumMismatch = 8
    case diskFull = 9
    case applicationPackageError = 10
    /// Whoever put the files in place broke down before it could say why.
    case unknown = 11
}

/// Why files could not be stored after a command.
package enum UploadFault: UInt8, Sendable, CaseIterable {
    case containerNotFound = 1
    case accessDenied = 2
    case miscError = 3
    case timedOut = 4
    /// Ours: Azure Batch has no name for a store that is full.
    case insufficientSpace = 5
}

/// Told beside the end of a command that failed anyway: its exit stays the outcome.
package struct UploadFailure: Hashable, Sendable {
    package var fault: UploadFault
    /// As the text of an outcome.
    package var message: String

    package init(_ fault: UploadFault, _ message: String) {
        self.fault = fault
        self.message = message
    }
}

/// How a node was lost.
package enum NodeLoss: UInt8, Sendable, CaseIterable {
    /// Its agent died.
    case died = 1
    /// It left its pool.
    case left = 2
    /// It died again and again while this preparation ran, which is not run there any more.
    case diedOfPreparation = 3
}

extension Outcome {
    /// The one form for rows, messages and journals: which case, its number, its text.
    package struct Parts: Hashable, Sendable {
        package var tag: UInt8
        package var number: Int64
        package var text: String?

        package init(tag: UInt8, number: Int64 = 0, text: String? = nil) {
            self.tag = tag
            self.number = number
            self.text = text
        }
    }

    /// The tag of an outcome with a code; a code of 0 is success. Rows are counted by it.
    package static let exitedTag: UInt8 = 1

    package var parts: Parts {
        switch self {
        // 1 and 2 mean the same in rows of the first version.
        case .exited(let code): Parts(tag: Self.exitedTag, number: Int64(code))
        case .signalled(let signal): Parts(tag: 2, number: Int64(signal))
        case .notStarted(let fault, let text): Parts(tag: 3, number: Int64(fault.rawValue), text: text)
        case .stagingFailed(let fault, let text): Parts(tag: 4, number: Int64(fault.rawValue), text: text)
        case .nodeLost(let loss, let text): Parts(tag: 5, number: Int64(loss.rawValue), text: text)
        case .endedByUser: Parts(tag: 6)
        case .overWallTime(let limit): Parts(tag: 7, number: limit.milliseconds)
        case .outOfMemory: Parts(tag: 8)
        case .skipped: Parts(tag: 9)
        case .unreadable(let text): Parts(tag: 10, text: text)
        case .inputFailed(let fault, let text): Parts(tag: 11, number: Int64(fault.rawValue), text: text)
        case .uploadFailed(let fault, let text): Parts(tag: 12, number: Int64(fault.rawValue), text: text)
        case .outputRefused(let fault, let text): Parts(tag: 13, number: Int64(fault.rawValue), text: text)
        }
    }

    /// Nil where the parts are of no outcome: damage, or a later version.
    package init?(_ parts: Parts) {
        let text = parts.text ?? ""
        switch parts.tag {
        case Self.exitedTag: self = .exited(Int32(truncatingIfNeeded: parts.number))
        case 2: self = .signalled(Int32(truncatingIfNeeded: parts.number))
        case 3:
            guard let fault: StartFault = Self.reason(parts) else { return nil }
            self = .notStarted(fault, text)
        case 4:
            guard let fault: StagingFault = Self.reason(parts) else { return nil }
            self = .stagingFailed(fault, text)
        case 5:
            guard let loss: NodeLoss = Self.reason(parts) else { return nil }
            self = .nodeLost(loss, text)
        case 6: self = .endedByUser
        case 7: self = .overWallTime(TimeSpan(milliseconds: parts.number))
        case 8: self = .outOfMemory
        case 9: self = .skipped
        case 10: self = .unreadable(text)
        case 11:
            guard let fault: StagingFault = Self.reason(parts) else { return nil }
            self = .inputFailed(fault, text)
        case 12:
            guard let fault: UploadFault = Self.reason(parts) else { return nil }
            self = .uploadFailed(fault, text)
        case 13:
            guard let fault: OutputFault = Self.reason(parts) else { return nil }
            self = .outputRefused(fault, text)
        default: return nil
        }
    }

    private static func reason<Reason: RawRepresentable<UInt8>>(_ parts: Parts) -> Reason? {
        UInt8(exactly: parts.number).flatMap(Reason.init)
    }
}
