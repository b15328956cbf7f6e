import ShipyardAPI

/// `jobs wait`: follows jobs that were submitted before.
enum JobsWaitCommand {
    static let command = Command("wait", "wait for jobs to end; the exit code is the outcome")
        .details("Ends at once, with exit code 1 and the reason, when nothing of a job can run any more.")
        .options(SharedOptions.jobID)
        .example("jobs wait --jobid sweep", "waits for one job")
        .example("jobs wait --configdir jobs/etl", "waits for all jobs of a jobs.yaml")
        .runs { invocation throws(CommandFailure) in
            let jobs = try SpecIDs(invocation).jobs()
            return try JobFollower(invocation.service(), invocation.console).follow(jobs)
        }
}
