import ShipyardFileStore
import ShipyardModel
import ShipyardSystem

extension StoreWatcher {
    /// Files whose rest is over are asked for by their names.
    func settleDue() throws(FileStoreError) {
        defer { flush() }
        let now = clock().steady
        for _ in 0..<Pace.stats {
            guard let key = candidates.takeDue(at: now) else { return }
            guard let candidate = candidates[key], let subscription = subscriptions[key.schedule] else {
                forget(key)
                continue
            }
            let found: StoredFile?
            do throws(FileStoreError) {
                found = try stat(key.path)
            } catch {
                guard error.isOfOneFile else { throw error }
                wait(key, candidate, for: max(subscription.pollInterval, TriggerWatcher.Pace.manifest))
                continue
            }
            guard let file = found, let version = FileVersion(file) else {
                // It vanished before it counted, and is no event.
                forget(key)
                continue
            }
            do throws(Refusal) {
                try judge(key, candidate, file, version, subscription)
            } catch {
                // The next look finds it again.
                forget(key)
            }
        }
    }

    /// Decides of one file: it rests too short a time, its manifest waits, or it arrives.
    private func judge(
        _ key: CandidateKey, _ candidate: Candidate, _ file: StoredFile, _ version: FileVersion,
        _ subscription: StorageSubscription
    ) throws(Refusal) {
        var candidate = candidate
        let now = clock()
        let status = FileStatus(stored: file, version)
        if candidate.seen?.status != status { candidate.seen = (status, now.steady) }
        let event = event(key.path, version)
        if try ledger.isKnown(event, to: key.schedule) { return forget(key) }
        if let remaining = Settling.remaining(
            of: Self.rest(subscription), changed: status.changed,
            unchangedSince: candidate.seen?.since ?? now.steady, at: now)
        {
            return wait(key, candidate, for: remaining)
        }
        if event.pathText == nil {
            return arrive(
                key.path, version, subscription,
                .unusable("its name is no UTF-8 text, so no parameter can have it"))
        }
        guard subscription.hasManifest else { return arrive(key.path, version, subscription, .new) }
        do throws(FileStoreError) {
            switch try manifest(key, file, version, subscription, now) {
            case .complete: arrive(key.path, version, subscription, .new)
            case .problem(let reason): arrive(key.path, version, subscription, .unusable(reason))
            case .missing(let missing, let pause):
                candidate.missing = missing
                wait(key, candidate, for: pause)
            }
        } catch {
            wait(key, candidate, for: subscription.pollInterval)
        }
    }

    private func wait(_ key: CandidateKey, _ candidate: Candidate, for pause: TimeSpan) {
        var candidate = candidate
        candidate.due = clock().steady + max(pause, TimeSpan(milliseconds: 10))
        candidates.set(key, candidate)
    }

    /// The files that it lists must be there. What was found once is not asked for again: there may be 10,000.
    private func manifest(
        _ key: CandidateKey, _ file: StoredFile, _ version: FileVersion, _ subscription: StorageSubscription,
        _ now: Moment
    ) throws(FileStoreError) -> TriggerWatcher.ManifestState {
        guard let bytes = try contents(key.path, file.identity, limit: FileManifest.longest) else {
            return .missing(
                MissingFile(path: key.path, present: 0, total: 0, isUnsettled: true),
                lookAgainIn: subscription.pollInterval)
        }
        let files: [BytePath]
        do throws(FileManifest.Problem) {
            files = try FileManifest(bytes, of: key.path).files
        } catch {
            return .problem(error.reason)
        }
        if manifests[key]?.version != version {
            manifests[key] = ManifestProgress(version: version, present: 0)
        }
        let first = min(manifests[key]?.present ?? 0, files.count)
        for (index, path) in files.enumerated().dropFirst(first) {
            var missing = MissingFile(path: path, present: index, total: files.count, isUnsettled: false)
            guard let found = try stat(path), let version = FileVersion(found) else {
                return .missing(missing, lookAgainIn: subscription.pollInterval)
            }
            if let remaining = Settling.remaining(
                of: Self.rest(subscription), changed: FileStatus(stored: found, version).changed,
                unchangedSince: now.steady, at: now)
            {
                missing.isUnsettled = true
                return .missing(missing, lookAgainIn: min(remaining, TriggerWatcher.Pace.manifest))
            }
            manifests[key]?.present = index + 1
        }
        return .complete
    }

    func explain(_ path: BytePath) -> [FileExplanation] {
        var file: StoredFile?
        var problem: String? = trouble?.reason
        var isThere = hasContainer
        do throws(FileStoreError) {
            file = try stat(path)
            isThere = true
            problem = nil
        } catch {
            if error.code == .containerNotFound { isThere = false } else { problem = error.message }
        }
        let now = clock().steady
        return subscriptions.values.sorted { $0.schedule < $1.schedule }.map { subscription in
            let candidate = candidates[CandidateKey(schedule: subscription.schedule, path: path)]
            return FileExplanation(
                subscription: subscription, hasContainer: isThere, isPolled: true,
                version: file.flatMap { FileVersion($0) },
                waiting: candidate.map { candidate in
                    candidate.missing.map { .manifest($0) } ?? .quiet(max(.zero, candidate.due - now))
                }, trouble: problem)
        }
    }
}

extension FileStoreError {
    /// Other files of the container may be looked at.
    fileprivate var isOfOneFile: Bool {
        switch code {
        case .blobNotFound, .blobAlreadyExists, .authorizationFailure, .conditionNotMet, .invalidResourceName,
            .invalidInput, .blobArchived, .localFile, .unsupported, .md5Mismatch:
            true
        case .containerNotFound, .authenticationFailed, .insufficientSpace, .serverBusy, .operationTimedOut,
            .internalError, .operationCancelled, .unreachable, .requestTimeTooSkewed, .libraryMissing:
            false
        }
    }
}
