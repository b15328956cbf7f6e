import ShipyardModel
import Testing

@testable import ShipyardStore

@Suite struct TriggerEventTests {
    private func event(
        _ number: Int64, schedule: UInt32 = 1, path: BytePath = BytePath("in/a.done"), modified: Int64 = 7,
        state: TriggerState = .started
    ) -> TriggerEventRecord {
        let version = FileVersion(inode: .max, birth: -3, size: 0, modified: modified)
        let file = FileEvent(account: "store", container: "in", path: path, version: version)
        return TriggerEventRecord(number: number, schedule: schedule, file: file, found: at(5), state: state)
    }

    @Test func eventsComeBackWithTheBytesOfTheirNames() throws {
        let store = try StoreWriter(path: ":memory:")
        var bare = event(1, path: BytePath(bytes: [0x61, 0xFF, 0x5C, 0x78, 0x66, 0x66]))
        bare.state = .filtered
        bare.reason = "no text"
        bare.gone = at(9)
        var started = event(2)
        started.run = 12
        try store.commit([.addTriggerEvent(bare), .addTriggerEvent(started)])
        #expect(try store.triggerEvent(1) == bare)
        #expect(try store.triggerEvent(2) == started)
        #expect(try store.triggerEvents(of: 1, about: started.file.version) == [bare, started])
        #expect(try store.triggerEvents(limit: 5, where: .init(path: bare.file.path)) == [bare])
    }

    /// Each member of the version tells files apart, and so does the schedule.
    @Test func filesAreTheSameWhereAllOfTheirVersionIs() throws {
        let store = try StoreWriter(path: ":memory:")
        try store.commit([.addTriggerEvent(event(1))])
        let same = event(1).file.version
        let members: [WritableKeyPath<FileVersion, Int64>] = [\.birth, \.size, \.modified]
        for member in members {
            var other = same
            other[keyPath: member] += 1
            #expect(try store.triggerEvents(of: 1, about: other).isEmpty)
        }
        var other = same
        other.inode -= 1
        #expect(try store.triggerEvents(of: 1, about: other).isEmpty)
        #expect(try store.triggerEvents(of: 2, about: same).isEmpty)
        #expect(try store.triggerEvents(of: 1, about: same).count == 1)
    }

    @Test func pagesAreWalkedFromTheNewestAndForgottenNumbersStayGiven() throws {
        let store = try StoreWriter(path: ":memory:")
        let all = (1...5).map { event($0, schedule: $0 % 2 == 0 ? 2 : 1, state: $0 == 5 ? .existing : .started) }
        try store.commit(all.map(StoreWrite.addTriggerEvent))
        #expect(try store.triggerEvents(limit: 2).map(\.number) == [5, 4])
        #expect(try store.triggerEvents(before: 4, limit: 9).map(\.number) == [3, 2, 1])
        #expect(try store.triggerEvents(limit: 9, where: .init(schedule: 2)).map(\.number) == [4, 2])
        #expect(try store.triggerEvents(limit: 9, where: .init(state: .existing)).map(\.number) == [5])
        #expect(try store.triggerEvents(limit: 9, where: .init(container: "other")).isEmpty)
        #expect(try store.triggerEvents(limit: 9, where: .init(account: "other")).isEmpty)
        #expect(try store.triggerEvents(after: 3, limit: 1).map(\.number) == [4])
        try store.commit([.deleteTriggerEvent(5), .markTriggerEvent(4, gone: at(3))])
        #expect(try store.triggerEvent(5) == nil)
        #expect(try store.triggerEvent(4)?.gone == at(3))
        #expect(try store.lastTriggerEvent() == 5)
    }

    @Test func aBaselineIsReplacedByThatOfALaterTrigger() throws {
        let store = try StoreWriter(path: ":memory:")
        #expect(try store.triggerBaseline(of: 1) == nil)
        try store.commit([.putTriggerBaseline(schedule: 1, since: at(4))])
        try store.commit([.putTriggerBaseline(schedule: 1, since: at(6))])
        #expect(try store.triggerBaseline(of: 1) == at(6))
        #expect(try store.triggerBaseline(of: 2) == nil)
    }

    /// What an event starts is started once, so the row survives what the run does.
    @Test func anEventIsNoProgress() {
        #expect(!StoreWrite.addTriggerEvent(event(1)).isProgress)
        #expect(!StoreWrite.putTriggerBaseline(schedule: 1, since: at(1)).isProgress)
    }
}
