import Foundation
import ShipyardModel
import ShipyardNode
import Testing

/// What a task finds in its directory and what it leaves there for others.
struct OutputTests {
    private func agent(recordsOutput: Bool = true) async throws -> TestAgent {
        let agent = try await TestAgent()
        context(agent, 1, recordsOutput)
        return agent
    }

    private func context(_ agent: TestAgent, _ number: UInt32, _ recordsOutput: Bool) {
        agent.send(
            .context(
                WorkContext(
                    number: number, parentDirectory: "workitems/job/job-1", environment: [],
                    recordsOutput: recordsOutput)))
    }

    private func start(
        _ agent: TestAgent, _ key: Int64, _ command: String, attempt: Int32 = 1, _ files: [ActivityFile],
        staging: String? = nil
    ) async throws -> AttemptResult {
        agent.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(key, attempt: attempt), context: 1, name: "t\(key)", command: command,
                    needs: Resources(slots: 1), staging: staging, files: files)))
        return try await agent.exit(of: key, attempt: attempt)
    }

    /// Two megabytes, by a program that was not optimized, on a machine that has others to serve.
    private func patiently(_ agent: TestAgent, _ key: Int64) async throws -> AttemptResult {
        for _ in 0..<4 {
            if let result = try? await agent.exit(of: key) { return result }
        }
        return try await agent.exit(of: key)
    }

    @Test func filesAreThereForTheirOwnerBeforeTheCommand() async throws {
        let agent = try await agent()
        let files = [ActivityFile("activity.json", "{\"é\":1}\n"), ActivityFile("datasets.json", "[]")]
        let result = try await start(agent, 1, "stat -c '%a %F %n' *.json; cat activity.json", files)
        #expect(result.outcome == .exited(0) && result.output == .absent)
        #expect(
            agent.output(of: 1)
                == "600 regular file activity.json\n600 regular file datasets.json\n{\"é\":1}\n")
    }

    /// What an earlier attempt has put in their places leads nowhere, and what was fetched gives way.
    @Test func linksInTheirPlaceAreNotFollowed() async throws {
        let agent = try await agent()
        let victim = "\(agent.directory)/victim"
        try "mine".write(toFile: victim, atomically: true, encoding: .utf8)
        let file = [ActivityFile("activity.json", "new")]
        _ = try await start(agent, 1, "ln -sf \(victim) activity.json; exit 1", file)
        #expect(try await start(agent, 1, "cat activity.json", attempt: 2, file).outcome == .exited(0))
        #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
        #expect(agent.output(of: 1) == "new")
        // The whole directory, too.
        _ = try await start(agent, 2, "cd ..; mv wd old; ln -s \(agent.directory) wd; exit 1", file)
        let result = try await start(agent, 2, "true", attempt: 2, file)
        #expect(!result.isSuccess && result.outcome.exitCode == nil, "\(result)")
        #expect(!FileManager.default.fileExists(atPath: "\(agent.directory)/activity.json"))
        let fetched =
            "{\"resourceFiles\":[{\"source\":\"\(victim)\",\"path\":\"activity.json\",\"mode\":511}]}"
        let third = try await start(agent, 3, "cat activity.json", file, staging: fetched)
        #expect(third.outcome == .exited(0) && agent.output(of: 3) == "new")
    }

    @Test(
        arguments: [
            ("true", .absent), ("echo '{\"a\": [1,  2]}' > outputs.json", .document("{\"a\": [1,  2]}\n")),
            ("printf '\\357\\273\\277 3' > outputs.json", .document(" 3")),
            ("(sleep 0.2; echo '[1]' > outputs.json) & wait", .document("[1]\n")),
            ("cd ..; rm -r wd", .absent),
        ] as [(String, TaskOutput)])
    func whatIsLeftIsTheOutput(_ command: String, _ output: TaskOutput) async throws {
        let agent = try await agent()
        let result = try await agent.run(1, command)
        #expect(result.outcome == .exited(0) && result.output == output)
        // Also for who reads the journal of a dead agent.
        #expect(try agent.journal.unacknowledged.first?.result == result)
    }

    @Test func theLargestOutputIsOne() async throws {
        let agent = try await agent()
        agent.start(1, "(head -c 2097151 /dev/zero | tr '\\0' ' '; printf 1) > outputs.json")
        let result = try await patiently(agent, 1)
        #expect(result.outcome == .exited(0) && result.output?.byteCount == 2_097_152)
    }

    @Test(
        arguments: [
            ("head -c 2097153 /dev/zero > outputs.json", .tooLarge, "is larger than 2 MiB"),
            ("truncate -s 1T outputs.json", .tooLarge, "is larger than 2 MiB"),
            ("ln -s /etc/hostname outputs.json", .notAFile, "is no regular file"),
            ("ln -s nowhere outputs.json", .notAFile, "is no regular file"),
            ("mkfifo outputs.json", .notAFile, "is no regular file"),
            ("mkdir outputs.json", .notAFile, "is no regular file"),
            ("echo 1 > outputs.json; cd ..; mv wd x; ln -s x wd", .notAFile, "is no regular file"),
            (
                ": > outputs.json", .notJSON,
                "is no JSON: line 1, column 1: the text ends where a value should stand"
            ),
            (
                "echo '{\"a\":}' > outputs.json", .notJSON,
                "is no JSON: line 1, column 6: a value cannot start with this character"
            ),
            ("printf '\"\\377\"' > outputs.json", .notJSON, "is no JSON: line 1, column 3: not valid UTF-8"),
            (
                "head -c 2000000 /dev/zero | tr '\\0' '[' > outputs.json", .notJSON,
                "is no JSON: line 1, column 202: nested deeper than 200 levels"
            ),
            (
                "printf '[{\"a\":1,\"\\\\u0061\":2}]' > outputs.json", .notJSON,
                "is no JSON: line 1, column 9: an object has the name `a` twice"
            ),
            (
                "printf '[\"\\\\ud83d\\\\ude00 \\\\ud800\"]' > outputs.json", .notJSON,
                "is no JSON: line 1, column 16: half of a surrogate pair is no character"
            ),
            (
                "printf '1 2' > outputs.json", .notJSON,
                "is no JSON: line 1, column 3: unexpected text after the value"
            ),
        ] as [(String, OutputFault, String)])
    func whatIsNoOutputIsTheTasksFailure(
        _ command: String, _ fault: OutputFault, _ reason: String
    ) async throws {
        let agent = try await agent()
        let result = try await agent.run(1, command)
        #expect(
            result.outcome == .outputRefused(fault, "The task has succeeded, and its outputs.json \(reason).")
        )
        #expect(result.output == nil)
        // The agent lives.
        #expect(try await agent.run(2, "echo 1 > outputs.json").output == .document("1\n"))
    }

    @Test func outputsOfFailuresAndOfTasksThatHaveNoneAreNotLookedAt() async throws {
        let agent = try await agent(recordsOutput: false)
        #expect(try await agent.run(1, "mkfifo outputs.json").output == nil)
        context(agent, 1, true)
        let failed = try await agent.run(2, "echo x > outputs.json; exit 3")
        #expect(failed.outcome == .exited(3) && failed.output == nil)
        // What it has left is not the next attempt's.
        #expect(try await agent.run(2, "true", attempt: 2).output == .absent)
    }

    /// The service is away: what waits for it does not fill the agent's memory, nor is it lost.
    @Test func outputsThatNobodyTakesHoldUpTheNextOnes() async throws {
        let agent = try await agent()
        let large = "(printf '\"'; head -c 2097150 /dev/zero | tr '\\0' x; printf '\"') > outputs.json"
        for key in 1...8 {
            agent.start(Int64(key), large)
            let size = try await patiently(agent, Int64(key)).output?.byteCount
            #expect(size == TaskOutput.maximumBytes)
        }
        agent.start(33, "true")
        try await agent.hasReceived(.returned(TestAgent.id(33)))
        context(agent, 2, false)
        agent.start(34, "true", context: 2)
        #expect(try await agent.exit(of: 34).outcome == .exited(0))
        #expect(try agent.journal.outputBytes == 8 * TaskOutput.maximumBytes)
        // All of it is told again on the next connection.
        agent.disconnect()
        try await agent.connect()
        try await agent.wait("all exits") { agent.exits(of: 8).isEmpty ? nil : () }
        #expect(agent.exits(of: 1).first?.result.output?.byteCount == TaskOutput.maximumBytes)
        let last = try #require(agent.exits(of: 8).first).sequence
        agent.send(.acknowledge(last))
        context(agent, 1, true)
        #expect(try await agent.run(33, "true", attempt: 2).output == .absent)
    }
}
