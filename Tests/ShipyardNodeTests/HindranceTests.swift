import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// A node that cannot start work says so, gives its work back, and takes some again when it can.
struct HindranceTests {
    private func reasons(_ agent: TestAgent) -> [String] {
        agent.messages.compactMap { if case .cannotStartWork(let reason) = $0 { reason } else { nil } }
    }

    private func isRefused(_ agent: TestAgent, because reason: String) async throws {
        for key: Int64 in [10, 11] { agent.start(key, "/bin/true", slots: 2) }
        agent.start(12, "/bin/true", slots: 0)
        for key: Int64 in [10, 11, 12] { try await agent.hasReceived(.returned(TestAgent.id(key))) }
        #expect(reasons(agent).count == 1)
        #expect(reasons(agent).first?.contains(reason) == true, "\(reasons(agent))")
    }

    private func recovers(_ agent: TestAgent) async throws {
        try await agent.hasReceived(.canStartWork)
        #expect(try await agent.run(12, "echo again").isSuccess)
        #expect(agent.output(of: 12) == "again\n")
        #expect(agent.exits(of: 10).isEmpty && agent.exits(of: 11).isEmpty)
    }

    /// All of its bytes are taken and all but a few of its names: so each step of a start fails once.
    @Test(arguments: 0..<4) func aFullDiskFailsNoTask(_ spare: Int) async throws {
        guard let agent = try? await TestAgent(mount: true) else { return }  // Mounting is root's.
        agent.context()
        #expect(try await agent.run(1, "exit 3").outcome == .exited(3))
        let file = try FileDescriptor.open("\(agent.root)/filler", O_WRONLY | O_CREAT)
        let page = [UInt8](repeating: 1, count: 4096)
        while write(file.number, page, 4096) > 0 {}
        var names = 0
        while mkdir("\(agent.root)/filler-\(names)", 0o700) == 0 { names += 1 }
        for name in 0..<spare { rmdir("\(agent.root)/filler-\(name)") }
        try await isRefused(agent, because: "No space left on device")
        // A new service is told, too.
        try await agent.connect()
        try await agent.wait("the reason") { reasons(agent).isEmpty ? nil : () }
        for name in 0..<names { rmdir("\(agent.root)/filler-\(name)") }
        ftruncate(file.number, 0)
        try await agent.hasReceived(.canStartWork)
        try await recovers(agent)
        // What could not be written has been written since.
        let known = try agent.journal.unacknowledged.map(\.id)
        #expect(known == [TestAgent.id(1), TestAgent.id(12)])
        #expect(try agent.journal.running.isEmpty)
    }

    /// The want is seen when a file is put in place: that is no fault of the task either.
    @Test func aDiskThatIsFullForStagingFailsNoTask() async throws {
        guard let agent = try? await TestAgent(mount: true) else { return }
        let source = "\(agent.directory)/input"
        try Data(count: 100_000).write(to: URL(filePath: source))
        agent.context()
        #expect(try await agent.run(1, "true").isSuccess)
        let file = try FileDescriptor.open("\(agent.root)/filler", O_WRONLY | O_CREAT)
        let page = [UInt8](repeating: 1, count: 4096)
        while write(file.number, page, 4096) > 0 {}
        let staging = #"{"resourceFiles":[{"source":"\#(source)","path":"a","mode":420}]}"#
        agent.start(2, "true", staging: staging)
        try await agent.hasReceived(.returned(TestAgent.id(2)))
        #expect(reasons(agent).count == 1)
        #expect(try agent.journal.running.isEmpty)
        ftruncate(file.number, 0)
        try await agent.hasReceived(.canStartWork)
        agent.start(2, "wc -c < a", staging: staging)
        #expect(try await agent.exit(of: 2).isSuccess)
        #expect(agent.output(of: 2) == "100000\n")
    }

    private func limit(_ agent: TestAgent, _ what: String) throws {
        let process = try Process.run(
            URL(filePath: "/usr/bin/prlimit"), arguments: ["-p", "\(agent.processID)", "--\(what):"])
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func wantOfDescriptorsFailsNoTask() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "true").isSuccess)
        try limit(agent, "nofile=4")
        try await isRefused(agent, because: "Too many open files")
        try limit(agent, "nofile=1024")
        try await recovers(agent)
    }

    /// The kernel ends a process by default that makes a file larger than its limit says.
    @Test func aJournalThatMayNotGrowEndsNoAgent() async throws {
        let agent = try await TestAgent()
        agent.context()
        #expect(try await agent.run(1, "true").isSuccess)
        agent.start(2, "sleep 0.2")
        try await agent.started(2)
        try limit(agent, "fsize=1")
        usleep(600_000)
        #expect(!AgentLauncher.reap(agent.processID))
        try limit(agent, "fsize=unlimited")
        #expect(try await agent.exit(of: 2).isSuccess)
        let result = try await agent.run(3, "kill -XFSZ $$; sleep 5")
        #expect(result.outcome == .signalled(SIGXFSZ))
    }

    /// Only what is the program's own is the task's failure.
    @Test func whoseTroubleAnErrorIs() {
        for number in [EAGAIN, ENOMEM, EMFILE, ENFILE] {
            #expect(Hindrance.isNodes(number) && Hindrance.isNodes(number, ofProgram: true))
        }
        for number in [ENOSPC, EDQUOT, EROFS, EIO] {
            #expect(Hindrance.isNodes(number) && !Hindrance.isNodes(number, ofProgram: true))
        }
        for number in [ENOENT, EACCES, EBUSY, E2BIG, EINVAL] { #expect(!Hindrance.isNodes(number)) }
    }

    @Test func aJournalThatCannotBeWrittenIsBounded() throws {
        let place = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"
        mkdir(place, 0o700)
        defer {
            umount2(place, Int32(MNT_DETACH))
            rmdir(place)
        }
        guard mount("shipyard", place, "tmpfs", 0, "size=64k") == 0 else { return }
        let root = "\(place)/node"
        mkdir(root, 0o700)
        let directory = try FileDescriptor.openDirectory(root)
        let stamp = ProcessStamp(processID: 7, startedNotBefore: 1, startedNotAfter: 2)
        let boot = JournalBoot(
            number: 1, state: TestAgent.state, life: TestAgent.life,
            machine: MachineID(boot: "b", processNamespace: "n"),
            agent: stamp,
            group: .made(path: "/g"))
        let journal = try AgentJournal(root: directory.number, boot: boot, after: JournalState())
        var count: Int64 = 0
        while !journal.isOverfull, count < 1_000_000 {
            for _ in 0..<10_000 {
                count += 1
                journal.append(.started(TestAgent.id(count % 100), stamp))
            }
            journal.flush()
        }
        #expect(journal.isOverfull)
        #expect(journal.failure?.errno == ENOSPC)
        #expect(mount("shipyard", place, "tmpfs", UInt(MS_REMOUNT), "size=64m") == 0)
        journal.flush()
        #expect(!journal.isOverfull)
        #expect(journal.failure == nil)
        #expect(try JournalReader.read(root: root).running.count == 100)
    }

    @Test func theLogIsBounded() async throws {
        let agent = try await TestAgent()
        let path = "\(agent.root)/\(NodeLayout.logName)"
        #expect(truncate(path, 5 << 20) == 0)
        agent.start(1, "true", context: 7)
        try await agent.hasReceived(.returned(TestAgent.id(1)))
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size > 0 && status.st_size < 1000)
        #expect(stat(path + ".1", &status) == 0 && status.st_size == 5 << 20)
    }
}
