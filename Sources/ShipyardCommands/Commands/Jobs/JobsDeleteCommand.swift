import ShipyardAPI

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
