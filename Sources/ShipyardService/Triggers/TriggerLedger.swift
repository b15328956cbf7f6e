import ShipyardModel
import ShipyardStore

/// What a file is to a schedule.
package enum ArrivalKind: Hashable, Sendable {
    case new
    /// It was there before the trigger.
    case existing
    /// It can start nothing, for this reason.
    case unusable(String)
}

/// A file on its way into the ledger.
package struct FileArrival: Hashable, Sendable {
    package var schedule: UInt32
    package var file: FileEvent
    package var kind: ArrivalKind

    package init(schedule: UInt32, file: FileEvent, kind: ArrivalKind = .new) {
        self.schedule = schedule
        self.file = file
        self.kind = kind
    }
}

/// What is found out about a row of the ledger.
package enum LedgerUpkeep: Hashable, Sendable {
    case mark(Int64, gone: Instant?)
    case delete(Int64)
}

/// The ledger as the watcher sees it: asked and told on the watcher's thread, which may wait. A refusal means that nothing
/// is known to have happened, and that the same will be told again.
package protocol TriggerLedger: Sendable {
    /// Whether this writing of this file, under this name, is dealt with. The ledger decides that again when it is told.
    func isKnown(_ file: FileEvent, to schedule: UInt32) throws(Refusal) -> Bool
    func record(_ arrivals: [FileArrival]) throws(Refusal)
    func baseline(of schedule: UInt32) throws(Refusal) -> Instant?
    func recordBaseline(of schedule: UInt32, since: Instant) throws(Refusal)
    func rows(after number: Int64, limit: Int) throws(Refusal) -> [TriggerEventRecord]
    func upkeep(_ changes: [LedgerUpkeep]) throws(Refusal)
}

/// The ledger in the state file: read by connections of its own, written by the loop's.
package struct StoredLedger: TriggerLedger {
    private let loop: ServiceLoop
    private let readers: StoreReaderPool

    package init(loop: ServiceLoop, readers: StoreReaderPool) {
        self.loop = loop
        self.readers = readers
    }

    package func isKnown(_ file: FileEvent, to schedule: UInt32) throws(Refusal) -> Bool {
        try read { reader throws(StoreError) in
            try reader.triggerEvents(of: schedule, about: file.version)
        }.contains { $0.file == file }
    }

    package func record(_ arrivals: [FileArrival]) throws(Refusal) {
        try loop.perform { core, now throws(Refusal) in
            for arrival in arrivals {
                try core.fileArrived(arrival.file, schedule: arrival.schedule, as: arrival.kind, at: now)
            }
        }
    }

    package func baseline(of schedule: UInt32) throws(Refusal) -> Instant? {
        try read { reader throws(StoreError) in try reader.triggerBaseline(of: schedule) }
    }

    package func recordBaseline(of schedule: UInt32, since: Instant) throws(Refusal) {
        try loop.perform { core, _ in core.addWrite(.putTriggerBaseline(schedule: schedule, since: since)) }
    }

    package func rows(after number: Int64, limit: Int) throws(Refusal) -> [TriggerEventRecord] {
        try read { reader throws(StoreError) in try reader.triggerEvents(after: number, limit: limit) }
    }

    package func upkeep(_ changes: [LedgerUpkeep]) throws(Refusal) {
        try loop.perform(isPromise: false) { core, _ in
            for change in changes {
                switch change {
                case .mark(let number, let gone): core.addWrite(.markTriggerEvent(number, gone: gone))
                case .delete(let number): core.addWrite(.deleteTriggerEvent(number))
                }
            }
        }
    }

    private func read<Answer>(
        _ body: (StoreReader) throws(StoreError) -> Answer
    ) throws(Refusal) -> Answer {
        do throws(StoreError) {
            return try readers.read(body)
        } catch {
            throw Refusal(error)
        }
    }
}
