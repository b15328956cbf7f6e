import ShipyardModel
import ShipyardNode
import TestSupport
import Testing

struct WireTests {
    static let result = AttemptResult(
        .notStarted(.diskFull, "kein Platz — ☹"),
        startTime: Instant(milliseconds: 5), endTime: Instant(milliseconds: 77),
        usage: ResourceUsage(wall: 1, user: 2, system: 3, peakMemoryBytes: 4))
    static let id = WorkID(kind: .jobRelease, key: 1 << 40, attempt: 3)

    /// The second of the nodes that one attempt holds.
    static let second = WorkID(TaskKey(job: 3, ordinal: 4), attempt: 5, instance: 1)

    static let agentMessages: [AgentMessage] = [
        .welcome(
            Welcome(
                version: 3, token: AgentToken.random(), state: TestAgent.state, life: TestAgent.life,
                boot: -5, processID: 42, running: [id, second, id], queued: [second])),
        .started(id, at: Instant(milliseconds: 1_700_000_000_123)),
        .exited(sequence: .max, id, result),
        .exited(
            sequence: 1, id,
            AttemptResult(
                .exited(0), startTime: Instant(milliseconds: 0),
                endTime: Instant(milliseconds: 0))),
        .returned(id), .directoryRemoved(RemovalID(job: 7)),
        .directoryNotRemoved(RemovalID(TaskKey(rawValue: id.key)), path: "/x/..", reason: "outside"),
        .pong(.max), .cannotStartWork(reason: "no space"), .canStartWork,
        .transferring(
            second, TransferProgress(.upload, files: 1, bytes: -2, totalFiles: .max, totalBytes: 4)),
        .exited(
            sequence: 2, id,
            AttemptResult(
                .exited(3), startTime: Instant(milliseconds: 1), endTime: Instant(milliseconds: 2),
                uploadFailure: UploadFailure(.accessDenied, "é"))),
        .exited(
            sequence: 3, id,
            AttemptResult(
                .exited(0), startTime: Instant(milliseconds: 1), endTime: Instant(milliseconds: 2),
                output: .document("{\"é\":1}"))),
        .exited(
            sequence: 4, id,
            AttemptResult(
                .exited(0), startTime: Instant(milliseconds: 1), endTime: Instant(milliseconds: 2),
                output: .absent)),
        .exited(
            sequence: 5, id, AttemptResult(.outputRefused(.notJSON, "é"), at: Instant(milliseconds: 2))),
    ]

    static let serviceMessages: [ServiceMessage] = [
        .hello(.ofThisProgram, TestAgent.state, TestAgent.life), .accept,
        .context(
            WorkContext(
                number: 7, parentDirectory: "workitems/etl/job-1", environment: [("A", "1"), ("B", "")],
                maxWallTime: .seconds(3), staging: "{}")),
        .context(
            WorkContext(
                number: 9, parentDirectory: "", environment: [], upload: "{}",
                uploadsAfter: [.success, .failure])),
        .start(
            WorkOrder(
                id: id, context: 7, name: "t-4", command: "", needs: .none,
                storageKeys: Secret(copying: [255, 10]))),
        .context(WorkContext(number: 8, parentDirectory: "", environment: [])),
        .context(WorkContext(number: 8, parentDirectory: "", environment: [], recordsOutput: true)),
        .start(
            WorkOrder(
                id: id, context: 7, name: "t-5", command: "", needs: .none,
                files: [ActivityFile("activity.json", "{}"), ActivityFile("é", "")], upload: "{}")),
        .start(
            WorkOrder(
                id: id, context: 7, name: "t-1", command: "echo \"hé\"\n", needs: Resources(slots: 2),
                staging: "[]")),
        .start(
            WorkOrder(
                id: second, context: 7, name: "t-2", command: "",
                needs: Resources(
                    slots: 1, milliCPUs: 500, memoryBytes: 1 << 40,
                    others: [.init("gpu", 2), .init("licence", 1)]))),
        .start(
            WorkOrder(
                id: id, context: 7, name: "t-3", command: "", needs: .none,
                secrets: [
                    SecretVariable(name: "A", value: Secret("é")),
                    SecretVariable(name: "B", value: Secret("")),
                    SecretVariable(name: "C", value: Secret(copying: [255])),
                ])),
        .kill(id, .endedByUser), .kill(second, .nodeLost(.left, "é")), .recall(id), .acknowledge(99),
        .removeDirectory(RemovalID(job: 7), path: "workitems/x"),
        .forgetRemoval(RemovalID(job: 7)), .ping(.max), .shutDown,
        .forgetContext(7),
    ]

    static func frames(_ messages: [some WireMessage]) -> [UInt8] {
        var writer = ByteWriter()
        for message in messages {
            Frame.append(message, version: ProtocolVersions.ofThisProgram.newest, to: &writer)
        }
        return writer.bytes
    }

    /// Agents and journals of before there were instances, and resources beside slots, have these very bytes.
    @Test func whatIsPlainLiesAsItAlwaysDid() {
        var writer = ByteWriter()
        writer.append(WorkID(TaskKey(rawValue: 0x0102), attempt: 3))
        #expect(writer.bytes == [0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0])
        writer = ByteWriter()
        writer.append(WorkID(TaskKey(rawValue: 0x0102), attempt: 3, instance: 258))
        #expect(writer.bytes == [128, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 1])
        writer = ByteWriter()
        WorkOrder(
            id: WorkID(kind: .startTask, key: 0, attempt: 1), context: 9, name: "n", command: "c",
            needs: Resources(slots: 2), staging: "s"
        ).write(to: &writer)
        #expect(
            writer.bytes == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + [9, 0, 0, 0, 1, 0, 0, 0, 0x6E]
                + [1, 0, 0, 0, 0x63, 2, 0, 1, 1, 0, 0, 0, 0x73])
    }

    @Test func agentMessagesSurviveTheWireByteByByte() throws {
        var decoder = FrameDecoder()
        var received: [AgentMessage] = []
        for byte in Self.frames(Self.agentMessages) {
            decoder.append(CollectionOfOne(byte))
            while let message = try decoder.next(AgentMessage.self) { received.append(message) }
        }
        #expect(received == Self.agentMessages)
        #expect(decoder.pendingBytes == 0)
    }

    @Test func serviceMessagesSurviveTheWire() throws {
        var decoder = FrameDecoder()
        let bytes = Self.frames(Self.serviceMessages)
        decoder.append(bytes)
        var received: [ServiceMessage] = []
        while let message = try decoder.next(ServiceMessage.self) { received.append(message) }
        #expect(Self.frames(received) == bytes)
        #expect(received.count == Self.serviceMessages.count)
    }

    /// A frame cut short inside, its length made to match, must be an error and never a message or a crash.
    @Test func everyTruncationOfEveryMessageIsAnError() {
        func check<Message: WireMessage>(_ messages: [Message]) {
            for message in messages {
                let body = Array(Self.frames([message]).dropFirst(5))
                for length in 0..<body.count {
                    #expect(throws: WireError.self) {
                        var reader = ByteReader(body[..<length])
                        _ = try Message(from: &reader)
                    }
                }
            }
        }
        check(Self.agentMessages)
        check(Self.serviceMessages)
    }

    @Test func garbageNeverCrashes() {
        var generator = SeededRandom(seed: 11)
        for _ in 0..<20_000 {
            var bytes = Self.frames([Self.serviceMessages.randomElement(using: &generator)!])
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: 0...255, using: &generator)
            }
            var decoder = FrameDecoder()
            decoder.append(bytes)
            while (try? decoder.next(ServiceMessage.self)) != nil {}
            decoder = FrameDecoder()
            decoder.append(bytes)
            while (try? decoder.next(AgentMessage.self)) != nil {}
        }
    }

    @Test func foreignVersionsAndEndlessFramesAreRefused() {
        var decoder = FrameDecoder()
        decoder.append([2, 0, 0, 0, 9, 0])
        #expect(throws: WireError.unsupportedVersion(9)) { try decoder.next(ServiceMessage.self) }
        decoder = FrameDecoder()
        decoder.append([255, 255, 255, 255])
        #expect(throws: WireError.frameTooLong(4_294_967_295)) { try decoder.next(ServiceMessage.self) }
        decoder = FrameDecoder()
        decoder.append([3, 0, 0, 0, ProtocolVersions.ofThisProgram.newest, 7, 0])
        #expect(throws: WireError.trailingBytes(1)) { try decoder.next(ServiceMessage.self) }
    }
}
