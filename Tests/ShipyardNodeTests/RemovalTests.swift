import Foundation
import ShipyardModel
import ShipyardSystem
import Testing

@testable import ShipyardNode

/// Directories that are removed at the service's order: all of them, once, and nothing else.
struct RemovalTests {
    /// Task 1 of a job: jobs have numbers, and this one's id is always `job`.
    private static func key(_ job: UInt32) -> Int64 { TaskKey(job: job, ordinal: 1).rawValue }

    private func start(_ agent: TestAgent, of job: UInt32, _ command: String) {
        agent.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(Self.key(job)), context: 1, name: "t1", command: command,
                    needs: Resources(slots: 1))))
    }

    private static func fill(_ path: String, files: Int) throws {
        for folder in 0..<10 {
            let place = "\(path)/f\(folder)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            for file in 0..<files / 10 { close(open("\(place)/\(file)", O_WRONLY | O_CREAT, 0o600)) }
        }
    }

    private func leftovers(_ agent: TestAgent) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(agent.root)/removed")
    }

    @Test func theNextJobOfAnIDKeepsItsFilesAndFindsNoOther() async throws {
        let agent = try await TestAgent()
        agent.context()
        let place = "\(agent.root)/workitems/job"
        for job: UInt32 in 1...5 {
            try Self.fill("\(place)/job-1/t1/wd", files: 3000)
            if job > 1 {
                agent.send(.removeDirectory(RemovalID(job: job - 1), path: "workitems/job"))
            }
            // The first directory was made by nobody that the agent knows.
            start(agent, of: job, "ls; echo new > new; echo more > ../more")
            #expect(try await agent.exit(of: Self.key(job)).isSuccess)
            if job > 1 {
                #expect(agent.text("workitems/job/job-1/t1/stdout.txt") == "")
                try await agent.hasReceived(.directoryRemoved(RemovalID(job: job - 1)))
                #expect(agent.text("workitems/job/job-1/t1/wd/new") == "new\n")
                #expect(agent.text("workitems/job/job-1/t1/more") == "more\n")
            }
        }
        for job: UInt32 in 1...4 { agent.send(.forgetRemoval(RemovalID(job: job))) }
        try await agent.wait("an empty place") { try leftovers(agent).isEmpty ? () : nil }
    }

    @Test func filesOfAnOlderJobAreNotFoundThoughNobodyRemovedThem() async throws {
        let agent = try await TestAgent()
        agent.context()
        for job: UInt32 in 1...3 {
            start(agent, of: job, "ls -A .. .; echo stale > stale; echo stale > ../stale")
            #expect(try await agent.exit(of: Self.key(job)).isSuccess)
            #expect(
                agent.text("workitems/job/job-1/t1/stdout.txt") == ".:\n\n..:\nstderr.txt\nstdout.txt\nwd\n")
            // Another agent knows it, too.
            if job == 2 {
                agent.crash()
                try await agent.reboot()
                agent.context()
            }
        }
        // A removal that comes late is the older job's, and takes nothing from the newer one.
        agent.send(.removeDirectory(RemovalID(job: 2), path: "workitems/job"))
        agent.send(.removeDirectory(RemovalID(TaskKey(job: 2, ordinal: 1)), path: "workitems/job/job-1/t1"))
        try await agent.hasReceived(.directoryRemoved(RemovalID(job: 2)))
        try await agent.hasReceived(.directoryRemoved(RemovalID(TaskKey(job: 2, ordinal: 1))))
        #expect(agent.text("workitems/job/job-1/t1/stale") == "stale\n")
    }

    @Test func anOlderJobThatIsInTheWayIsNamed() async throws {
        let agent = try await TestAgent()
        agent.context()
        start(agent, of: 1, "true")
        #expect(try await agent.exit(of: Self.key(1)).isSuccess)
        let place = "\(agent.root)/workitems/job"
        guard mount(place, place, nil, UInt(MS_BIND), nil) == 0 else { return }
        start(agent, of: 2, "true")
        let failure = try await agent.exit(of: Self.key(2)).failure
        #expect(failure?.code == "ResourceDirectoryCreateFailed")
        #expect(failure?.message == "move aside \(place): Device or resource busy.")
        umount2(place, 0)
        agent.send(.acknowledge(2))
        agent.send(
            .start(
                WorkOrder(
                    id: TestAgent.id(Self.key(2), attempt: 2), context: 1, name: "t1", command: "true",
                    needs: Resources(slots: 1))))
        #expect(try await agent.exit(of: Self.key(2), attempt: 2).isSuccess)
    }

    /// Killed at any moment, the agents end what was begun; and what has come to the path since stays, however
    /// often they are asked.
    @Test func aRemovalOutlivesItsAgents() async throws {
        let agent = try await TestAgent()
        let id = RemovalID(job: 1)
        let place = "\(agent.root)/workitems/job"
        for round in 0..<6 {
            // Before the order is read, and later and later.
            try Self.fill("\(place)/job-1", files: 2000)
            agent.send(.removeDirectory(id, path: "workitems/job"))
            usleep(UInt32(round * round) * 400)
            agent.crash()
            let wasMoved = access(place, F_OK) != 0
            if wasMoved { try Self.fill("\(place)/job-1", files: 10) }
            try await agent.reboot()
            agent.send(.removeDirectory(id, path: "workitems/job"))
            try await agent.hasReceived(.directoryRemoved(id))
            #expect((access(place, F_OK) == 0) == wasMoved)
            // Answered, but not forgotten: the next agent knows it, and tells it without being asked.
            agent.crash()
            try await agent.reboot()
            try await agent.hasReceived(.directoryRemoved(id))
            if !wasMoved { try Self.fill("\(place)/job-1", files: 10) }
            agent.send(.removeDirectory(id, path: "workitems/job"))
            try await agent.wait("a second answer") {
                agent.messages.count { $0 == .directoryRemoved(id) } > 1 ? () : nil
            }
            #expect(access("\(place)/job-1/f0", F_OK) == 0)
            agent.send(.forgetRemoval(id))
            try await agent.wait("the end of it") { try leftovers(agent).isEmpty ? () : nil }
        }
    }

    @Test func anOrderForNothingTakesNothingLater() async throws {
        let agent = try await TestAgent()
        let id = RemovalID(job: 1)
        let place = "\(agent.root)/workitems/job/job-1"
        agent.send(.removeDirectory(id, path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(id))
        agent.crash()
        try Self.fill(place, files: 10)
        try await agent.reboot()
        agent.send(.removeDirectory(id, path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(id))
        #expect(access(place, F_OK) == 0)
    }

    @Test func namesAreBytesAndMountsAreNotEntered() async throws {
        let agent = try await TestAgent()
        agent.context()
        let kept = "\(agent.directory)/kept"
        try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: "\(kept)/file"))
        let make =
            #"mkdir -p $'d\xff\xfe/\xc3(' $'m\xff'; touch $'d\xff\xfe/\xc3(/f\x80' $'\xff'; touch $'m\xff/f'"#
        #expect(try await agent.run(1, make).isSuccess)
        #expect(try await agent.run(2, "mkdir m; touch f").isSuccess)
        let work = "\(agent.root)/workitems/job/job-1"
        let bytes = Array("\(work)/t1/wd/m".utf8) + [0xFF]
        let isMounted = BytePath(bytes: bytes).withCString { mount(kept, $0, nil, UInt(MS_BIND), nil) } == 0
        if isMounted { #expect(mount("\(kept)/file", "\(work)/t2/wd/f", nil, UInt(MS_BIND), nil) == 0) }
        for (number, path) in ["workitems/job/job-1/t1", "workitems/job/job-1/t2"].enumerated() {
            let id = RemovalID(rawValue: Int64(number))
            agent.send(.removeDirectory(id, path: path))
            guard isMounted else {
                try await agent.hasReceived(.directoryRemoved(id))
                continue
            }
            let name = number == 0 ? "m\\xff" : "f"
            let operation = number == 0 ? "remove mount point" : "remove"
            let place = "\(agent.root)/removed/\(TestAgent.state)-\(number)/wd/\(name)"
            try await agent.hasReceived(
                .directoryNotRemoved(id, path: place, reason: "\(operation): Device or resource busy"))
        }
        #expect(access("\(kept)/file", F_OK) == 0)
        guard isMounted else { return }
        // Everything else is gone, and asking again is trying again.
        #expect(access("\(agent.root)/removed/\(TestAgent.state)-0/wd/d", F_OK) != 0)
        let moved = BytePath(bytes: "\(agent.root)/removed/\(TestAgent.state)-0/wd/m".utf8 + [0xFF])
        #expect(moved.withCString { umount2($0, 0) } == 0)
        agent.send(.removeDirectory(RemovalID(rawValue: 0), path: "workitems/job/job-1/t1"))
        try await agent.hasReceived(.directoryRemoved(RemovalID(rawValue: 0)))
        #expect(access("\(agent.root)/removed/\(TestAgent.state)-0/wd", F_OK) != 0)
        #expect(umount2("\(agent.root)/removed/\(TestAgent.state)-1/wd/f", 0) == 0)
    }

    /// Something is mounted where deleted things go. The node does not start, and what is mounted stays.
    @Test func aMountOnTheRemovedIsNotEmptied() async throws {
        let agent = try await TestAgent()
        let (outside, removed) = ("\(agent.directory)/outside", "\(agent.root)/removed")
        try Self.fill("\(outside)/discarded-ff", files: 10)
        agent.crash()
        guard mount(outside, removed, nil, UInt(MS_BIND), nil) == 0 else { return }
        defer { umount2(removed, Int32(MNT_DETACH)) }
        try agent.launch()
        let process = agent.processID
        try await agent.wait("its end") {
            AgentLauncher.reap(process) || access("\(outside)/discarded-ff", F_OK) != 0 ? () : nil
        }
        #expect(access("\(outside)/discarded-ff/f9/0", F_OK) == 0)
        umount2(removed, Int32(MNT_DETACH))
        try await agent.reboot()
    }

    @Test func whatIsNotOursStaysAmongTheRemoved() async throws {
        let agent = try await TestAgent()
        agent.crash()
        try Self.fill("\(agent.root)/removed/discarded-ff", files: 10)
        for name in ["notes", "discarded-", "discarded-FF", "\(TestAgent.state)-x", "5a-1"] {
            try Self.fill("\(agent.root)/removed/\(name)", files: 10)
        }
        try await agent.reboot()
        try await agent.wait("the end of ours") {
            access("\(agent.root)/removed/discarded-ff", F_OK) != 0 ? () : nil
        }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try leftovers(agent).count == 5)
    }

    /// A task has put there what says that its files, and those of later jobs, were removed.
    @Test(arguments: [false, true]) func aForgedNoteKeepsNoFiles(_ hasRestarted: Bool) async throws {
        let agent = try await TestAgent()
        agent.context()
        start(agent, of: 1, "echo mine > mine")
        #expect(try await agent.exit(of: Self.key(1)).isSuccess)
        let ids = [RemovalID(TaskKey(job: 1, ordinal: 1)), RemovalID(job: 1)]
        for id in ids { mkdir("\(agent.root)/removed/\(TestAgent.state)-\(id.rawValue)", 0o700) }
        if hasRestarted {
            agent.crash()
            try await agent.reboot()
        } else {
            agent.send(.removeDirectory(ids[0], path: "workitems/job/job-1/t1"))
            try await agent.hasReceived(.directoryRemoved(ids[0]))
            #expect(access("\(agent.root)/workitems/job/job-1/t1", F_OK) != 0)
            #expect(access("\(agent.root)/workitems/job/job-1", F_OK) == 0)
        }
        agent.send(.removeDirectory(ids[1], path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(ids[1]))
        try await agent.wait("the job's end") {
            access("\(agent.root)/workitems/job", F_OK) != 0 ? () : nil
        }
        // As the service, which says so for every answer: the first may be that of the forged note.
        try await agent.wait("an empty place") {
            for id in ids { agent.send(.forgetRemoval(id)) }
            return try leftovers(agent).isEmpty ? () : nil
        }
    }

    @Test(arguments: ["mine", "\(TestAgent.state).", "\(TestAgent.state).02", "x.2"])
    func aMarkThatSaysNothingIsNone(_ forged: String) async throws {
        let agent = try await TestAgent()
        agent.context()
        start(agent, of: 1, "rm ../../../.job; ln -s \(forged) ../../../.job")
        #expect(try await agent.exit(of: Self.key(1)).isSuccess)
        agent.send(.removeDirectory(RemovalID(job: 1), path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(RemovalID(job: 1)))
        #expect(access("\(agent.root)/workitems/job", F_OK) != 0)
    }

    /// Another state's removals have the same numbers and mean other directories.
    @Test func removalsOfAnotherStateAreNoAnswers() async throws {
        let agent = try await TestAgent()
        agent.send(.removeDirectory(RemovalID(job: 1), path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(RemovalID(job: 1)))
        agent.crash()
        agent.state = StateID(String(repeating: "7b", count: 16))!
        try await agent.reboot()
        #expect(!agent.messages.contains(.directoryRemoved(RemovalID(job: 1))))
        try Self.fill("\(agent.root)/workitems/job", files: 10)
        agent.send(.removeDirectory(RemovalID(job: 1), path: "workitems/job"))
        try await agent.hasReceived(.directoryRemoved(RemovalID(job: 1)))
        #expect(access("\(agent.root)/workitems/job", F_OK) != 0)
        try await agent.wait("the end of the old one") { try leftovers(agent).count == 1 ? () : nil }
    }
}

/// What the deletion never goes through, with and without the kernel's own help.
struct DirectoryRemovalTests {
    private let place = "/tmp/shipyard-node-\(UInt32.random(in: 0...UInt32.max))"

    private func inTree(_ body: () throws -> Void) throws {
        for name in ["tree/deep", "outside"] {
            try FileManager.default.createDirectory(
                atPath: "\(place)/\(name)", withIntermediateDirectories: true)
        }
        close(open("\(place)/outside/file", O_WRONLY | O_CREAT, 0o600))
        defer { try? FileManager.default.removeItem(atPath: place) }
        try body()
    }

    private func remove(_ name: String, usesOpenAt2: Bool) throws -> SystemError? {
        let parent = try FileDescriptor.openDirectory(place)
        let removal = DirectoryRemoval(
            BytePath(name), in: parent, at: BytePath(place), usesOpenAt2: usesOpenAt2)
        while !removal.step() {}
        return removal.failure
    }

    @Test(arguments: [true, false]) func aLinkAndAMountAreNotOpened(_ usesOpenAt2: Bool) throws {
        try inTree {
            #expect(symlink("../outside", "\(place)/tree/link") == 0)
            let tree = try FileDescriptor.openDirectory("\(place)/tree")
            let opener = BeneathOpener(top: tree.number, usesOpenAt2: usesOpenAt2)
            let link = opener.open(BytePath("link"), in: tree.number)
            #expect(link.number < 0)
            #expect(link.errno == ELOOP || link.errno == ENOTDIR)
            #expect(!opener.makeAccessible(BytePath("link"), in: tree.number))
            let deep = opener.open(BytePath("deep"), in: tree.number)
            #expect(deep.number >= 0)
            close(deep.number)
            guard mount("\(place)/outside", "\(place)/tree/deep", nil, UInt(MS_BIND), nil) == 0 else {
                return
            }
            defer { umount2("\(place)/tree/deep", Int32(MNT_DETACH)) }
            #expect(opener.open(BytePath("deep"), in: tree.number) == (-1, EXDEV))
            #expect(
                try remove("tree", usesOpenAt2: usesOpenAt2)
                    == SystemError("remove mount point", path: "\(place)/tree/deep", errno: EBUSY))
            #expect(access("\(place)/outside/file", F_OK) == 0)
            #expect(access("\(place)/tree/link", F_OK) != 0)
            umount2("\(place)/tree/deep", Int32(MNT_DETACH))
            #expect(try remove("tree", usesOpenAt2: usesOpenAt2) == nil)
            #expect(access("\(place)/tree", F_OK) != 0)
        }
    }

    /// Wide directories, one below another, and what cannot go lies with the first thread or with the second.
    @Test(arguments: [0, 2999]) func aWideDirectoryIsSharedByTwo(_ stuck: Int) throws {
        try inTree {
            func make(_ count: Int, _ path: String) throws {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                for number in 0..<count {
                    let task = "\(path)/t\(number)"
                    #expect(mkdir(task, 0o755) == 0 && mkdir("\(task)/wd", 0o755) == 0)
                    close(open("\(task)/stdout.txt", O_WRONLY | O_CREAT, 0o600))
                }
            }
            try make(3000, "\(place)/tree/job")
            try make(1200, "\(place)/tree/job/t1500/wd")
            #expect(symlink("\(place)/outside", "\(place)/tree/job/t2000/link") == 0)
            let point = "\(place)/tree/job/t\(stuck)/wd"
            let isMounted = mount("\(place)/outside", point, nil, UInt(MS_BIND), nil) == 0
            defer { umount2(point, Int32(MNT_DETACH)) }
            func remove() throws -> DirectoryRemoval {
                let parent = try FileDescriptor.openDirectory(place)
                let removal = DirectoryRemoval(
                    BytePath("tree"), in: parent, at: BytePath(place), mayShare: true)
                while !removal.step() {}
                return removal
            }
            let first = try remove()
            // All but the mount point and what leads to it.
            let all = 4200 * 3 + 1 + 3
            if isMounted {
                #expect(first.removedEntries == all - 4)
                #expect(first.failure == SystemError("remove mount point", path: point, errno: EBUSY))
                umount2(point, Int32(MNT_DETACH))
            }
            #expect(try remove().failure == nil)
            #expect(access("\(place)/tree", F_OK) != 0)
            #expect(access("\(place)/outside/file", F_OK) == 0)
        }
    }

    /// A directory that lets nothing be deleted: then the link in it is not a directory to be emptied.
    @Test(arguments: [true, false]) func aLinkThatCannotBeDeletedIsNotFollowed(_ usesOpenAt2: Bool) throws {
        try inTree {
            #expect(symlink("\(place)/outside", "\(place)/tree/deep/link") == 0)
            func chattr(_ flag: String) throws -> Bool {
                let process = try Process.run(
                    URL(filePath: "/usr/bin/chattr"), arguments: [flag, "\(place)/tree/deep"])
                process.waitUntilExit()
                return process.terminationStatus == 0
            }
            guard (try? chattr("+i")) == true else { return }  // root's, and not of every file system
            let failure = try remove("tree", usesOpenAt2: usesOpenAt2)
            #expect(try chattr("-i"))
            #expect(failure == SystemError("remove", path: "\(place)/tree/deep/link", errno: EPERM))
            #expect(access("\(place)/outside/file", F_OK) == 0)
        }
    }

    @Test func odditiesAreShownEscaped() {
        let cases: [(bytes: [UInt8], shown: String)] = [
            (Array("plain ☹".utf8), "plain ☹"), ([0x61, 0xFF, 0x62], "a\\xffb"),
            ([0x0A, 0x1B, 0x7F], "\\x0a\\x1b\\x7f"),
            (Array("a\\xff".utf8), "a\\\\xff"), ([0xC2, 0x85], "\\xc2\\x85"), ([0xE2, 0x98], "\\xe2\\x98"),
            ([0xED, 0xA0, 0x80], "\\xed\\xa0\\x80"), ([], ""),
        ]
        for item in cases { #expect(BytePath(bytes: item.bytes).description == item.shown) }
    }
}
