import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// What a teardown takes with it and what it must leave alone.
struct TeardownTests {
    private let place = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"
    private var root: String { "\(place)/pool/node-1" }
    private let stamp = ProcessStamp(processID: 1, startedNotBefore: 0, startedNotAfter: 0)

    private func inPlace(_ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try body()
    }

    /// A process that has nothing to do with any node: in a session of its own.
    private func stranger(
        in directory: String = "/", environment: [String] = []
    ) throws -> (stamp: ProcessStamp, end: () -> Void) {
        var processID: pid_t = 0
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID
        let command = ["/usr/bin/env", "-C", directory, "/bin/sleep", Marker().text]
        let words = command.map { (word: String) in strdup(word) } + [nil]
        let variables = environment.map { (variable: String) in strdup(variable) } + [nil]
        let error = posix_spawn(&processID, "/usr/bin/env", nil, &attributes, words, variables)
        try #require(error == 0)
        while !ProcessTable.commandLine(of: processID).hasPrefix("/bin/sleep") { usleep(1000) }
        let number = processID
        return (
            try #require(ProcessStamp(of: processID)),
            {
                kill(number, SIGKILL)
                waitpid(number, nil, 0)
            }
        )
    }

    private func writeJournal(running stamp: ProcessStamp, machine: MachineID, in directory: String) throws {
        let folder = try FileDescriptor.openDirectory(directory)
        let boot = JournalBoot(
            number: 1, state: TestAgent.state, life: TestAgent.life, machine: machine, agent: stamp,
            group: .none(reason: "a test"))
        let journal = try AgentJournal(root: folder.number, boot: boot, after: JournalState())
        journal.append(.started(TestAgent.id(1), stamp))
        journal.flush()
    }

    /// A journal's numbers are believed of nothing that does not say itself that it belongs to the node.
    @Test func strangersAreNotKilledOnAJournalsWord() throws {
        try inPlace {
            let stranger = try stranger(environment: ["AZ_BATCH_NODE_ROOT_DIR=\(place)/pool/node-2"])
            defer { stranger.end() }
            let own = try #require(MachineID.current())
            var other = own
            other.boot = "00000000-0000-4000-8000-000000000000"
            for machine in [own, other] {
                try writeJournal(running: stranger.stamp, machine: machine, in: root)
                let journal = try JournalReader.read(root: root)
                #expect(journal.running.values.first == stranger.stamp)
                #expect(NodeTeardown.endProcesses(root: root, journal: journal) == 0)
                #expect(stranger.stamp.isAlive)
            }
            let report = try #require(NodeTeardown.run(roots: [root]).first)
            #expect(report.found.isEmpty)
            #expect(report.isComplete)
            #expect(stranger.stamp.isAlive)
        }
    }

    /// What a killed agent has left to this process is told by its session, but not by that of another boot.
    @Test func numbersOfAnotherBootMeanNothing() throws {
        let own = try #require(MachineID.current())
        for change in [\MachineID.boot, \MachineID.processNamespace] {
            var journal = JournalState()
            var machine = own
            for isOwn in [true, false] {
                if !isOwn { machine[keyPath: change] = "another" }
                journal.apply(
                    .boot(
                        JournalBoot(
                            number: 1, state: TestAgent.state, life: TestAgent.life, machine: machine,
                            agent: stamp,
                            group: .none(reason: "")), nextSequence: 1))
                journal.apply(.started(TestAgent.id(1), stamp))
                #expect(journal.stamps.isEmpty == !isOwn)
            }
        }
    }

    @Test func aProcessThatBearsTheMarkIsEnded() throws {
        try inPlace {
            let marked = try stranger(environment: ["AZ_BATCH_NODE_ROOT_DIR=\(root)"])
            let working = try stranger(in: root)
            defer {
                marked.end()
                working.end()
            }
            #expect(NodeTeardown.endProcesses(root: root, journal: JournalState()) == 2)
            #expect(!marked.stamp.isAlive && !working.stamp.isAlive)
        }
    }

    /// Also what has taken every mark off itself, while its parent lives.
    @Test func whatAMarkedProcessHasStartedIsEnded() throws {
        try inPlace {
            let marker = Marker()
            let parent = Process()
            parent.executableURL = URL(filePath: "/bin/sh")
            parent.arguments = ["-c", "cd /; setsid env -i /bin/sleep \(marker.text) & wait"]
            parent.environment = ["PATH": "/usr/bin:/bin", "AZ_BATCH_NODE_ROOT_DIR": root]
            parent.standardInput = FileHandle.nullDevice
            parent.standardOutput = FileHandle.nullDevice
            parent.standardError = FileHandle.nullDevice
            try parent.run()
            while marker.count == 0 { usleep(1000) }
            #expect(NodeTeardown.endProcesses(root: root, journal: JournalState()) == 2)
            #expect(marker.count == 0)
            // Whoever waits for the parent waits for what holds its descriptors, too.
            for process in ProcessTable.processIDs()
            where ProcessTable.commandLine(of: process) == "/bin/sleep \(marker.text)" {
                kill(process, SIGKILL)
            }
            parent.waitUntilExit()
        }
    }

    /// Somebody has put a link in the place of a node root. The link goes; what it leads to is not the node's.
    @Test func aRootThatIsALinkLeadsNowhere() throws {
        try inPlace {
            let outside = "\(place)/outside"
            mkdir(outside, 0o700)
            close(open("\(outside)/file", O_WRONLY | O_CREAT, 0o600))
            let stranger = try stranger(in: outside)
            defer { stranger.end() }
            try writeJournal(
                running: stranger.stamp, machine: try #require(MachineID.current()), in: outside)
            let isMounted = mount(outside, outside, nil, UInt(MS_BIND), nil) == 0
            if isMounted { mkdir("\(outside)/m", 0o700) }
            let isMountedBelow = isMounted && mount("t", "\(outside)/m", "tmpfs", 0, nil) == 0
            defer {
                umount2("\(outside)/m", Int32(MNT_DETACH))
                umount2(outside, Int32(MNT_DETACH))
            }
            rmdir(root)
            #expect(symlink(outside, root) == 0)
            #expect(throws: SystemError.self) { try JournalReader.read(root: root) }
            #expect(throws: SystemError.self) { try AgentConnection(root: root) }
            let options = NodeAgentOptions(
                root: root, pool: "lab", node: "lab-0", boot: 1, slots: 1, isDedicated: true,
                state: TestAgent.state, life: TestAgent.life)
            #expect(throws: SystemError.self) {
                _ = try AgentLauncher.launch(executable: TestAgent.executable, options: options)
            }
            #expect(NodeTeardown.endProcesses(root: root, journal: JournalState()) == 0)
            let report = try #require(NodeTeardown.run(roots: [root]).first)
            #expect(report.isComplete, "\(report)")
            #expect(report.root == root)
            #expect(stranger.stamp.isAlive)
            var status = stat()
            #expect(lstat(root, &status) != 0)
            #expect(access("\(outside)/file", F_OK) == 0)
            #expect(access("\(outside)/\(NodeLayout.journalName)", F_OK) == 0)
            #expect(access("\(outside)/volatile", F_OK) != 0)
            if isMountedBelow {
                #expect(stat("\(outside)/m", &status) == 0)
                let below = status.st_dev
                #expect(stat(outside, &status) == 0 && status.st_dev != below)
            }
        }
    }

    /// A mount whose name is no UTF-8 is taken away like any other, and what is mounted there stays.
    /// Whoever waits for a large removal wants to see that it goes on.
    @Test func progressCountsWhatIsGone() throws {
        try inPlace {
            let other = "\(place)/pool/node-2"
            try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
            for number in 0..<9000 { close(creat("\(root)/f\(number)", 0o600)) }
            var told: [Int: [Int]] = [:]
            let reports = NodeTeardown.run(roots: [root, other], grace: .zero) {
                told[$0, default: []].append($1)
            }
            #expect(reports.map(\.isComplete) == [true, true])
            #expect(told[0]?.reduce(0, +) == 9001 && told[0]?.count == 3)
            #expect(told[1] == [1])
        }
    }

    @Test func mountsAreTakenAwayAndNotEmptied() throws {
        try inPlace {
            let outside = "\(place)/outside"
            mkdir(outside, 0o700)
            close(open("\(outside)/file", O_WRONLY | O_CREAT, 0o600))
            let points = [BytePath(bytes: "\(root)/m".utf8 + [0xFF, 0x20, 0x5C]), BytePath("\(root)/f")]
            #expect(points[0].withCString { mkdir($0, 0o700) } == 0)
            close(points[1].withCString { open($0, O_WRONLY | O_CREAT, 0o600) })
            guard points[0].withCString({ mount(outside, $0, nil, UInt(MS_BIND), nil) }) == 0 else { return }
            #expect(points[1].withCString { mount("\(outside)/file", $0, nil, UInt(MS_BIND), nil) } == 0)
            let report = try #require(NodeTeardown.run(roots: [root]).first)
            #expect(report.isComplete, "\(report)")
            #expect(access(root, F_OK) != 0)
            #expect(access("\(outside)/file", F_OK) == 0)
            #expect(!MountTable.read().contains { $0.point.isBelow(BytePath(place)) })
        }
    }

    /// A teardown that was killed has left a half deleted root under another name.
    @Test func whatAKilledTeardownLeftGoesWithTheNext() throws {
        try inPlace {
            for name in [
                ".removed-node-1-0123456789abcdef/x/y", ".removed-node-1-2-0123456789abcdef", "node-1/z",
            ] {
                try FileManager.default.createDirectory(
                    atPath: "\(place)/pool/\(name)", withIntermediateDirectories: true)
            }
            #expect(NodeTeardown.run(roots: [root]).first?.isComplete == true)
            // The other is of a node `node-1-2`.
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: "\(place)/pool")
                    == [".removed-node-1-2-0123456789abcdef"])
            #expect(NodeTeardown.run(roots: [root]).first?.isComplete == true)
            rename("\(place)/pool", "\(place)/.removed-pool-ff")
            #expect(NodeTeardown.run(roots: ["\(place)/pool"]).first?.isComplete == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
        }
    }

    /// It has stripped its environment, left its session, its parents and its directory, and its agent was killed.
    @Test func aNamelessOrphanOfAKilledAgentIsEnded() async throws {
        let agent = try await TestAgent()
        agent.context()
        let marker = Marker()
        let orphan = "(cd /; setsid env -i /bin/sleep \(marker.text) </dev/null >/dev/null 2>&1 &)"
        agent.start(1, "\(orphan); echo gone; sleep 600")
        try await agent.holds("gone", outputOf: 1)
        try await agent.wait("the orphan") { marker.count == 1 ? () : nil }
        agent.crash()
        guard case .made = try #require(try agent.journal.boot).group else {
            // Without a control group nobody can know it, and the report says so.
            let report = try #require(NodeTeardown.run(roots: [agent.root]).first)
            #expect(report.blindness?.hasPrefix("no control group could be made: ") == true)
            return
        }
        let report = try #require(NodeTeardown.run(roots: [agent.root]).first)
        #expect(report.blindness == nil)
        #expect(report.isComplete)
        #expect(report.found.contains { $0.command.hasSuffix("sleep \(marker.text)") })
        #expect(marker.count == 0)
    }

    /// A process that forks and exits, again and again, is never there when it is looked for.
    @Test func aProcessThatIsFasterThanAScanIsEnded() async throws {
        guard access("/usr/bin/perl", X_OK) == 0 else { return }
        let agent = try await TestAgent()
        agent.context()
        let beat = "\(agent.directory)/beat"
        let hop = """
            cd /; setsid env -i /usr/bin/perl -e 'for (;;) { $p = fork; if ($p) { exit } next unless defined $p; \
            open F, ">>", "\(beat)"; print F "x"; close F }' </dev/null >/dev/null 2>&1 &
            """
        agent.start(1, "(\(hop)\n); echo gone; sleep 600")
        try await agent.holds("gone", outputOf: 1)
        func size() -> off_t {
            var status = stat()
            return stat(beat, &status) == 0 ? status.st_size : 0
        }
        try await agent.wait("some hops") { size() > 100 ? () : nil }
        let group = try #require(try agent.journal.boot).group
        agent.crash()
        let report = try #require(NodeTeardown.run(roots: [agent.root], grace: .zero).first)
        guard case .made(let path) = group else {
            #expect(report.blindness != nil)
            return
        }
        #expect(ControlGroup(path: path) == nil)
        let before = size()
        try await Task.sleep(for: .milliseconds(200))
        #expect(size() == before)
    }

    /// A task of another node works in this one's directory. It says whose it is, so it stays.
    @Test func aTaskOfAnotherNodeMayWorkHere() async throws {
        let agent = try await TestAgent()
        let other = try await TestAgent()
        other.context()
        let guest = Marker()
        other.start(1, "cd \(agent.root); exec sleep \(guest.text)")
        try await other.wait("the guest") { guest.count == 1 ? () : nil }
        let report = try #require(NodeTeardown.run(roots: [agent.root], grace: .zero).first)
        #expect(report.isComplete)
        #expect(guest.count == 1)
        #expect(other.exits(of: 1).isEmpty)
        #expect(NodeTeardown.run(roots: [other.root], grace: .zero).first?.isComplete == true)
        #expect(guest.count == 0)
    }

    /// The journal is lost, and with it where the control group was. A living agent shows it.
    @Test func aLostJournalHidesNoOrphanOfALivingAgent() async throws {
        let agent = try await TestAgent()
        guard case .made = try #require(try agent.journal.boot).group else { return }
        agent.context()
        let marker = Marker()
        agent.start(
            1, "(cd /; setsid env -i /bin/sleep \(marker.text) </dev/null >/dev/null 2>&1 &); sleep 600")
        try await agent.wait("the orphan") { marker.count == 1 ? () : nil }
        unlink("\(agent.root)/\(NodeLayout.journalName)")
        #expect(NodeTeardown.run(roots: [agent.root], grace: .zero).first?.isComplete == true)
        #expect(marker.count == 0)
    }

    /// The next agent of a node ends what the last one left, and its control group with it.
    @Test func aNewAgentLeavesNoGroupBehind() async throws {
        let agent = try await TestAgent()
        guard case .made(let first) = try #require(try agent.journal.boot).group else { return }
        #expect(ControlGroup(path: first)?.processIDs() == [agent.processID])
        agent.crash()
        try await agent.reboot()
        #expect(ControlGroup(path: first) == nil)
        guard case .made(let second) = try #require(try agent.journal.boot).group else { return }
        agent.send(.shutDown)
        try await agent.wait("the agent's end") { AgentLauncher.reap(agent.processID) ? () : nil }
        #expect(ControlGroup(path: second) == nil)
    }
}
