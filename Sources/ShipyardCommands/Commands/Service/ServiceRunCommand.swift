import Glibc
import ShipyardAPI
import ShipyardModel
import ShipyardNode
import ShipyardService
import ShipyardSystem

/// `service run`: the service itself, in the foreground.
enum ServiceRunCommand {
    static let command = Command("run", "run the service in the foreground")
        .details(
            "For systemd units and debugging; `service start` and other commands start it in the background."
        )
        .example("service run --home /srv/shipyard", "serves until it is stopped")
        .runs { invocation throws(CommandFailure) in
            let home = try HomeDirectory(invocation)
            beginWithCleanEnvironment(home)
            // Where it was started is none of its business: a node's directory is deleted with all that work in it.
            chdir("/")
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

    /// Becomes the same program with an environment that a service may have. What a process was started with can be
    /// read by the user's other processes as long as it lives, however it changes it.
    private static func beginWithCleanEnvironment(_ home: HomeDirectory) {
        guard !ServiceEnvironment.isOwn else { return }
        // Comes back only when it fails, such as without /proc: then the service runs as it is.
        ProcessLaunch.become(
            "/proc/self/exe", ["shipyard-swift", "service", "run", "--home", home.path],
            environment: ServiceEnvironment.variables)
    }
}
