import ShipyardAPI

/// What a `run` has made and takes down again. Of jobs and pools of the same ids it touches no other.
struct RunMakings {
    /// Of an id that only this run has given.
    var pool: String?
    var jobs: [SubmissionResponse.Job] = []

    /// True when nothing is left.
    func remove(_ service: ServiceClient, _ console: Console) throws(CommandFailure) -> Bool {
        for job in jobs { try Self.remove(job, service) }
        guard let pool else { return true }
        guard let _: PoolResponse = try service.find(ServiceClient.pool(pool)) else {
            console.say("pool \(pool) was removed by somebody else")
            return true
        }
        try service.delete(ServiceClient.pool(pool))
        guard let removal = try PoolWaiter(service, console).waitForRemoval(of: pool) else { return true }
        PoolWaiter.report(removal, on: console)
        return removal.isComplete
    }

    /// Ends the job first: only a job that ended runs its release task.
    private static func remove(_ job: SubmissionResponse.Job, _ service: ServiceClient) throws(CommandFailure) {
        guard try end(job, service) else { return }
        let number = job.number.map { String($0) }
        try ignoringRefusal { () throws(CommandFailure) in
            try service.delete(ServiceClient.job(job.id).query("number", number))
        }
    }

    /// Returns when it has ended; false where it is gone.
    static func end(_ job: SubmissionResponse.Job, _ service: ServiceClient) throws(CommandFailure) -> Bool {
        let path = ServiceClient.job(job.id)
        // Somebody may have deleted it and made another of its id, at any moment: each order names ours.
        let number = job.number.map { String($0) }
        guard var seen = try service.find(job) else { return false }
        if seen.state == "active" || seen.state == "disabled" {
            try ignoringRefusal { () throws(CommandFailure) in
                try service.post((path / "terminate").query("number", number))
            }
        }
        while seen.state != "completed" {
            guard let next = try service.find(job) else { return false }
            seen = next
            if seen.state != "completed" {
                _ = try service.findChange(of: job.id, seen: seen.progressToken, seconds: 1)
            }
        }
        return true
    }

    /// It ended or went by itself between two requests.
    static func ignoringRefusal(_ body: () throws(CommandFailure) -> Void) throws(CommandFailure) {
        do throws(CommandFailure) {
            try body()
        } catch  where error.code == .failed {
        }
    }
}

extension ServiceClient {
    /// Nil where it is gone, or another has its id.
    func find(_ job: SubmissionResponse.Job) throws(CommandFailure) -> JobResponse? {
        guard let seen: JobResponse = try find(ServiceClient.job(job.id)),
            seen.number == job.number || seen.number == nil || job.number == nil
        else { return nil }
        return seen
    }
}
