import ShipyardCalendar
import ShipyardEngine
import ShipyardModel
import ShipyardSpecs
import ShipyardStore

/// A schedule as somebody wants it from now on.
package struct ScheduleOffer: Sendable {
    package var id: ScheduleID
    /// Made of a job's `recurrence`.
    package var isRecurrence: Bool
    package var definition: ScheduleDefinition
    /// What it runs: the JSON of a `Submission`.
    package var bundle: String
    /// The SHA-256 of the bundle.
    package var digest: String

    package init(
        id: ScheduleID, isRecurrence: Bool, definition: ScheduleDefinition, bundle: String, digest: String
    ) {
        self.id = id
        self.isRecurrence = isRecurrence
        self.definition = definition
        self.bundle = bundle
        self.digest = digest
    }
}

/// What became of an offer.
package enum ScheduleChange: Sendable, Hashable {
    case added
    case changed(version: Int)
    case unchanged
}

/// A run whose jobs are to be made, with all that must be known for it but what it runs (`ScheduleVersionRecord`).
package struct RunStart: Sendable {
    package var schedule: ScheduleRecord
    package var run: RunRecord

    package init(schedule: ScheduleRecord, run: RunRecord) {
        self.schedule = schedule
        self.run = run
    }
}

extension ServiceCore {
    // MARK: Schedules

    /// Adds the schedule, or gives the one of its id a new version. Several in one turn are taken together; check all of
    /// them before any.
    @discardableResult
    package func putSchedule(_ offer: ScheduleOffer, at now: Moment) throws(Refusal) -> ScheduleChange {
        try checkState(of: offer)
        var offer = offer
        // A `recurrence` that says nothing else begins now.
        if offer.isRecurrence, offer.definition.anchor.map({ $0 < now.wall }) ?? true {
            offer.definition.anchor = now.wall
        }
        let rules = try rules(of: offer.definition)
        let present = try newestVersion(of: offer.id)
        let known = present.flatMap { try? ScheduleDefinition(json: $0.definition) }
        offer.definition.keepTrigger(of: known, at: now.wall)
        let text = jsonText(offer.definition)
        guard let number = engine.scheduleNumber(offer.id), let record = engine.schedule(number) else {
            let number: UInt32
            do throws(StoreError) { number = try store.reserveScheduleNumber() } catch { throw Refusal(error) }
            let record = ScheduleRecord(
                number: number, id: offer.id, isRecurrence: offer.isRecurrence,
                state: offer.definition.isEnabled ? .active : .disabled,
                // What is due at this very moment still counts.
                cursor: now.wall - TimeSpan(milliseconds: 1), creationTime: now.wall)
            addVersion(1, of: number, offer, text, at: now)
            engine.apply(.scheduleAdded(record, rules), at: now)
            triggers.put(offer.definition.storageEvent, of: number)
            return .added
        }
        if let present, known == offer.definition, present.bundle == offer.digest { return .unchanged }
        addVersion(record.version + 1, of: number, offer, text, at: now)
        engine.apply(.scheduleChanged(number, version: record.version + 1, rules), at: now)
        triggers.put(offer.definition.storageEvent, of: number)
        if known?.isEnabled != offer.definition.isEnabled {
            engine.apply(
                offer.definition.isEnabled ? .scheduleEnabled(number) : .scheduleDisabled(number), at: now)
        }
        return .changed(version: record.version + 1)
    }

    /// Refuses what `putSchedule` refuses, for whoever has several: what a turn has begun stays.
    package func checkSchedule(_ offer: ScheduleOffer) throws(Refusal) {
        _ = try rules(of: offer.definition)
        try checkState(of: offer)
    }

    private func checkState(of offer: ScheduleOffer) throws(Refusal) {
        guard let number = engine.scheduleNumber(offer.id), let record = engine.schedule(number) else {
            return
        }
        guard record.state != .deleting, record.state != .terminating else {
            throw Refusal(
                .conflict, code: "JobScheduleBeingEnded",
                "schedule `\(offer.id)` is \(record.state.rawValue); wait until that is done and add it again")
        }
        guard record.isRecurrence == offer.isRecurrence else {
            throw Refusal(
                .conflict, code: "JobScheduleExists",
                record.isRecurrence
                    ? "`\(offer.id)` is the schedule of a job with a `recurrence`; call this one otherwise"
                    : "there is a schedule `\(offer.id)` of a schedules file; call the job otherwise")
        }
    }

    /// Refuses what is there already, as Azure Batch does with a job schedule.
    package func checkIsNew(_ offer: ScheduleOffer) throws(Refusal) {
        try checkSchedule(offer)
        guard engine.scheduleNumber(offer.id) != nil else { return }
        throw Refusal(
            .conflict, code: "JobScheduleExists",
            "there is a job schedule `\(offer.id)` already; delete it first with `jobs del --jobscheduleid \(offer.id)`")
    }

    private func addVersion(
        _ version: Int, of number: UInt32, _ offer: ScheduleOffer, _ text: String, at now: Moment
    ) {
        let record = ScheduleVersionRecord(
            schedule: number, version: version, definition: text, bundle: offer.digest, time: now.wall)
        engine.addWrites([.addScheduleVersion(record, bundle: offer.bundle)])
    }

    /// Nil where there is no schedule of this id.
    private func newestVersion(of id: ScheduleID) throws(Refusal) -> ScheduleVersionRecord? {
        guard let number = engine.scheduleNumber(id), let record = engine.schedule(number) else { return nil }
        do throws(StoreError) {
            return try store.scheduleVersion(number, record.version)
        } catch {
            throw Refusal(error)
        }
    }

    private func rules(of definition: ScheduleDefinition) throws(Refusal) -> ScheduleRules {
        do throws(ScheduleProblem) {
            return ScheduleRules(try definition.timetable(&zones), definition.policy)
        } catch {
            throw Refusal(.invalid, code: "InvalidSchedule", "\(error)")
        }
    }

    package func enableSchedule(_ id: String, at now: Moment) throws(Refusal) {
        engine.apply(.scheduleEnabled(try livingSchedule(id)), at: now)
    }

    /// Nothing is due any more; what runs goes on.
    package func disableSchedule(_ id: String, at now: Moment) throws(Refusal) {
        engine.apply(.scheduleDisabled(try livingSchedule(id)), at: now)
    }

    /// Ends what runs of it.
    package func terminateSchedule(_ id: String, at now: Moment) throws(Refusal) {
        engine.apply(.scheduleTerminated(try livingSchedule(id)), at: now)
    }

    /// Its jobs go with it.
    package func deleteSchedule(_ id: String, at now: Moment) throws(Refusal) {
        engine.apply(.scheduleDeleted(try scheduleNumber(id)), at: now)
    }

    private func scheduleNumber(_ id: String) throws(Refusal) -> UInt32 {
        guard let name = ScheduleID(id), let number = engine.scheduleNumber(name) else {
            throw .scheduleNotFound(id)
        }
        return number
    }

    private func livingSchedule(_ id: String) throws(Refusal) -> UInt32 {
        let number = try scheduleNumber(id)
        switch engine.schedule(number)?.state {
        case .active, .disabled: return number
        case .completed, .terminating, .deleting, nil:
            throw Refusal(
                .conflict, code: "JobScheduleCompleted",
                "schedule `\(id)` is \(engine.schedule(number)?.state.rawValue ?? "gone")")
        }
    }

    // MARK: Runs

    /// A run now. The same `request` is answered with the run that it made first.
    package func askForRun(
        of id: String, parameters: [String: String], request: String?, at now: Moment
    ) throws(Refusal) -> RunKey {
        let number = try usableSchedule(id)
        if let request {
            do throws(StoreError) {
                if let known = try store.run(of: number, request: request) { return known.key }
            } catch {
                throw Refusal(error)
            }
            if let known = engine.run(of: number, request: request) { return known }
        }
        engine.apply(
            .runAsked(
                RunRequest(
                    schedule: number, .user, due: now.wall,
                    parameters: parameters.isEmpty ? nil : jsonText(parameters), request: request)), at: now)
        return RunKey(schedule: number, number: engine.schedule(number)?.lastRun ?? 0)
    }

    /// As many as one backfill may bring.
    package static let mostBackfilledRuns = 10_000

    /// Runs for those of the times that have had none; answers how many. Oldest first, so many at once.
    @discardableResult
    package func backfill(
        _ id: String, times: [Instant], parallel: Int, at now: Moment
    ) throws(Refusal) -> Int {
        let number = try usableSchedule(id)
        let missing = try timesWithoutRun(times, of: number)
        guard missing.count <= Self.mostBackfilledRuns else {
            throw Refusal(
                .invalid, code: "TooManyRuns",
                "that would be \(missing.count) runs; \(Self.mostBackfilledRuns) at most, so do it in parts")
        }
        guard parallel > 0 else {
            throw Refusal(.invalid, code: "InvalidParallel", "one run at a time is the least")
        }
        engine.apply(.backfillAsked(number, missing, parallel: parallel), at: now)
        return missing.count
    }

    /// Those of the times at which the schedule has not run, and is not about to; in order.
    package func timesWithoutRun(_ times: [Instant], of number: UInt32) throws(Refusal) -> [Instant] {
        guard let first = times.min(), let last = times.max() else { return [] }
        let known: Set<Instant>
        do throws(StoreError) {
            known = try store.dueTimesOfRuns(of: number, in: first..<last + TimeSpan(milliseconds: 1))
        } catch {
            throw Refusal(error)
        }
        let underWay = engine.timesUnderWay(of: number)
        return Set(times).subtracting(known).subtracting(underWay).sorted()
    }

    private func usableSchedule(_ id: String) throws(Refusal) -> UInt32 {
        let number = try scheduleNumber(id)
        if let problem = engine.problem(ofSchedule: number) {
            throw .unreadable("schedule `\(id)`", problem)
        }
        switch engine.schedule(number)?.state {
        case .active, .disabled, .completed: return number
        case .terminating, .deleting, nil:
            throw Refusal(.conflict, code: "JobScheduleBeingEnded", "schedule `\(id)` is being ended")
        }
    }

    // MARK: For whoever makes the jobs of runs

    func askForStart(of key: RunKey) {
        guard let run = engine.run(key), let schedule = engine.schedule(key.schedule) else { return }
        runStarts.append(RunStart(schedule: schedule, run: run))
    }

    /// The runs that turns have asked to be started, once.
    package func takeRunStarts() -> [RunStart] {
        defer { runStarts = [] }
        return runStarts
    }

    /// The code of a refusal that means: the run is not wanted any more, or has been started.
    package static let runNotWanted = "RunNotWanted"

    /// In the turn that makes the jobs, before anything of it.
    package func checkRun(_ key: RunKey, attempt: Int) throws(Refusal) {
        guard engine.isWanted(key, attempt: attempt) else {
            throw Refusal(.conflict, code: Self.runNotWanted, "the run is not wanted any more")
        }
    }

    /// In the turn that makes the jobs.
    package func runStarted(_ key: RunKey, jobs: [UInt32], at now: Moment) {
        engine.apply(.runStarted(key, jobs: jobs), at: now)
    }

    /// The pool was made in this turn for all runs of the schedule.
    package func keepPool(_ pool: PoolID, of schedule: UInt32, at now: Moment) {
        engine.apply(.schedulePoolMade(schedule, pool), at: now)
    }

    package func runNotStarted(_ key: RunKey, _ reason: String, mayRetry: Bool, at now: Moment) {
        engine.apply(.runNotStarted(key, reason: reason, mayRetry: mayRetry), at: now)
    }

    // MARK: After a start of the service

    func restoreSchedules() throws(StoreError) {
        let records = try store.schedules()
        guard !records.isEmpty else { return }
        let versions = try store.newestScheduleVersions()
        for record in records {
            do {
                guard let version = versions[record.number] else {
                    throw ScheduleProblem("what it runs is not there")
                }
                let definition: ScheduleDefinition
                do throws(JSONError) {
                    definition = try ScheduleDefinition(json: version.definition)
                } catch {
                    throw ScheduleProblem("what is stored of it cannot be read: \(error)")
                }
                let rules = ScheduleRules(try definition.timetable(&zones), definition.policy)
                engine.restoreSchedule(record, rules)
                triggers.put(definition.storageEvent, of: record.number)
                if engine.forgetsRuns(record.number) {
                    engine.restoreEndedRuns(try store.endedRuns(of: record.number), of: record.number)
                }
            } catch let problem as ScheduleProblem {
                store.report?("schedule \(record.id) is kept aside: \(problem)")
                engine.restoreSchedule(record, nil, problem: "\(problem)")
            } catch let error as StoreError {
                throw error
            } catch {
                invariantFailure("\(error)")
            }
        }
        for (schedule, times) in try store.dueTimesOfRuns() {
            engine.restoreRunsAhead(times, of: schedule)
        }
        for run in try store.runsUnderWay() { engine.restoreRun(run) }
        for job in try store.runJobs() { engine.restoreRunJob(job) }
    }
}

extension Refusal {
    package static func scheduleNotFound(_ id: String) -> Refusal {
        Refusal(
            .notFound, code: "JobScheduleNotFound",
            "there is no schedule `\(id)`; `shipyard-swift schedules list` shows those there are")
    }
}
