import Glibc

/// `service stop`: running tasks go on and are found again by the next service.
enum ServiceStopCommand {
    static let command = Command("stop", "stop the service; running tasks go on")
        .details(
            "Nodes and their tasks outlive the service. The next service finds them and what became of them."
        )
        .example("service stop", "stops the service and waits until it is gone")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        guard let service = try invocation.runningService() else {
            invocation.console.say("the service does not run")
            return .done
        }
        try service.post("/service/stop")
        let limit = monotonicSeconds() + 30
        while try invocation.runningService() != nil {
            guard monotonicSeconds() < limit else {
                throw CommandFailure(.failed, "the service still answers after 30 seconds")
            }
            usleep(20_000)
        }
        invocation.console.say("service stopped")
        return .done
    }
}
