import ShipyardEngine
import ShipyardModel
import ShipyardStore

/// Somebody who waits for a job to change.
package struct JobWatcher {
    package var job: UInt32
    /// What they have seen; an answer is due when it is no longer so.
    package var seen: TaskCounts?
    package var seenState: JobState?
    /// No answer before this moment, so that a job with thousands of tasks a second answers a few times a second...
    package var notBefore: SteadyTime
    /// ...and an answer at this moment at the latest, changed or not.
    package var deadline: SteadyTime
    /// Nil when the service gives up its turn.
    package var give: (Bool?) -> Void

    package init(
        job: UInt32, seen: TaskCounts?, seenState: JobState?, notBefore: SteadyTime, deadline: SteadyTime,
        give: @escaping (Bool?) -> Void
    ) {
        self.job = job
        self.seen = seen
        self.seenState = seenState
        self.notBefore = notBefore
        self.deadline = deadline
        self.give = give
    }
}

extension ServiceCore {
    package func watch(_ watcher: JobWatcher) { watchers.append(watcher) }

    /// When the next watcher must be answered at the latest.
    package var nextWatcherDeadline: SteadyTime? {
        watchers.lazy.map { watcher in
            self.isDue(watcher) ? watcher.notBefore : watcher.deadline
        }.min()
    }

    private func isDue(_ watcher: JobWatcher) -> Bool {
        guard let record = engine.job(watcher.job), let counts = engine.counts(watcher.job) else {
            return true
        }
        return counts != watcher.seen || record.state != watcher.seenState
            || engine.waitReason(watcher.job) != nil
    }

    /// Nothing of the job runs or will: who waits for that is told at once.
    private func isOver(_ job: UInt32) -> Bool {
        guard let record = engine.job(job), let counts = engine.counts(job) else { return true }
        return record.state == .completed || counts.active + counts.running == 0
            || engine.waitReason(job) != nil
    }

    func answerWatchers(at now: Moment) {
        guard !watchers.isEmpty else { return }
        var kept: [JobWatcher] = []
        for watcher in watchers {
            if now.steady >= watcher.deadline
                || (isDue(watcher) && (now.steady >= watcher.notBefore || isOver(watcher.job)))
            {
                watcher.give(true)
            } else {
                kept.append(watcher)
            }
        }
        watchers = kept
    }
}
