import Glibc
import ShipyardAPI

/// `jobs wait`: follows jobs that were submitted before.
enum JobsWaitCommand {
    static let command = Command("wait", "wait for jobs to end; the exit code is the outcome")
        .details("Ends at once, with exit code 1 and the reason, when nothing of a job can run any more.")
        .takes(JobSelection.argument)
        .options(SharedOptions.jobIDs)
        .example("jobs wait sweep", "waits for one job")
        .example("jobs wait --configdir etl", "waits for all jobs of a jobs.yaml")
        .runs { invocation throws(CommandFailure) in
            let named = invocation.arguments.words + invocation.arguments.all("jobid")
            let jobs = named.isEmpty ? try SpecIDs(invocation).jobs() : named
            return try JobFollower(invocation.service(), invocation.console, home: invocation.arguments["home"]).follow(jobs)
        }
}

/// `jobs term`: ends jobs; their records and files stay.
enum JobsTerminateCommand {
    static let command: Command = {
        var command = Command("term", "terminate jobs: running tasks are ended, waiting ones never run")
            .takes(JobSelection.argument)
            .example("jobs term film sweep -y", "ends two jobs")
            .example("jobs term --jobid sweep -y --wait", "ends one job and waits until it is completed")
            .runs(run)
        command.options = JobSelection.options
        return command
    }()

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        let outcome = try JobSelection(invocation).each("terminating", service) {
            target throws(CommandFailure) in
            switch target {
            case .job(let id):
                try service.post(ServiceClient.job(id) / "terminate")
                invocation.console.say("job \(id) is being terminated")
            case .schedule(let id):
                try service.post(ServiceClient.schedule(id) / "terminate")
                invocation.console.say("job schedule \(id) is being terminated")
            }
        }
        if outcome.done.isEmpty, outcome.code == .done, invocation.has("all-jobs") {
            invocation.console.say("no job is left to end")
        }
        guard invocation.has("wait") else { return outcome.code }
        for target in outcome.done {
            guard case .job(let id) = target else {
                if case .schedule(let id) = target {
                    try ScheduleWaiter(service).waitForEnd(of: id)
                    invocation.console.say("job schedule \(id) is completed")
                }
                continue
            }
            let first: JobResponse? = try service.find(ServiceClient.job(id))
            var job = first
            while let seen = job, seen.state != "completed", seen.number == first?.number {
                job = try service.findChange(of: id, seen: seen.progressToken, seconds: 5)
            }
            let isThere = job != nil && job?.number == first?.number
            invocation.console.say(isThere ? "job \(id) is completed" : "job \(id) was deleted meanwhile")
        }
        return outcome.code
    }
}

/// `jobs del`: ends jobs and removes their records and files.
enum JobsDeleteCommand {
    static let command: Command = {
        var command = Command("del", "delete jobs with the records and files of their tasks")
            .takes(JobSelection.argument)
            .example("jobs del film sweep -y", "deletes two jobs")
            .example("jobs del --configdir etl -y --wait", "deletes the jobs of a jobs.yaml")
            .runs(run)
        command.options = JobSelection.options
        return command
    }()

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let service = try invocation.service()
        var removals: [String: DeletionResponse] = [:]
        let chosen = try JobSelection(invocation).each("deleting", service) {
            target throws(CommandFailure) in
            switch target {
            case .job(let id):
                removals[id] = try service.deleteWithFiles(ServiceClient.job(id))
                invocation.console.say("job \(id) is being deleted")
            case .schedule(let id):
                try service.delete(ServiceClient.schedule(id))
                invocation.console.say("job schedule \(id) is being deleted")
            }
        }
        guard invocation.has("wait") else { return chosen.code }
        var outcome = chosen.code
        for target in chosen.done {
            guard case .job(let id) = target, let removal = removals[id] else {
                if case .schedule(let id) = target {
                    try ScheduleWaiter(service).waitForDeletion(of: id)
                    invocation.console.say("job schedule \(id) is deleted")
                }
                continue
            }
            let isGone = try FileRemovalWaiter(service, invocation.console).wait(for: removal, of: id)
            invocation.console.say(
                isGone ? "job \(id) is deleted" : "job \(id) is deleted, some of its files are not")
            if !isGone { outcome = .failed }
        }
        return outcome
    }
}

/// `jobs disable`: nothing of a job starts any more, and what runs is ended and requeued; a job schedule makes no more
/// jobs, and its active one goes on.
enum JobsDisableCommand {
    static let command = Command("disable", "disable jobs: nothing of them starts any more")
        .details(
            "Tasks that run are ended and requeued. A job schedule makes no more jobs; its active one goes on."
        )
        .takes(JobSelection.argument)
        .options(
            SharedOptions.jobIDs, SharedOptions.jobScheduleID,
            .flag("requeue", "end running tasks and requeue them (they are, always)"),
            .flag("terminate", "end running tasks for good"), .flag("wait", "let running tasks end")
        )
        .example("jobs disable --jobid sweep", "halts a job")
        .example("jobs disable --jobscheduleid nightly", "lets a job schedule make no more jobs")
        .runs { invocation throws(CommandFailure) in
            for flag in ["terminate", "wait"] where invocation.has(flag) {
                throw .usage("`--\(flag)` is not in this version: running tasks are requeued")
            }
            return try JobsEnableCommand.act("disable", "disabled", invocation)
        }
}

/// `jobs enable`.
enum JobsEnableCommand {
    static let command = Command("enable", "enable jobs that were disabled")
        .takes(JobSelection.argument)
        .options(SharedOptions.jobIDs, SharedOptions.jobScheduleID)
        .example("jobs enable --jobid sweep", "goes on with a job")
        .runs { invocation throws(CommandFailure) in try act("enable", "enabled", invocation) }

    static func act(
        _ word: String, _ done: String, _ invocation: Invocation
    ) throws(CommandFailure) -> ExitCode {
        let (service, selection) = (try invocation.service(), JobSelection(invocation))
        return try selection.walk(try selection.targets(service)) { target throws(CommandFailure) in
            switch target {
            case .job(let id):
                try service.post(ServiceClient.job(id) / word)
                invocation.console.say("job \(id) is \(done)")
            case .schedule(let id):
                try service.post(ServiceClient.schedule(id) / word)
                invocation.console.say("job schedule \(id) is \(done)")
            }
            return true
        }.code
    }
}
