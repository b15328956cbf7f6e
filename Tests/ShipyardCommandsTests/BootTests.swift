import Foundation
import Synchronization
import Testing

@testable import ShipyardCommands

/// `service install` and `uninstall`: units of systemd.
final class BootTests {
    private let directory: String

    init() throws {
        directory = "/tmp/shipyard-boot-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private var home: String { directory + "/home" }

    /// Answers as systemd does, or not at all, and remembers what it was asked.
    private final class Manager: Sendable {
        let answers: Bool
        let refused: String?
        let mainPID: String
        let asked = Mutex<[String]>([])

        init(answers: Bool = true, refuses: String? = nil, mainPID: String = "77") {
            (self.answers, refused, self.mainPID) = (answers, refuses, mainPID)
        }

        func control(_ words: [String]) -> Systemd.Answer {
            guard answers else { return .init(isDone: false, text: "Failed to connect to bus\n") }
            let words = words.filter { $0 != "--user" }
            if words == ["show", "--property=Version"] { return .init(isDone: true, text: "Version=252\n") }
            if words.contains("--property=MainPID") { return .init(isDone: true, text: mainPID + "\n") }
            if words.contains("--property=ActiveState") { return .init(isDone: true, text: "active\n") }
            asked.withLock { $0.append(words.joined(separator: " ")) }
            return words.first == refused
                ? .init(isDone: false, text: "no\nway\n") : .init(isDone: true, text: "")
        }

        var orders: [String] { asked.withLock { $0 } }
    }

    private func systemd(_ manager: Manager, user: uid_t = 1000) -> Systemd {
        Systemd(
            userID: user, userName: "ada", systemUnits: directory + "/system",
            lingering: directory + "/linger", secondsToListen: 0, control: manager.control)
    }

    /// Runs one of the two commands.
    private func command(
        _ words: [String], _ manager: Manager, user: uid_t = 1000, environment: [String: String] = [:],
        answers: [String]? = nil, service: FakeService? = nil
    ) throws -> ProgramRun {
        let test = TestConsole(answers: answers)
        let parsed = try ArgumentParser.parse(
            ["service"] + words, root: CommandTree.root, common: CommonOptions.all)
        let variables = [
            "HOME": directory, "SHIPYARD_HOME": home, "PATH": "/bin", "TOKEN": "t", "TMPDIR": "/t",
        ]
        let invocation = Invocation(
            path: parsed.path, arguments: parsed.arguments, console: test.console,
            environment: Environment(variables.merging(environment) { $1 }),
            connection: FakeService.connection(service))
        let run = words[0] == "install" ? ServiceInstallCommand.run : ServiceUninstallCommand.run
        let code: ExitCode
        do throws(CommandFailure) {
            code = try run(invocation, systemd(manager, user: user))
        } catch {
            test.console.report(error)
            code = error.code
        }
        return ProgramRun(code: code, output: test.output, messages: test.messages)
    }

    private var units: String { directory + "/.config/systemd/user" }
    private var name: String { BootUnit.name(of: home, user: directory) }
    private var path: String { "\(units)/\(name)" }
    private func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    private func link() -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "\(units)/default.target.wants/\(name)")
    }

    // MARK: - What stands in a unit

    private static let sample = UnitFile(
        scope: .user, name: "s.service", home: #"/a "b" 100%h $x\"#, program: "/opt/s w/100%/$p",
        environment: [(name: "PATH", value: #"/b:/c d\"%$"#)])

    @Test func aUnitSaysAllOfItAndTakesNoNameForMore() {
        #expect(
            Self.sample.text == #"""
                # Written by `shipyard-swift service install`, which replaces it as long as nobody else has changed it.
                # Settings of your own are better kept beside it: `systemctl --user edit s.service`.

                [Unit]
                Description=shipyard-swift service (/a "b" 100%%h $x\)
                # Whoever deletes a home does not want it back.
                ConditionPathIsDirectory=/a "b" 100%%h $x\/
                # What cannot start now is tried for ever: a schedule must not end because a disk was full for an hour.
                StartLimitIntervalSec=0

                [Service]
                Type=exec
                ExecStart="/opt/s w/100%%/$p" service run --stay --home "/a \"b\" 100%%h $$x\\"
                Environment="PATH=/b:/c d\\\"%%$"
                UMask=0077
                StandardOutput=append:/a "b" 100%%h $x\/service.log
                StandardError=append:/a "b" 100%%h $x\/service.log
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
                WantedBy=default.target
                # unchanged: 9f8e76098e750fc6

                """#)
        #expect(UnitFile.program(in: Self.sample.text) == "/opt/s w/100%/$p")
        #expect(UnitFile.program(in: "[Service]\nExecStart=/bin/plain  run\n") == "/bin/plain")
        #expect(UnitFile.program(in: "[Unit]\n") == nil)
    }

    private static let analyze = "/usr/bin/systemd-analyze"

    /// It says what it does not like and goes on: only silence is consent.
    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: analyze), "systemd-analyze is not installed"),
        arguments: [UnitFile.Scope.user, .system])
    func systemdAcceptsTheUnit(_ scope: UnitFile.Scope) throws {
        let program = directory + "/p r $a%/true"
        try FileManager.default.createDirectory(
            atPath: directory + "/p r $a%", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "/bin/true", toPath: program)
        for home in ["/home/ada/plain", #"/a "b' 100%h ${x} ; # \"#, "/é\u{1F600} "] {
            var unit = Self.sample
            (unit.scope, unit.home, unit.program, unit.name) = (scope, home, program, "v.service")
            try unit.text.write(toFile: directory + "/v.service", atomically: true, encoding: .utf8)
            let process = Process()
            let pipe = Pipe()
            process.executableURL = URL(filePath: Self.analyze)
            process.arguments =
                ["verify"] + (scope == .user ? ["--user"] : []) + [directory + "/v.service"]
            // Without it there is no user to verify for.
            process.environment = ["XDG_RUNTIME_DIR": directory, "HOME": directory]
            (process.standardOutput, process.standardError) = (pipe, pipe)
            try process.run()
            let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(said == "", "\(home)")
            #expect(process.terminationStatus == 0)
        }
    }

    @Test func eachHomeHasItsOwnUnit() {
        func name(_ home: String) -> String { BootUnit.name(of: home, user: "/home/ada") }
        #expect(name("/home/ada/.local/state/shipyard-swift") == "shipyard-swift.service")
        #expect(name("/srv/a b") == "shipyard-swift-ab-13e7abb9545881b5.service")
        #expect(name("/srv/%") != name("/srv/$") && name("/srv/%").hasPrefix("shipyard-swift-home-"))
    }

    // MARK: - Installing

    @Test func installingTwiceChangesNothingAndSaysWhatIsStillToBeDone() throws {
        let manager = Manager(answers: false)
        let rest = """
            the user manager of systemd does not answer here; where it does, type:
              systemctl --user daemon-reload && systemctl --user enable --now \(name)
            still to be done: `loginctl enable-linger ada`
              without it the service starts when you log in, and ends with all its tasks when you log out

            """
        let first = try command(["install"], manager)
        #expect(first.code == .done)
        #expect(
            first.messages == "wrote \(path): the service of \(home) starts when your user manager starts\n"
                + rest)
        let text = try text()
        #expect(text.contains("--home \"\(home)\"\nEnvironment=\"PATH=/bin\"\nUMask"), "and no secret")
        #expect(link() == "../\(name)")
        #expect(FileManager.default.fileExists(atPath: home), "systemd starts it only where its home is")
        #expect(
            try command(["install"], manager).messages == "\(path) is there and as it should be\n" + rest)
        #expect(try self.text() == text)
        let moved = try command(["install"], manager, environment: ["PATH": "/usr/bin"])
        #expect(moved.messages.hasPrefix("wrote \(path) anew: "))
        #expect(try self.text().contains("PATH=/usr/bin"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: units).count == 2, "no draft is left")
    }

    @Test func whoLingersAndHasAManagerHasNothingToDo() throws {
        try FileManager.default.createDirectory(
            atPath: directory + "/linger", withIntermediateDirectories: true)
        #expect(FileManager.default.createFile(atPath: directory + "/linger/ada", contents: nil))
        let manager = Manager()
        let service = FakeService(["GET /service": [Samples.service(process: 77)]])
        let first = try command(["install"], manager, service: service)
        #expect(
            first.messages == """
                wrote \(path): the service of \(home) starts when your user manager starts
                \(name) runs

                """)
        #expect(manager.orders == ["daemon-reload", "restart \(name)"])
        #expect(try command(["install"], manager, service: service).code == .done)
        #expect(manager.orders.suffix(2) == ["daemon-reload", "start \(name)"])
        #expect(!service.requests.contains("POST /service/stop"), "the unit's own service is not replaced")
    }

    @Test func aManagerThatRefusesIsToldOf() throws {
        let refused = try command(["install"], Manager(refuses: "restart"))
        #expect(refused.code == .failed)
        #expect(
            refused.messages.hasSuffix(
                "error: systemd does not start \(name): no; way\n  help: the unit stays; see `systemctl --user status \(name)`\n"
            ), "\(refused.messages)")
    }

    @Test func aUnitOfTheSystemIsRoots() throws {
        let manager = Manager()
        #expect(try command(["install", "--system"], manager).code == .usage)
        let root = try command(["install", "--system"], manager, user: 0)
        let unit = directory + "/system/\(name)"
        #expect(
            root.messages == """
                wrote \(unit): the service of \(home) starts when the machine starts
                systemd has started \(name), which does not listen yet: see `service logs`

                """)
        let text = try String(contentsOfFile: unit, encoding: .utf8)
        #expect(text.contains("After=network.target remote-fs.target\n\n[Service]"))
        #expect(text.contains("WantedBy=multi-user.target\n") && UnitFile.origin(of: text) == .ours)
        #expect(
            FileManager.default.fileExists(atPath: directory + "/system/multi-user.target.wants/\(name)"))
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try command(["uninstall"], manager).messages == "there is no unit \(path)\n")
        #expect(try command(["uninstall", "--system"], manager, user: 0).code == .done)
        #expect(!FileManager.default.fileExists(atPath: unit))
        let asUser = try command(["install"], Manager(answers: false), user: 0)
        #expect(asUser.messages.contains("`service install --system` needs none"))
    }

    // MARK: - What is not ours

    @Test(arguments: ["changed", "longer", "foreign", "masked"])
    func whatIsNotOursIsTouchedOnlyWhenThatIsMeant(_ kind: String) throws {
        let manager = Manager(answers: false)
        #expect(try command(["install"], manager).code == .done)
        let ours = try text()
        let reason: String
        switch kind {
        case "changed":
            try ours.replacing("RestartSec=10s", with: "RestartSec=1s").write(
                toFile: path, atomically: true, encoding: .utf8)
            reason = "was changed after this program had written it"
        case "longer":
            try (ours + "# mine\n").write(toFile: path, atomically: true, encoding: .utf8)
            reason = "was changed after this program had written it"
        case "foreign":
            try "[Service]\nExecStart=/bin/true\n".write(toFile: path, atomically: true, encoding: .utf8)
            reason = "this program has not written"
        default:
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/null")
            reason = "is not a file that this program has written"
        }
        for words in [["install"], ["uninstall"]] {
            let action = words[0] == "install" ? "replacing" : "deleting"
            #expect(try command(words, manager).code == .usage, "nobody can answer")
            let no = try command(words, manager, answers: ["n"])
            #expect(no.code == .done)
            #expect(no.messages == "Confirm \(action) \(path), which \(reason) [y/n]: not done\n")
            #expect(try kind == "masked" || text() != ours, "it is still there")
            #expect(link() != nil)
        }
        #expect(try command(["install", "-y"], manager).code == .done)
        #expect(try text() == ours)
        #expect(try command(["uninstall"], manager).code == .done)
    }

    @Test func uninstallingStopsTheServiceAndLeavesNothing() throws {
        let manager = Manager()
        #expect(try command(["install"], manager).code == .done)
        let stuck = try command(["uninstall"], Manager(refuses: "stop"))
        #expect(stuck.code == .failed)
        #expect(
            stuck.messages == "error: systemd does not stop \(name), which therefore stays: no; way\n")
        #expect(try UnitFile.origin(of: text()) == .ours && link() != nil)
        let gone = try command(["uninstall"], manager)
        #expect(
            gone.messages == """
                stopped \(name); nodes and tasks go on, and the next command starts the service again
                deleted \(path)

                """)
        #expect(
            manager.orders.suffix(3) == ["stop \(name)", "daemon-reload", "reset-failed \(name)"])
        #expect(!FileManager.default.fileExists(atPath: path) && link() == nil)
        #expect(try command(["uninstall"], manager).messages == "there is no unit \(path)\n")
    }

    // MARK: - service status

    @Test func statusSaysWhatIsWrongWithTheUnit() throws {
        func status() -> String {
            run(
                "service", "status", environment: ["HOME": directory, "SHIPYARD_HOME": home]
            ).messages.components(separatedBy: "\n").dropFirst().joined(separator: "\n")
        }
        #expect(status() == "  systemd: no unit; `service install` makes one\n")
        #expect(try command(["install"], Manager(answers: false)).code == .done)
        #expect(status().hasPrefix("  systemd: \(path)\n    it starts at your login; "))
        try text().replacing(/ExecStart="[^"]*"/, with: "ExecStart=\"/no/ where\"").write(
            toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(units)/default.target.wants/\(name)")
        #expect(
            status().hasPrefix(
                """
                  systemd: \(path), changed by hand
                    it is not enabled; `service install` enables it
                    its program /no/ where is not there any more; `service install` writes the one that you call

                """))
    }
}
