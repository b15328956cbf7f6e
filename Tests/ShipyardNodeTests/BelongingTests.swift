import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// What is a node's and what only looks like it.
struct BelongingTests {
    /// Where the hierarchy shows a group.
    private func directory(of group: String) throws -> String {
        let mount = try #require(MountTable.read().first { $0.kind == "cgroup2" })
        let root = mount.root.description == "/" ? "" : mount.root.description
        return mount.point.description + group.dropFirst(root.count)
    }

    /// A process without any mark, in `/` and in a session of its own; a child of the test.
    private func unmarked() throws -> pid_t {
        var processID: pid_t = 0
        let command = ["/usr/bin/env", "-C", "/", "setsid", "/bin/sleep", Marker().text]
        let words = command.map { (word: String) in strdup(word) } + [nil]
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        let path = [strdup("PATH=/usr/bin:/bin"), nil]
        try #require(posix_spawn(&processID, "/usr/bin/env", nil, &attributes, words, path) == 0)
        while !ProcessTable.commandLine(of: processID).hasPrefix("/bin/sleep") { usleep(1000) }
        return processID
    }

    /// A home that was copied has the journals of the original, and they name its groups.
    @Test func aCopiedJournalTakesNothingOfTheOriginal() async throws {
        let agent = try await TestAgent()
        guard case .made(let group) = try #require(try agent.journal.boot).group else { return }
        agent.context()
        let marker = Marker()
        agent.start(1, "exec sleep \(marker.text)")
        try await agent.wait("the task") { marker.count == 1 ? () : nil }
        let copy = "\(agent.directory)/copy/node"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: "\(agent.root)/\(NodeLayout.journalName)", toPath: "\(copy)/\(NodeLayout.journalName)")
        let journal = try JournalReader.read(root: copy)
        #expect(journal.boot?.group == .made(path: group))
        #expect(NodeTeardown.endProcesses(root: copy, journal: journal) == 0)
        let report = try #require(NodeTeardown.run(roots: [copy], grace: .zero).first)
        #expect(report.found.isEmpty && report.isComplete)
        #expect(marker.count == 1)
        #expect(ControlGroup(path: group)?.processIDs().contains(agent.processID) == true)
        // The original's own journal is believed.
        #expect(NodeTeardown.run(roots: [agent.root], grace: .zero).first?.isComplete == true)
        #expect(marker.count == 0)
    }

    /// A process makes itself a group whose name is no text, or one so deep that no path leads there.
    @Test(arguments: [false, true]) func noGroupBelowHidesAProcess(isDeep: Bool) async throws {
        let agent = try await TestAgent()
        guard case .made(let group) = try #require(try agent.journal.boot).group else { return }
        var folder = open(try directory(of: group), O_RDONLY | O_DIRECTORY)
        let name =
            isDeep
            ? BytePath(String(repeating: "d", count: 200)) : BytePath(bytes: [0xFF, 0xFE])
        for _ in 0..<(isDeep ? 30 : 1) {
            #expect(name.withCString { mkdirat(folder, $0, 0o755) } == 0)
            let next = name.withCString { openat(folder, $0, O_RDONLY | O_DIRECTORY) }
            close(folder)
            folder = next
        }
        let process = try unmarked()
        defer {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        let members = openat(folder, "cgroup.procs", O_WRONLY)
        #expect(write(members, "\(process)", "\(process)".utf8.count) > 0)
        close(members)
        close(folder)
        agent.crash()
        let report = try #require(NodeTeardown.run(roots: [agent.root], grace: .zero).first)
        #expect(report.isComplete)
        #expect(ProcessStat(of: process)?.isAlive != true)
        #expect(ControlGroup(path: group) == nil)
    }

    /// The socket of an agent is open to its user alone, whatever the modes of files say.
    @Test func anotherUsersConnectionIsNone() async throws {
        guard geteuid() == 0, access("/usr/bin/perl", X_OK) == 0 else { return }
        let agent = try await TestAgent()
        agent.context()
        let socket = "\(agent.root)/\(NodeLayout.socketName)"
        for path in [agent.directory, agent.root, socket] { chmod(path, 0o777) }
        let caller = Process()
        caller.executableURL = URL(filePath: "/usr/bin/perl")
        let script = """
            use Socket; $( = $) = "65534 65534"; $< = $> = 65534; socket(S, AF_UNIX, SOCK_STREAM, 0); \
            connect(S, sockaddr_un($ARGV[0])) or exit 2; alarm 20; exit(sysread(S, $b, 1) ? 3 : 0)
            """
        caller.arguments = ["-e", script, socket]
        caller.standardError = FileHandle.nullDevice
        try caller.run()
        try await agent.wait("an answer to the other user") { caller.isRunning ? nil : () }
        // It was hung up on, and not by its alarm.
        #expect(caller.terminationReason == .exit && caller.terminationStatus == 0)
        #expect(try await agent.run(1, "exit 3").outcome == .exited(3))
    }
}
