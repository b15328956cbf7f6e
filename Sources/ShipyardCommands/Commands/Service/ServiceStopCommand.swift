import Glibc
import ShipyardAPI
import ShipyardSystem

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
        let process = ProcessStamp(of: try service.get("/service", as: ServiceResponse.self).processId)
        try service.post("/service/stop")
        let limit = SystemClock.monotonicSeconds() + 30
        while try isThere(process, invocation) {
            guard SystemClock.monotonicSeconds() < limit else {
                throw CommandFailure(.failed, "the service still runs after 30 seconds")
            }
            usleep(5_000)
        }
        invocation.console.say("service stopped")
        return .done
    }

    /// The process and not its socket, which goes first: the home is free when its lock is. The socket counts
    /// only for a process that cannot be seen from here.
    private static func isThere(
        _ process: ProcessStamp?, _ invocation: Invocation
    ) throws(CommandFailure) -> Bool {
        guard let process else { return try invocation.runningService() != nil }
        return process.isAlive
    }
}
