import ShipyardModel
import ShipyardStaging

/// Makes the tokens by which tasks are known to the API, and knows them again: nothing of one is stored.
///
/// A token names one attempt at one piece of work and proves itself by an HMAC with a key of the home. The state's identity is
/// under it too, because a later state of the same home gives the same numbers again.
package struct TaskTokens: Sendable {
    /// The variables of a task that only the service sets.
    package static let variable = "SHIPYARD_TOKEN"
    package static let socketVariable = "SHIPYARD_API"
    package static func isReserved(_ name: String) -> Bool { name == variable || name == socketVariable }

    package static let keyBytes = 32
    private static let begin = "sy1"
    private static let visitorsBegin = "sy2"
    /// For whoever steps into a task that has ended: long enough to try something, and of no worth in an output that is read tomorrow.
    package static let visit = TimeSpan.seconds(3600)

    private let inner: SHA256
    private let outer: SHA256

    /// - Parameter key: `keyBytes` at random.
    package init(key: Secret, state: StateID) {
        let own = key.withExposedBytes { key in
            invariant(key.count == Self.keyBytes, "a key of \(key.count) bytes")
            let pads = (Self.hash(of: key, Self.innerPad), Self.hash(of: key, Self.outerPad))
            return Self.authenticator(of: Array("tokens of tasks of \(state)".utf8), pads.0, pads.1)
        }
        self.init(authenticatingWith: own)
    }

    /// Not private, for a test with the vectors of RFC 4231.
    ///
    /// - Parameter key: 64 bytes at most.
    init(authenticatingWith key: [UInt8]) {
        (inner, outer) = key.withUnsafeBytes {
            (Self.hash(of: $0, Self.innerPad), Self.hash(of: $0, Self.outerPad))
        }
    }

    /// Nil for a start task, which is no job's.
    package func token(for work: WorkID) -> Secret? { bytes(for: work).map { Secret(copying: $0) } }

    /// For somebody who steps into the work: good for the same until then, whatever becomes of the attempt.
    package func token(for work: WorkID, until end: Instant) -> Secret? {
        bytes(for: work, until: end).map { Secret(copying: $0) }
    }

    /// What a token says.
    struct Claim: Hashable {
        var work: WorkID
        /// Of somebody who has stepped in.
        var end: Instant?
    }

    /// Nil unless it is one of ours to the last byte.
    func claim(of token: String) -> Claim? {
        let parts = token.split(separator: "-", omittingEmptySubsequences: false)
        guard token.utf8.count <= 160, parts.count == 5 || parts.count == 6,
            let kind = UInt8(parts[1]).flatMap(WorkKind.init),
            let key = Int64(parts[2]), let attempt = Int32(parts[3])
        else { return nil }
        var claim = Claim(work: WorkID(kind: kind, key: key, attempt: attempt))
        if parts.count == 6 {
            guard let end = Int64(parts[4]) else { return nil }
            claim.end = Instant(milliseconds: end)
        }
        guard let known = bytes(for: claim.work, until: claim.end),
            Secret(copying: known).isSameInConstantTime(as: Secret(token))
        else { return nil }
        return claim
    }

    /// Of a token that is the attempt's own.
    package func work(of token: String) -> WorkID? {
        claim(of: token).flatMap { $0.end == nil ? $0.work : nil }
    }

    private func bytes(for work: WorkID, until end: Instant? = nil) -> [UInt8]? {
        guard work.job != nil else { return nil }
        let begin = end == nil ? Self.begin : Self.visitorsBegin
        var bytes = Array("\(begin)-\(work.kind.rawValue)-\(work.key)-\(work.attempt)".utf8)
        if let end { bytes += "-\(end.milliseconds)".utf8 }
        bytes.reserveCapacity(bytes.count + 65)
        let digest = authenticator(of: bytes)
        bytes.append(UInt8(ascii: "-"))
        bytes += hexadecimalText(digest).utf8
        return bytes
    }

    // MARK: HMAC-SHA256 (RFC 2104)

    private static let innerPad: UInt8 = 0x36
    private static let outerPad: UInt8 = 0x5C

    private static func hash(of key: UnsafeRawBufferPointer, _ pad: UInt8) -> SHA256 {
        var block = [UInt8](repeating: pad, count: 64)
        for (index, byte) in key.enumerated() { block[index] ^= byte }
        var hash = SHA256()
        block.withUnsafeBytes { hash.update($0) }
        return hash
    }

    /// An order is sent with each task, so the key is hashed once and what is left are two blocks.
    func authenticator(of message: [UInt8]) -> [UInt8] { Self.authenticator(of: message, inner, outer) }

    private static func authenticator(of message: [UInt8], _ inner: SHA256, _ outer: SHA256) -> [UInt8] {
        var (first, second) = (inner, outer)
        message.withUnsafeBytes { first.update($0) }
        first.digest().withUnsafeBytes { second.update($0) }
        return second.digest()
    }
}

/// A task, as a request that it made shows it.
package struct TaskCaller: Sendable, Hashable {
    package let work: WorkID
    package let jobNumber: UInt32
    package let job: JobID
    /// Somebody who has stepped into the task, and may go on when it has ended.
    package let isVisitor: Bool

    package init(work: WorkID, jobNumber: UInt32, job: JobID, isVisitor: Bool = false) {
        self.isVisitor = isVisitor
        self.work = work
        self.jobNumber = jobNumber
        self.job = job
    }
}

/// What a token is worth now.
package enum TokenVerdict: Sendable {
    case valid(TaskCaller)
    /// It was a token once: what it was for has ended, or another attempt took its place.
    case over
    case unknown
}

extension ServiceCore {
    package func verdict(on token: String, at now: Moment) -> TokenVerdict {
        guard let claim = tokensOfTasks?.claim(of: token) else { return .unknown }
        guard let number = claim.work.job, let job = engine.job(number) else { return .over }
        // A clock that was set back makes none of them last for longer than it was given for.
        let isOpen = claim.end.map { now.wall < $0 && $0 - now.wall <= TaskTokens.visit } ?? isUnderWay(claim.work)
        guard isOpen else { return .over }
        return .valid(TaskCaller(work: claim.work, jobNumber: number, job: job.id, isVisitor: claim.end != nil))
    }

    /// Whether the attempt has not ended. One that goes on beside the attempt that took its place, on a node that was given
    /// up, must not write what the other one has written.
    func isUnderWay(_ work: WorkID) -> Bool {
        guard let number = work.job, let job = engine.job(number), job.state != .completed else {
            return false
        }
        return switch work.kind {
        case .task: engine.attemptUnderWay(of: TaskKey(rawValue: work.key)) == work.attempt
        case .jobPreparation, .jobRelease: true
        case .startTask: false
        }
    }
}
