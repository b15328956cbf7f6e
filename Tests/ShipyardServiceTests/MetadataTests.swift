import Foundation
import ShipyardEngine
import ShipyardMetadata
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// Documents as commands of a turn, and tokens of tasks.
struct MetadataTests {
    private let store: StoreWriter
    private let substrate = RecordingSubstrate()
    private let now = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))
    private let node = NodeHandle(index: 0)
    private static let key = Secret(copying: (0..<32).map { UInt8($0) })

    init() throws { store = try StoreWriter(path: ":memory:") }

    private func newCore() throws -> ServiceCore {
        try ServiceCore(
            store: store, substrate: substrate,
            tokensOfTasks: TaskTokens(key: Self.key, state: try store.stateID()), now: now)
    }

    private func put(
        _ core: ServiceCore, _ text: String, _ id: String = "x", match: [String] = [],
        noneMatch: [String] = [],
        by caller: TaskCaller? = nil
    ) throws -> MetadataAnswer {
        try core.changeDocument(
            MetadataCommand(
                MetadataKey(collection: "c", id: id)!, .put(text),
                if: try ETagCondition(ifMatch: match, ifNoneMatch: noneMatch), by: caller), at: now)
    }

    private func text(_ id: String = "x") throws -> String? {
        try store.document(MetadataKey(collection: "c", id: id)!)?.text
    }

    // MARK: Turns

    /// Two come with one ETag into one turn, whose first write nobody has committed yet.
    @Test func ofTwoWritesWithOneETagOneCounts() throws {
        let core = try newCore()
        guard case .written(let first, true) = try put(core, "{}", noneMatch: ["*"]) else {
            throw Failure("nothing was written")
        }
        guard case .conditionNotMet(first.version) = try put(core, "{\"lost\":1}", noneMatch: ["*"]) else {
            throw Failure("two were first")
        }
        try core.endTurn(at: now)
        let tag = ETagCondition.tag(of: first.version)
        guard case .written(let second, false) = try put(core, "{\"n\":1}", match: [tag]),
            case .conditionNotMet(second.version) = try put(core, "{\"n\":2}", match: [tag])
        else { throw Failure("two writes with one ETag") }
        try core.endTurn(at: now)
        #expect(try text() == "{\"n\":1}")
        guard case .conditionNotMet(second.version) = try put(core, "{\"n\":3}", match: [tag]) else {
            throw Failure("an old ETag")
        }
        // Gone and made again in one turn, it has another one.
        let key = MetadataKey(collection: "c", id: "x")!
        guard case .deleted = try core.changeDocument(MetadataCommand(key, .delete), at: now),
            case .absent = try core.changeDocument(MetadataCommand(key, .delete), at: now),
            case .conditionNotMet(nil) = try put(core, "{}", match: ["*"]),
            case .written(let third, true) = try put(core, "{}")
        else { throw Failure("a deletion") }
        try core.endTurn(at: now)
        #expect(Set([first.version, second.version, third.version]).count == 3)
        #expect(try store.documentChanges(of: key, limit: 9).map(\.kind) == [.put, .delete, .put, .put])
        // Nobody gets a number again that was one of a document, also after a restart.
        _ = try core.changeDocument(MetadataCommand(key, .delete), at: now)
        try core.endTurn(at: now)
        guard case .written(let fourth, true) = try put(try newCore(), "{}") else {
            throw Failure("no restart")
        }
        #expect(fourth.version > third.version + 1)
    }

    private struct Failure: Error {
        var text: String
        init(_ text: String) { self.text = text }
    }

    @Test func patchesMeetInTheTurn() throws {
        let core = try newCore()
        let key = MetadataKey(collection: "c", id: "x")!
        for patch in ["{\"a\":1.10}", "{\"b\":{\"c\":1,\"d\":null}}", "{\"b\":{\"c\":null,\"e\":[1]}}"] {
            let patch = try ExactJSON(parsing: Array(patch.utf8))
            guard case .written = try core.changeDocument(MetadataCommand(key, .patch(patch)), at: now) else {
                throw Failure("no patch")
            }
        }
        try core.endTurn(at: now)
        #expect(try text() == "{\"a\":1.10,\"b\":{\"e\":[1]}}")
        let missing = try ETagCondition(ifMatch: ["*"], ifNoneMatch: [])
        guard
            case .conditionNotMet(nil) = try core.changeDocument(
                MetadataCommand(MetadataKey(collection: "c", id: "y")!, .patch(.object([])), if: missing),
                at: now)
        else { throw Failure("a patch of nothing") }
        // What a patch makes has the same bound as what is put.
        let half = ExactJSON.string(String(repeating: "x", count: MetadataLimits.documentBytes / 2))
        for (name, isTooLarge) in [("h1", false), ("h2", true)] {
            let answer = try core.changeDocument(
                MetadataCommand(key, .patch(.object([.init(name, half)]))), at: now)
            if case .tooLarge = answer { #expect(isTooLarge) } else { #expect(!isTooLarge) }
        }
        try core.endTurn(at: now)
        try store.database.execute(script: "UPDATE documents SET document = '{' WHERE id = 'x'")
        let refusal = #expect(throws: Refusal.self) {
            try core.changeDocument(MetadataCommand(key, .patch(.object([]))), at: now)
        }
        #expect(refusal?.code == "StateUnreadable")
        _ = try put(core, "{}")
        try core.endTurn(at: now)
        #expect(try text() == "{}")
    }

    /// Whoever was told that a document is written finds it, whichever write fails and whenever the service dies.
    @Test func whatWasAnsweredIsThere() throws {
        var core = try newCore()
        var answered: [String: String] = [:]
        var failures = 0
        for round in 0..<60 {
            let fails = round % 3 == 2
            let failing = store.writeCount + 1 + round / 3 % 9
            store.faultInjection = { fails && $0 == failing }
            var told: [(String, String)] = []
            do {
                for id in ["a", "b"] {
                    let text = "{\"n\":\(round)}"
                    _ = try put(core, text, id)
                    core.afterCommit(isPromise: true) { error in if error == nil { told.append((id, text)) } }
                }
                try core.endTurn(at: now)
            } catch {
                failures += 1
                store.faultInjection = nil
                core.abandon(error as! StoreError)
                core = try newCore()
            }
            for (id, text) in told { answered[id] = text }
            for (id, text) in answered { #expect(try self.text(id) == text) }
        }
        #expect(failures > 10)
    }

    @Test func aHomeHasABoundOfCollections() throws {
        let core = try newCore()
        for number in 0..<MetadataLimits.collections {
            let key = MetadataKey(collection: "c\(number)", id: "x")!
            _ = try core.changeDocument(MetadataCommand(key, .put("{}")), at: now)
        }
        try core.endTurn(at: now)
        let more = MetadataKey(collection: "more", id: "x")!
        let refusal = #expect(throws: Refusal.self) {
            try core.changeDocument(MetadataCommand(more, .put("{}")), at: now)
        }
        #expect(refusal?.code == "TooManyCollections")
        _ = try core.changeDocument(
            MetadataCommand(MetadataKey(collection: "c7", id: "y")!, .put("{}")), at: now)
        try core.endTurn(at: now)
        #expect(try store.metadataCollectionCount() == MetadataLimits.collections)
    }

    // MARK: Tokens

    private func prepared() throws -> ServiceCore {
        let core = try newCore()
        var spec = PoolSpec(id: PoolID("pool")!)
        spec.dedicatedNodes = 1
        spec.taskSlotsPerNode = 2
        try core.addPool(spec, at: now)
        try core.endTurn(at: now)
        core.receive(.nodeConnected(node, running: [], queued: []), at: now)
        try core.endTurn(at: now)
        return core
    }

    private func addJob(
        _ core: ServiceCore, _ id: String, _ change: (inout JobPlan) -> Void = { _ in }
    ) throws -> UInt32 {
        var plan = JobPlan(id: JobID(id)!)
        plan.templates = [TaskTemplate()]
        plan.templates[0].maxTaskRetries = 5
        change(&plan)
        let ticket = try core.beginSubmission(plan.id, usesDependencies: false)
        var slice = TaskSlice()
        let key = TaskKey(job: ticket.number, ordinal: 0)
        slice.definitions = [TaskDefinition(key: key, id: "convert", command: "run", template: 0)]
        slice.seeds = [TaskSeed(template: 0)]
        try core.addSlice(slice, to: ticket)
        core.endSubmission(ticket, plan, pool: PoolID("pool")!, at: now)
        try core.endTurn(at: now)
        return ticket.number
    }

    private func end(_ core: ServiceCore, code: Int32) throws {
        let work = try #require(substrate.started.last)
        core.receive(
            .workExited(work.node, work.work.id, AttemptResult(.exited(code), at: now.wall)), at: now)
        try core.endTurn(at: now)
    }

    private var lastToken: String? {
        substrate.lastSecrets?.last.flatMap {
            $0.hasPrefix("SHIPYARD_TOKEN=") ? String($0.dropFirst(15)) : nil
        }
    }

    @Test func authenticatorsAreThoseOfTheStandard() throws {
        // RFC 4231, cases 1, 2 and 4.
        let cases: [([UInt8], [UInt8], String)] = [
            (
                [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                Array(1...25), [UInt8](repeating: 0xCD, count: 50),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
            ),
        ]
        for (key, message, digest) in cases {
            let made = TaskTokens(authenticatingWith: key).authenticator(of: message)
            #expect(made.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == digest)
        }
    }

    @Test func onlyTokensOfThisHomeAreKnown() throws {
        let state = try store.stateID()
        let tokens = TaskTokens(key: Self.key, state: state)
        let work = WorkID(TaskKey(job: 7, ordinal: 3), attempt: 2)
        let token = try #require(tokens.token(for: work)).withExposedBytes {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(tokens.work(of: token) == work)
        #expect(tokens.token(for: WorkID(kind: .startTask, key: 0, attempt: 1)) == nil)
        let others = [
            TaskTokens(key: Secret(copying: [UInt8](repeating: 1, count: 32)), state: state),
            TaskTokens(key: Self.key, state: .random()),
        ]
        for other in others { #expect(other.work(of: token) == nil) }
        // Every byte of it counts, and nothing before, behind or in place of it does.
        for index in token.utf8.indices {
            var changed = Array(token.utf8)
            let place = token.utf8.distance(from: token.utf8.startIndex, to: index)
            changed[place] = changed[place] == 0x31 ? 0x32 : 0x31
            #expect(tokens.work(of: String(decoding: changed, as: UTF8.self)) == nil)
            #expect(tokens.work(of: String(token.utf8.prefix(place))!) == nil)
        }
        let parts = token.split(separator: "-").map(String.init)
        let wrong = [
            "", "-", "----", token + "0", " " + token, token + "\n", token.uppercased(), token + token,
            String(repeating: "0", count: 100_000),
            "\(parts[0])-0\(parts[1])-\(parts[2])-\(parts[3])-\(parts[4])",
            "\(parts[0])-\(parts[1])-+\(parts[2])-\(parts[3])-\(parts[4])",
            "\(parts[0])-\(parts[1])-\(parts[2])-\(parts[3])-",
            "\(parts[0])-9-\(parts[2])-\(parts[3])-\(parts[4])",
        ]
        for text in wrong { #expect(tokens.work(of: text) == nil, "\(text.prefix(200))") }
    }

    @Test func aTokenIsWorthSomethingForAsLongAsItsAttempt() throws {
        let core = try prepared()
        let job = try addJob(core, "j")
        let first = try #require(lastToken)
        guard case .valid(let caller) = core.verdict(on: first, at: now) else { throw Failure("no token") }
        #expect(caller.job.text == "j" && caller.jobNumber == job)
        guard case .unknown = core.verdict(on: first + "0", at: now) else { throw Failure("forged") }
        guard case .written(let document, _) = try put(core, "{}", by: caller) else {
            throw Failure("no write")
        }
        try core.endTurn(at: now)
        #expect(
            document.writer
                == .work(.init(job: "j", jobNumber: job, task: "convert", kind: .task, attempt: 1)))
        // It is known after a restart, by another service that was told nothing.
        let next = try newCore()
        guard case .valid(caller) = next.verdict(on: first, at: now) else { throw Failure("lost by a restart") }
        next.receive(.nodeConnected(node, running: [caller.work], queued: []), at: now)
        try next.endTurn(at: now)
        try end(next, code: 1)
        let second = try #require(lastToken)
        #expect(second != first)
        // The first attempt may still live on a node that was given up.
        guard case .over = next.verdict(on: first, at: now), case .valid = next.verdict(on: second, at: now) else {
            throw Failure("an attempt that is over")
        }
        guard case .callerIsOver = try put(next, "{\"late\":1}", by: caller) else {
            throw Failure("a late write")
        }
        try end(next, code: 0)
        guard case .over = next.verdict(on: second, at: now) else { throw Failure("a task that is over") }
        try next.deleteJob("j", at: now)
        for _ in 0..<5 { try next.endTurn(at: now) }
        guard case .over = next.verdict(on: second, at: now) else { throw Failure("a job that is gone") }
        #expect(try text() == "{}")
    }

    /// For a person who wants to try by hand what the attempt could not.
    @Test func whoStepsIntoATaskThatHasEndedHasATokenForAnHour() throws {
        let core = try prepared()
        let job = try addJob(core, "j")
        let first = try #require(lastToken)
        guard case .valid(let attempt) = core.verdict(on: first, at: now) else { throw Failure("no token") }
        try end(core, code: 1)
        try end(core, code: 0)
        let tokens = TaskTokens(key: Self.key, state: try core.store.stateID())
        func text(until end: Instant) throws -> String {
            try #require(tokens.token(for: attempt.work, until: end)).withExposedBytes { String(decoding: $0, as: UTF8.self) }
        }
        let end = now.wall + TaskTokens.visit
        let token = try text(until: end)
        guard case .valid(let caller) = core.verdict(on: token, at: now) else { throw Failure("no visit") }
        #expect(caller.isVisitor && caller.work == attempt.work && caller.jobNumber == job && !attempt.isVisitor)
        guard case .written = try put(core, "{}", by: caller) else { throw Failure("no write") }
        try core.endTurn(at: now)
        // Not as an attempt's own, not for longer, and no other end than the one that it was given.
        #expect(tokens.work(of: token) == nil)
        let later = Moment(wall: end, steady: now.steady)
        guard case .over = core.verdict(on: token, at: later) else { throw Failure("it lasts") }
        guard case .over = core.verdict(on: try text(until: end + .seconds(1)), at: now) else { throw Failure("it is too long") }
        let forged = token.replacing("-\(end.milliseconds)-", with: "-\(end.milliseconds - 1)-")
        guard case .unknown = core.verdict(on: forged, at: now), forged != token else { throw Failure("forged") }
        try core.deleteJob("j", at: now)
        for _ in 0..<5 { try core.endTurn(at: now) }
        guard case .over = core.verdict(on: token, at: now) else { throw Failure("a job that is gone") }
    }

    /// A job of the same id is another one.
    @Test func tokensAreOfOneJobAndNotOfItsName() throws {
        let core = try prepared()
        _ = try addJob(core, "j")
        let first = try #require(lastToken)
        try core.deleteJob("j", at: now)
        try core.endTurn(at: now)
        try end(core, code: 9)
        for _ in 0..<5 { try core.endTurn(at: now) }
        _ = try addJob(core, "j")
        guard case .over = core.verdict(on: first, at: now), case .valid = core.verdict(on: try #require(lastToken), at: now)
        else {
            throw Failure("a token of another job")
        }
    }

    @Test func preparationHasATokenAndNoSpecCanTakeItsPlace() throws {
        let core = try prepared()
        let job = try addJob(core, "j") { plan in
            plan.preparationCommand = "prepare"
            plan.environment = [EnvironmentVariable(name: "SHIPYARD_TOKEN", value: "mine")]
        }
        let token = try #require(lastToken)
        guard case .valid(let caller) = core.verdict(on: token, at: now) else { throw Failure("no token") }
        #expect(caller.work.kind == .jobPreparation)
        guard case .written(let document, _) = try put(core, "{}", by: caller) else {
            throw Failure("no write")
        }
        #expect(
            document.writer
                == .work(.init(job: "j", jobNumber: job, task: nil, kind: .jobPreparation, attempt: 1)))
    }

    // MARK: The key

    @Test func theKeyOfAHomeIsKeptForItsOwnerAlone() throws {
        let home = "/tmp/shipyard-key-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let layout = HomeLayout(home)
        var lines: [String] = []
        func key() -> [UInt8] {
            TaskTokenKey.kept(in: layout) { lines.append($0) }.withExposedBytes { Array($0) }
        }
        let first = key()
        #expect(first.count == 32 && Set(first).count > 8 && key() == first && lines.isEmpty)
        let attributes = try FileManager.default.attributesOfItem(atPath: layout.tokenKey)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        // Whoever could read it could make tokens.
        chmod(layout.tokenKey, 0o640)
        let second = key()
        #expect(second != first && key() == second && lines.count == 1)
        try Data([1, 2, 3]).write(to: URL(filePath: layout.tokenKey))
        chmod(layout.tokenKey, 0o600)
        #expect(key() != second && lines.count == 2)
        // A link is another's file.
        try FileManager.default.moveItem(atPath: layout.tokenKey, toPath: home + "/other")
        symlink(home + "/other", layout.tokenKey)
        let third = key()
        #expect(key() == third)
        #expect(try Array(Data(contentsOf: URL(filePath: home + "/other"))) != third)
        // Where none can be kept, tasks start all the same.
        try FileManager.default.removeItem(atPath: home)
        #expect(key().count == 32 && lines.last?.contains("end with this service") == true)
    }
}
