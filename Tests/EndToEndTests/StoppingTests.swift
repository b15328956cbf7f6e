import Foundation
import TestSupport
import Testing

/// The service on its way out, and those who come then.
@Suite(.blocking) struct StoppingTests {
    /// A generator that never gives a task.
    private func writeHungJob(_ program: BuiltProgram) throws {
        _ = try program.write(
            "import time\ndef generate(*args, **kwargs):\n    time.sleep(3600)\n    yield ()\n", to: "hung.py"
        )
        _ = try program.write(
            "job_specifications:\n  - id: hung\n    tasks:\n      - task_factory: {custom: {module: hung, input_args: []}}\n        command: echo {}\n",
            to: "jobs.yaml")
    }

    @Test func commandsDuringStopsAreAllAnswered() throws {
        let program = try BuiltProgram()
        try program.addPool()
        for round in 0..<4 {
            _ = try program.serviceProcess()
            _ = try program.write(
                "job_specifications:\n  - id: j\(round)\n    tasks:\n      - {id: a, command: echo}\n",
                to: "jobs.yaml")
            let stop = try program.start(["service", "stop"])
            let commands = try [["jobs", "add"], ["pool", "list"], ["jobs", "list"], ["jobs", "list"]].map {
                try program.start($0)
            }
            for command in commands {
                let outcome = try command.outcome()
                #expect(outcome.code == 0, "\(outcome.messages)")
            }
            #expect(try stop.outcome().code == 0)
        }
        _ = try program.serviceProcess()
        let jobs = try program.api("/jobs")["value"] as? [[String: Any]] ?? []
        #expect(jobs.count == 4)
    }

    @Test func stopEndsThoughAGeneratorHangs() throws {
        let program = try BuiltProgram()
        try program.addPool()
        let service = try program.serviceProcess()
        try writeHungJob(program)
        let adding = try program.start(["jobs", "add"])
        usleep(1_000_000)
        #expect(adding.isRunning)
        let stop = try program.run("service", "stop")
        #expect(stop.code == 0, "\(stop.messages)")
        #expect(program.eventually { kill(service, 0) != 0 })
        // It tries again with the next service, where it fares no better.
        adding.end()
        // The home is free.
        #expect(try program.run("jobs", "list").code == 0)
    }

    @Test func environmentOfTheFirstCommandIsNotTheServices() throws {
        let program = try BuiltProgram()
        #expect(try program.run("pool", "list", environment: ["MY_SECRET": "hunter2"]).code == 0)
        try program.addPool()
        let service = try program.serviceProcess()
        for process in [service] + (try program.agents()) {
            let bytes = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
            #expect(!String(decoding: bytes, as: UTF8.self).contains("hunter2"))
        }
        try program.run("service", "stop")
        // Nor of one that runs it in the foreground.
        let running = try program.start(["service", "run"], environment: ["MY_SECRET": "hunter2"])
        #expect(
            program.eventually { FileManager.default.fileExists(atPath: program.home.path + "/service.sock") }
        )
        let second = try program.serviceProcess()
        let bytes = FileManager.default.contents(atPath: "/proc/\(second)/environ") ?? Data()
        #expect(!bytes.isEmpty)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("hunter2"))
        try program.run("service", "stop")
        #expect(try running.outcome().code == 0)
    }

    @Test(arguments: [SIGSEGV, SIGABRT, SIGUSR1, SIGXCPU, SIGHUP, SIGQUIT])
    func whateverSignalEndsTheServiceIsInItsLog(_ signal: Int32) throws {
        let program = try BuiltProgram()
        let service = try program.serviceProcess()
        kill(service, signal)
        #expect(program.eventually { kill(service, 0) != 0 })
        let log = try String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)
        let last = log.split(separator: "\n").suffix(2).joined(separator: "\n")
        #expect(last.contains("signal") && last.contains("\(signal)"), "\(last)")
    }

    /// As a user of few rights; root has no limits.
    @Test func limitsOfTheSystemRefuseWithALine() throws {
        guard geteuid() == 0 else { return }
        let program = try BuiltProgram()
        chmod(program.directory.path, 0o777)
        let outcome = try limited(program, "--nproc=3", "pool list")
        #expect(outcome.code != 0)
        #expect(
            outcome.text.contains("thread") || outcome.text.contains("start the service"), "\(outcome.text)")
        let afterwards = try limited(program, "--nproc=500", "pool list")
        #expect(afterwards.code == 0, "\(afterwards.text)")
        let status = try limited(program, "--nproc=500", "service status")
        #expect(status.code == 0 && status.text.contains("runs as process"), "\(status.text)")
        let stop = try limited(program, "--nproc=500", "service stop")
        #expect(stop.code == 0, "\(stop.text)")
        // A file may have no more than this: the next state file cannot even be made, and the service ends with an error
        // of that, not by the signal that ends a process by default.
        for name in ["shipyard.db", "service.log"] { unlink(program.directory.path + "/limited/" + name) }
        let small = try limited(program, "--fsize=1024", "pool list")
        #expect(small.code != 0)
        #expect(small.text.contains("limited/shipyard.db: "), "\(small.text)")
    }

    private func limited(_ program: BuiltProgram, _ limit: String, _ command: String) throws -> (
        code: Int32, text: String
    ) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c",
            "exec prlimit \(limit) setpriv --reuid=43210 --regid=43210 --clear-groups \"$0\" \(command) 2>&1",
            BuiltProgram.executable.path,
        ]
        process.environment = [
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "SHIPYARD_HOME": program.directory.path + "/limited",
        ]
        process.standardOutput = pipe
        process.currentDirectoryURL = program.directory
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }
}
