import Glibc
import ShipyardAPI
import ShipyardModel
import ShipyardSystem

/// `service install`: systemd starts the service of this home from now on.
enum ServiceInstallCommand {
    static let command = Command("install", "let systemd start the service, and start it again when it ends")
        .details(
            "Writes a unit for this home, enables it, and starts it where systemd answers; otherwise it says what is to be "
                + "typed. A service that runs already is replaced; nodes and tasks go on. Units of a user start when "
                + "the user logs in, or when the machine does after `loginctl enable-linger`.",
            "The unit has the path of this program, and what tasks may see of this environment (PATH, LANG, TZ …). Install "
                + "again when one of these has changed."
        )
        .options(BootUnit.systemOption)
        .example("service install", "writes a unit of the user and says what it did")
        .example("service install --system --home /srv/shipyard", "as root, for a machine without users")
        .runs { invocation throws(CommandFailure) in try run(invocation, .ofProcess) }

    static func run(_ invocation: Invocation, _ systemd: Systemd) throws(CommandFailure) -> ExitCode {
        let console = invocation.console
        let home = try HomeDirectory(invocation)
        let unit = try BootUnit(chosen: invocation, home, systemd)
        let file = try UnitFile(unit, home, invocation.environment)
        guard let isNew = try write(file, to: unit, invocation) else { return .done }
        do throws(SystemError) {
            try LocalFile.makeDirectories(home.path, mode: 0o700)
        } catch {
            throw CommandFailure(.failed, "\(error)", help: "choose another home with `--home DIR`")
        }
        try unit.enable()
        let control = unit.scope.systemctl
        if systemd.answers(unit.scope) {
            try start(unit, isNew: isNew, invocation, systemd)
        } else {
            console.say("\(manager(of: unit.scope)) does not answer here; where it does, type:")
            console.say("  \(control) daemon-reload && \(control) enable --now \(unit.name)")
            if unit.scope == .user, systemd.userID == 0 {
                console.say("root mostly has no manager of its own: `service install --system` needs none")
            }
        }
        if unit.scope == .user, !systemd.userLingers {
            console.say("still to be done: `loginctl enable-linger \(systemd.userName)`")
            console.say(
                "  without it the service starts when you log in, and ends with all its tasks when you log out"
            )
        }
        return .done
    }

    /// True when systemd has another text to read; nil when the user wants to keep what is there.
    private static func write(
        _ file: UnitFile, to unit: BootUnit, _ invocation: Invocation
    ) throws(CommandFailure) -> Bool? {
        let console = invocation.console
        let text = file.text
        let when = unit.scope == .system ? "the machine starts" : "your user manager starts"
        switch try unit.state() {
        case .present(.ours, text: text):
            console.say("\(unit.path) is there and as it should be")
            return false
        case .absent:
            try unit.write(text)
            console.say("wrote \(unit.path): the service of \(file.home) starts when \(when)")
            return true
        case .present(.ours, _): break
        case .present(.changed, _), .present(.foreign, _), .notAFile:
            let reason = try unit.objection() ?? ""
            guard try console.confirm("replacing \(unit.path), which \(reason)", yes: invocation.has("yes"))
            else { return nil }
        }
        try unit.write(text)
        console.say("wrote \(unit.path) anew: the service of \(file.home) starts when \(when)")
        return true
    }

    private static func start(
        _ unit: BootUnit, isNew: Bool, _ invocation: Invocation, _ systemd: Systemd
    ) throws(CommandFailure) {
        func check(_ complaint: String?) throws(CommandFailure) {
            guard let complaint else { return }
            throw CommandFailure(
                .failed, "systemd does not start \(unit.name): \(complaint)",
                help: "the unit stays; see `\(unit.scope.systemctl) status \(unit.name)`")
        }
        try check(systemd.order(unit.scope, "daemon-reload"))
        // Another one would keep the home, and the unit's would wait for it.
        if let client = try invocation.runningService() {
            let service: ServiceResponse = try client.get("/service")
            if systemd.property("MainPID", of: unit) != "\(service.processId)" {
                _ = try ServiceStopCommand.run(invocation)
            }
        }
        try check(systemd.order(unit.scope, isNew ? "restart" : "start", unit.name))
        let patience = SystemClock.monotonicSeconds() + systemd.secondsToListen
        while try invocation.runningService() == nil {
            guard SystemClock.monotonicSeconds() < patience else {
                return invocation.console.say(
                    "systemd has started \(unit.name), which does not listen yet: see `service logs`")
            }
            usleep(20_000)
        }
        invocation.console.say("\(unit.name) runs")
    }

    static func manager(of scope: UnitFile.Scope) -> String {
        scope == .user ? "the user manager of systemd" : "systemd"
    }
}
