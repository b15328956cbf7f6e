import Foundation
import TestSupport
import Testing

/// The home: whose it is, and what happens when it goes.
@Suite(.blocking) struct HomeTests {
    private func ended(_ process: Int32) -> Bool { kill(process, 0) != 0 }

    private func state(_ program: BuiltProgram) -> String { program.home.path + "/shipyard.db" }

    @Test(arguments: ["home deleted", "home moved", "state file deleted", "lock deleted"])
    func serviceLeavesWhenItsHomeGoes(_ what: String) throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        switch what {
        case "home deleted":
            // The service takes its own files away at the same time, so that a single walk may meet a name that went.
            let gone = program.eventually {
                try? FileManager.default.removeItem(at: program.home)
                return !FileManager.default.fileExists(atPath: program.home.path)
            }
            #expect(gone)
        case "home moved": rename(program.home.path, program.home.path + "-moved")
        case "state file deleted": unlink(state(program))
        default: unlink(program.home.path + "/service.lock")
        }
        #expect(program.eventually { ended(service) })
        // And there is another for whoever comes.
        let successor = try program.serviceProcess()
        #expect(successor > 0 && successor != service)
    }

    @Test func successorInTheSamePlaceKeepsItsSocketAndItsState() throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        // Held back, so that its successor is there first.
        kill(service, SIGSTOP)
        rename(program.home.path, program.home.path + "-moved")
        let successor = try program.serviceProcess()
        try program.addPool()
        kill(service, SIGCONT)
        #expect(program.eventually { ended(service) })
        #expect(try program.serviceProcess() == successor)
        let job = try program.follow("{id: a, command: echo}")
        #expect(job.code == 0, "\(job.messages)")
    }

    /// A cleaner of old files takes the socket's name, again and again: whoever is connected is served on, and whoever
    /// comes finds the same service. What somebody has put there is left alone, and goes by his own hand.
    @Test func serviceWhoseSocketIsRemovedListensAnew() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let service = try program.serviceProcess()
        let socket = program.home.path + "/service.sock"
        let go = program.directory.appending(path: "go").path
        let jobs = try program.write(
            "job_specifications:\n  - id: w\n    auto_complete: true\n    tasks:\n"
                + "      - {id: a, command: 'while [ ! -e \(go) ]; do sleep 0.05; done'}\n", to: "waits.yaml")
        let wait = try program.start([
            "jobs", "add", "--pool", program.directory.appending(path: "pool.yaml").path, "--jobs", jobs,
            "--wait",
        ])
        for _ in 0..<6 {
            unlink(socket)
            #expect(program.eventually { access(socket, F_OK) == 0 })
            #expect(try program.serviceProcess() == service)
        }
        unlink(socket)
        try Data("mine".utf8).write(to: URL(filePath: socket))
        usleep(3_000_000)
        #expect(try String(contentsOfFile: socket, encoding: .utf8) == "mine")
        unlink(socket)
        #expect(program.eventually { access(socket, F_OK) == 0 })
        _ = try program.write("", to: "go")
        let outcome = try wait.outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(try program.serviceProcess() == service)
    }

    @Test func nothingIsTakenIntoAStateFileThatIsGone() throws {
        let program = try BuiltProgram()
        try program.addPool()
        unlink(state(program))
        let job = try program.addJobs("  - id: j\n    tasks:\n      - {id: a, command: echo}")
        #expect(job.code != 0)
        #expect(!job.messages.contains("added"))
        let removal = try program.run("pool", "del", "--orphans", "-y")
        #expect(removal.code == 0, "\(removal.messages)")
        #expect(try program.agents() == [])
    }

    /// Names are bytes, and shown so that they do nothing to a terminal.
    @Test func orphansOfAnyNameAreFoundAndShown() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let nodes = program.home.path + "/nodes"
        let names = ["p\\377", "p\\033[2J", "p\\n"]
        for name in names {
            let make = try Process.run(
                URL(filePath: "/bin/bash"),
                arguments: ["-c", "cd '\(nodes)'; mkdir -p \"$(printf '\(name)x')/n$(printf '\(name)x')\""])
            make.waitUntilExit()
        }
        let found = try FileManager.default.contentsOfDirectory(atPath: nodes).count
        let removal = try program.run("pool", "del", "--orphans", "-y")
        #expect(removal.code == 0, "\(removal.messages)")
        let lines = removal.output.split(separator: "\n")
        #expect(lines.count == 3, "\(lines)")
        #expect(lines.allSatisfy { $0.hasPrefix(nodes) || $0.contains("/nodes/") })
        #expect(!removal.output.contains("\u{1B}"))
        #expect(removal.messages.contains("p\\xffx/np\\xffx: 0 processes ended, nothing left"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: nodes).count == found - 3)
    }

    @Test func homeThatOthersMayWriteToIsRefused() throws {
        let program = try BuiltProgram()
        try FileManager.default.createDirectory(at: program.home, withIntermediateDirectories: true)
        chmod(program.home.path, 0o770)
        for command in [["pool", "list"], ["service", "status"], ["service", "run"]] {
            let outcome = try program.start(command).outcome()
            #expect(outcome.code != 0)
            #expect(outcome.messages.contains("chmod go-w \(program.home.path)"), "\(outcome.messages)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: program.home.path) == [])
        chmod(program.home.path, 0o750)
        #expect(try program.run("pool", "list").code == 0)
    }

    @Test func homeOfAnotherUserIsRefused() throws {
        guard geteuid() == 0 else { return }
        let program = try BuiltProgram()
        try FileManager.default.createDirectory(at: program.home, withIntermediateDirectories: true)
        chown(program.home.path, 12_345, 12_345)
        let outcome = try program.run("pool", "list")
        #expect(outcome.code == 4)
        #expect(outcome.messages.contains("belongs to another user"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: program.home.path) == [])
    }

    @Test func mistypedHomeIsNotMadeByAskingForWhatIsThere() throws {
        let program = try BuiltProgram()
        let typo = program.directory.appending(path: "hmoe").path
        for command in [
            "pool list", "jobs list", "jobs tasks list --jobid j", "jobs del --jobid j -y",
            "pool exists --poolid p",
        ] {
            let outcome = try program.start(
                command.split(separator: " ").map(String.init) + ["--home", typo]
            ).outcome()
            #expect(outcome.code == 4, "\(command)")
            #expect(outcome.messages.contains("there is no home at \(typo)"), "\(outcome.messages)")
        }
        #expect(!FileManager.default.fileExists(atPath: typo))
        // The same of a directory that is something else.
        let other = program.directory.path
        #expect(try program.run("pool", "list", "--home", other).code == 4)
        #expect(!FileManager.default.fileExists(atPath: other + "/service.log"))
    }

    @Test func newStateMeetsNodesOfTheOldOne() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let log = program.directory.appending(path: "log").path
        try program.addJobs(
            "  - id: j\n    tasks:\n      - {id: a, command: 'echo old >> \(log); exec sleep 600'}")
        #expect(program.eventually { FileManager.default.fileExists(atPath: log) })
        let old = try program.agents()
        kill(try program.serviceProcess(), SIGKILL)
        for suffix in ["", "-wal", "-shm"] {
            rename(state(program) + suffix, program.directory.path + "/old\(suffix)")
        }
        let start = try program.run("service", "start")
        #expect(start.messages.contains("pool del --orphans"), "\(start.messages)")
        try program.addPool()
        let job = try program.follow("{id: a, command: 'echo new >> \(log)'}")
        #expect(job.code == 0, "\(job.messages)")
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "old\nnew\n")
        #expect(try program.agents().allSatisfy { !old.contains($0) })
        #expect(try !program.survivors().contains { try commandLine($0).contains("sleep 600") })
        #expect(try !program.run("service", "status").output.contains("orphans"))
        // Known by its first word, not after minutes of silence.
        let messages = try program.run("service", "logs").output
        #expect(messages.contains("and not to this one"), "\(messages)")
    }

    private func commandLine(_ process: String) throws -> String {
        let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
        return String(decoding: bytes, as: UTF8.self).replacing("\0", with: " ")
    }

    @Test func whatAnotherStateHasLeftIsFoundAndRemoved() throws {
        let program = try BuiltProgram()
        try program.addPool(nodes: 2)
        try program.addJobs("  - id: j\n    tasks:\n      - {id: a, command: sleep 600}")
        kill(try program.serviceProcess(), SIGKILL)
        for suffix in ["", "-wal", "-shm"] {
            rename(state(program) + suffix, program.directory.path + "/old\(suffix)")
        }
        let removal = try program.run("pool", "del", "--orphans", "-y")
        #expect(removal.code == 0, "\(removal.messages)")
        #expect(removal.output.split(separator: "\n").count == 2, "\(removal.output)")
        #expect(try program.agents() == [])
        #expect(!FileManager.default.fileExists(atPath: program.home.path + "/nodes/p"))
        #expect(try program.run("pool", "del", "--orphans", "-y").messages.contains("nothing"))
    }
}
