import Foundation
import ShipyardModel
import ShipyardNode
import Testing

/// What a task is given and how its end is told.
struct TaskTests {
    @Test func endsAreToldAsTheyWere() async throws {
        let agent = try await TestAgent()
        agent.context()
        struct Case {
            var command: String
            var exit: ShipyardModel.ExitStatus
            var code: String?

            init(_ command: String, _ exit: ShipyardModel.ExitStatus, _ code: String?) {
                (self.command, self.exit, self.code) = (command, exit, code)
            }
        }
        let cases: [Case] = [
            Case("/bin/true", .exited(0), nil), Case("false", .exited(1), "FailureExitCode"),
            Case("exit 77", .exited(77), "FailureExitCode"),
            Case("exit 255", .exited(255), "FailureExitCode"),
            Case("kill -TERM $$", .signalled(15), "FailureExitCode"),
            Case("kill -KILL $$", .signalled(9), "FailureExitCode"),
            Case("", .exited(0), nil), Case("false; true", .exited(1), "FailureExitCode"),
            Case("false | true", .exited(1), "FailureExitCode"),
            Case("no-such-program-here", .none, "CommandProgramNotFound"),
            Case("/no/such/program", .none, "CommandProgramNotFound"),
            Case("./absent", .none, "CommandProgramNotFound"),
            Case("/etc/passwd", .none, "CommandLaunchFailed"), Case("/", .none, "CommandLaunchFailed"),
        ]
        for (index, item) in cases.enumerated() { agent.start(Int64(index), item.command) }
        for (index, item) in cases.enumerated() {
            let result = try await agent.exit(of: Int64(index))
            #expect(result.exit == item.exit, "\(item.command)")
            #expect(result.failure?.code == item.code, "\(item.command)")
            #expect(result.endTime >= result.startTime)
        }
        #expect(try await agent.exit(of: 4).exit.code == 143)
        #expect(try await agent.exit(of: 9).failure?.message.contains("no-such-program-here") == true)
    }

    @Test func scriptsOfTheWorkingDirectoryRun() async throws {
        let agent = try await TestAgent()
        agent.context()
        let make =
            "printf 'echo plain $0 $1\\n' > plain && chmod +x plain; printf '#!/no/such\\n' > torn && chmod +x torn"
        #expect(try await agent.run(1, make).isSuccess)
        #expect(try await agent.run(1, "./plain one", attempt: 2).isSuccess)
        #expect(agent.output(of: 1) == "plain ./plain one\n")
        // The working directory is the last of PATH.
        #expect(try await agent.run(1, "plain two", attempt: 3).isSuccess)
        #expect(agent.output(of: 1).hasSuffix("plain two\n"))
        #expect(try await agent.run(1, "./torn", attempt: 4).failure?.code == "CommandProgramNotFound")
    }

    @Test func aTaskSeesThreeDescriptorsAndNoBlockedSignal() async throws {
        let agent = try await TestAgent()
        agent.context()
        agent.start(1, "readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2")
        agent.start(2, "ls /proc/self/fd")
        agent.start(3, "grep -E '^Sig(Blk|Ign)' /proc/self/status")
        agent.start(4, "cat")
        for key in 1...4 { #expect(try await agent.exit(of: Int64(key)).isSuccess) }
        let place = "\(agent.root)/workitems/job/job-1/t1"
        #expect(agent.output(of: 1) == "/dev/null\n\(place)/stdout.txt\n\(place)/stderr.txt\n")
        // 3 is the directory that `ls` reads.
        #expect(agent.output(of: 2) == "0\n1\n2\n3\n")
        // glibc's posix_spawn ignores 32 and 33 in the agent: they are its own, and no program may use them.
        let ignored = ["SigIgn:\t0000000000000000", "SigIgn:\t0000000180000000"]
        #expect(ignored.map { "SigBlk:\t0000000000000000\n\($0)\n" }.contains(agent.output(of: 3)))
    }

    @Test func theEnvironmentIsTheNodesThenTheUsers() async throws {
        let agent = try await TestAgent()
        agent.context(
            1,
            environment: [
                ("AZ_BATCH_JOB_ID", "job"), ("MINE", "first"), ("MINE", "last"), ("EMPTY", ""),
                ("LITERAL", "$HOME `x`"),
                ("AZ_BATCH_NODE_ID", "mine"), ("AZ_BATCH_TASK_DIR", "/tmp"),
                ("AZ_BATCH_NODE_ROOT_DIR", "/tmp"),
            ])
        agent.context(
            2, environment: [("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("AZ_BATCH_TASK_ID", "mine")])
        agent.start(1, "env -0")
        agent.start(2, "env -0", context: 2)
        _ = try await (agent.exit(of: 1), agent.exit(of: 2))
        let first = variables(agent.output(of: 1))
        let task = "\(agent.root)/workitems/job/job-1/t1"
        let expected = [
            "AZ_BATCH_NODE_ROOT_DIR": agent.root, "AZ_BATCH_NODE_SHARED_DIR": "\(agent.root)/shared",
            "AZ_BATCH_NODE_STARTUP_DIR": "\(agent.root)/startup",
            "AZ_BATCH_NODE_MOUNTS_DIR": "\(agent.root)/fsmounts",
            "AZ_BATCH_POOL_ID": "lab", "AZ_BATCH_NODE_ID": "mine", "AZ_BATCH_NODE_IS_DEDICATED": "true",
            "AZ_BATCH_TASK_DIR": task, "AZ_BATCH_TASK_WORKING_DIR": "\(task)/wd",
            "AZ_BATCH_CERTIFICATES_DIR": "\(task)/certs", "AZ_BATCH_TASK_ID": "t1", "AZ_BATCH_JOB_ID": "job",
            "AZ_BATCH_TASK_USER_IDENTITY": "PoolNonAdmin", "HOME": "\(task)/wd", "PWD": "\(task)/wd",
            "MINE": "last", "EMPTY": "", "LITERAL": "$HOME `x`",
        ]
        for (name, value) in expected { #expect(first[name] == value, "\(name)") }
        #expect(first["PATH"]?.hasSuffix(":\(agent.root)/shared:\(task)/wd") == true)
        // Nothing else leaks out of the environment that the agent was started in.
        let inherited: Set = ["PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL", "TMPDIR"]
        let known = Set(expected.keys).union(inherited).union([
            "AZ_BATCH_TASK_USER", "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES",
        ])
        #expect(first.keys.filter { !known.contains($0) && !$0.hasPrefix("LC_") }.isEmpty)
        let second = variables(agent.output(of: 2))
        #expect(second["PATH"] == "/usr/bin:/bin")
        #expect(second["HOME"] == "/root")
        #expect(second["AZ_BATCH_TASK_ID"] == "mine")
    }

    private func variables(_ text: String) -> [String: String] {
        Dictionary(
            text.split(separator: "\0").map { entry in
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), String(parts[1]))
            }, uniquingKeysWith: { "twice: \($0), \($1)" })
    }

    @Test func logsBeginAnewWhateverATaskHasMadeOfThem() async throws {
        let agent = try await TestAgent()
        agent.context()
        try Data("kept".utf8).write(to: URL(filePath: "\(agent.directory)/outside"))
        #expect(try await agent.run(1, "echo one; rm ../stderr.txt; mkfifo ../stderr.txt").isSuccess)
        // A pipe without a reader must not hold the agent.
        #expect(
            try await agent.run(
                1, "echo two; rm ../stdout.txt; ln -s \(agent.directory)/outside ../stdout.txt", attempt: 2
            ).isSuccess)
        #expect(try await agent.run(1, "echo three", attempt: 3).isSuccess)
        #expect(agent.output(of: 1) == "three\n")
        #expect(try String(contentsOfFile: "\(agent.directory)/outside", encoding: .utf8) == "kept")
    }

    @Test func filesAreStagedFirstAndTheirFailureIsTold() async throws {
        let agent = try await TestAgent()
        let source = "\(agent.directory)/input"
        try Data("hello".utf8).write(to: URL(filePath: source))
        agent.context(
            1, staging: #"{"resourceFiles":[{"source":"\#(source)","path":"in/a.txt","mode":420}]}"#)
        agent.start(
            1, "cat in/a.txt",
            staging: #"{"resourceFiles":[{"source":"\#(source)","path":"b.txt","mode":420}]}"#)
        #expect(try await agent.exit(of: 1).isSuccess)
        #expect(agent.output(of: 1) == "hello")
        agent.start(
            2, "touch ran", staging: #"{"resourceFiles":[{"source":"\#(source)-not","path":"c","mode":420}]}"#
        )
        agent.start(3, "touch ran", staging: "no JSON")
        let missing = try await agent.exit(of: 2)
        #expect(missing.exit == .none)
        #expect(missing.failure?.code == "BlobNotFound")
        #expect(try await agent.exit(of: 3).failure != nil)
        for key in 2...3 {
            #expect(
                !FileManager.default.fileExists(atPath: "\(agent.root)/workitems/job/job-1/t\(key)/wd/ran"))
        }
    }
}
