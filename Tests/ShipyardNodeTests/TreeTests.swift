import Glibc
import ShipyardModel
import ShipyardNode
import Testing

/// No process outlives its task, wherever it has gone.
struct TreeTests {
    /// Processes that sleep `marker`: one of the group, one in a session of its own, one in a session that
    /// has been left twice and knows nothing of its task any more, and one that its parent disowned.
    private static func escapees(_ marker: Marker, ignoring: Bool) -> String {
        let trap = ignoring ? "trap '' TERM; " : ""
        return """
            \(trap)sleep \(marker.text) &
            setsid sleep \(marker.text) &
            (setsid env -i /bin/sh -c "\(trap)(cd /; sleep \(marker.text) &) ; sleep \(marker.text)" &)
            (sleep \(marker.text) & disown -a)
            while [ "\(countEscapees(marker))" -lt 5 ]; do sleep 0.02; done
            """
    }

    private static func countEscapees(_ marker: Marker) -> String { "$(pgrep -fcx 'sleep \(marker.text)')" }

    @Test(arguments: [false, true]) func wallTimeEndsTheWholeTree(_ ignoring: Bool) async throws {
        let agent = try await TestAgent()
        // Another task of the node must not be touched.
        let other = Marker()
        agent.context()
        agent.start(0, "setsid sleep \(other.text) & echo ready; wait")
        try await agent.holds("ready", outputOf: 0)
        // On a busy machine the tree may not stand yet when a short time is over: then a longer one.
        for seconds: Int64 in [1, 4, 16, 64] {
            let marker = Marker()
            agent.context(UInt32(seconds), maxWallTime: .seconds(seconds))
            agent.start(
                seconds,
                Self.escapees(marker, ignoring: ignoring)
                    + "\necho \(Self.countEscapees(marker))\nwhile :; do sleep 1; done",
                context: UInt32(seconds))
            let result = try await agent.exit(of: seconds)
            #expect(result.outcome == .overWallTime(.seconds(seconds)))
            #expect(marker.count == 0)
            if agent.output(of: seconds) == "5\n" { break }
            #expect(seconds < 64, "the tree never stood")
        }
        #expect(other.count == 1)
        agent.send(
            .kill(TestAgent.id(0), .endedByUser))
        #expect(try await agent.exit(of: 0).outcome == .endedByUser)
        #expect(other.count == 0)
    }

    /// Not only when the agent wakes up for something else, which it does every ten seconds.
    @Test func wallTimeEndsATaskThoughNothingElseHappens() async throws {
        let agent = try await TestAgent()
        agent.context(maxWallTime: .seconds(1))
        let result = try await agent.run(1, "exec sleep 600")
        #expect(result.failure?.code == "TaskEnded")
        #expect(result.usage.wallTimeMicroseconds < 8_000_000)
    }

    @Test func whatACommandLeavesBehindIsEnded() async throws {
        let agent = try await TestAgent(slots: 3)
        agent.context()
        let other = Marker()
        agent.start(9, "setsid sleep \(other.text) & echo ready; wait")
        try await agent.holds("ready", outputOf: 9)
        let marker = Marker()
        #expect(
            try await agent.run(1, Self.escapees(marker, ignoring: true) + "\nexit 4").outcome == .exited(4))
        #expect(marker.count == 0)
        #expect(other.count == 1)
        // This one has stripped every mark, and may be of either task that was there when it came: so it ends
        // with the last of them.
        let nameless = Marker()
        let strip = "(cd /; setsid env -i /bin/sleep \(nameless.text) >/dev/null 2>&1 </dev/null &)"
        #expect(try await agent.run(2, "\(strip)\nsleep 0.1").isSuccess)
        #expect(nameless.count <= 1)
        agent.send(.kill(TestAgent.id(9), .endedByUser))
        _ = try await agent.exit(of: 9)
        #expect(nameless.count == 0)
        #expect(other.count == 0)
        // Alone on the node there is no doubt.
        let alone = Marker()
        #expect(try await agent.run(3, Self.escapees(alone, ignoring: true)).isSuccess)
        #expect(alone.count == 0)
    }

    /// Nothing is left of its group: what has left the session must be looked for all the same.
    @Test(arguments: ["", "env -i "]) func theOnlyOneThatIsLeftIsEnded(_ strip: String) async throws {
        let agent = try await TestAgent()
        agent.context()
        let marker = Marker()
        let result = try await agent.run(
            1,
            """
            setsid \(strip)/bin/sleep \(marker.text) </dev/null >/dev/null 2>&1 &
            until [ "$(pgrep -fcx '/bin/sleep \(marker.text)')" = 1 ]; do sleep 0.02; done
            exit 4
            """)
        #expect(result.outcome == .exited(4))
        #expect(marker.count == 0)
    }

    @Test func aProgramMayEndInItsOwnWay() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.start(1, "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        try await agent.holds("ready", outputOf: 1)
        agent.send(.kill(TestAgent.id(1), .endedByUser))
        let result = try await agent.exit(of: 1)
        // It was ended by us, whatever it says: so the failure is ours and there is no exit code.
        #expect(result.outcome == .endedByUser)
        #expect(agent.output(of: 1) == "ready\nsaved\n")
    }

    /// What the agent ends because it goes is recorded as nobody's end, also where a user had just wanted one.
    @Test func shutDownRecordsNothingOfWhatIsBeingEnded() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.start(1, "trap '' TERM; echo ready; while :; do sleep 1; done")
        try await agent.holds("ready", outputOf: 1)
        agent.send(.kill(TestAgent.id(1), .endedByUser))
        agent.send(.shutDown)
        try await agent.wait("the agent's end") { AgentLauncher.reap(agent.processID) ? () : nil }
        #expect(try agent.journal.unacknowledged.isEmpty)
    }

    @Test func shutDownEndsEverythingAndRecordsNothing() async throws {
        let agent = try await TestAgent()
        agent.context()
        let marker = Marker()
        agent.start(1, "sleep \(marker.text)")
        agent.start(2, "sleep \(marker.text)")
        agent.start(3, "true", slots: 2)
        _ = try await (agent.started(1), agent.started(2))
        agent.send(.shutDown)
        try await agent.wait("the agent's end") { AgentLauncher.reap(agent.processID) ? () : nil }
        #expect(marker.count == 0)
        #expect(try agent.journal.unacknowledged.isEmpty)
    }
}
