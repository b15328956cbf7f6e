import ShipyardAPI

/// `service start`.
enum ServiceStartCommand {
    static let command = Command("start", "start the service where it does not run")
        .example("service start --home /srv/shipyard", "starts the service of another home")
        .runs { invocation throws(CommandFailure) in
            let service: ServiceResponse = try invocation.service().get("/service")
            invocation.console.say("service runs: process \(service.processId), home \(service.home)")
            for line in ServiceStatusCommand.orphans(service) { invocation.console.say(line) }
            return .done
        }
}
