import ShipyardModel
import Testing

@testable import ShipyardAPI
@testable import ShipyardService
@testable import ShipyardSpecs

/// One sentence for each way in which a file may start nothing.
struct TriggerVerdictTests {
    private let version = FileVersion(inode: 1, birth: 0, size: 0, modified: 1)
    private let place = ContainerPlace(account: "store", container: "in")

    private func verdict(_ change: (inout TriggerVerdict) -> Void) -> String {
        let event = ScheduleDefinition.StorageEvent(
            storageAccountSettings: "main", account: StorageAccount(.embedded, alias: "main", name: "store"),
            container: "in", pathBeginsWith: "a/",
            pathEndsWith: ".done", quietPeriod: .zero, hasManifest: true)
        let record = ScheduleRecord(
            number: 1, id: ScheduleID("s")!, isRecurrence: false, state: .active,
            cursor: Instant(milliseconds: 0),
            creationTime: Instant(milliseconds: 0))
        let subscription = StorageSubscription(schedule: 1, place: place, since: Instant(milliseconds: 0))
        var verdict = TriggerVerdict(
            schedule: TriggeredSchedule(record: record, event: event), place: place,
            path: BytePath("a/x.done"),
            watched: FileExplanation(
                subscription: subscription, hasContainer: true, isPolled: false, version: version), events: []
        )
        change(&verdict)
        return verdict.sentence
    }

    private func event(_ state: TriggerState, run: UInt32? = nil, _ reason: String? = nil, size: Int64 = 0)
        -> TriggerEventRecord
    {
        var version = version
        version.size = size
        let file = FileEvent(account: "store", container: "in", path: BytePath("a/x.done"), version: version)
        return TriggerEventRecord(
            number: 4, schedule: 1, file: file, found: Instant(milliseconds: 0), state: state, run: run,
            reason: reason)
    }

    @Test func theFirstThingThatIsInTheWayIsSaid() {
        #expect(
            verdict { $0.schedule.event.account = nil }
                == "it watches nothing: nobody knows the account that `main` means; add it again with the credentials"
        )
        #expect(verdict { $0.place.container = "out" } == "it watches another container, store/in")
        #expect(verdict { $0.path = BytePath("x.done") } == "the path does not begin with `a/`")
        #expect(verdict { $0.path = BytePath("a/x") } == "the path does not end with `.done`")
        #expect(verdict { $0.watched = nil } == "nobody could look now; ask again")
        #expect(
            verdict {
                $0.watched = nil
                $0.schedule.record.state = .completed
            } == "the schedule is completed")
        #expect(verdict { $0.watched?.hasContainer = false } == "there is no container store/in")
        #expect(
            verdict { $0.watched?.version = nil }
                == "there is no such file, or it is none that counts, such as a link")
        #expect(verdict { _ in } == "it was not looked at yet")
        let polled = verdict { $0.watched?.isPolled = true }
        #expect(polled.hasSuffix("looked through every few seconds"))
        #expect(
            verdict { $0.watched?.waiting = .quiet(TimeSpan(milliseconds: 1001)) }
                == "it counts when nothing happens to it for 2 more seconds")
        let missing = MissingFile(path: BytePath("a/y"), present: 1, total: 3, isUnsettled: false)
        #expect(
            verdict { $0.watched?.waiting = .manifest(missing) }
                == "its manifest waits for `a/y`, which is not there (1 of 3 files are)")
    }

    @Test func whatTheLedgerHasOfTheFileAsItIsCounts() {
        func outcome(_ event: TriggerEventRecord) -> String { verdict { $0.events = [event] } }
        #expect(outcome(event(.started, run: 7)) == "event 4 has started run 7")
        #expect(outcome(event(.filtered, "no text")) == "event 4 can start nothing: no text")
        #expect(outcome(event(.duplicate, "of 3")) == "event 4 is a duplicate: of 3")
        #expect(outcome(event(.overlap)) == "event 4 started nothing, as another run was active")
        #expect(outcome(event(.disabled)) == "event 4 started nothing, as the schedule was disabled")
        #expect(
            outcome(event(.existing)) == "event 4 started nothing, as the file was there before the trigger")
        // Of what it was before.
        #expect(outcome(event(.started, run: 7, size: 1)) == "it was not looked at yet")
        #expect(
            verdict {
                $0.events = [event(.started, run: 7)]
                $0.watched?.version = nil
            } == "the file is gone; event 4 has started run 7")
    }
}
