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
        #expect(try await agent.run(1, "exit 5").exit == .exited(5))
        agent.start(2, "sleep 600")
        try await agent.started(2)
        let stranger = try AgentConnection(root: agent.root)
        stranger.send(.hello(Self.other))
        let context = WorkContext(number: 1, parentDirectory: "workitems/job/job-1", environment: [])
        stranger.send(.context(context))
        stranger.send(
            .start(WorkOrder(id: TestAgent.id(9), context: 1, name: "t9", command: "true", slots: 0)))
        stranger.send(.acknowledge(.max))
        stranger.send(
            .kill(TestAgent.id(2), FailureInfo(category: .userError, code: "TaskEnded", message: "")))
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
                    state: TestAgent.state, boot: 1, processID: agent.processID, running: [TestAgent.id(2)],
                    queued: [])
            ])
        #expect(try await agent.exit(of: 1).exit == .exited(5))
        #expect(try await agent.welcome().running == [TestAgent.id(2)])
        #expect(access("\(agent.root)/workitems/job/job-1/t1", F_OK) == 0)
        #expect(access("\(agent.root)/workitems/job/job-1/t9", F_OK) != 0)
        let last = try AgentConnection(root: agent.root)
        last.send(.hello(Self.other))
        last.send(.shutDown)
        _ = try last.flush()
        try await agent.wait("the agent's end") { AgentLauncher.reap(agent.processID) ? () : nil }
    }

    @Test func exitsOfAnotherStateAreNotReported() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").exit == .exited(5))
        let marker = Marker()
        agent.start(2, "sleep \(marker.text)")
        try await agent.started(2)
        agent.crash()
        #expect(try JournalReader.read(root: agent.root, believing: Self.other).unacknowledged.isEmpty)
        #expect(
            try JournalReader.read(root: agent.root, believing: TestAgent.state).unacknowledged.count == 1)
        agent.state = Self.other
        try await agent.reboot()
        #expect(marker.count == 0)
        agent.context()
        #expect(try await agent.run(3, "true").isSuccess)
        #expect(agent.exits(of: 1).isEmpty)
        #expect(try agent.journal.unacknowledged.map(\.id) == [TestAgent.id(3)])
        // The same work of the new state runs, in a directory of its own.
        #expect(try await agent.run(1, "ls; exit 6").exit == .exited(6))
        #expect(try await agent.run(2, "ls -A; echo > f").isSuccess)
        #expect(agent.output(of: 2) == "")
    }

    @Test func nothingIsDoneBeforeAHello() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.disconnect()
        let rude = try AgentConnection(root: agent.root)
        rude.send(.start(WorkOrder(id: TestAgent.id(9), context: 1, name: "t9", command: "true", slots: 0)))
        _ = try rude.flush()
        try await agent.connect()
        #expect(try await agent.run(1, "true").isSuccess)
        #expect(agent.exits(of: 9).isEmpty)
    }
}
