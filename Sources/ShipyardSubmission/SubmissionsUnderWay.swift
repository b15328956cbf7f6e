import Glibc
import Synchronization

/// The identities of submissions that are being planned: who repeats one waits for the first, whose answer may
/// then be there.
final class SubmissionsUnderWay: Sendable {
    /// No more than there are connections.
    private let identities = Mutex<Set<String>>([])

    /// Runs `body` when no other submission of this identity is under way; nil when `isAbandoned` first.
    func alone<Answer>(
        _ identity: String, isAbandoned: () -> Bool, _ body: () throws(SubmissionError) -> Answer
    ) throws(SubmissionError) -> Answer? {
        while !identities.withLock({ $0.insert(identity).inserted }) {
            if isAbandoned() { return nil }
            usleep(10_000)
        }
        defer { _ = identities.withLock { $0.remove(identity) } }
        return try body()
    }
}
