import ShipyardModel

// A pool that goes with its job, kept for a moment by whoever follows that job and wants its files (docs/adr/0049). Nothing of it is
// stored: after a restart, as after a client that was killed, the pool goes.

extension Engine {
    /// A later time than the one that is known, mostly.
    mutating func holdPool(of number: UInt32, until end: SteadyTime, at now: Moment) {
        guard let job = jobs[number], job.rules.removesPool, end > now.steady else { return }
        if job.record.state == .completed {
            guard timers[.poolHold(number)] != nil else { return }
            timers.set(.poolHold(number), at: end)
        }
        job.poolHeldUntil = end
    }

    mutating func releasePool(of number: UInt32, at now: Moment) {
        guard let job = jobs[number] else { return }
        job.poolHeldUntil = nil
        timers.cancel(.poolHold(number))
        if job.record.state == .completed, hasOwnPool(job) { deletePool(job.record.pool, at: now) }
    }

    /// The job has ended. One that is being deleted has no files that anybody could want.
    mutating func letPoolGo(of job: JobEntry, at now: Moment) {
        if job.record.state == .completed, hasOwnPool(job), let end = job.poolHeldUntil, end > now.steady {
            return timers.set(.poolHold(job.record.number), at: end)
        }
        timers.cancel(.poolHold(job.record.number))
        deletePool(job.record.pool, at: now)
    }

    /// That it was made for the job, and is no other of the same id by now.
    func hasOwnPool(_ job: JobEntry) -> Bool {
        job.rules.removesPool && pools[job.record.pool]?.record.autoPoolJob == job.record.number
    }
}
