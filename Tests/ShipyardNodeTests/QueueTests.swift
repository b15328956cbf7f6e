import Glibc
import ShipyardModel
import ShipyardNode
import ShipyardSystem
import Testing

/// Orders that wait for a slot, orders that come twice, and connections that come and go.
struct QueueTests {
    /// Holds the only slot until `key` is killed.
    private func occupied() async throws -> TestAgent {
        let agent = try await TestAgent(slots: 1)
        agent.context()
        agent.start(100, "sleep 600")
        try await agent.started(100)
        return agent
    }

    @Test func queuedWorkIsKilledRecalledAndGivenBack() async throws {
        let agent = try await occupied()
        agent.start(1, "true")
        agent.send(.kill(TestAgent.id(1), .endedByUser))
        let killed = try await agent.exit(of: 1)
        #expect(killed.outcome == .endedByUser)
        agent.start(2, "true")
        agent.send(.recall(TestAgent.id(2)))
        try await agent.hasReceived(.returned(TestAgent.id(2)))
        // Nobody asks for this one: it has waited for too long.
        agent.start(3, "true")
        try await agent.hasReceived(.returned(TestAgent.id(3)))
        // What is given back may come again.
        agent.send(.kill(TestAgent.id(100), .endedByUser))
        agent.start(3, "true")
        #expect(try await agent.exit(of: 100).outcome == .endedByUser)
        try await agent.wait("task 3, sent until it runs") {
            if agent.exits(of: 3).isEmpty { agent.start(3, "true") }
            return agent.exits(of: 3).isEmpty ? nil : ()
        }
        // Work that runs is not given back, and unknown work is not answered.
        agent.start(4, "sleep 600")
        try await agent.started(4)
        agent.send(.recall(TestAgent.id(4)), .recall(TestAgent.id(77)), .kill(TestAgent.id(77), .endedByUser))
        agent.send(.kill(TestAgent.id(4), .endedByUser))
        _ = try await agent.exit(of: 4)
        #expect(!agent.messages.contains(.returned(TestAgent.id(4))))
        #expect(agent.exits(of: 77).isEmpty)
    }

    @Test func workWithoutSlotsDoesNotWaitAndWorkOfManyWaitsForAll() async throws {
        let agent = try await TestAgent(slots: 2)
        agent.context()
        agent.start(1, "sleep 600")
        try await agent.started(1)
        agent.start(2, "true", slots: 0)
        #expect(try await agent.exit(of: 2).isSuccess)
        agent.start(3, "true", slots: 9)
        agent.start(4, "true")
        // Nothing overtakes the wide one, which cannot run.
        try await agent.hasReceived(.returned(TestAgent.id(3)))
        #expect(try await agent.exit(of: 4).isSuccess)
        let order = agent.messages.compactMap { message -> Int64? in
            switch message {
            case .returned(let id), .started(let id, _): id.key
            default: nil
            }
        }
        #expect(order == [1, 2, 3, 4])
    }

    @Test func anOrderThatComesTwiceRunsOnce() async throws {
        let agent = try await TestAgent(slots: 2)
        agent.context()
        let command = "echo ran >> $AZ_BATCH_NODE_SHARED_DIR/count; sleep 0.3"
        agent.start(1, command)
        agent.start(1, command)
        agent.start(2, command)
        agent.start(2, command)
        _ = try await (agent.exit(of: 1), agent.exit(of: 2))
        // Ended, but not acknowledged: it is told again.
        agent.start(1, command)
        try await agent.wait("a second report") { agent.exits(of: 1).count > 1 ? () : nil }
        #expect(agent.exits(of: 1).first?.sequence == agent.exits(of: 1).last?.sequence)
        #expect(agent.text("shared/count") == "ran\nran\n")
        // Nor does it wait twice.
        agent.start(3, "sleep 600", slots: 2)
        try await agent.started(3)
        for key: Int64 in [4, 4, 5] { agent.start(key, command) }
        try await agent.hasReceived(.returned(TestAgent.id(5)))
        let returned = agent.messages.count { $0 == .returned(TestAgent.id(4)) }
        #expect(returned == 1)
    }

    @Test func anUnknownContextAndABadNameAreToldAtOnce() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.start(1, "true", context: 7)
        try await agent.hasReceived(.returned(TestAgent.id(1)))
        for (key, name) in ["..", ".", "", "a/b"].enumerated() {
            agent.send(
                .start(
                    WorkOrder(
                        id: TestAgent.id(Int64(key + 10)), context: 1, name: name, command: "true",
                        needs: Resources(slots: 1)))
            )
            let failure = try await agent.exit(of: Int64(key + 10)).failure
            #expect(failure?.code == "ResourceDirectoryCreateFailed", "\(name)")
        }
        agent.send(.forgetContext(1))
        agent.start(2, "true")
        try await agent.hasReceived(.returned(TestAgent.id(2)))
    }

    @Test func aNewConnectionIsToldWhatTheOldOneDidNotConfirm() async throws {
        let agent = try await TestAgent()
        agent.context()
        for key in 1...3 {
            #expect(try await agent.run(Int64(key), "exit \(key)").outcome == .exited(Int32(key)))
        }
        agent.start(4, "sleep 600")
        try await agent.started(4)
        let second = try #require(agent.exits(of: 2).first?.sequence)
        agent.send(.acknowledge(second))
        // The answer to an order that follows shows that it has been read.
        #expect(try await agent.run(5, "true").isSuccess)
        try await agent.connect()
        let welcome = try await agent.welcome()
        #expect(welcome.running == [TestAgent.id(4)])
        #expect(welcome.queued.isEmpty)
        _ = try await (agent.exit(of: 3), agent.exit(of: 5))
        #expect(agent.exits(of: 1).isEmpty)
        #expect(agent.exits(of: 2).isEmpty)
        // While nobody is there work goes on, under the context that was sent before.
        agent.start(6, "sleep 0.2; exit 6")
        agent.disconnect()
        try await agent.connect()
        #expect(try await agent.exit(of: 6).outcome == .exited(6))
        agent.start(7, "true")
        #expect(try await agent.exit(of: 7).isSuccess)
    }

    @Test func garbageEndsOnlyItsConnection() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.start(1, "sleep 600")
        try await agent.started(1)
        let pieces: [[UInt8]] = [
            [255, 255, 255, 255, 0], Array("GET / HTTP/1.1\r\n\r\n".utf8), [2, 0, 0, 0, 1, 200],
            [3, 0, 0, 0, 1, 0, 0],
            [9, 0, 0, 0, 1, 1], [],
        ]
        for bytes in pieces {
            let socket = try LocalSocket.connect(name: "agent.sock", in: agent.root)
            #expect(write(socket.number, bytes, bytes.count) == bytes.count)
            // A frame that ends early cannot be told from a slow one: the writer's end is its end.
            shutdown(socket.number, Int32(SHUT_WR))
            var byte: UInt8 = 0
            let number = socket.number
            try await agent.wait("the end of the connection") {
                let count = recv(number, &byte, 1, Int32(MSG_DONTWAIT))
                return count == 0 || (count < 0 && errno != EAGAIN) ? () : nil
            }
        }
        try await agent.connect()
        #expect(try await agent.welcome().running == [TestAgent.id(1)])
    }
}
