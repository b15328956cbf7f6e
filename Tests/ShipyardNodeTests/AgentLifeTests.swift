import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// Agents that die, agents that come back, and what a node's directory does to them.
struct AgentLifeTests {
    @Test func whatAKilledAgentKnewIsInItsJournal() async throws {
        let agent = try await TestAgent(slots: 3)
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        #expect(try await agent.run(2, "true").isSuccess)
        let first = try #require(agent.exits(of: 1).first?.sequence)
        agent.send(.acknowledge(first))
        let marker = Marker()
        agent.start(3, "setsid sleep \(marker.text) & trap '' TERM; sleep \(marker.text)")
        agent.start(4, "(setsid env -i /bin/sleep \(marker.text) &) ; echo gone; sleep \(marker.text)")
        try await agent.holds("gone", outputOf: 4)
        try await agent.wait("all that sleep") { marker.count == 4 ? () : nil }
        agent.crash()
        let journal = try agent.journal
        #expect(journal.boot?.number == 1)
        #expect(journal.unacknowledged.map(\.id) == [TestAgent.id(2)])
        #expect(Set(journal.running.keys) == [TestAgent.id(3), TestAgent.id(4)])
        for stamp in journal.running.values { #expect(stamp.isAlive) }
        #expect(journal.boot?.agent.isAlive == false)
        #expect(NodeTeardown.endProcesses(root: agent.root, journal: journal) >= 4)
        #expect(marker.count == 0)
        #expect(NodeTeardown.endProcesses(root: agent.root, journal: journal) == 0)
    }

    @Test func aNewBootEndsTheOldWorkAndKeepsTheOldExits() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        let marker = Marker()
        agent.start(2, "sleep \(marker.text)")
        try await agent.started(2)
        let old = try #require(agent.exits(of: 1).first?.sequence)
        agent.crash()
        try await agent.reboot()
        #expect(marker.count == 0)
        let welcome = try await agent.welcome()
        #expect(welcome.boot == 2)
        #expect(welcome.running.isEmpty)
        #expect(try await agent.exit(of: 1).outcome == .exited(5))
        agent.context()
        #expect(try await agent.run(3, "true").isSuccess)
        let new = try #require(agent.exits(of: 3).first?.sequence)
        #expect(new > old)
        #expect(agent.exits(of: 2).isEmpty)
    }

    @Test func oneAgentHoldsARoot() async throws {
        let agent = try await TestAgent()
        agent.context()
        let options = NodeAgentOptions(
            root: agent.root, pool: "lab", node: "lab-0", boot: 2, slots: 1, isDedicated: true,
            state: TestAgent.state, life: TestAgent.life)
        let second = try AgentLauncher.launch(executable: TestAgent.executable, options: options)
        var status: Int32 = 0
        try await agent.wait("the second agent's end") {
            waitpid(second, &status, WNOHANG) == second ? () : nil
        }
        #expect(status == 1 << 8)
        #expect(try await agent.run(1, "true").isSuccess)
        #expect(try agent.journal.boot?.number == 1)
    }

    @Test func aDeepHomeIsNoObstacle() async throws {
        let agent = try await TestAgent(
            below: (0..<12).map { "a-directory-of-some-length-\($0)" }.joined(separator: "/"))
        #expect(agent.root.utf8.count > 250)
        agent.context()
        #expect(try await agent.run(1, "pwd -P").isSuccess)
        #expect(agent.output(of: 1) == "\(agent.root)/workitems/job/job-1/t1/wd\n")
    }

    /// Whoever finds the queue of a busy process full takes it for a dead one.
    @Test func manyCallersOfABusyProcessAreQueued() throws {
        let directory = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(directory, 0o700)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let listener = try LocalSocket.listen(name: "s", in: directory)
        var callers: [Int32] = []
        defer { for caller in callers { close(caller) } }
        // Every kernel lets 128 wait where nobody has set it lower.
        for _ in 0..<100 {
            let caller = try LocalSocket.connect(name: "s", in: directory)
            callers.append(caller.release())
        }
        #expect(callers.count == 100 && listener.number >= 0)
    }

    /// A task may put one there: what it leads to is not written to, and no agent begins.
    @Test func aLogThatIsALinkIsNotWrittenTo() async throws {
        let agent = try await TestAgent()
        agent.crash()
        let (log, other) = ("\(agent.root)/\(NodeLayout.logName)", "\(agent.directory)/other")
        try Data().write(to: URL(filePath: other))
        #expect(unlink(log) == 0 && symlink(other, log) == 0)
        #expect(throws: SystemError.self) { try agent.launch() }
        var status = stat()
        #expect(stat(other, &status) == 0 && status.st_size == 0)
    }

    @Test func directoriesAreRemovedAndNothingElse() async throws {
        let agent = try await TestAgent()
        agent.context()
        let kept = "\(agent.directory)/kept"
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: "\(kept)/file"))
        let make = """
            mkdir -p a/b; touch a/b/c; chmod 0 a/b
            ln -s \(kept) link; ln -s \(kept) $AZ_BATCH_NODE_ROOT_DIR/out
            for i in {1..150}; do mkdir deep; cd deep; touch file; done
            """
        #expect(try await agent.run(1, make).isSuccess)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(agent.root)/workitems") == ["job"])
        let refused = [
            "..", "../kept", "/tmp", "workitems/../../kept", "", ".", "out/file", "workitems//job",
        ]
        for (number, path) in refused.enumerated() {
            let id = RemovalID(rawValue: Int64(number))
            agent.send(.removeDirectory(id, path: path))
            try await agent.wait("the refusal of \(path)") {
                agent.messages.contains {
                    if case .directoryNotRemoved(id, _, _) = $0 { true } else { false }
                }
                    ? () : nil
            }
        }
        for (number, path) in ["workitems/job/job-1/t1", "out", "never/was", "workitems/job"].enumerated() {
            let id = RemovalID(rawValue: 100 + Int64(number))
            agent.send(.removeDirectory(id, path: path))
            try await agent.hasReceived(.directoryRemoved(id))
            #expect(!FileManager.default.fileExists(atPath: "\(agent.root)/\(path)"))
        }
        #expect(FileManager.default.fileExists(atPath: "\(kept)/file"))
        // The next task of the job makes what it needs.
        #expect(try await agent.run(2, "true").isSuccess)
    }

    @Test func aTeardownLeavesNothingOfALivingNode() async throws {
        let agent = try await TestAgent()
        agent.context()
        let marker = Marker()
        agent.start(1, "(setsid env -i /bin/sleep \(marker.text) &); echo ready; sleep \(marker.text)")
        try await agent.holds("ready", outputOf: 1)
        try await agent.wait("both that sleep") { marker.count == 2 ? () : nil }
        let report = try #require(NodeTeardown.run(roots: [agent.root]).first)
        #expect(report.isComplete, "\(report)")
        #expect(report.ended >= 3)
        #expect(marker.count == 0)
        #expect(access(agent.root, F_OK) != 0)
    }

    @Test func manyTasksLeaveNothingInTheAgent() async throws {
        // `SHIPYARD_MANY_TASKS` asks for more; the number that every run can afford shows the same.
        let count = ProcessInfo.processInfo.environment["SHIPYARD_MANY_TASKS"].flatMap { Int64($0) } ?? 1_000
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(0, "/bin/true").isSuccess)
        let before = try descriptors(of: agent)
        var next: Int64 = 1
        var ended = 1
        var read = agent.messages.count
        while ended <= count {
            try await agent.wait("exits") {
                let new = agent.messages[read...]
                read = agent.messages.count
                for message in new {
                    switch message {
                    case .exited(let sequence, _, let result):
                        ended += 1
                        #expect(result.isSuccess)
                        agent.send(.acknowledge(sequence))
                    case .returned(let id): agent.start(id.key, "/bin/true")
                    default: continue
                    }
                }
                while next <= count, Int(next) < ended + 4 {
                    agent.start(next, "/bin/true")
                    next += 1
                }
                return new.isEmpty ? nil : ()
            }
        }
        #expect(try descriptors(of: agent) == before)
        let parents = ProcessTable.processIDs().compactMap { ProcessStat(of: $0)?.parent }
        #expect(!parents.contains(agent.processID))
        let journal = try agent.journal
        #expect(journal.running.isEmpty)
        #expect(journal.nextSequence == UInt64(count) + 2)
    }

    private func descriptors(of agent: TestAgent) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(agent.processID)/fd").count
    }
}
