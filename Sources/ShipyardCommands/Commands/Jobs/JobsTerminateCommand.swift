import Glibc
import ShipyardAPI

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
