import ShipyardAPI
import ShipyardModel
import ShipyardService

/// `service run`: the service itself, in the foreground.
enum ServiceRunCommand {
    static let command = Command("run", "run the service in the foreground")
        .details(
            "For systemd units and debugging; `service start` and other commands start it in the background."
        )
        .example("service run --home /srv/shipyard", "serves until it is stopped")
        .runs { invocation throws(CommandFailure) in
            let home = try HomeDirectory(invocation)
            do throws(SystemError) {
                try LocalFile.makeDirectories(home.path, mode: 0o700)
            } catch {
                throw CommandFailure(
                    .serviceUnreachable, "\(error)", help: "choose another home with `--home DIR`")
            }
            do throws(ServiceFailure) {
                switch try ServiceHost.run(home: home.path, version: Program.version) {
                case .stopped: break
                case .alreadyRunning: invocation.console.say("another service has the home \(home.path)")
                }
                return .done
            } catch {
                throw CommandFailure(.internalError, "\(error)")
            }
        }
}
