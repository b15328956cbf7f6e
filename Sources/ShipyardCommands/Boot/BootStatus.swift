import Glibc

/// What `service status` says about units.
enum BootStatus {
    static func lines(_ invocation: Invocation, _ systemd: Systemd) throws(CommandFailure) -> [String] {
        let home = try HomeDirectory(invocation)
        var lines: [String] = []
        for scope in [UnitFile.Scope.user, .system] {
            let unit: BootUnit
            do throws(CommandFailure) {
                unit = try BootUnit(scope, home: home.path, invocation.environment, systemd)
            } catch {
                continue
            }
            switch try unit.state() {
            case .absent: continue
            case .notAFile: lines.append("  systemd: \(unit.path), which is not a file")
            case .present(let origin, let text):
                lines.append("  systemd: \(unit.path)\(origin == .ours ? "" : ", changed by hand")")
                if !unit.isEnabled {
                    lines.append("    it is not enabled; `service install` enables it")
                }
                if let program = UnitFile.program(in: text), access(program, X_OK) != 0 {
                    lines.append(
                        "    its program \(program) is not there any more; `service install` writes the one that you call"
                    )
                }
                if scope == .user, !systemd.userLingers {
                    lines.append(
                        "    it starts at your login; `loginctl enable-linger \(systemd.userName)` changes that"
                    )
                }
            }
        }
        return lines.isEmpty ? ["  systemd: no unit; `service install` makes one"] : lines
    }
}
