import Glibc
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
        let deleted = try JobSelection(invocation).each("deleting", service) { id throws(CommandFailure) in
            try service.delete(ServiceClient.job(id))
            invocation.console.say("job \(id) is being deleted")
        }
        guard invocation.has("wait") else { return .done }
        for id in deleted {
            while try service.find(ServiceClient.job(id), as: JobResponse.self) != nil { usleep(50_000) }
            invocation.console.say("job \(id) is deleted")
        }
        return .done
    }
}
