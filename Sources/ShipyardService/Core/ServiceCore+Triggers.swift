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
        guard engine.hearsOfFiles(schedule) else { return .unwanted }
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

    private func askForRun(for record: inout TriggerEventRecord, at now: Moment) {
        let state = engine.schedule(record.schedule)?.state
        let (run, isOver) = run(
            RunRequest(schedule: record.schedule, .event(record.number), due: now.wall), at: now)
        record.run = run.number
        // What is over already never began.
        if isOver { record.state = state == .active ? .overlap : .disabled }
    }

    private func run(_ request: RunRequest, at now: Moment) -> (key: RunKey, isOver: Bool) {
        engine.apply(.runAsked(request), at: now)
        guard let number = engine.schedule(request.schedule)?.lastRun else {
            invariantFailure("a run of no schedule \(request.schedule)")
        }
        let key = RunKey(schedule: request.schedule, number: number)
        return (key, engine.run(key) == nil)
    }

    /// A further run for an event, whatever came of it before. The same `request` is answered with the run that it made
    /// first.
    package func replay(
        event number: Int64, request: String?, at now: Moment
    ) throws(Refusal) -> (schedule: ScheduleID, run: UInt32) {
        let (event, known) = try read { () throws(StoreError) in
            let event = try store.triggerEvent(number)
            guard let event, let request else { return (event, RunKey?.none) }
            return (event, try store.run(of: event.schedule, request: request)?.key)
        }
        guard let event else {
            throw Refusal(
                .notFound, code: "TriggerEventNotFound",
                "there is no event \(number); `shipyard-swift triggers list` shows those there are")
        }
        guard let schedule = engine.schedule(event.schedule), engine.hearsOfFiles(event.schedule) else {
            throw Refusal(
                .conflict, code: "JobScheduleCompleted",
                "the schedule of event \(number) is gone, or has ended")
        }
        guard event.file.pathText != nil else {
            throw Refusal(
                .conflict, code: "TriggerEventUnusable",
                "event \(number) can start nothing: \(event.reason ?? "")")
        }
        if let known { return (schedule.id, known.number) }
        if let request, let known = engine.run(of: event.schedule, request: request) {
            return (schedule.id, known.number)
        }
        let asked = RunRequest(schedule: event.schedule, .event(number), due: now.wall, request: request)
        return (schedule.id, run(asked, at: now).key.number)
    }

    private func knownEvents(
        of schedule: UInt32, about version: FileVersion
    ) throws(Refusal) -> [TriggerEventRecord] {
        try read { () throws(StoreError) in try store.triggerEvents(of: schedule, about: version) }
            + triggerTurn.events(of: schedule, about: version)
    }

    private func nextEventNumber() throws(Refusal) -> Int64 {
        if let last = triggerTurn.lastNumber { return last + 1 }
        let last = try read { () throws(StoreError) in try store.lastTriggerEvent() }
        triggerTurn.lastNumber = last
        return last + 1
    }

    private func read<Answer>(_ body: () throws(StoreError) -> Answer) throws(Refusal) -> Answer {
        do throws(StoreError) {
            return try body()
        } catch {
            throw Refusal(error)
        }
    }
}

/// Which schedules want to hear of files.
struct TriggerWishes {
    /// Of every schedule that has a trigger, whatever its state.
    private(set) var events: [UInt32: ScheduleDefinition.StorageEvent] = [:]
    private var given: [StorageSubscription]?
    /// Whether somebody should ask anew, at once.
    private(set) var hasChanged = false

    mutating func put(_ event: ScheduleDefinition.StorageEvent?, of schedule: UInt32) {
        guard events[schedule] != event else { return }
        events[schedule] = event
        hasChanged = true
    }

    /// What a committed turn has changed.
    mutating func follow(_ writes: [StoreWrite]) {
        guard !events.isEmpty else { return }
        for write in writes {
            switch write {
            case .putSchedule(let record) where events[record.number] != nil: hasChanged = true
            case .deleteSchedule(let number) where events[number] != nil: put(nil, of: number)
            default: break
            }
        }
    }

    /// Nil while nothing has changed.
    mutating func take(_ isWanted: (UInt32) -> Bool) -> [StorageSubscription]? {
        // A core that is new says what it knows: the one before may have said something else.
        guard hasChanged || given == nil else { return nil }
        hasChanged = false
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
    package func takeSubscriptions() -> [StorageSubscription]? {
        triggers.take { engine.hearsOfFiles($0) }
    }

    /// Every schedule that has a trigger, in the order of their numbers.
    package func triggeredSchedules() -> [TriggeredSchedule] {
        triggers.events.sorted { $0.key < $1.key }.compactMap { number, event in
            engine.schedule(number).map { TriggeredSchedule(record: $0, event: event) }
        }
    }
}

package struct TriggeredSchedule: Sendable {
    package var record: ScheduleRecord
    package var event: ScheduleDefinition.StorageEvent
}

extension ScheduleDefinition.StorageEvent {
    package var place: ContainerPlace? {
        account.map { ContainerPlace(account: $0.name, container: container) }
    }

    /// Nil where nobody said which account is meant.
    fileprivate func subscription(of schedule: UInt32) -> StorageSubscription? {
        guard let place, let since else { return nil }
        var subscription = StorageSubscription(
            schedule: schedule, place: place,
            pathBeginsWith: pathBeginsWith, pathEndsWith: pathEndsWith, quietPeriod: quietPeriod,
            hasManifest: hasManifest, since: since)
        if let account, account.kind != .embedded {
            subscription.store = account
            if let pollInterval { subscription.pollInterval = pollInterval }
        }
        return subscription
    }
}
