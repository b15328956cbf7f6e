import Glibc
import ShipyardModel
import ShipyardSystem

extension TriggerWatcher {
    /// Deeper trees are a mistake, such as a program that makes a directory in each it finds.
    private static let deepest = 200

    // MARK: Looking through

    /// Watches the directory and all below it, and looks at every file there.
    func scan(_ container: WatchedContainer, from top: BytePath = BytePath("")) {
        let subscribers = byPlace[container.place] ?? []
        if top.isEmpty {
            container.isBlind = container.opener.isRemote
            container.round += 1
        }
        defer { if top.isEmpty { forgetStaleWatches(of: container) } }
        var directories = [top]
        while let path = directories.popLast() {
            guard subscribers.contains(where: { $0.mayMatch(below: path) }) || container.hasWaiting(below: path)
            else { continue }
            guard path.components.count <= Self.deepest else {
                sayOnce("directories in the container \(container.place) are nested too deeply for triggers")
                continue
            }
            let directory: FileDescriptor
            do throws(SystemError) {
                directory = try container.opener.directory(path)
            } catch {
                // One that is gone is no loss; of others it should be known why nothing in them counts.
                if !error.isOfMissing { sayOnce("in the container \(container.place): \(error)") }
                continue
            }
            watchDirectory(path, directory.number, of: container)
            guard var stream = try? DirectoryStream(of: directory.number) else { continue }
            while let entry = stream.next() {
                look(at: path / entry.name, entry, in: directory.number, container, subscribers, &directories)
            }
        }
    }

    private func look(
        at path: BytePath, _ entry: DirectoryStream.Entry, in directory: Int32, _ container: WatchedContainer,
        _ subscribers: [StorageSubscription], _ directories: inout [BytePath]
    ) {
        if entry.isDirectory { return directories.append(path) }
        let interested = subscribers.filter { $0.matches(path) }
        let isAwaited = container.waiting[path] != nil
        // A link costs no further look; what is of no known type does.
        guard !interested.isEmpty || isAwaited || entry.isOfUnknownType, entry.mayBeFile,
            let status = FileStatus(of: entry.name, in: directory)
        else { return }
        if status.isDirectory { return directories.append(path) }
        guard status.isRegular else { return }
        for subscription in interested { found(path, status, subscription, container) }
        if isAwaited { wakeWaiting(for: path, in: container) }
    }

    private func found(
        _ path: BytePath, _ status: FileStatus, _ subscription: StorageSubscription,
        _ container: WatchedContainer
    ) {
        let key = CandidateKey(schedule: subscription.schedule, path: path)
        guard candidates[key] == nil else { return }
        do throws(Refusal) {
            if try isBased(subscription) || !Existence.isBefore(subscription.since, changed: status.changed) {
                try judge(key, Candidate(sighting: .found, due: clock().steady), status, container)
            } else {
                try arrive(path, status, subscription, .existing)
            }
        } catch {
            lookAgain(at: container.place)
        }
    }

    private func isBased(_ subscription: StorageSubscription) throws(Refusal) -> Bool {
        if based.contains(subscription.schedule) { return true }
        guard try ledger.baseline(of: subscription.schedule) == subscription.since else { return false }
        based.insert(subscription.schedule)
        return true
    }

    /// The container was looked through: what is in it from now on came after the triggers, whatever its times say.
    func finishBaselines(of place: ContainerPlace) {
        flush()
        guard rescans[place] == nil else { return }
        do throws(Refusal) {
            for subscription in byPlace[place] ?? [] where try !isBased(subscription) {
                try ledger.recordBaseline(of: subscription.schedule, since: subscription.since)
                based.insert(subscription.schedule)
            }
        } catch {
            lookAgain(at: place)
        }
    }

    func lookAgain(at place: ContainerPlace) { rescans[place] = clock().steady + Pace.retry }

    // MARK: Single files

    func note(_ path: BytePath, _ sighting: Sighting, in container: WatchedContainer) {
        defer { wakeWaiting(for: path, in: container) }
        let interested = (byPlace[container.place] ?? []).filter { $0.matches(path) }
        guard !interested.isEmpty else { return }
        var sighting = sighting
        // A further name of a file: nobody need have it open.
        if sighting == .created, let status = container.opener.status(path), status.links > 1 {
            sighting = .found
        }
        let now = clock().steady
        for subscription in interested {
            let key = CandidateKey(schedule: subscription.schedule, path: path)
            var candidate = candidates[key] ?? Candidate(sighting: sighting, due: now)
            if candidates[key] == nil, candidates.count >= candidates.limit {
                crowded.insert(container.place)
                continue
            }
            // A change of mode says nothing about who writes.
            if sighting != .found { candidate.sighting = sighting }
            candidate.due =
                now + Settling.rest(after: candidate.sighting, quietPeriod: subscription.quietPeriod)
            candidates.set(key, candidate)
        }
    }

    func settleDue() {
        let now = clock().steady
        while let key = candidates.takeDue(at: now) {
            guard let candidate = candidates[key] else { continue }
            guard let subscription = subscriptions[key.schedule],
                let container = containers[subscription.place],
                let status = container.opener.status(key.path), status.isRegular
            else {
                // It vanished before it counted, and is no event.
                forget(key)
                continue
            }
            do throws(Refusal) {
                try judge(key, candidate, status, container)
            } catch {
                forget(key)
                lookAgain(at: container.place)
            }
        }
        flush()
    }

    /// Decides of one file: it rests too short a time, its manifest waits, or it arrives.
    private func judge(
        _ key: CandidateKey, _ candidate: Candidate, _ status: FileStatus, _ container: WatchedContainer
    ) throws(Refusal) {
        guard let subscription = subscriptions[key.schedule] else { return }
        var candidate = candidate
        let now = clock()
        if candidate.seen?.status != status { candidate.seen = (status, now.steady) }
        let rest = Settling.rest(after: candidate.sighting, quietPeriod: subscription.quietPeriod)
        let event = event(key.path, status, container.place)
        // Asked first: most of what a scan finds is known, and a known file need not rest.
        if try ledger.isKnown(event, to: key.schedule) { return forget(key) }
        if let remaining = Settling.remaining(
            of: rest, changed: status.changed, unchangedSince: candidate.seen?.since ?? now.steady, at: now)
        {
            return wait(key, candidate, for: remaining, container)
        }
        if event.pathText == nil {
            return try arrive(key.path, status, subscription, .unusable(Self.nameProblem))
        }
        if subscription.hasManifest {
            stopWaiting(key)
            candidate.missing = nil
            switch manifest(key.path, subscription, container, now) {
            case .complete: break
            case .problem(let reason):
                return try arrive(key.path, status, subscription, .unusable(reason))
            case .missing(let missing, let pause):
                candidate.missing = missing
                container.waiting[missing.path, default: []].insert(key)
                return wait(key, candidate, for: pause, container)
            }
        }
        try arrive(key.path, status, subscription, .new)
    }

    private static let nameProblem = "its name is no UTF-8 text, so no parameter can have it"

    private func wait(
        _ key: CandidateKey, _ candidate: Candidate, for pause: TimeSpan, _ container: WatchedContainer
    ) {
        guard candidates[key] != nil || candidates.count < candidates.limit else {
            crowded.insert(container.place)
            return
        }
        var candidate = candidate
        candidate.due = clock().steady + max(pause, TimeSpan(milliseconds: 10))
        candidates.set(key, candidate)
    }

    private func forget(_ key: CandidateKey) {
        stopWaiting(key)
        candidates.remove(key)
    }

    func event(_ path: BytePath, _ status: FileStatus, _ place: ContainerPlace) -> FileEvent {
        FileEvent(account: place.account, container: place.container, path: path, version: status.version)
    }

    // MARK: The ledger

    private func arrive(
        _ path: BytePath, _ status: FileStatus, _ subscription: StorageSubscription, _ kind: ArrivalKind
    ) throws(Refusal) {
        let file = event(path, status, subscription.place)
        forget(CandidateKey(schedule: subscription.schedule, path: path))
        if kind == .existing, try ledger.isKnown(file, to: subscription.schedule) { return }
        arrivals.append(FileArrival(schedule: subscription.schedule, file: file, kind: kind))
        if arrivals.count >= Pace.slice { flush() }
    }

    /// What cannot be recorded is found again.
    func flush() {
        guard !arrivals.isEmpty else { return }
        let told = arrivals
        arrivals = []
        do throws(Refusal) {
            try ledger.record(told)
            upkeep.recorded(told.count)
        } catch {
            for schedule in Set(told.map(\.schedule)) {
                if let place = subscriptions[schedule]?.place { lookAgain(at: place) }
            }
        }
    }
}

extension SystemError {
    fileprivate var isOfMissing: Bool { errno == ENOENT || errno == ENOTDIR || errno == ELOOP }
}
