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
        let perTask =
            service.engineTasks > 0 ? " (\(service.engineBytes / service.engineTasks) for each)" : ""
        return [
            "service \(service.version) runs as process \(service.processId) since \(service.startTime)",
            "  home: \(service.home)",
            "  \(counted(service.pools, "pool")), \(counted(service.activeJobs, "active job"))",
            "  engine: \(counted(service.engineTasks, "task")) in \(service.engineBytes) bytes\(perTask)",
        ] + orphans(service)
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
