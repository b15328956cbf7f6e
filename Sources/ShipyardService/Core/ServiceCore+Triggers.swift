import ShipyardEngine
import ShipyardModel
import ShipyardSpecs
import ShipyardStore

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
        guard mayRun(schedule) else { return .unwanted }
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
            case .new: askForRun(for: &record, at: now)
            }
        }
        triggerTurn.lastNumber = number
        triggerTurn.add(record)
        addWrite(.addTriggerEvent(record))
        return .recorded(record)
    }

    /// A schedule that is disabled hears of files too: they are dealt with, and do not count later.
    private func mayRun(_ schedule: UInt32) -> Bool {
        guard let state = engine.schedule(schedule)?.state, engine.scheduleStatus(schedule)?.problem == nil
        else { return false }
        return state == .active || state == .disabled
    }

    private func askForRun(for record: inout TriggerEventRecord, at now: Moment) {
        let state = engine.schedule(record.schedule)?.state
        engine.apply(
            .runAsked(RunRequest(schedule: record.schedule, .event(record.number), due: now.wall)), at: now)
        record.run = engine.schedule(record.schedule)?.lastRun
        let key = record.run.map { RunKey(schedule: record.schedule, number: $0) }
        // What is over already never began.
        if key.flatMap({ engine.run($0) }) == nil { record.state = state == .active ? .overlap : .disabled }
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

/// Which schedules want to hear of files.
struct TriggerWishes {
    /// Of every schedule that has a trigger, whatever its state.
    private var events: [UInt32: ScheduleDefinition.StorageEvent] = [:]
    private var given: [StorageSubscription]?
    /// Whether somebody should ask anew.
    private(set) var mayDiffer = true

    mutating func put(_ event: ScheduleDefinition.StorageEvent?, of schedule: UInt32) {
        events[schedule] = event
        mayDiffer = true
    }

    /// What a committed turn has changed.
    mutating func follow(_ writes: [StoreWrite]) {
        guard !events.isEmpty else { return }
        for write in writes {
            switch write {
            case .putSchedule(let record) where events[record.number] != nil: mayDiffer = true
            case .deleteSchedule(let number) where events[number] != nil: put(nil, of: number)
            default: break
            }
        }
    }

    /// Nil while nothing has changed.
    mutating func take(_ isWanted: (UInt32) -> Bool) -> [StorageSubscription]? {
        guard mayDiffer else { return nil }
        mayDiffer = false
        let wanted = events.keys.sorted().filter(isWanted).compactMap { schedule in
            events[schedule]?.subscription(of: schedule)
        }
        guard wanted != given else { return nil }
        given = wanted
        return wanted
    }
}

extension ServiceCore {
    /// What files are to be told of from now on; nil while that is as it was.
    package func takeSubscriptions() -> [StorageSubscription]? { triggers.take { mayRun($0) } }
}

extension ScheduleDefinition.StorageEvent {
    /// Nil where nobody said which account is meant.
    fileprivate func subscription(of schedule: UInt32) -> StorageSubscription? {
        guard let account, let since else { return nil }
        return StorageSubscription(
            schedule: schedule, place: ContainerPlace(account: account, container: container),
            pathBeginsWith: pathBeginsWith, pathEndsWith: pathEndsWith, quietPeriod: quietPeriod,
            hasManifest: hasManifest, since: since)
    }
}
