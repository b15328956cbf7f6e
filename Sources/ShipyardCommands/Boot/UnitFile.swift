/// The text of a unit that runs the service of a home. docs/adr/0034 has the reasons for what stands in it.
struct UnitFile: Sendable {
    /// Whose systemd starts the unit.
    enum Scope: Sendable, Hashable {
        case user, system

        var target: String {
            switch self {
            case .user: "default.target"
            case .system: "multi-user.target"
            }
        }

        /// The command to type, without its own words.
        var systemctl: String {
            switch self {
            case .user: "systemctl --user"
            case .system: "systemctl"
            }
        }
    }

    var scope: Scope
    var name: String
    var home: String
    /// Absolute.
    var program: String
    /// What the service, and so the tasks, get of the environment of whoever has installed it.
    var environment: [(name: String, value: String)]

    var text: String {
        let assignments = environment.map { "Environment=\(UnitWords.quoted("\($0.name)=\($0.value)"))\n" }
        // With a slash at its end a path cannot end in a blank or a backslash.
        let place = UnitWords.rest(home + "/")
        let body = """
            \(Self.firstLine)
            # Settings of your own are better kept beside it: `\(scope.systemctl) edit \(name)`.

            [Unit]
            Description=shipyard-swift service (\(UnitWords.rest(home)))
            # Whoever deletes a home does not want it back.
            ConditionPathIsDirectory=\(place)
            # What cannot start now is tried for ever: a schedule must not end because a disk was full for an hour.
            StartLimitIntervalSec=0
            \(scope == .system ? "After=network.target remote-fs.target\n" : "")
            [Service]
            Type=exec
            ExecStart=\(UnitWords.quoted(program)) service run --stay --home \(UnitWords.argument(home))
            \(assignments.joined())UMask=0077
            StandardOutput=append:\(place)service.log
            StandardError=append:\(place)service.log
            Restart=on-failure
            RestartSec=10s
            TimeoutStopSec=30s
            # Nodes and their tasks outlive the service, and have control groups below the one of this unit.
            KillMode=process
            Delegate=yes
            # They are many, and one that takes too much memory ends alone.
            TasksMax=infinity
            OOMPolicy=continue

            [Install]
            WantedBy=\(scope.target)

            """
        return body + Self.lastLine(for: body) + "\n"
    }

    // MARK: - Whose a file is

    private static let firstLine =
        "# Written by `shipyard-swift service install`, which replaces it as long as nobody else has changed it."
    private static let lastLineStart = "# unchanged: "

    private static func lastLine(for body: some StringProtocol) -> String {
        let digits = String(fingerprint(of: body), radix: 16)
        return lastLineStart + String(repeating: "0", count: 16 - digits.count) + digits
    }

    enum Origin: Sendable, Hashable {
        /// Of this program, and as this program wrote it.
        case ours
        /// Of this program, and somebody has changed it since.
        case changed
        case foreign
    }

    static func origin(of text: String) -> Origin {
        guard text.hasPrefix(firstLine + "\n") else { return .foreign }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 2, lines.last == "" else { return .changed }
        let last = lines[lines.count - 2]
        return last == lastLine(for: text.dropLast(last.count + 1)) ? .ours : .changed
    }

    /// The program that a unit's text starts, whoever wrote it.
    static func program(in text: String) -> String? {
        let line = text.split(separator: "\n").last { $0.hasPrefix("ExecStart=") }
        return line.map { UnitWords.firstWord(of: $0.dropFirst("ExecStart=".count)) }
    }

    /// FNV-1a. Against forgetting that one has edited a file, and no more.
    static func fingerprint(of text: some StringProtocol) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
