import ShipyardModel
import Testing

@testable import ShipyardService
@testable import ShipyardStore

/// What the core makes of files that it is told of.
@Suite struct FileArrivalTests {
    private let ledger: CoreLedger

    init() throws { ledger = try CoreLedger() }

    private func file(_ path: String = "a", inode: UInt64 = 1, modified: Int64 = 1) -> FileEvent {
        FileEvent(
            account: "store", container: "in", path: BytePath(path),
            version: FileVersion(inode: inode, birth: 0, size: 0, modified: modified))
    }

    private func rows() throws -> [TriggerEventRecord] { try ledger.store.triggerEvents(after: 0, limit: 100) }

    @Test func aFileThatIsToldTwiceHasOneRunAlsoInOneTurn() throws {
        let first = try ledger.tell(file(), 1, again: true)
        guard case .recorded(let record) = first.first else { throw Problem() }
        #expect(first.last == .known(record.number))
        #expect(try ledger.tell(file(), 1) == [.known(record.number)])
        #expect(ledger.runs == [record.number: 1])
        #expect(try rows() == [record])
    }

    struct Problem: Error {}

    @Test func eachScheduleHasItsOwnEvents() throws {
        try ledger.tell(file(), 1)
        try ledger.tell(file(), 2)
        #expect(ledger.runs == [1: 1, 2: 2])
    }

    @Test func anotherNameOfAFileIsADuplicateAlsoOfOneThatWasThereBefore() throws {
        try ledger.tell(file("a"), 1)
        try ledger.tell(file("b"), 1)
        try ledger.tell(file("c", inode: 2), 1, .existing)
        try ledger.tell(file("d", inode: 2), 1)
        #expect(try rows().map(\.state) == [.started, .duplicate, .existing, .duplicate])
        #expect(try rows()[1].reason == "the file of event 1, a, under another name")
        #expect(ledger.runs == [1: 1])
        #expect(try ledger.tell(file("b"), 1) == [.known(2)])
    }

    @Test func answersOfTheScheduleAreKept() throws {
        let answers: [EventAnswer] = [
            .started(run: 5), .overlap(run: 6, reason: "another runs"), .disabled(run: nil, reason: nil), .unwanted,
        ]
        for (index, answer) in answers.enumerated() {
            ledger.answer = { _ in answer }
            try ledger.tell(file("\(index)", inode: UInt64(index)), 1)
        }
        try ledger.tell(file("x", inode: 9), 1, .unusable("why"))
        #expect(try rows().map(\.state) == [.started, .overlap, .disabled, .filtered])
        #expect(try rows().map(\.run) == [5, 6, nil, nil])
        #expect(try rows().map(\.reason) == [nil, "another runs", nil, "why"])
    }

    /// Whatever write fails, the event is there with its run, or is told again.
    @Test func aTurnThatFailsLeavesNeitherEventNorRun() throws {
        for failing in 1...4 {
            let ledger = try CoreLedger()
            let before = ledger.store.writeCount
            ledger.store.faultInjection = { $0 == before + failing }
            _ = try? ledger.tell(file(), 1)
            ledger.store.faultInjection = nil
            #expect(try ledger.store.triggerEvents(after: 0, limit: 9).count == ledger.runs.count)
            try ledger.tell(file(), 1)
            #expect(ledger.runs == [1: 1])
        }
        let ledger = try CoreLedger()
        ledger.store.readFaultInjection = { true }
        #expect(throws: Refusal.self) { try ledger.tell(file(), 1) }
        #expect(ledger.runs.isEmpty)
    }

    /// Numbers are names: an event that was forgotten keeps its own.
    @Test func numbersAreNotGivenAgain() throws {
        try ledger.tell(file("a"), 1)
        try ledger.tell(file("b", inode: 2), 1)
        try ledger.upkeep([.delete(2)])
        try ledger.tell(file("c", inode: 3), 1)
        #expect(try rows().map(\.number) == [1, 3])
        let next = try ServiceCore(
            store: ledger.store, substrate: SimulatedSubstrate(Scenario(seed: 0)),
            now: Moment(wall: Instant(milliseconds: 1), steady: SteadyTime(milliseconds: 1)))
        next.eventRun = { _, _, _ in .started(run: 1) }
        let now = Moment(wall: Instant(milliseconds: 1), steady: SteadyTime(milliseconds: 1))
        guard case .recorded(let record) = try next.fileArrived(file("d", inode: 4), schedule: 1, at: now) else {
            throw Problem()
        }
        #expect(record.number == 4)
    }
}
