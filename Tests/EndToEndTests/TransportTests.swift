import Foundation
import TestSupport
import Testing

/// Services that reach their agents through processes instead of the agents' own sockets.
@Suite(.blocking) struct TransportTests {
    private static let command = ["SHIPYARD_AGENT_TRANSPORT": "command"]
    private static let impatient = command.merging(["SHIPYARD_SILENCE_SECONDS": "1,3600"]) { first, _ in first
    }

    private func begin(_ environment: [String: String], nodes: Int, slots: Int) throws -> BuiltProgram {
        let program = try BuiltProgram()
        #expect(try program.run("pool", "list", environment: environment).code == 0)
        #expect(try program.addPool(nodes: nodes, slots: slots).code == 0)
        return program
    }

    private func lines(_ program: BuiltProgram, _ name: String = "log") -> [Substring] {
        let log = program.directory.appending(path: name).path
        return ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    /// Process and parent of all relays of this home, dead ones that nobody has waited for too.
    private func relays(_ program: BuiltProgram) throws -> [Int32] {
        try program.survivors().compactMap { id in
            let line = FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()
            let words = String(decoding: line, as: UTF8.self).split(separator: "\0")
            return words.dropFirst().prefix(2) == ["node-agent", "connect"] ? Int32(id) : nil
        }
    }

    private func agents(_ program: BuiltProgram) throws -> Set<Int32> {
        Set(try program.agents()).subtracting(try relays(program))
    }

    private func children(of service: Int32) throws -> (zombies: Int, all: Int) {
        var found = (zombies: 0, all: 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
            guard let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
                let rest = stat.split(separator: ")").last?.split(separator: " "), rest.count > 1,
                Int32(rest[1]) == service
            else { continue }
            found.all += 1
            if rest[0] == "Z" { found.zombies += 1 }
        }
        return found
    }

    private func descriptors(of service: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(service)/fd").count) ?? 0
    }

    private func log(of program: BuiltProgram) -> String {
        (try? String(contentsOf: program.home.appending(path: "service.log"), encoding: .utf8)) ?? ""
    }

    /// Each task says that it runs by a line of its own.
    private static let mark = "echo $AZ_BATCH_TASK_ID >> $AZ_BATCH_NODE_ROOT_DIR/../../../../log"

    @Test func relaysAndServicesThatAreKilledUnderLoadLoseNothing() throws {
        let program = try begin(Self.command, nodes: 2, slots: 3)
        let agents = try agents(program)
        #expect(agents.count == 2)
        #expect(program.eventually { (try? relays(program).count) == 2 })
        let first = try program.serviceProcess()
        let before = descriptors(of: first)
        try program.addJobs(
            """
              - id: j
                auto_complete: true
                tasks:
                  - {task_factory: {repeat: 400}, command: '\(Self.mark); sleep 0.01'}
                  - {task_factory: {repeat: 2}, command: '\(Self.mark); sleep 8'}
            """)
        var killed = 0
        for round in 0..<60 {
            for relay in try relays(program) where kill(relay, SIGKILL) == 0 { killed += 1 }
            usleep(60_000)
            if round == 20 || round == 40 {
                kill(try program.serviceProcess(), SIGKILL)
                #expect(try program.run("pool", "list", environment: Self.command).code == 0)
            }
        }
        #expect(killed > 40)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(lines(program).count == 402)
        #expect(Set(lines(program)).count == 402)
        #expect(program.eventually { (try? self.agents(program)) == agents })
        let counts = try program.json("jobs", "tasks", "count", "--jobid", "j")
        #expect("\(counts)".contains("402"), "\(counts)")
        // Whatever carried a connection that is gone is gone as well.
        let service = try program.serviceProcess()
        #expect(service != first)
        #expect(program.eventually { (try? relays(program).count) == 2 })
        #expect(program.eventually { (try? children(of: service).zombies) == 0 })
        #expect(program.eventually { descriptors(of: service) <= before + 4 }, "\(descriptors(of: service))")
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
        #expect(program.eventually { (try? relays(program).isEmpty) == true })
        #expect(program.eventually { (try? self.agents(program).isEmpty) == true })
    }

    /// Silence, until another relay gets through: the agent is what it was.
    @Test func relayThatHangsIsSilenceAndAnotherTakesItsPlace() throws {
        let program = try begin(Self.impatient, nodes: 1, slots: 1)
        let agents = try agents(program)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {task_factory: {repeat: 12}, command: '\(Self.mark); sleep 0.3'}"
        )
        #expect(program.eventually { lines(program).count >= 2 })
        let relay = try #require(try relays(program).first)
        kill(relay, SIGSTOP)
        #expect(program.eventually { log(of: program).contains("has not answered") })
        #expect(program.eventually { log(of: program).contains("answers again") })
        // It does not stay behind, stopped as it is.
        #expect(program.eventually { kill(relay, 0) != 0 })
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(lines(program).count == 12 && Set(lines(program)).count == 12)
        #expect(program.eventually { (try? self.agents(program)) == agents })
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
    }

    /// Names and paths say another thing than the agents.
    @Test(arguments: [[:], TransportTests.command])
    func agentOfAnotherNodeIsNotTakenForThisOnes(_ environment: [String: String]) throws {
        let program = try begin(environment, nodes: 2, slots: 1)
        let agents = try agents(program)
        #expect(agents.count == 2)
        kill(try program.serviceProcess(), SIGKILL)
        let nodes = program.home.appending(path: "nodes/p").path
        for (from, to) in [("node-1", "x"), ("node-2", "node-1"), ("x", "node-2")] {
            #expect(rename("\(nodes)/\(from)", "\(nodes)/\(to)") == 0)
        }
        #expect(try program.run("pool", "list", environment: environment).code == 0)
        #expect(
            program.eventually { log(of: program).contains("it is not the one that was started here last") })
        let outcome = try program.follow("{task_factory: {repeat: 6}, command: 'sleep 0.1'}")
        #expect(outcome.code == 0, "\(outcome.messages)")
        #expect(
            program.eventually {
                guard let later = try? self.agents(program) else { return false }
                return later.count == 2 && later.isDisjoint(with: agents)
            })
        #expect(try program.run("pool", "del", "--poolid", "p", "-y", "--wait").code == 0)
    }

    /// The way to an agent fails again and again: that is no death, and no other version either.
    @Test func agentThatNoRelayReachesIsNotTakenForDead() throws {
        let program = try begin(Self.impatient, nodes: 1, slots: 1)
        let agents = try agents(program)
        try program.addJobs(
            "  - id: j\n    auto_complete: true\n    tasks:\n      - {command: '\(Self.mark); sleep 1'}")
        #expect(program.eventually { lines(program).count == 1 })
        let socket = program.home.appending(path: "nodes/p/node-1/agent.sock").path
        #expect(rename(socket, socket + ".away") == 0)
        // Longer than it takes to give up on an agent that says nothing.
        for _ in 0..<12 {
            for relay in try relays(program) { kill(relay, SIGKILL) }
            usleep(1_000_000)
        }
        #expect(log(of: program).contains("connection: connect"))
        #expect(rename(socket + ".away", socket) == 0)
        let wait = try program.run("jobs", "wait", "--jobid", "j")
        #expect(wait.code == 0, "\(wait.messages)")
        #expect(program.eventually { (try? self.agents(program)) == agents })
        #expect(lines(program).count == 1)
    }
}
