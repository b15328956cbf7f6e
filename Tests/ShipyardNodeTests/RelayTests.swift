import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// `node-agent connect`: an agent reached through the standard streams of a command.
struct RelayTests {
    /// The relay of the built program, and its end as its caller sees it.
    private struct Relay {
        let command: CommandStream

        init(_ root: String) throws {
            command = try CommandStream([TestAgent.executable, "node-agent", "connect", "--root", root])
            // Blocking is simpler here.
            for end in [command.stream, command.errors] { _ = fcntl(end, F_SETFL, 0) }
        }

        func readAll(_ descriptor: Int32) -> [UInt8] {
            var all: [UInt8] = []
            var block = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &block, block.count)
                guard count > 0 else { return all }
                all += block[..<count]
            }
        }

        func end() async throws -> OwnChildren.ChildEnd {
            for _ in 0..<3000 {
                if let end = OwnChildren.end(of: command.processID) { return end }
                try await Task.sleep(for: .milliseconds(10))
            }
            throw TestAgent.TimedOut(description: "the relay does not end")
        }
    }

    private static func directory() -> String {
        let path = "/tmp/shipyard-relay-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(path, 0o700)
        return path
    }

    /// Echoes what one caller says, says `bye` behind it, and hangs up.
    private func echo(_ listener: Int32) {
        Thread.detachNewThread {
            var watched = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, 60_000)
            let caller = accept(listener, nil, nil)
            var block = [UInt8](repeating: 0, count: 10_000)
            while true {
                let count = read(caller, &block, block.count)
                guard count > 0 else { break }
                var written = 0
                while written < count {
                    written += max(0, write(caller, Array(block[written..<count]), count - written))
                }
            }
            _ = write(caller, "bye", 3)
            close(caller)
        }
    }

    /// More than fits into any buffer on the way, and every byte that there is.
    @Test func everyByteComesThroughInBothDirectionsAndTheEndAsWell() async throws {
        let root = Self.directory()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let listener = try LocalSocket.listen(name: NodeLayout.socketName, in: root)
        echo(listener.number)
        let relay = try Relay(root)
        let sent = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 ^ ($0 >> 8)) }
        let stream = relay.command.stream
        Thread.detachNewThread {
            var written = 0
            while written < sent.count {
                let count = write(stream, Array(sent[written..<min(written + 50_000, sent.count)]), 50_000)
                guard count > 0 else { break }
                written += min(count, sent.count - written)
            }
            shutdown(stream, Int32(SHUT_WR))
        }
        let received = relay.readAll(stream)
        #expect(received.count == sent.count + 3)
        #expect(received == sent + Array("bye".utf8))
        #expect(try await relay.end() == .exited(0))
        close(stream)
        close(relay.command.errors)
        _ = listener.number
    }

    /// Its caller goes without a word: what was said before still arrives.
    @Test func whatWasSaidLastArrivesThoughNobodyWaitsForAnAnswer() async throws {
        let root = Self.directory()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let listener = try LocalSocket.listen(name: NodeLayout.socketName, in: root)
        let relay = try Relay(root)
        let words = [UInt8](repeating: 7, count: 20_000)
        #expect(write(relay.command.stream, words, words.count) == words.count)
        close(relay.command.stream)
        var watched = pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)
        #expect(poll(&watched, 1, 60_000) == 1)
        let caller = accept(listener.number, nil, nil)
        _ = fcntl(caller, F_SETFL, 0)
        #expect(relay.readAll(caller) == words)
        // The agent answers nothing and does not hang up; the relay ends all the same.
        #expect(try await relay.end() == .exited(0))
        close(caller)
        close(relay.command.errors)
    }

    @Test func relayWithoutAnAgentSaysSoAndFails() async throws {
        let root = Self.directory()
        defer { try? FileManager.default.removeItem(atPath: root) }
        let relay = try Relay(root)
        #expect(relay.readAll(relay.command.stream).isEmpty)
        let said = String(decoding: relay.readAll(relay.command.errors), as: UTF8.self)
        #expect(said.contains("connect") && said.contains("No such file"), "\(said)")
        #expect(try await relay.end() == .exited(69))
        close(relay.command.stream)
        close(relay.command.errors)
    }

    @Test func commandThatCannotBeStartedIsAnError() {
        let error = #expect(throws: SystemError.self) { try CommandStream(["/nowhere/ssh", "host"]) }
        #expect(error?.errno == ENOENT)
    }

    /// The agent's own protocol, journal and answers, on a connection that is a command's.
    @Test func agentIsSpokenWithThroughARelay() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "exit 5").outcome == .exited(5))
        let relay = try CommandStream([agent.program, "node-agent", "connect", "--root", agent.root])
        agent.take(AgentConnection(owning: FileDescriptor(owning: relay.stream)))
        agent.greet()
        _ = try await agent.welcome()
        agent.send(.accept)
        #expect(try await agent.exit(of: 1).outcome == .exited(5))
        agent.context()
        #expect(try await agent.run(2, "exit 6").outcome == .exited(6))
        // Its connection is lost with the process, and nothing else.
        kill(relay.processID, SIGKILL)
        #expect(try await agent.wait("the relay's end") { OwnChildren.end(of: relay.processID) } == .other)
        try await agent.connect()
        #expect(try await agent.exit(of: 2).outcome == .exited(6))
        close(relay.errors)
    }
}
