import ShipyardAPI
import ShipyardModel
import ShipyardNode
import ShipyardService

extension BootUnit {
    static let systemOption = Option.flag(
        "system", "a unit of the system instead of one of the user; needs root")

    /// The one that an option says.
    init(
        chosen invocation: Invocation, _ home: HomeDirectory, _ systemd: Systemd
    ) throws(CommandFailure) {
        let scope = invocation.has("system") ? UnitFile.Scope.system : .user
        guard scope == .user || systemd.userID == 0 else {
            throw .usage("units of the system are root's", help: "a unit of yours needs no `--system`")
        }
        try self.init(scope, home: home.path, invocation.environment, systemd)
    }

    /// Why it is not to be touched unasked; nil where it is ours.
    func objection() throws(CommandFailure) -> String? {
        switch try state() {
        case .absent, .present(.ours, _): nil
        case .present(.changed, _): "was changed after this program had written it"
        case .present(.foreign, _): "this program has not written"
        case .notAFile: "is not a file that this program has written"
        }
    }
}

extension UnitFile {
    /// For this program and this environment.
    init(
        _ unit: BootUnit, _ home: HomeDirectory, _ environment: Environment
    ) throws(CommandFailure) {
        try home.checkTrust()
        let program: String
        do throws(ServiceFailure) {
            program = try ServiceHost.ownExecutable()
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
        guard !home.path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw .usage(
                "a unit cannot name the home \(home.path)", help: "choose one without control characters")
        }
        // So says systemd, of programs only.
        guard
            !program.unicodeScalars.contains(where: {
                $0.value < 0x20 || "\"'\\\u{7F}".unicodeScalars.contains($0)
            })
        else {
            throw CommandFailure(
                .failed,
                "systemd does not start programs with quotes or backslashes in their path: \(program)")
        }
        let variables = environment.all.filter { name, value in
            // A directory for temporary files is mostly one session's.
            ServiceEnvironment.takes(name) && name != "TMPDIR"
                && !value.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
        }
        self.init(
            scope: unit.scope, name: unit.name, home: home.path, program: program,
            environment: variables.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) })
    }
}
