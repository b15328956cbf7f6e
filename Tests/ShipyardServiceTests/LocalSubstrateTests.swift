import Foundation
import ShipyardEngine
import ShipyardModel
import ShipyardNode
import ShipyardPlanner
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore
import ShipyardSystem
import TestSupport
import Testing

@testable import ShipyardService

/// This machine as a substrate, with real agents and without a core: what each order is answered with.
@Suite(.blocking) struct LocalSubstrateTests {
    private static let executable =
        ProcessInfo.processInfo.environment["SHIPYARD_PROGRAM"]
        ?? URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/debug/shipyard-swift").path

    private final class Home {
        let layout: HomeLayout
        let substrate: LocalSubstrate
        let node = NodeHandle(index: 0)
        var description: NodeDescription
        var events: [SubstrateEvent] = []

        init(isRelayed: Bool) throws {
            let home = "/tmp/shipyard-substrate-\(UInt32.random(in: 0...UInt32.max))"
            try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
            layout = HomeLayout(home)
            let executable = LocalSubstrateTests.executable
            var settings = LocalSettings(executable: executable)
            if isRelayed { settings.transport = { _ in CommandTransport([executable]) } }
            let lives = StateLives(state: .random(), present: .random())
            substrate = try LocalSubstrate(
                layout: layout, lives: lives, settings: settings, wakeup: try Wakeup(), log: { _ in })
            description = NodeDescription(
                pool: PoolID("p")!, id: NodeID("node-1"), boot: 1, slots: 2, isDedicated: true,
                token: KnownToken(.random()),
                mayExist: false)
        }

        deinit {
            _ = NodeTeardown.run(roots: [root], grace: .zero)
            try? FileManager.default.removeItem(atPath: layout.home)
        }

        var root: String { layout.nodeRoot(description.id, of: description.pool) }
        var unacknowledged: Int { get throws { try JournalReader.read(root: root).unacknowledged.count } }

        /// Events are handed out as the loop takes them.
        func wait(_ what: String, until holds: () throws -> Bool) throws {
            let end = SystemClock.monotonicMicroseconds() + 60_000_000
            while try !holds() {
                guard SystemClock.monotonicMicroseconds() < end else {
                    Issue.record("no sign of \(what): \(events)")
                    throw CancellationError()
                }
                substrate.wait(until: SystemClock.monotonicMicroseconds() + 20_000, for: .anything)
                events += substrate.takeEvents()
            }
        }

        func connected() throws {
            try wait("a connection") {
                events.contains { if case .nodeConnected = $0 { true } else { false } }
            }
        }

        func text(of task: String) -> String {
            let path = "\(root)/\(NodeLayout.jobDirectory("j"))/\(task)/stdout.txt"
            return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        }

        /// In the files of the home, and in what the system shows of its agents and of what they started, but for the
        /// environment of the command itself.
        func filesHold(_ mark: String) -> Bool {
            let files =
                FileManager.default.enumerator(atPath: layout.home)?.compactMap { $0 as? String } ?? []
            let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            let shown = processes.filter { Int($0) != nil }.flatMap {
                ["/proc/\($0)/cmdline", "/proc/\($0)/environ"]
            }
            return (files.map { "\(layout.home)/\($0)" } + shown).contains { path in
                guard let bytes = FileManager.default.contents(atPath: path),
                    bytes.firstRange(of: Data(mark.utf8)) != nil
                else { return false }
                let isOfTask =
                    path.hasSuffix("environ") && bytes.firstRange(of: Data("AZ_BATCH_TASK_ID=t0".utf8)) != nil
                return !isOfTask
            }
        }

        func exits(of work: WorkID) -> [AttemptResult] {
            events.compactMap { if case .workExited(node, work, let result) = $0 { result } else { nil } }
        }

        func run(_ key: Int64, _ command: String, _ template: WorkTemplate) throws -> AttemptResult {
            let id = WorkID(kind: .task, key: key, attempt: 1)
            substrate.start(
                WorkAssignment(
                    id: id, template: template, task: "t\(key)", command: command, needs: Resources(slots: 1)),
                on: node)
            substrate.turnCommitted()
            try wait("the end of task \(key)") { !exits(of: id).isEmpty }
            return exits(of: id)[0]
        }
    }

    private func template(job: UInt32 = 7, _ environment: [(name: String, value: String)] = [])
        -> WorkTemplate
    {
        WorkTemplate(
            .task(job: job, template: 0), job: JobID("j")!, environment: environment, applicationPackages: [])
    }

    /// An agent keeps an exit until its end is stored, whoever has heard of it.
    @Test(arguments: [false, true])
    func exitIsToldAgainUntilTheTurnThatHasItIsCommitted(isRelayed: Bool) throws {
        let home = try Home(isRelayed: isRelayed)
        home.substrate.allocate(home.node, home.description)
        try home.connected()
        let work = WorkID(kind: .task, key: 1, attempt: 1)
        #expect(try home.run(1, "echo $A; exit 5", template([("A", "b")])).outcome == .exited(5))
        #expect(try home.unacknowledged == 1)
        // The core is given up before it has stored anything.
        home.events = []
        home.substrate.reset()
        home.description.mayExist = true
        home.substrate.recover(home.node, home.description)
        try home.wait("the exit once more") { !home.exits(of: work).isEmpty }
        #expect(try home.unacknowledged == 1)
        home.substrate.turnCommitted()
        try home.wait("its acknowledgement") { try home.unacknowledged == 0 }
        // What is asked of the files is what the node has.
        let files = home.substrate.files.files(of: home.description.id, in: home.description.pool)
        let owner = FilesOwner.task("t1", of: JobID("j")!)
        let output = try files.open(BytePath("stdout.txt"), of: owner)
        #expect(try output.read(at: 0, atMost: 10) == Array("b\n".utf8))
        #expect(files.list(owner).entries.map(\.path.shown) == ["stderr.txt", "stdout.txt", "wd"])
        #expect(files.location(of: owner) == files.tasksLocation(of: JobID("j")!) + "/t1")

        home.substrate.release(home.node, home.description)
        home.substrate.turnCommitted()
        try home.wait("the node's release") {
            home.events.contains { if case .nodeReleased = $0 { true } else { false } }
        }
        home.substrate.verifyReleased(home.description.pool)
        try home.wait("the proof") {
            home.events.contains {
                if case .poolVerified(_, let found) = $0 { found.remains.isEmpty } else { false }
            }
        }
    }

    /// What work shares is told anew to who may not have it: after the end of its job, on another connection, and
    /// where there is another under its name.
    @Test func templatesAreToldToWhoeverDoesNotKnowThem() throws {
        let home = try Home(isRelayed: false)
        home.substrate.allocate(home.node, home.description)
        try home.connected()
        let first = template([("A", "1")])
        #expect(try home.run(1, "test $A = 1", first).isSuccess)
        #expect(try home.run(2, "test $A = 1", first).isSuccess)
        #expect(try home.run(3, "test $A = 2", template([("A", "2")])).isSuccess)
        home.substrate.jobEnded(7)
        #expect(try home.run(4, "test $A = 2", template([("A", "2")])).isSuccess)
        home.events = []
        home.substrate.reset()
        home.description.mayExist = true
        home.substrate.recover(home.node, home.description)
        try home.connected()
        #expect(try home.run(5, "test $A = 1", first).isSuccess)
    }

    @Test func contextsAreForgottenWithTheirJob() {
        var contexts = WorkContexts(after: .max)
        let (one, other) = (template(job: 1), template(job: 2))
        let (first, second) = (contexts.number(of: one), contexts.number(of: other))
        #expect(first == 0 && second == 1)
        func number(_ template: WorkTemplate) -> UInt32 { contexts.number(of: template) }
        func mustTell(_ number: UInt32, _ node: NodeHandle) -> Bool { contexts.mustTell(number, to: node) }
        func forget(job: UInt32) -> [NodeHandle] { contexts.forget(job: job).map(\.node) }
        #expect(number(one) == first)
        let nodes = (0...2).map { NodeHandle(index: $0) }
        for node in nodes.reversed() { #expect(mustTell(first, node)) }
        #expect(mustTell(second, nodes[0]))
        #expect(!mustTell(first, nodes[0]))
        contexts.forget(nodes[1])
        #expect(forget(job: 1) == [nodes[0], nodes[2]])
        #expect(forget(job: 1).isEmpty)
        #expect(number(one) != first)
        #expect(!mustTell(second, nodes[0]))
    }

    // MARK: Secrets

    /// By its token, or by what is stored of it; whatever else it says of itself was true of the right one, too.
    @Test func agentWithAnotherTokenIsNotObeyed() throws {
        let home = try Home(isRelayed: false)
        home.substrate.allocate(home.node, home.description)
        try home.connected()
        let token = try #require(home.description.token)
        home.description.mayExist = true
        for known in [token, KnownToken(token.digest)] {
            home.events = []
            home.substrate.reset()
            home.description.token = known
            home.substrate.recover(home.node, home.description)
            try home.connected()
        }
        for other in [KnownToken(.random()), nil] {
            home.events = []
            home.substrate.reset()
            home.description.token = other
            home.substrate.recover(home.node, home.description)
            try home.wait("its loss") {
                home.events.contains { if case .nodeLost = $0 { true } else { false } }
            }
            #expect(!home.events.contains { if case .nodeConnected = $0 { true } else { false } })
            // The next one is the right one again.
            home.substrate.reset()
            home.description.token = token
            home.substrate.allocate(home.node, home.description)
            home.events = []
            try home.connected()
        }
    }

    /// From a vault through core, substrate and agent into the command's environment, and nowhere else.
    @Test(arguments: [false, true]) func secretReachesItsCommandAndNothingElse(isRelayed: Bool) throws {
        let home = try Home(isRelayed: isRelayed)
        let mark = "mark-\(UInt64.random(in: 0...UInt64.max))"
        let vault = TestVault(["db": "{PASSWORD: \(mark), PLAIN: \(mark)}"])
        let store = try StoreWriter(path: home.layout.database)
        let start = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))
        let core = try ServiceCore(store: store, substrate: home.substrate, secrets: vault, now: start)
        var spec = PoolSpec(id: home.description.pool)
        spec.dedicatedNodes = 1
        try core.addPool(spec, at: start)
        try core.endTurn(at: start)

        var plan = JobPlan(id: JobID("j")!)
        plan.templates = [TaskTemplate(), TaskTemplate()]
        plan.templates[0].environmentSecrets = [EnvironmentSecret(SecretReference("db")!)]
        for index in 0...1 { plan.templates[index].environment = [.init(name: "PLAIN", value: "plain")] }
        // Long enough to look at the agent while it runs.
        let look = "printf %s \"$PASSWORD$PLAIN\" | sha256sum | cut -c1-64; sleep 1"
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        var slice = TaskSlice()
        for ordinal: UInt32 in 0...1 {
            let key = TaskKey(job: ticket.number, ordinal: ordinal)
            slice.definitions.append(
                TaskDefinition(key: key, id: "t\(ordinal)", command: look, template: Int(ordinal)))
            slice.seeds.append(TaskSeed(template: Int(ordinal)))
        }
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: spec.id, at: start)
        try core.endTurn(at: start)
        func count() -> Int { core.inspect { $0.counts(ticket.number)?.succeeded ?? 0 } }
        var hasLooked = false
        try home.wait("the end of both") {
            for event in home.events { core.receive(event, at: start) }
            if !home.events.isEmpty { try core.endTurn(at: start) }
            home.events = []
            if home.text(of: "t0").count > 60, !hasLooked {
                hasLooked = true
                #expect(!home.filesHold(mark))
            }
            return count() == 2
        }
        #expect(hasLooked)
        #expect(home.text(of: "t0") == SHA256.hexDigest(of: Array((mark + mark).utf8)) + "\n")
        #expect(home.text(of: "t1") == SHA256.hexDigest(of: Array("plain".utf8)) + "\n")
        #expect(!home.filesHold(mark))
        #expect(try store.progress(of: TaskKey(job: ticket.number, ordinal: 0))?.result?.isSuccess == true)
    }

    // MARK: What carries a connection

    /// A command may say as much as it likes; a few lines of it are for people.
    @Test func linesOfACarrierAreBounded() throws {
        let command = try CommandStream([
            "/bin/sh", "-c",
            "echo first >&2; head -c 5000 /dev/zero | tr '\\0' x >&2; echo >&2; "
                + "printf 'odd \\033[31m\\377\\n' >&2; for i in $(seq 100); do echo line $i >&2; done; printf last >&2",
        ])
        close(command.stream)
        let process = CarrierProcess(
            node: NodeHandle(index: 0), errors: FileDescriptor(owning: command.errors))
        var lines: [String] = []
        while process.readLines({ lines.append($0) }) { usleep(1000) }
        while OwnChildren.end(of: command.processID) == nil { usleep(1000) }
        #expect(lines.count == 20)
        #expect(lines[0] == "first")
        #expect(lines[1] == String(repeating: "x", count: 300))
        #expect(lines[2] == "odd [31m\\xff")
        #expect(lines.last == "line 17")
    }
}
