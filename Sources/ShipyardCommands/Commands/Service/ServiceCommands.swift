import Glibc
import ShipyardAPI
import ShipyardModel
import ShipyardNode
import ShipyardService
import ShipyardSystem

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

/// `service status`: exit code 0 when it runs, 4 when not.
enum ServiceStatusCommand {
    static let command = Command("status", "say whether the service runs; exit code 4 when it does not")
        .example("service status --raw", "prints the service's own numbers as JSON")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let home = try HomeDirectory(invocation)
        guard let client = try invocation.runningService() else {
            invocation.console.say("the service of \(home.path) does not run")
            for line in try BootStatus.lines(invocation, .ofProcess) { invocation.console.say(line) }
            return .serviceUnreachable
        }
        if invocation.isRaw {
            invocation.console.printRaw(try client.tree("/service"))
            return .done
        }
        let service: ServiceResponse = try client.get("/service")
        for line in lines(service) + (try BootStatus.lines(invocation, .ofProcess)) {
            invocation.console.print(line)
        }
        return .done
    }

    static func lines(_ service: ServiceResponse) -> [String] {
        [
            "service \(service.version) runs as process \(service.processId) since \(LocalTime.text(service.startTime, at: SystemClock.now()))",
            "  home: \(service.home)",
        ] + numbers(service) + orphans(service)
    }

    /// Or why there are none.
    private static func numbers(_ service: ServiceResponse) -> [String] {
        if let problem = service.problem { return ["  \(problem)"] }
        let (tasks, bytes) = (service.engineTasks ?? 0, service.engineBytes ?? 0)
        let held = "  \(counted(tasks, "task")) of jobs that have not ended, in \(sizeText(Int64(bytes))) of memory"
        return ["  \(counted(service.pools ?? 0, "pool")), \(counted(service.activeJobs ?? 0, "active job"))"]
            + (tasks > 0 ? [held] : []) + schedules(service)
    }

    /// What somebody should see to.
    static func troubles(_ service: ServiceResponse) -> [String] { schedules(service) + orphans(service) }

    private static func schedules(_ service: ServiceResponse) -> [String] {
        guard let count = service.activeSchedules, count > 0 else { return [] }
        let failing = (service.schedulesThatCannotStart ?? []).map { id in
            "  schedule \(id) failed to start again and again: shipyard-swift schedules history \(id)"
        }
        return ["  \(counted(count, "active schedule"))"] + failing
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

/// `service logs`: the end of the service's log.
enum ServiceLogsCommand {
    static let command = Command("logs", "print the end of the service's log")
        .options(
            .value("lines", "COUNT", values: .number, "how many lines; default 50"),
            .flag("follow", "go on printing what is appended")
        )
        .example("service logs --lines 200 --follow", "shows the last lines and those to come")
        .runs(run)

    @Sendable static func run(_ invocation: Invocation) throws(CommandFailure) -> ExitCode {
        let path = try HomeDirectory(invocation).log
        let count = try invocation.arguments.number("lines") ?? 50
        var offset = 0
        do throws(SystemError) {
            let bytes = try LocalFile.read(path)
            for line in LocalFile.lastLines(count, of: bytes) { invocation.console.print(line) }
            offset = bytes.count
            while invocation.has("follow"), !invocation.console.output.isClosed {
                invocation.console.flush()
                usleep(250_000)
                let all = try LocalFile.read(path)
                // A shorter file is a new one.
                if all.count < offset { offset = 0 }
                invocation.console.output.write(bytes: all[offset...])
                offset = all.count
            }
        } catch {
            guard error.errno == ENOENT else { throw CommandFailure(.failed, "\(error)") }
            invocation.console.say("there is no log yet: \(path)")
        }
        return .done
    }
}

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
        let present = try service.get("/service", as: ServiceResponse.self)
        let process = ProcessStamp(of: present.processId)
        try service.post("/service/stop")
        let limit = SystemClock.monotonicSeconds() + 30
        while try isThere(process, invocation) {
            guard SystemClock.monotonicSeconds() < limit else {
                throw CommandFailure(.failed, "the service still runs after 30 seconds")
            }
            usleep(5_000)
        }
        let schedules = present.activeSchedules ?? 0
        invocation.console.say(
            "service stopped"
                + (schedules > 0 ? "; nothing of \(counted(schedules, "active schedule")) runs until it is started" : ""))
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

/// `service run`: the service itself, in the foreground.
enum ServiceRunCommand {
    static let command = Command("run", "run the service in the foreground")
        .details(
            "For systemd units and debugging; `service start` and other commands start it in the background. It ends "
                + "when it has been idle for five minutes, or when another service has the home; with --stay it "
                + "does neither."
        )
        .options(.flag("stay", "go on when there is nothing to do, and take over when another service ends"))
        .example("service run --home /srv/shipyard", "serves until it is stopped")
        .runs { invocation throws(CommandFailure) in
            let home = try HomeDirectory(invocation)
            let stays = invocation.has("stay")
            beginWithCleanEnvironment(home, stays ? ["--stay"] : [])
            // Where it was started is none of its business: a node's directory is deleted with all that work in it.
            chdir("/")
            do throws(SystemError) {
                try LocalFile.makeDirectories(home.path, mode: 0o700)
            } catch {
                throw CommandFailure(
                    .serviceUnreachable, "\(error)", help: "choose another home with `--home DIR`")
            }
            do throws(ServiceFailure) {
                switch try ServiceHost.run(
                    home: home.path, version: Program.version, stay: stays ? .always : .whileNeeded)
                {
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
    private static func beginWithCleanEnvironment(_ home: HomeDirectory, _ options: [String]) {
        guard !ServiceEnvironment.isOwn else { return }
        // Comes back only when it fails, such as without /proc: then the service runs as it is.
        ProcessLaunch.become(
            "/proc/self/exe", ["shipyard-swift", "service", "run", "--home", home.path] + options,
            environment: ServiceEnvironment.variables)
    }
}
