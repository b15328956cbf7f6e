import ShipyardModel
import ShipyardStore

/// What a schedule makes of an event of a file.
package enum EventAnswer: Hashable, Sendable {
    /// It has this run.
    case started(run: UInt32)
    /// Left out by the rule for overlapping runs; `run` is the record of that, where there is one.
    case overlap(run: UInt32?, reason: String?)
    case disabled(run: UInt32?, reason: String?)
    /// There is no such schedule, or it wants no files any more: nothing is recorded.
    case unwanted
}

/// What became of a file that was told of.
package enum FileVerdict: Hashable, Sendable {
    /// It was dealt with before, as this event.
    case known(Int64)
    case recorded(TriggerEventRecord)
    case unwanted
}

/// Events of the present turn, which the database does not have yet.
struct TriggerTurn {
    private struct Key: Hashable {
        var schedule: UInt32
        var version: FileVersion
    }

    /// The latest number that was given; nil before the database was asked.
    var lastNumber: Int64?
    private var recorded: [Key: [TriggerEventRecord]] = [:]

    mutating func add(_ record: TriggerEventRecord) {
        recorded[Key(schedule: record.schedule, version: record.file.version), default: []].append(record)
    }

    func events(of schedule: UInt32, about version: FileVersion) -> [TriggerEventRecord] {
        recorded[Key(schedule: schedule, version: version)] ?? []
    }

    mutating func end() { recorded = [:] }
}

extension ServiceCore {
    /// Takes a file into the ledger, and asks for a run where it is a new event: both in this turn, or neither. Told of
    /// the same file again, it changes nothing.
    @discardableResult
    package func fileArrived(
        _ file: FileEvent, schedule: UInt32, as kind: ArrivalKind = .new, at now: Moment
    ) throws(Refusal) -> FileVerdict {
        let same = try knownEvents(of: schedule, about: file.version)
        if let known = same.first(where: { $0.file == file }) { return .known(known.number) }
        let number = try nextEventNumber()
        var record = TriggerEventRecord(
            number: number, schedule: schedule, file: file, found: now.wall, state: .started)
        if let first = same.first {
            record.state = .duplicate
            record.reason = "the file of event \(first.number), \(first.file.path), under another name"
        } else {
            switch kind {
            case .existing: record.state = .existing
            case .unusable(let reason): (record.state, record.reason) = (.filtered, reason)
            case .new:
                guard take(eventRun(schedule, number, now), into: &record) else { return .unwanted }
            }
        }
        triggerTurn.lastNumber = number
        triggerTurn.add(record)
        addWrite(.addTriggerEvent(record))
        return .recorded(record)
    }

    private func take(_ answer: EventAnswer, into record: inout TriggerEventRecord) -> Bool {
        switch answer {
        case .started(let run): record.run = run
        case .overlap(let run, let reason): (record.state, record.run, record.reason) = (.overlap, run, reason)
        case .disabled(let run, let reason): (record.state, record.run, record.reason) = (.disabled, run, reason)
        case .unwanted: return false
        }
        return true
    }

    private func knownEvents(
        of schedule: UInt32, about version: FileVersion
    ) throws(Refusal) -> [TriggerEventRecord] {
        do throws(StoreError) {
            return try store.triggerEvents(of: schedule, about: version)
                + triggerTurn.events(of: schedule, about: version)
        } catch {
            throw Refusal(error)
        }
    }

    private func nextEventNumber() throws(Refusal) -> Int64 {
        if let last = triggerTurn.lastNumber { return last + 1 }
        do throws(StoreError) {
            let last = try store.lastTriggerEvent()
            triggerTurn.lastNumber = last
            return last + 1
        } catch {
            throw Refusal(error)
        }
    }
}
