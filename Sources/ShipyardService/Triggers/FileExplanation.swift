import ShipyardModel
import ShipyardSystem

/// What one schedule makes of a file now; the ledger tells what it has made of it before.
package struct FileExplanation: Hashable, Sendable {
    package enum Waiting: Hashable, Sendable {
        /// It is at rest only in so long.
        case quiet(TimeSpan)
        case manifest(MissingFile)
    }

    package var subscription: StorageSubscription
    package var hasContainer: Bool
    /// It is looked through now and then, as it cannot be watched.
    package var isPolled: Bool
    /// There is a file, and this is its version.
    package var version: FileVersion?
    package var waiting: Waiting?
    /// Why nobody can look, where that is so.
    package var trouble: String?
}

extension TriggerWatcher {
    func explain(_ path: BytePath, in place: ContainerPlace) -> [FileExplanation] {
        let container = containers[place]
        let status = container?.opener.status(path)
        let now = clock().steady
        return (byPlace[place] ?? []).sorted { $0.schedule < $1.schedule }.map { subscription in
            let candidate = candidates[CandidateKey(schedule: subscription.schedule, path: path)]
            return FileExplanation(
                subscription: subscription, hasContainer: container != nil,
                isPolled: container?.isBlind ?? false,
                version: status?.isRegular == true ? status?.version : nil,
                waiting: candidate.map { candidate in
                    candidate.missing.map { .manifest($0) } ?? .quiet(max(.zero, candidate.due - now))
                })
        }
    }
}
