import ShipyardAPI
import ShipyardModel

/// `service status`: exit code 0 when it runs, 4 when not.
enum ServiceStatusCommand {
    static let command = Command("status", "say whether the service runs; exit code 4 when it does not")
        .example("service status --raw", "prints the service's own numbers as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let home = try HomeDirectory(invocation)
        guard let client = try invocation.runningService() else {
            invocation.console.say("the service of \(home.path) does not run")
            return .serviceUnreachable
        }
        if invocation.isRaw {
            invocation.console.printRaw(try client.tree("/service"))
            return .done
        }
        let service: ServiceResponse = try client.get("/service")
        for line in lines(service) { invocation.console.print(line) }
        return .done
    }

    static func lines(_ service: ServiceResponse) -> [String] {
        [
            "service \(service.version) runs as process \(service.processId) since \(service.startTime)",
            "  home: \(service.home)",
        ] + numbers(service) + orphans(service)
    }

    /// Or why there are none.
    private static func numbers(_ service: ServiceResponse) -> [String] {
        if let problem = service.problem { return ["  \(problem)"] }
        let (tasks, bytes) = (service.engineTasks ?? 0, service.engineBytes ?? 0)
        let perTask = tasks > 0 ? " (\(bytes / tasks) for each)" : ""
        return [
            "  \(counted(service.pools ?? 0, "pool")), \(counted(service.activeJobs ?? 0, "active job"))",
            "  engine: \(counted(tasks, "task")) in \(bytes) bytes\(perTask)",
        ]
    }

    /// Told where one looks after a service was started on another state file.
    static func orphans(_ service: ServiceResponse) -> [String] {
        guard let count = service.orphanedNodes, count > 0 else { return [] }
        return [
            "  \(counted(count, "node")) of another state file \(count == 1 ? "is" : "are") left in the home;"
                + " `shipyard-swift pool del --orphans` shows and removes what is there"
        ]
    }
}
