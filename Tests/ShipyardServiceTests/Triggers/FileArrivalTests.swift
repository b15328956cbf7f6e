import ShipyardEngine
import ShipyardModel
import Testing

@testable import ShipyardService
@testable import ShipyardSpecs
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

    private func rows() throws -> [TriggerEventRecord] {
        try ledger.store.triggerEvents(after: 0, limit: 100)
    }

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

    @Test func whatTheScheduleMakesOfAnEventIsKept() throws {
        for (index, inode) in [UInt64(1), 2].enumerated() {
            try ledger.tell(file("\(index)", inode: inode), 3)
        }
        try ledger.turn { core throws(Refusal) in try core.disableSchedule("s3", at: moment) }
        try ledger.tell(file("x", inode: 3), 3)
        try ledger.tell(file("y", inode: 4), 3, .unusable("why"))
        try ledger.turn { core throws(Refusal) in try core.enableSchedule("s3", at: moment) }
        try ledger.tell(file("x", inode: 3), 3)
        try ledger.tell(file("z", inode: 5), 3)
        #expect(try rows().map(\.state) == [.started, .overlap, .disabled, .filtered, .overlap])
        #expect(try rows().map(\.run) == [1, 2, 3, nil, 4])
        #expect(try rows().map(\.reason) == [nil, nil, nil, "why", nil])
        #expect(ledger.runs == [1: 3])
    }

    @Test func nothingIsKeptForAScheduleThatIsNotThereOrEnded() throws {
        #expect(try ledger.tell(file(), 9) == [.unwanted])
        try ledger.turn { core throws(Refusal) in try core.terminateSchedule("s1", at: moment) }
        #expect(try ledger.tell(file(), 1) == [.unwanted])
        #expect(try ledger.tell(file(), 1, .existing) == [.unwanted])
        #expect(try rows().isEmpty)
    }

    @Test func aReplayIsAFurtherRunAndOneForEachRequest() throws {
        try ledger.tell(file(), 1)
        try ledger.tell(file("b", inode: 2), 1, .unusable("why"))
        func replay(_ event: Int64, _ request: String?) throws(Refusal) -> UInt32 {
            var run: UInt32 = 0
            try ledger.turn { core throws(Refusal) in
                run = try core.replay(event: event, request: request, at: moment).run
                // Also within a turn.
                if request != nil {
                    #expect(try core.replay(event: event, request: request, at: moment).run == run)
                }
            }
            return run
        }
        #expect(try replay(1, "k") == 2)
        #expect(try replay(1, "k") == 2)
        #expect(try replay(1, "l") == 3)
        #expect(try replay(1, nil) == 4)
        let runs = try ledger.store.runs(of: 1, limit: 9)
        #expect(runs.map(\.cause) == [.event(1), .event(1), .event(1), .event(1)])
        #expect(throws: Refusal.self) { try replay(9, nil) }
        #expect(try rows().map(\.number) == [1, 2])
        try ledger.turn { core throws(Refusal) in try core.terminateSchedule("s1", at: moment) }
        #expect(throws: Refusal.self) { try replay(1, nil) }
    }

    @Test func everyScheduleWithATriggerCanBeExplained() throws {
        try ledger.turn { core throws(Refusal) in try core.putSchedule(offer { $0.account = nil }, at: moment)
        }
        #expect(ledger.core.triggeredSchedules().map(\.record.id.text) == ["t"])
        #expect(ledger.core.triggeredSchedules().map(\.event.place) == [nil])
    }

    // MARK: Who wants to hear

    private func offer(_ change: (inout ScheduleDefinition.StorageEvent) -> Void = { _ in }) -> ScheduleOffer
    {
        var event = ScheduleDefinition.StorageEvent(
            storageAccountSettings: "main", account: StorageAccount(.embedded, alias: "main", name: "store"),
            container: "in", pathBeginsWith: "a",
            pathEndsWith: "b", quietPeriod: .seconds(3), hasManifest: true)
        change(&event)
        var definition = ScheduleDefinition()
        definition.policy.hasTrigger = true
        definition.storageEvent = event
        return ScheduleOffer(
            id: ScheduleID("t")!, isRecurrence: false, definition: definition, bundle: "{}", digest: "d")
    }

    private let moment = Moment(wall: Instant(milliseconds: 1000), steady: SteadyTime(milliseconds: 1000))
    private func later(_ time: Int64) -> Moment {
        Moment(wall: Instant(milliseconds: time), steady: SteadyTime(milliseconds: time))
    }

    @Test func aTriggerKeepsItsAgeUntilItChanges() throws {
        #expect(ledger.core.takeSubscriptions() == [])
        #expect(ledger.core.takeSubscriptions() == nil)
        func put(_ offer: ScheduleOffer, at time: Int64) throws -> [StorageSubscription]? {
            try ledger.turn { core throws(Refusal) in try core.putSchedule(offer, at: later(time)) }
            return ledger.core.takeSubscriptions()
        }
        var wanted = StorageSubscription(
            schedule: 4, place: ContainerPlace(account: "store", container: "in"), pathBeginsWith: "a",
            pathEndsWith: "b", quietPeriod: .seconds(3), hasManifest: true, since: Instant(milliseconds: 2000)
        )
        #expect(try put(offer(), at: 2000) == [wanted])
        #expect(try put(offer(), at: 3000) == nil)
        var other = offer()
        other.digest = "e"
        #expect(try put(other, at: 4000) == nil)
        wanted.pathEndsWith = "c"
        wanted.since = Instant(milliseconds: 5000)
        #expect(try put(offer { $0.pathEndsWith = "c" }, at: 5000) == [wanted])
        // After a start it is what it was.
        ledger.restart()
        #expect(ledger.core.takeSubscriptions() == [wanted])
        #expect(try put(offer { $0.account = nil }, at: 6000) == [])
    }

    @Test func aScheduleThatIsDisabledListensAndOneThatEndsDoesNot() throws {
        try ledger.turn { core throws(Refusal) in try core.putSchedule(offer(), at: moment) }
        #expect(ledger.core.takeSubscriptions()?.count == 1)
        #expect(ledger.core.nextDeadline != SteadyTime(milliseconds: 0))
        try ledger.turn { core throws(Refusal) in try core.disableSchedule("t", at: moment) }
        #expect(ledger.core.takeSubscriptions() == nil)
        try ledger.turn { core throws(Refusal) in try core.deleteSchedule("t", at: moment) }
        // Somebody must come and ask.
        #expect(ledger.core.nextDeadline == SteadyTime(milliseconds: 0))
        #expect(ledger.core.takeSubscriptions() == [])
        ledger.restart()
        #expect(ledger.core.takeSubscriptions() == [])
    }

    /// Whatever write fails, the event is there with its run, or is told again.
    @Test func aTurnThatFailsLeavesNeitherEventNorRun() throws {
        for failing in 1...6 {
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
        // Of what is forgotten nothing is known, whatever an earlier turn did.
        try ledger.tell(file("b", inode: 2), 1)
        #expect(try rows().map(\.number) == [1, 3])
        #expect(try rows().map(\.state) == [.started, .started])
        ledger.restart()
        try ledger.tell(file("d", inode: 4), 1)
        #expect(try rows().map(\.number) == [1, 3, 4])
    }
}
