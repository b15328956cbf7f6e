import Foundation
import ShipyardModel
import Testing

@testable import ShipyardNode

/// An agent belongs to one state. What another state's service says, and what its agents wrote, is not for it.
struct StateTests {
    private static let other = StateID(String(repeating: "0c", count: 16))!

    /// Also one that runs nothing and has nothing to say: else it would be taken for dead.
    @Test func everyPingOfTheServiceIsAnswered() async throws {
        let agent = try await TestAgent()
        for number in [0, 7, UInt64.max] {
            agent.send(.ping(number))
            try await agent.hasReceived(.pong(number))
        }
    }

    @Test func theServiceOfAnotherStateIsToldNothingAndObeyedInOneThing() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        agent.start(2, "sleep 600")
        try await agent.started(2)
        let stranger = try AgentConnection(root: agent.root)
        stranger.greet(Self.other, TestAgent.life)
        let context = WorkContext(number: 1, parentDirectory: "workitems/job/job-1", environment: [])
        stranger.send(.accept)
        stranger.send(.context(context))
        stranger.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(9), context: 1, name: "t9", command: "true", needs: Resources(slots: 0)))
        )
        stranger.send(.acknowledge(.max))
        stranger.send(
            .kill(TestAgent.id(2), .endedByUser))
        stranger.send(.removeDirectory(RemovalID(job: 0), path: "workitems/job"))
        stranger.send(.ping(1))
        _ = try stranger.flush()
        var heard: [AgentMessage] = []
        _ = try await agent.wait("a welcome") {
            heard += try stranger.readMessages().messages
            return heard.isEmpty ? nil : ()
        }
        // The service itself comes back, and finds everything as it was.
        try await agent.connect()
        let rest = (try? stranger.readMessages().messages) ?? []
        heard += rest
        #expect(
            heard == [
                .welcome(
                    Welcome(
                        token: agent.token, state: TestAgent.state, life: TestAgent.life, boot: 1,
                        processID: agent.processID,
                        running: [TestAgent.id(2)]))
            ])
        #expect(try await agent.exit(of: 1).outcome == .exited(5))
        #expect(try await agent.welcome().running == [TestAgent.id(2)])
        #expect(access("\(agent.root)/workitems/job/job-1/t1", F_OK) == 0)
        #expect(access("\(agent.root)/workitems/job/job-1/t9", F_OK) != 0)
        let last = try AgentConnection(root: agent.root)
        last.greet(Self.other, TestAgent.life)
        last.send(.shutDown)
        _ = try last.flush()
        try await agent.wait("the agent's end") { AgentLauncher.reap(agent.processID) ? () : nil }
    }

    /// The service asks its file first whether it knows the life that the agent was accepted by last.
    @Test func nothingIsSaidOrDoneBeforeTheServiceHasAccepted() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        agent.start(2, "until [ -e $AZ_BATCH_NODE_ROOT_DIR/go ]; do sleep 0.02; done; exit 6")
        try await agent.started(2)
        let later = LifeID.random()
        let service = try AgentConnection(root: agent.root)
        service.greet(TestAgent.state, later)
        let context = WorkContext(number: 1, parentDirectory: "workitems/job/job-1", environment: [])
        service.send(.context(context))
        service.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(9), context: 1, name: "t9", command: "true", needs: Resources(slots: 0)))
        )
        service.send(.acknowledge(.max))
        service.send(
            .kill(TestAgent.id(2), .endedByUser))
        service.send(.ping(1))
        _ = try service.flush()
        var heard: [AgentMessage] = []
        try await agent.wait("a welcome") {
            heard += try service.readMessages().messages
            return heard.isEmpty ? nil : ()
        }
        // Ends while the service decides.
        try Data().write(to: URL(filePath: "\(agent.root)/go"))
        try await agent.wait("the end in the journal") {
            try agent.journal.unacknowledged.count == 2 ? () : nil
        }
        heard += try service.readMessages().messages
        #expect(
            heard == [
                .welcome(
                    Welcome(
                        token: agent.token, state: TestAgent.state, life: TestAgent.life, boot: 1,
                        processID: agent.processID,
                        running: [TestAgent.id(2)]))
            ])
        #expect(try agent.journal.boot?.life == TestAgent.life)
        service.send(.accept)
        service.send(.ping(2))
        _ = try service.flush()
        heard = []
        try await agent.wait("a pong") {
            heard += try service.readMessages().messages
            return heard.contains(.pong(2)) ? () : nil
        }
        #expect(
            heard.map { message -> Int64 in
                if case .exited(_, let id, _) = message { id.key } else { 0 }
            } == [1, 2, 0], "\(heard)")
        #expect(try agent.journal.boot?.life == later)
        #expect(access("\(agent.root)/workitems/job/job-1/t9", F_OK) != 0)
        var rewritten = JournalState()
        for record in try agent.journal.records() { rewritten.apply(record) }
        #expect(rewritten.boot?.life == later)
    }

    @Test func exitsOfAnotherStateAreNotReported() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        let marker = Marker()
        agent.start(2, "sleep \(marker.text)")
        try await agent.started(2)
        agent.crash()
        func believed(_ lives: StateLives) throws -> Int {
            try JournalReader.read(root: agent.root, believing: lives).unacknowledged.count
        }
        let later = LifeID.random()
        #expect(try believed(StateLives(state: Self.other, present: TestAgent.life)) == 0)
        #expect(try believed(StateLives(state: TestAgent.state, present: later)) == 0)
        #expect(
            try believed(StateLives(state: TestAgent.state, present: later, earlier: [TestAgent.life])) == 1)
        agent.state = Self.other
        try await agent.reboot()
        #expect(marker.count == 0)
        agent.context()
        #expect(try await agent.run(3, "true").isSuccess)
        #expect(agent.exits(of: 1).isEmpty)
        #expect(try agent.journal.unacknowledged.map(\.id) == [TestAgent.id(3)])
        // The same work of the new state runs, in a directory of its own.
        #expect(try await agent.run(1, "ls; exit 6").outcome == .exited(6))
        #expect(try await agent.run(2, "ls -A; echo > f").isSuccess)
        #expect(agent.output(of: 2) == "")
    }

    @Test func nothingIsDoneBeforeAHello() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.disconnect()
        let rude = try AgentConnection(root: agent.root)
        rude.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(9), context: 1, name: "t9", command: "true", needs: Resources(slots: 0)))
        )
        _ = try rude.flush()
        try await agent.connect()
        #expect(try await agent.run(1, "true").isSuccess)
        #expect(agent.exits(of: 9).isEmpty)
    }
}
