/// `service uninstall`: undoes `service install`.
enum ServiceUninstallCommand {
    static let command = Command("uninstall", "undo `service install`; running tasks go on")
        .details(
            "Stops the unit's service where systemd answers, and deletes the unit; one that was changed by hand only when "
                + "that is confirmed. The next command that needs the service starts it, as before."
        )
        .options(BootUnit.systemOption)
        .example("service uninstall", "systemd starts the service of this home no more")
        .runs { invocation throws(CommandFailure) in try run(invocation, .ofProcess) }

    static func run(_ invocation: Invocation, _ systemd: Systemd) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        let home = try HomeDirectory(invocation)
        let unit = try BootUnit(chosen: invocation, home, systemd)
        if try unit.state() == .absent, !unit.isEnabled {
            console.say("there is no unit \(unit.path)")
            return .done
        }
        if let objection = try unit.objection() {
            guard
                try console.confirm("deleting \(unit.path), which \(objection)", yes: invocation.has("yes"))
            else { return .done }
        }
        let answers = systemd.answers(unit.scope)
        if answers, systemd.property("ActiveState", of: unit) != "inactive" {
            if let complaint = systemd.order(unit.scope, "stop", unit.name) {
                throw CommandFailure(
                    .failed, "systemd does not stop \(unit.name), which therefore stays: \(complaint)")
            }
            console.say(
                "stopped \(unit.name); nodes and tasks go on, and the next command starts the service again")
        }
        try unit.remove()
        console.say("deleted \(unit.path)")
        let control = unit.scope.systemctl
        if answers, systemd.order(unit.scope, "daemon-reload") == nil {
            // What failed once is listed as failed for ever; one that did not fail makes this fail.
            _ = systemd.order(unit.scope, "reset-failed", unit.name)
        } else {
            console.say(
                "\(ServiceInstallCommand.manager(of: unit.scope)) does not answer here; where it does, type:")
            console.say("  \(control) daemon-reload")
        }
        return .done
    }
}
