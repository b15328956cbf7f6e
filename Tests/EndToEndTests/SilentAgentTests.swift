import Foundation
import TestSupport
import Testing

/// Agents that are stopped, and services that were.
@Suite(.blocking) struct SilentAgentTests {
    private static let quick = ["SHIPYARD_SILENCE_SECONDS": "1,4"]
    private static let patient = ["SHIPYARD_SILENCE_SECONDS": "1,3600"]

    /// A pool with one slot and a job of tasks that write a line each when they begin.
    private func begin(_ environment: [String: String], tasks: Int = 1, nodes: Int = 1, _ command: String)
        throws
        -> BuiltProgram
    {
        let program = try BuiltProgram()
        #expect(try program.run("pool", "list", environment: environment).code == 0)
        try program.addPool(nodes: nodes, slots: 1)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: \(tasks)}, command: '\(command)'}"
        )
        return program
    }

    private func lines(_ program: BuiltProgram) -> [Substring] {
        let log = program.directory.appending(path: "log").path
        return ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    /// A process that an agent is about to start looks like one for a moment, so the lists need not be equal.
    private func isStillThere(_ agents: [Int32], _ program: BuiltProgram) throws -> Bool {
        try !program.agents().filter(agents.contains).isEmpty
    }

    private func log(of program: BuiltProgram) -> String {
        (try? String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)) ?? ""
    }

    @Test func agentThatIsStoppedForAWhileComesBackAndRunsNothingTwice() throws {
        let program = try begin(
            Self.patient, tasks: 6,
            "echo $AZ_BATCH_TASK_ID >> $AZ_BATCH_NODE_ROOT_DIR/../../../../log; sleep 0.3")
        #expect(program.eventually { lines(program).count >= 2 })
        let agent = try #require(try program.agents().first)
        kill(agent, SIGSTOP)
        #expect(program.eventually { log(of: program).contains("has not answered") })
        kill(agent, SIGCONT)
        #expect(program.eventually { log(of: program).contains("answers again") })
        #expect(try program.run("jobs", "wait", "--jobid", "j").code == 0)
        #expect(try isStillThere([agent], program))
        #expect(lines(program).count == 6)
        #expect(Set(lines(program)).count == 6)
    }

    @Test func agentThatStaysStoppedLosesItsTaskToAnother() throws {
        let program = try begin(
            Self.quick,
            "echo $$ >> $AZ_BATCH_NODE_ROOT_DIR/../../../../log; test $(wc -l < $AZ_BATCH_NODE_ROOT_DIR/../../../../log) -gt 1 || sleep 600"
        )
        #expect(program.eventually { lines(program).count == 1 })
        let first = try #require(lines(program).first.flatMap { Int32($0) })
        let agent = try #require(try program.agents().first)
        kill(agent, SIGSTOP)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(lines(program).count == 2)
        // Ended before the second one began, stopped or not.
        #expect(kill(first, 0) != 0)
        #expect(kill(agent, 0) != 0)
    }

    /// It has heard nothing, but nobody was silent.
    @Test func serviceThatWasStoppedTakesNoAgentForSilent() throws {
        let program = try begin(Self.quick, "sleep 1")
        let agents = try program.agents()
        let service = try program.serviceProcess()
        kill(service, SIGSTOP)
        usleep(6_000_000)
        kill(service, SIGCONT)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(try isStillThere(agents, program))
        #expect(!log(of: program).contains("has not answered"))
    }

    /// Its descriptors are all in use, or its socket was deleted: neither is a death.
    @Test func agentThatCannotBeReachedIsNotTakenForDead() throws {
        let program = try begin(Self.patient, "echo $$ >> $AZ_BATCH_NODE_ROOT_DIR/../../../../log; sleep 3")
        #expect(program.eventually { lines(program).count == 1 })
        let agents = try program.agents()
        kill(try program.serviceProcess(), SIGKILL)
        let node = try FileManager.default.contentsOfDirectory(
            atPath: program.home.appending(path: "nodes/p").path)
        let path = program.home.appending(path: "nodes/p/\(node[0])/agent.sock").path
        rename(path, path + ".away")
        #expect(try program.run("pool", "list").code == 0)
        usleep(1_000_000)
        rename(path + ".away", path)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(try isStillThere(agents, program))
        #expect(lines(program).count == 1)
    }

    /// It hangs up without a word, or says something of another version. It is not called again and again without a
    /// pause, and is replaced before long.
    @Test(arguments: [false, true])
    func agentThatIsNotUnderstoodIsReplaced(speaks: Bool) throws {
        let program = try BuiltProgram()
        try program.addPool()
        let agent = try #require(try program.agents().first)
        kill(try program.serviceProcess(), SIGKILL)
        kill(agent, SIGKILL)
        let root = program.home.appending(path: "nodes/p/node-1")
        let stranger = Process()
        stranger.executableURL = URL(filePath: "/usr/bin/env")
        stranger.arguments = ["python3", "-c", Self.stranger, speaks ? "speaks" : ""]
        stranger.currentDirectoryURL = root
        stranger.environment = ["PATH": "/usr/bin:/bin", "AZ_BATCH_NODE_ROOT_DIR": root.path]
        stranger.standardInput = FileHandle.nullDevice
        try stranger.run()
        let calls = program.directory.appending(path: "calls").path
        #expect(program.eventually { FileManager.default.fileExists(atPath: calls) })
        let job = try program.follow("{id: a, command: 'true'}")
        #expect(job.code == 0, "\(job.messages)")
        stranger.waitUntilExit()
        #expect(log(of: program).contains("its agent is of another version of the program"))
        let moments = try String(contentsOfFile: calls, encoding: .utf8).split(separator: "\n")
            .compactMap { Double($0) }
        #expect(moments.count == (speaks ? 1 : 8))
        // A bound from below, which no machine is too slow for.
        #expect(speaks || moments[7] - moments[0] > 2, "\(moments)")
    }

    /// Has a node's lock and its socket, as an agent has, and notes when it is called.
    private static let stranger = """
        import fcntl, os, socket, sys, time
        lock = open("agent.lock", "r+")
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists("agent.sock"): os.unlink("agent.sock")
        door = socket.socket(socket.AF_UNIX)
        door.bind("agent.sock")
        door.listen()
        calls = open("../../../../calls", "w")
        while True:
            caller, _ = door.accept()
            caller.recv(65536)
            print(time.monotonic(), file=calls, flush=True)
            if sys.argv[1]: caller.sendall(bytes([2, 0, 0, 0, 1, 0]))
            caller.close()
        """

    /// What is missing for a moment is there again before anybody calls the node unusable.
    @Test func nodeStartsThoughTheProgramIsMissingForAMoment() throws {
        let program = try BuiltProgram()
        let copy = program.directory.appending(path: "program").path
        try FileManager.default.copyItem(atPath: BuiltProgram.executable.path, toPath: copy)
        // Another test's child may hold the copy open for writing, from its fork to its exec: "text file busy".
        var service = Process()
        let isRunning = program.eventually {
            service = Process()
            service.executableURL = URL(filePath: copy)
            service.arguments = ["service", "run", "--home", program.home.path]
            return (try? service.run()) != nil
        }
        try #require(isRunning)
        #expect(
            program.eventually { FileManager.default.fileExists(atPath: program.home.path + "/service.sock") }
        )
        rename(copy, copy + ".away")
        let file = try program.write(
            "pool_specification:\n  id: p\n  vm_count: {dedicated: 1}\n", to: "pool.yaml")
        let adding = try program.start(["pool", "add", "--pool", file])
        usleep(700_000)
        rename(copy + ".away", copy)
        let outcome = try adding.outcome()
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(try program.agents().count == 1)
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
        try program.run("service", "stop")
        service.waitUntilExit()
    }
}
