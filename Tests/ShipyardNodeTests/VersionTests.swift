import Foundation
import ShipyardModel
import Testing

@testable import ShipyardNode

/// Programs of different versions agree on what they speak.
struct VersionTests {
    /// As the program before greetings wrote it, byte by byte.
    private static func oldHello(_ state: StateID, _ life: LifeID) -> [UInt8] {
        let body = [UInt8(2), 0] + text(state.text) + text(life.text)
        return number(UInt32(body.count)) + body
    }

    private static func number<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static func text(_ text: String) -> [UInt8] { number(UInt32(text.utf8.count)) + Array(text.utf8) }

    private func hello(in bytes: [UInt8], _ spoken: ProtocolVersions = .ofThisProgram) throws
        -> ServiceMessage?
    {
        var decoder = FrameDecoder(spoken)
        decoder.append(bytes)
        return try decoder.next()
    }

    @Test func theNewestThatBothSpeakIsChosen() {
        for (oldest, newest) in [(1, 1), (1, 2), (2, 2), (1, 5), (2, 3), (3, 5), (4, 5)] as [(UInt8, UInt8)] {
            for (least, most) in [(1, 1), (2, 3), (3, 3), (3, 9)] as [(UInt8, UInt8)] {
                let common = Set(oldest...newest).intersection(least...most).max()
                let chosen = ProtocolVersions(oldest: oldest, newest: newest).newest(
                    with: ProtocolVersions(oldest: least, newest: most))
                #expect(chosen == common, "\(oldest)-\(newest) with \(least)-\(most)")
            }
        }
    }

    @Test func helloOfTheVersionBeforeIsWrittenAndReadAsItWas() throws {
        let bytes = Self.oldHello(TestAgent.state, TestAgent.life)
        var writer = ByteWriter()
        let old = ProtocolVersions(oldest: 2, newest: 2)
        Frame.append(ServiceMessage.hello(old, TestAgent.state, TestAgent.life), version: 2, to: &writer)
        #expect(writer.bytes == bytes)
        guard case .hello(old, TestAgent.state, TestAgent.life) = try hello(in: bytes, old) else {
            return #expect(Bool(false))
        }
    }

    /// It had none, and takes no more work.
    @Test func outputsAreNotToldToTheVersionBefore() {
        func body(_ output: TaskOutput?, version: UInt8) -> [UInt8] {
            var writer = ByteWriter()
            var result = AttemptResult(.exited(0), at: Instant(milliseconds: 1))
            result.output = output
            Frame.append(
                AgentMessage.exited(sequence: 1, TestAgent.id(1), result), version: version, to: &writer)
            return writer.bytes
        }
        #expect(body(.document("1"), version: 2) == body(nil, version: 2))
        #expect(body(.document("1"), version: 3) != body(nil, version: 3))
    }

    /// Ends were an exit or none, and words; a kill was told words alone.
    @Test func outcomesAreWrittenAsTheVersionBeforeHasThem() throws {
        let id = WorkID(kind: .task, key: 9, attempt: 2)
        func body(_ message: some WireMessage) -> [UInt8] {
            var writer = ByteWriter()
            Frame.append(message, version: 2, to: &writer)
            return Array(writer.bytes.dropFirst(5))
        }
        let work = [0] + Self.number(Int64(9)) + Self.number(Int32(2))
        let ended = try #require(Outcome.endedByUser.failure)
        #expect(
            body(ServiceMessage.kill(id, .endedByUser))
                == [3] + work + [0] + Self.text(ended.code) + Self.text(ended.message))
        let times = (0..<6).flatMap { _ in Self.number(Int64(0)) }
        func exit(_ outcome: Outcome) -> [UInt8] {
            body(AgentMessage.exited(sequence: 5, id, AttemptResult(outcome, at: Instant(milliseconds: 0))))
        }
        let head = [2] + Self.number(UInt64(5)) + work
        #expect(exit(.exited(0)) == head + [0] + Self.number(Int32(0)) + [0] + times)
        let words = try #require(Outcome.signalled(9).failure)
        #expect(
            exit(.signalled(9))
                == head + [1] + Self.number(Int32(9)) + [1, 0] + Self.text(words.code)
                + Self.text(words.message)
                + times)
        for outcome in [
            Outcome.exited(3), .notStarted(.diskFull, "x"), .endedByUser, .overWallTime(.seconds(3)),
        ] {
            var reader = ByteReader(exit(outcome)[...])
            reader.version = 2
            guard case .exited(5, id, let result) = try AgentMessage(from: &reader) else {
                return #expect(Bool(false))
            }
            #expect(result.outcome.failure == outcome.failure)
            // Nothing is ended as an exit.
            if outcome == .exited(3) { continue }
            reader = ByteReader(body(ServiceMessage.kill(id, outcome))[...])
            reader.version = 2
            guard case .kill(id, let ending) = try ServiceMessage(from: &reader) else {
                return #expect(Bool(false))
            }
            #expect(ending.failure == outcome.failure)
        }
    }

    /// A later version says more in its greeting, and this one reads what it knows of it.
    @Test func whatALaterGreetingAddsIsLeftUnread() throws {
        var writer = ByteWriter()
        let offer = ProtocolVersions(oldest: 3, newest: 7)
        Frame.append(
            ServiceMessage.hello(offer, TestAgent.state, TestAgent.life), version: Frame.greeting, to: &writer
        )
        let more = Self.number(UInt32(writer.bytes.count - 4 + 5)) + writer.bytes[4...] + [1, 2, 3, 4, 5]
        guard case .hello(offer, TestAgent.state, TestAgent.life) = try hello(in: more) else {
            return #expect(Bool(false))
        }
        #expect(throws: WireError.unsupportedVersion(0)) {
            try hello(in: more, ProtocolVersions(oldest: 2, newest: 2))
        }
    }

    /// The service before this one, and what is between: the agent answers each as it speaks.
    @Test(arguments: [(2, 2, 2), (3, 3, 3), (2, 3, 3), (2, 9, 3), (3, 9, 3)] as [(UInt8, UInt8, UInt8)])
    func agentAnswersInTheVersionThatItsServiceSpeaks(_ oldest: UInt8, _ newest: UInt8, chosen: UInt8)
        async throws
    {
        let agent = try await TestAgent()
        let spoken = ProtocolVersions(oldest: oldest, newest: newest)
        let caller = try AgentConnection(root: agent.root, speaking: spoken)
        caller.greet(TestAgent.state, TestAgent.life)
        _ = try caller.flush()
        let heard = try await agent.wait("a welcome") { try caller.readMessages().messages.first }
        guard case .welcome(let welcome) = heard else { return #expect(Bool(false), "\(heard)") }
        #expect(welcome.version == chosen)
        #expect(isSame(welcome.token, chosen == 2 ? nil : agent.token))
        caller.version = chosen
        caller.send(.accept)
        caller.send(.ping(8))
        _ = try caller.flush()
        #expect(try await agent.wait("a pong") { try caller.readMessages().messages.first } == .pong(8))
    }

    /// It says so at once, instead of a silence that could mean anything.
    @Test func agentWithoutACommonVersionSaysSoAndIsLeftAlone() async throws {
        let agent = try await TestAgent()
        let spoken = ProtocolVersions(oldest: 8, newest: 9)
        let caller = try AgentConnection(root: agent.root, speaking: spoken)
        caller.greet(TestAgent.state, TestAgent.life)
        caller.send(.accept)
        _ = try caller.flush()
        let heard = try await agent.wait("a welcome") { try caller.readMessages().messages.first }
        guard case .welcome(let welcome) = heard else { return #expect(Bool(false), "\(heard)") }
        #expect(!spoken.includes(welcome.version))
        try await agent.connect()
        agent.context()
        #expect(try await agent.run(1, "true").isSuccess)
    }

    // MARK: Tokens

    private func isSame(_ left: AgentToken?, _ right: AgentToken?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return left.isSameInConstantTime(as: right)
    }

    @Test func tokenIsToldToTheServiceAndToNobodyElse() async throws {
        let agent = try await TestAgent()
        agent.context()
        let token = try #require(agent.token)
        for case .welcome(let welcome) in agent.messages { #expect(isSame(welcome.token, token)) }
        let look = "cat /proc/$PPID/cmdline /proc/$PPID/environ; env; cat /proc/$PPID/fd/0"
        _ = try await agent.run(1, look)
        #expect(agent.output(of: 1).contains("node-agent"))
        let text = token.withExposedBytes { String(decoding: $0, as: UTF8.self) }
        #expect(!agent.output(of: 1).contains(text))
        // It is the agent's and not the node's.
        agent.crash()
        agent.token = .random()
        try await agent.reboot()
        for case .welcome(let welcome) in agent.messages { #expect(isSame(welcome.token, agent.token)) }
        #expect(!isSame(agent.token, token))
    }

    @Test(arguments: ["", "5a", String(repeating: "5A", count: 16), String(repeating: "5a", count: 17)])
    func inputThatIsNoTokenStartsNoAgent(_ text: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: TestAgent.executable)
        let root = "/tmp/shipyard-token-\(UInt32.random(in: 0...UInt32.max))"
        var options = NodeAgentOptions(
            root: root, pool: "lab", node: "lab-0", boot: 1, slots: 1, isDedicated: true,
            state: TestAgent.state,
            life: TestAgent.life)
        options.token = .random()
        process.arguments = options.arguments
        let (input, errors) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardError = errors
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 2)
        #expect(access(root, F_OK) != 0)
    }
}
