import Glibc
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

/// `jobs term`: ends jobs; their records and files stay.
enum JobsTerminateCommand {
    static let command: Command = {
        var command = Command("term", "terminate jobs: running tasks are ended, waiting ones never run")
            .example("jobs term --jobid sweep -y --wait", "ends one job and waits until it is completed")
            .runs(run)
        command.options = JobSelection.options
        return command
    }()

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        let ended = try JobSelection(invocation).each("terminating", service) { id throws(CommandFailure) in
            try service.post(ServiceClient.job(id) / "terminate")
            invocation.console.say("job \(id) is being terminated")
        }
        guard invocation.has("wait") else { return .done }
        for id in ended {
            let first: JobResponse? = try service.find(ServiceClient.job(id))
            var job = first
            while let seen = job, seen.state != "completed", seen.number == first?.number {
                job = try service.findChange(of: id, seen: seen.progressToken, seconds: 5)
            }
            let isThere = job != nil && job?.number == first?.number
            invocation.console.say(isThere ? "job \(id) is completed" : "job \(id) was deleted meanwhile")
        }
        return .done
    }
}

/// `jobs del`: ends jobs and removes their records and files.
enum JobsDeleteCommand {
    static let command: Command = {
        var command = Command("del", "delete jobs with the records and files of their tasks")
            .example("jobs del --configdir jobs/etl -y --wait", "deletes the jobs of a jobs.yaml")
            .runs(run)
        command.options = JobSelection.options
        return command
    }()

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        var removals: [String: DeletionResponse] = [:]
        let deleted = try JobSelection(invocation).each("deleting", service) { id throws(CommandFailure) in
            removals[id] = try service.deleteWithFiles(ServiceClient.job(id))
            invocation.console.say("job \(id) is being deleted")
        }
        guard invocation.has("wait") else { return .done }
        var outcome = ExitCode.done
        for id in deleted {
            guard let removal = removals[id] else { continue }
            let isGone = try FileRemovalWaiter(service, invocation.console).wait(for: removal, of: id)
            invocation.console.say(
                isGone ? "job \(id) is deleted" : "job \(id) is deleted, some of its files are not")
            if !isGone { outcome = .failed }
        }
        return outcome
    }
}
