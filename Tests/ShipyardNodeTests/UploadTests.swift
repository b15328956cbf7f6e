import Foundation
import ShipyardModel
import ShipyardNode
import Testing

/// What an agent does after a command whose files are to be stored. The store is a directory beside the node's.
struct UploadTests {
    private func context(
        _ agent: TestAgent, _ rules: String, after conditions: UploadConditions = [.success, .failure],
        maxWallTime: TimeSpan? = nil, staging: String? = nil, number: UInt32 = 1
    ) {
        let account = #""accounts":[{"kind":"embedded","alias":"data","name":"main"}]"#
        let root = "\"embeddedRoot\":\"\(agent.directory)/storage\""
        agent.send(
            .context(
                WorkContext(
                    number: number, parentDirectory: "workitems/job/job-1", environment: [],
                    maxWallTime: maxWallTime,
                    staging: staging.map { "{\(account),\(root),\"inputs\":[\($0)]}" },
                    upload: "{\(account),\(root),\"outputs\":[\(rules)]}", uploadsAfter: conditions)))
    }

    private func rule(_ remote: String, _ condition: String, include: String = "", rate: Int? = nil) -> String
    {
        let rate = rate.map { ",\"bytesPerSecond\":\($0)" } ?? ""
        return
            #"{"storageAccountSettings":"data","remotePath":"\#(remote)","isFileShare":false,"include":[\#(include)],"#
            + #""exclude":[],"condition":"\#(condition)"\#(rate)}"#
    }

    private func stored(_ agent: TestAgent, _ name: String) -> String? {
        try? String(contentsOfFile: "\(agent.directory)/storage/main/\(name)", encoding: .utf8)
    }

    @Test func whatACommandHasWrittenIsStoredWhole() async throws {
        let agent = try await TestAgent()
        context(
            agent,
            rule("o/ok", "tasksuccess") + "," + rule("o/bad", "taskfailure") + ","
                + rule("o/all", "taskcompletion"))
        // The child writes on after its parent has ended, until it is ended, too.
        #expect(try await agent.run(1, "echo one; echo two >&2; echo made > file").outcome == .exited(0))
        #expect(stored(agent, "o/ok/stdout.txt") == "one\n" && stored(agent, "o/ok/stderr.txt") == "two\n")
        #expect(stored(agent, "o/all/wd/file") == "made\n" && stored(agent, "o/bad/stdout.txt") == nil)
        let failed = try await agent.run(2, "echo three; exit 3")
        #expect(failed.outcome == .exited(3) && failed.uploadFailure == nil)
        #expect(stored(agent, "o/bad/stdout.txt") == "three\n" && stored(agent, "o/ok/stdout.txt") == "one\n")
        #expect(try await agent.run(3, "echo four; kill -9 $$").outcome == .signalled(9))
        #expect(stored(agent, "o/all/stdout.txt") == "four\n")
        // Exactly what the commands wrote.
        #expect(agent.errors(of: 3) == "")
    }

    @Test func aCommandThatRanTooLongIsStoredAndOneThatAUserEndedIsNot() async throws {
        let agent = try await TestAgent()
        context(agent, rule("o", "taskcompletion"), maxWallTime: .seconds(1))
        let late = try await agent.run(1, "echo begun; sleep 1000")
        #expect(late.outcome == .overWallTime(.seconds(1)) && stored(agent, "o/stdout.txt") == "begun\n")
        context(agent, rule("o", "taskcompletion"), number: 2)
        agent.start(2, "echo other; sleep 1000", context: 2)
        try await agent.holds("other", outputOf: 2)
        agent.send(.kill(TestAgent.id(2), .endedByUser))
        #expect(try await agent.exit(of: 2).outcome == .endedByUser)
        #expect(stored(agent, "o/stdout.txt") == "begun\n")
    }

    @Test func aFailedUploadIsTheOutcomeOfASuccessAndToldBesideAFailure() async throws {
        let agent = try await TestAgent()
        try "".write(toFile: "\(agent.directory)/storage", atomically: true, encoding: .utf8)
        context(agent, rule("o", "taskcompletion"))
        let succeeded = try await agent.run(1, "true")
        guard case .uploadFailed(_, let message) = succeeded.outcome else {
            Issue.record("\(succeeded)")
            return
        }
        #expect(!message.isEmpty && succeeded.uploadFailure == nil)
        let failed = try await agent.run(2, "exit 4")
        #expect(failed.outcome == .exited(4) && failed.uploadFailure?.message == message)
        // The journal knows both.
        let kept = try agent.journal.unacknowledged.map(\.result)
        #expect(kept == [succeeded, failed])
    }

    /// Slow enough to be met on the way: the gauge knows no less than 64 KiB a second.
    private static let slow = "head -c 3000000 /dev/zero > big"

    @Test func anUploadIsToldWhileItMovesAndEndsWhenAUserWantsIt() async throws {
        let agent = try await TestAgent(slots: 1)
        context(
            agent, rule("o", "taskcompletion", include: "\"wd/big\"", rate: 65_536), maxWallTime: .seconds(2))
        agent.start(1, Self.slow)
        let told = try await agent.wait("progress") {
            agent.messages.compactMap { message -> TransferProgress? in
                guard case .transferring(TestAgent.id(1), let progress) = message, progress.bytes > 0 else {
                    return nil
                }
                return progress
            }.first
        }
        #expect(told.direction == .upload && told.totalFiles == 1 && told.totalBytes == 3_000_000)
        #expect(told.files == 0 && told.bytes < 3_000_000)
        agent.start(2, "true")
        // It is past its time limit by now, which was the command's alone, and its slot is still taken.
        try await Task.sleep(for: .seconds(2))
        try await agent.hasReceived(.returned(TestAgent.id(2)))
        #expect(agent.exits(of: 1).isEmpty)
        agent.send(.kill(TestAgent.id(1), .endedByUser))
        #expect(try await agent.exit(of: 1).outcome == .endedByUser)
        agent.start(3, Self.slow + "; exit 5")
        try await agent.wait("the second upload") {
            agent.messages.contains { if case .transferring(TestAgent.id(3), _) = $0 { true } else { false } }
                ? () : nil
        }
        agent.send(.kill(TestAgent.id(3), .endedByUser))
        let second = try await agent.exit(of: 3)
        #expect(second.outcome == .exited(5) && second.uploadFailure?.fault == .miscError)
        #expect(stored(agent, "o/wd/big") == nil)
    }

    @Test func dataIsToldOnItsWayIn() async throws {
        let agent = try await TestAgent()
        try FileManager.default.createDirectory(
            atPath: "\(agent.directory)/storage/main/c", withIntermediateDirectories: true)
        try Data(count: 2_000_000).write(to: URL(filePath: "\(agent.directory)/storage/main/c/big"))
        context(agent, rule("o", "tasksuccess"), after: [], staging: rule("c", "tasksuccess", rate: 300_000))
        agent.start(1, "wc -c < big")
        let told = try await agent.wait("progress") {
            agent.messages.compactMap { message -> TransferProgress? in
                guard case .transferring(TestAgent.id(1), let progress) = message else { return nil }
                return progress
            }.first
        }
        #expect(told.direction == .download && told.totalFiles == 1 && told.totalBytes == 2_000_000)
        #expect(try await agent.exit(of: 1).outcome == .exited(0))
        #expect(agent.output(of: 1) == "2000000\n" && stored(agent, "o/stdout.txt") == nil)
    }

    /// Kills the agent's process of this name, once there is one that is none of those before. A thread of its own looks for it:
    /// while other tests compute, a task is woken too late to meet it.
    private func killMover(_ verb: String, of agent: TestAgent, otherThan known: Set<Int32> = []) async throws -> Int32 {
        let parent = agent.processID
        let killed: Int32? = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let end = ContinuousClock.now + .seconds(120)
                while ContinuousClock.now < end {
                    if let found = Self.mover(verb, of: parent, otherThan: known), kill(found, SIGKILL) == 0 {
                        return continuation.resume(returning: found)
                    }
                    Thread.sleep(forTimeInterval: 0.005)
                }
                continuation.resume(returning: nil)
            }
        }
        return try #require(killed, "no sign of \(verb)")
    }

    private static func mover(_ verb: String, of parent: Int32, otherThan known: Set<Int32>) -> Int32? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.lazy.compactMap(Int32.init).first {
            guard !known.contains($0), let line = FileManager.default.contents(atPath: "/proc/\($0)/cmdline"),
                let status = try? String(contentsOfFile: "/proc/\($0)/status", encoding: .utf8)
            else { return false }
            return line == Data("shipyard-swift\0\(verb)\0".utf8) && status.contains("PPid:\t\(parent)\n")
        }
    }

    @Test func filesMoveAgainWhereTheirProcessWasKilledAndNotForEver() async throws {
        let agent = try await TestAgent()
        context(agent, rule("o", "tasksuccess", include: "\"wd/big\"", rate: 300_000))
        agent.start(1, Self.slow)
        let first = try await killMover("node-upload", of: agent)
        #expect(try await agent.exit(of: 1).outcome == .exited(0))
        #expect(stored(agent, "o/wd/big")?.utf8.count == 3_000_000)

        agent.start(2, Self.slow)
        var known: Set<Int32> = [first]
        for _ in 0..<3 { known.insert(try await killMover("node-upload", of: agent, otherThan: known)) }
        let message = "Storing the task's files was ended by signal 9 and gave no reason."
        #expect(try await agent.exit(of: 2).outcome == .uploadFailed(.miscError, message))

        try FileManager.default.createDirectory(
            atPath: "\(agent.directory)/storage/main/c", withIntermediateDirectories: true)
        try Data(count: 1_000_000).write(to: URL(filePath: "\(agent.directory)/storage/main/c/big"))
        context(
            agent, rule("o", "tasksuccess"), after: [], staging: rule("c", "tasksuccess", rate: 100_000), number: 2)
        agent.start(3, "wc -c < big", context: 2)
        _ = try await killMover("node-stage", of: agent)
        #expect(try await agent.exit(of: 3).outcome == .exited(0))
        #expect(agent.output(of: 3) == "1000000\n")
    }

    /// The command has run under an earlier attempt, whose node went away while what was fetched was being deleted.
    @Test func aTaskThatHasDoneItsWorkOnlyDeletes() async throws {
        let agent = try await TestAgent()
        let inbox = "\(agent.directory)/storage/main/c"
        try FileManager.default.createDirectory(atPath: inbox, withIntermediateDirectories: true)
        for name in ["a", "b"] { try name.write(toFile: "\(inbox)/\(name)", atomically: true, encoding: .utf8) }
        let account = #""accounts":[{"kind":"embedded","alias":"data","name":"main"}]"#
        let deletes = rule("c", "tasksuccess").dropLast() + #","deletesFilesAfterCompletion":true}"#
        let shared =
            "\(account),\"embeddedRoot\":\"\(agent.directory)/storage\",\"inputs\":[\(deletes)],"
            + "\"deletions\":\"\(agent.directory)/deleting\",\"loadScope\":\"s\""
        agent.send(
            .context(
                WorkContext(
                    number: 1, parentDirectory: "workitems/job/job-1", environment: [], staging: "{\(shared)}",
                    upload: "{\(shared)}", uploadsAfter: .success)))
        agent.start(1, "cat a; mv \(inbox) \(inbox).away")
        guard case .uploadFailed(.containerNotFound, _) = try await agent.exit(of: 1).outcome else {
            Issue.record("deleted from a container that is not there")
            return
        }
        try FileManager.default.moveItem(atPath: inbox + ".away", toPath: inbox)
        let second = try await agent.run(1, "echo again", attempt: 2)
        #expect(second.outcome == .exited(0) && agent.output(of: 1) == "")
        #expect(agent.errors(of: 1).contains("not run again"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: inbox).isEmpty)
        // The agent carries what `node-stage` has said of the list to `node-upload`.
        try "new".write(toFile: "\(inbox)/a", atomically: true, encoding: .utf8)
        #expect(try await agent.run(2, "cat a").outcome == .exited(0))
        #expect(try FileManager.default.contentsOfDirectory(atPath: inbox).isEmpty)
        try "new".write(toFile: "\(inbox)/a", atomically: true, encoding: .utf8)
        guard case .uploadFailed(.miscError, let message) = try await agent.run(3, "rm ../.fetched-0").outcome else {
            Issue.record("nothing was deleted, and nothing said")
            return
        }
        #expect(message.contains("changed or removed by the task"))
    }

    @Test func anUploadGoesOnWithoutTheService() async throws {
        let agent = try await TestAgent()
        context(agent, rule("o", "taskcompletion", include: "\"wd/big\"", rate: 100_000))
        agent.start(1, Self.slow)
        try await agent.wait("progress") {
            agent.messages.contains { if case .transferring = $0 { true } else { false } } ? () : nil
        }
        try await agent.connect()
        #expect(try await agent.welcome().running == [TestAgent.id(1)])
        #expect(try await agent.exit(of: 1).outcome == .exited(0))
        #expect(stored(agent, "o/wd/big")?.utf8.count == 3_000_000)
    }

    @Test func dataThatCannotBeFetchedIsAFailureOfItsOwnKind() async throws {
        let agent = try await TestAgent()
        context(agent, rule("o", "taskcompletion"), staging: rule("none/x", "tasksuccess"))
        let result = try await agent.run(1, "echo ran")
        guard case .inputFailed(.blobNotFound, _) = result.outcome else {
            Issue.record("\(result)")
            return
        }
        // Its command never began: there is nothing to store.
        #expect(agent.output(of: 1) == "" && stored(agent, "o/stdout.txt") == nil)
    }

    @Test func keysAreOnStandardInputAndNowhereElse() async throws {
        let agent = try await TestAgent()
        agent.send(
            .context(
                WorkContext(
                    number: 1, parentDirectory: "workitems/job/job-1", environment: [],
                    upload: #"{"outputs":[]}"#, uploadsAfter: .success)))
        let line = #"{"storageKeys":{"a":{"key":"hidden-key"}}}"# + "\n"
        agent.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(1), context: 1, name: "t1", command: "env; cat /proc/$PPID/environ; cat",
                    needs: Resources(slots: 1), storageKeys: Secret(line))))
        #expect(try await agent.exit(of: 1).outcome == .exited(0))
        #expect(!agent.output(of: 1).contains("hidden-key"))
        let journal = try Data(contentsOf: URL(filePath: agent.root + "/agent.journal"))
        #expect(!String(decoding: journal, as: UTF8.self).contains("hidden-key"))
    }
}
