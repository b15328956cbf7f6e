import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardStore

/// Tasks that are to run again.
extension Submissions {
    private static var pause: UInt32 { 20_000 }
    private static var patience: UInt32 { 120_000_000 }

    /// Waits out what is over by itself: a job that is ending, and a pool that is going, which is made again where its
    /// job had made it. Runs on the caller's own thread.
    package func rerun(
        _ request: RerunRequest, isAbandoned: @escaping @Sendable () -> Bool
    ) throws(SubmissionError) -> RerunAnswer {
        guard let identity = request.identity else { return try patiently(request, isAbandoned) }
        guard isID(identity) else { throw .invalidIdentity }
        let answer = try underWay.alone("rerun \(identity)", isAbandoned: isAbandoned) {
            () throws(SubmissionError) in try patiently(request, isAbandoned)
        }
        guard let answer else { throw .abandoned }
        return answer
    }

    private func patiently(
        _ request: RerunRequest, _ isAbandoned: @Sendable () -> Bool
    ) throws(SubmissionError) -> RerunAnswer {
        var triesLeft = Self.patience / Self.pause
        while true {
            do throws(SubmissionError) {
                return try perform { core, now throws(Refusal) in try core.rerun(request, at: now) }
            } catch {
                guard let code = error.code, Self.passing.contains(code), triesLeft > 0 else { throw error }
                if isAbandoned() { throw .abandoned }
            }
            triesLeft -= 1
            usleep(Self.pause)
        }
    }

    private static let passing: Set<String> = [
        Refusal.jobEnding, Refusal.tasksBeingAdded, Refusal.poolBeingDeleted,
    ]
}
