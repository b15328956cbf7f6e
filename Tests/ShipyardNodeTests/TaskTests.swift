import Foundation
import ShipyardModel
import ShipyardSystem
import Synchronization
import Testing

@testable import ShipyardNode

/// What a task is given and how its end is told.
struct TaskTests {
    @Test func endsAreToldAsTheyWere() async throws {
        let agent = try await TestAgent()
        agent.context()
        struct Case {
            var command: String
            /// Nil where its sentence tells too much of the machine.
            var outcome: Outcome?
            var code: String?

            init(_ command: String, _ outcome: Outcome?, _ code: String?) {
                (self.command, self.outcome, self.code) = (command, outcome, code)
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
            #expect(item.outcome == nil || result.outcome == item.outcome, "\(item.command)")
            #expect(result.failure?.code == item.code, "\(item.command)")
            #expect(result.endTime >= result.startTime)
        }
        #expect(try await agent.exit(of: 4).outcome.exitCode == 143)
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
                ("N\u{C4}ME", "one letter"), ("NA\u{308}ME", "a letter and its dots"),
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
        // As bytes they are two, though Swift has them equal.
        for line in ["N\u{C4}ME=one letter", "NA\u{308}ME=a letter and its dots"] {
            #expect(agent.output(of: 1).utf8.split(separator: 0).contains { $0.elementsEqual(line.utf8) }, "\(line)")
        }
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
            "N\u{C4}ME", "AZ_BATCH_TASK_USER", "AZ_BATCH_TASK_RESERVED_EPHEMERAL_DISK_SPACE_BYTES",
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
        #expect(missing.outcome.exitCode == nil)
        #expect(missing.failure?.code == "BlobNotFound")
        #expect(try await agent.exit(of: 3).failure != nil)
        for key in 2...3 {
            #expect(
                !FileManager.default.fileExists(atPath: "\(agent.root)/workitems/job/job-1/t\(key)/wd/ran"))
        }
    }

    /// It is the command's alone, and of its order alone: neither the process that puts files in place gets it (which says
    /// so, since its loader would complain) nor the next order of the context.
    @Test func secretsAreInTheEnvironmentOfOneCommand() async throws {
        let agent = try await TestAgent()
        let source = "\(agent.directory)/input"
        try Data("hello".utf8).write(to: URL(filePath: source))
        agent.context(
            1, environment: [("A", "plain"), ("B", "plain")],
            staging: #"{"resourceFiles":[{"source":"\#(source)","path":"in","mode":420}]}"#)
        func secrets(_ values: [String: String]) -> [SecretVariable] {
            values.map { SecretVariable(name: $0.key, value: Secret($0.value)) }
        }
        let reserved = ["AZ_BATCH_TASK_DIR": "/elsewhere", "HOME": "/secret", "": "x"]
        let long = String(repeating: "long ", count: 20_000)
        agent.start(
            1, "/usr/bin/env",
            secrets: secrets(["A": "=ä\n", "C": "", "LD_PRELOAD": "/no/such.so", "L": long]))
        agent.start(2, "/usr/bin/env", secrets: secrets(reserved))
        agent.start(3, "/usr/bin/env")
        for key in 1...3 { #expect(try await agent.exit(of: Int64(key)).isSuccess) }
        func lines(_ key: Int64) -> [Substring] { agent.output(of: key).split(separator: "\n") }
        #expect(agent.output(of: 1).contains("A==ä\n\n") && lines(1).count { $0.hasPrefix("A=") } == 1)
        #expect(lines(1).contains("B=plain") && lines(1).contains("C=") && lines(1).contains("L=\(long)"))
        #expect(agent.errors(of: 1).split(separator: "\n").count { $0.contains("/no/such.so") } == 1)
        #expect(lines(2).contains("HOME=/secret") && lines(2).count { $0.hasPrefix("HOME=") } == 1)
        #expect(lines(2).contains { $0.hasPrefix("AZ_BATCH_TASK_DIR=\(agent.root)") })
        #expect(!agent.output(of: 2).contains("/elsewhere"))
        #expect(lines(3).contains("A=plain") && !agent.output(of: 3).contains("LD_PRELOAD"))
        let names = [1, 3].map { key in lines(Int64(key)).compactMap { $0.split(separator: "=").first } }
        #expect(names[0].count == Set(names[0]).count && Set(names[1]).isSubset(of: names[0]))
    }

    /// In a directory of their own, which goes with the command, whatever that has put there besides.
    @Test func secretFilesAreThereForAsLongAsTheCommandRuns() async throws {
        let agent = try await TestAgent()
        agent.context(1)
        let files = [
            SecretFileContent(path: "tls/key.pem", content: Secret("of the key\n")),
            SecretFileContent(path: "token", content: Secret("of the token")),
        ]
        agent.start(
            1,
            "cd $SHIPYARD_SECRETS_DIR && umask && stat -c '%a %n' . tls/key.pem token && cat tls/key.pem token && "
                + "mkdir -p more/and && touch more/and/more && ln -s /etc more/etc && rm token && ln -s /etc/passwd token",
            secretFiles: files)
        #expect(try await agent.exit(of: 1).isSuccess)
        let lines = agent.output(of: 1).split(separator: "\n").dropFirst()
        #expect(lines == ["700 .", "600 tls/key.pem", "600 token", "of the key", "of the token"])
        let place = agent.root + "/secrets"
        let isEmpty = try await agent.wait("the end of the secrets") {
            try FileManager.default.contentsOfDirectory(atPath: place).isEmpty ? true : nil
        }
        #expect(isEmpty && FileManager.default.fileExists(atPath: "/etc/passwd"))

        agent.start(2, "env", secretFiles: [SecretFileContent(path: "../../x", content: Secret("x"))])
        #expect(try await agent.exit(of: 2).outcome.failure != nil)
        agent.start(3, "/no/such/program", secretFiles: files)
        #expect(try await agent.exit(of: 3).outcome.failure != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
        agent.start(4, "env")
        #expect(try await agent.exit(of: 4).isSuccess)
        #expect(!agent.output(of: 4).contains("SHIPYARD_SECRETS_DIR"))
    }

    /// They are gone from the queue and from the attempt as soon as the command has them.
    @Test func secretsLeaveTheQueueWithTheirOrder() {
        var queue = WorkQueue()
        let node = NodeEnvironment(
            root: "/n",
            options: NodeAgentOptions(
                root: "/n", pool: "p", node: "n", boot: 1, slots: 1, isDedicated: true,
                state: TestAgent.state,
                life: TestAgent.life))
        let context = ContextState(WorkContext(number: 1, parentDirectory: "", environment: []), on: node)
        let wiped = Mutex(0)
        do {
            let secret = Secret(owning: .allocate(byteCount: 1, alignment: 1)) { memory in
                memory.deallocate()
                wiped.withLock { $0 += 1 }
            }
            let order = WorkOrder(
                id: TestAgent.id(1), context: 1, name: "t", command: "", needs: .none,
                secrets: [SecretVariable(name: "A", value: secret)])
            queue.append(WorkQueue.Entry(order: order, context: context, arrival: 0))
            queue.append(WorkQueue.Entry(order: order, context: context, arrival: 0))
        }
        #expect(queue.removeHead().order.secrets.count == 1)
        #expect(wiped.withLock { $0 } == 0)
        #expect(queue.remove(TestAgent.id(1))?.order.secrets.count == 1)
        #expect(wiped.withLock { $0 } == 1)
    }

    /// The block is used again for the next task, and may lie in memory for long.
    @Test func environmentBlockIsWiped() {
        var block = StringBlock()
        let secret = SecretVariable(name: "B", value: Secret("hunter2"))
        let first = block.withFilled(["A=1"], exposing: [secret], tail: []) { pointers in
            #expect(pointers[0].map { String(cString: $0) } == "A=1")
            #expect(pointers[1].map { String(cString: $0) } == "B=hunter2" && pointers[2] == nil)
            return pointers[0]
        }
        #expect(block.pointers[0] == nil)
        #expect((0..<16).allSatisfy { first?[$0] == 0 })
    }

    @Test func theUmaskIsTheUsersAndNotTheServices() async throws {
        defer { unlink("/tmp/shipyard-strict-\(getpid())") }
        let script = "umask 077; exec \(TestAgent.executable) \"$@\""
        let agent = try await TestAgent(
            executable: try Self.program(script, named: "strict"), prepare: { $0.umask = 0o027 })
        agent.context()
        #expect(try await agent.run(1, "umask; touch f; mkdir d; stat -c %a f d").isSuccess)
        #expect(agent.output(of: 1) == "0027\n640\n750\n")
        // What the agent writes for itself is nobody else's.
        var status = stat()
        #expect(
            stat("\(agent.root)/\(NodeLayout.journalName)", &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    /// No number that a spec may hold is too large for a clock.
    private static let endless: [Int64] = [.max, .max / 1000 + 1, 17_280_000_000_000_000]

    @Test(arguments: endless) func endlessLimitsNeverEnd(
        _ milliseconds: Int64
    ) async throws {
        let agent = try await TestAgent()
        agent.context(maxWallTime: TimeSpan(milliseconds: milliseconds))
        agent.start(1, "sleep 0.2; exit 3", attempt: .max, slots: .max)
        #expect(try await agent.exit(of: 1, attempt: .max).outcome == .exited(3))
    }

    /// A task is of the agent's user. It must not read what the agent was started with, nor its memory.
    @Test func noTaskReadsTheAgentsMemory() async throws {
        guard getuid() == 0, access("/usr/bin/setpriv", X_OK) == 0 else { return }
        defer { for name in ["program", "nobody"] { unlink("/tmp/shipyard-\(name)-\(getpid())") } }
        let agent = try await TestAgent(
            executable: try Self.programOfNobody(), of: 65534,
            prepare: { agent in
                mkdir("\(agent.root)/volatile", 0o700)
                close(open("\(agent.root)/\(NodeLayout.logName)", O_WRONLY | O_CREAT, 0o600))
                for path in ["", "/volatile", "/\(NodeLayout.logName)"] {
                    #expect(chown(agent.root + path, 65534, 65534) == 0)
                }
            })
        agent.context()
        #expect(ProcessTable.commandLine(of: agent.processID).contains("node-agent"))
        let look = "id -u; for f in environ maps fd/0; do cat /proc/$PPID/$f || :; done"
        _ = try await agent.run(1, look)
        #expect(agent.output(of: 1) == "65534\n")
        #expect(agent.errors(of: 1).split(separator: "\n").count { $0.contains("Permission denied") } == 3)
        // What an agent does by way of its own `/proc` works as before.
        let source = "/etc/hostname"
        agent.start(
            2, "cmp in \(source)",
            staging: #"{"resourceFiles":[{"source":"\#(source)","path":"in","mode":420}]}"#)
        #expect(try await agent.exit(of: 2).isSuccess)
        // And a teardown by the same user finds it, though neither its environment nor its directory can be read.
        agent.start(3, "sleep 600")
        try await agent.started(3)
        #expect(ProcessTable.agentRoot(of: agent.processID) == BytePath(agent.root))
    }

    /// A script that becomes the program as a user who is nobody; for tests that run as root.
    private static func programOfNobody() throws -> String {
        let copy = "/tmp/shipyard-program-\(getpid())"
        if access(copy, X_OK) != 0 {
            // By another process: a child of ours that is being started would hold the file open for writing.
            try Process.run(URL(filePath: "/bin/cp"), arguments: [TestAgent.executable, copy]).waitUntilExit()
        }
        return try program(
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups \(copy) \"$@\"", named: "nobody")
    }

    private static func program(_ script: String, named name: String) throws -> String {
        let path = "/tmp/shipyard-\(name)-\(getpid())"
        try "#!/bin/sh\n\(script)\n".write(toFile: path + ".text", atomically: true, encoding: .utf8)
        try Process.run(
            URL(filePath: "/usr/bin/install"), arguments: ["-m", "755", path + ".text", path]
        ).waitUntilExit()
        unlink(path + ".text")
        return path
    }
}
