import ShipyardModel
import ShipyardSystem

extension TriggerWatcher {
    enum ManifestState {
        case complete
        /// Nothing that comes will make it good.
        case problem(String)
        case missing(MissingFile, lookAgainIn: TimeSpan)
    }

    /// The files that it lists must be there, at rest themselves.
    func manifest(
        _ path: BytePath, _ subscription: StorageSubscription, _ container: WatchedContainer, _ now: Moment
    ) -> ManifestState {
        guard let bytes = container.opener.contents(path, limit: FileManifest.longest) else {
            return .problem("it cannot be read as a manifest")
        }
        let files: [BytePath]
        do throws(FileManifest.Problem) {
            files = try FileManifest(bytes, of: path).files
        } catch {
            return .problem(error.reason)
        }
        let rest = Settling.rest(after: .closed, quietPeriod: subscription.quietPeriod)
        for (index, file) in files.enumerated() {
            var missing = MissingFile(path: file, present: index, total: files.count, isUnsettled: false)
            guard let status = container.opener.status(file), status.isRegular else {
                return .missing(missing, lookAgainIn: Pace.manifest)
            }
            if let remaining = Settling.remaining(
                of: rest, changed: status.changed, unchangedSince: now.steady, at: now)
            {
                missing.isUnsettled = true
                return .missing(missing, lookAgainIn: min(remaining, Pace.manifest))
            }
        }
        return .complete
    }

    func stopWaiting(_ key: CandidateKey) {
        guard let missing = candidates[key]?.missing, let place = subscriptions[key.schedule]?.place,
            let container = containers[place]
        else { return }
        container.waiting[missing.path]?.remove(key)
        if container.waiting[missing.path]?.isEmpty == true { container.waiting[missing.path] = nil }
    }

    /// A file came that manifests may wait for.
    func wakeWaiting(for path: BytePath, in container: WatchedContainer) {
        guard let keys = container.waiting.removeValue(forKey: path) else { return }
        for key in keys {
            guard var candidate = candidates[key] else { continue }
            candidate.due = min(candidate.due, clock().steady + Settling.rest(after: .closed, quietPeriod: .zero))
            candidates.set(key, candidate)
        }
    }
}

extension WatchedContainer {
    func stopWaiting(_ isUnwanted: (CandidateKey) -> Bool) {
        waiting = waiting.mapValues { $0.filter { !isUnwanted($0) } }.filter { !$0.value.isEmpty }
    }

    /// Whether a manifest waits for a file below the directory, which need not be one of those that match.
    func hasWaiting(below directory: BytePath) -> Bool {
        waiting.keys.contains { directory.isEmpty || $0.isBelow(directory) }
    }
}
