import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore

/// Runs of schedules that somebody asks for.
extension Submissions {
    /// A run now. What is given with it is checked first: whoever asks is there to be told.
    package func askForRun(
        of id: String, parameters: [String: String], request: String?, at now: Instant
    ) throws(SubmissionError) -> RunKey {
        if let request, !isID(request) { throw .invalidIdentity }
        let record = try stored(id)
        // What was asked before is answered, also when it would be refused today.
        let isKnown = try request.map { request throws(SubmissionError) in
            try read { reader throws(StoreError) in
                try reader.run(of: record.number, request: request)
            } != nil
        }
        if isKnown != true { try check(parameters, of: record, at: now) }
        return try perform { core, now throws(Refusal) in
            try core.askForRun(of: id, parameters: parameters, request: request, at: now)
        }
    }

    private func stored(_ id: String) throws(SubmissionError) -> ScheduleRecord {
        let record = try inspect { engine in
            ScheduleID(id).flatMap { engine.scheduleNumber($0) }.flatMap { engine.schedule($0) }
        }
        guard let record else { throw .refused(.scheduleNotFound(id)) }
        return record
    }

    private func check(
        _ parameters: [String: String], of schedule: ScheduleRecord, at now: Instant
    ) throws(SubmissionError) {
        func submitter(_ parameters: [String: String]) throws(SubmissionError) -> Submitter {
            let key = RunKey(schedule: schedule.number, number: schedule.lastRun &+ 1)
            var run = RunRecord(key, .user, due: now, version: schedule.version, recordTime: now)
            if !parameters.isEmpty { run.parameters = Submitter.text(of: parameters) }
            let start = RunStart(schedule: schedule, run: run)
            return Submitter(self, try RunStarter.submission(of: start, self), isAbandoned: { false })
        }
        let asked = try submitter(parameters).load().0.jobs?.generatorCalls ?? []
        guard !parameters.isEmpty, !asked.isEmpty else { return }
        let kept = (try? submitter([:]).load().0.jobs?.generatorCalls) ?? []
        guard let first = zip(asked, kept).first(where: { !$0.generator.isSame(as: $1.generator) })?.0 else {
            return
        }
        throw .refused(
            .invalid, "GeneratorOfRun",
            "generator `\(first.generator.module)` was run when the schedule was added, with other arguments than"
                + " these parameters give; change them in the schedule and add it again")
    }

    /// Which times of a stretch have had no run, by the clock of the schedule; those that are still to come are none of
    /// them. Recorded as runs unless it `isDry`.
    package func backfill(
        _ id: String, _ request: Backfill, isDry: Bool, at now: Instant
    ) throws(SubmissionError) -> [String] {
        let record = try stored(id)
        let version = try read { reader throws(StoreError) in
            try reader.scheduleVersion(record.number, record.version)
        }
        var zones = KnownZones(ZoneFiles())
        let timetable: Timetable
        do {
            guard let version else { throw ScheduleProblem("what it runs is not there") }
            timetable = try ScheduleDefinition(json: version.definition).timetable(&zones)
        } catch {
            throw .refused(.unreadable("schedule `\(id)`", "\(error)"))
        }
        guard timetable.hasTimes else {
            throw .refused(
                .invalid, "NoTimes",
                "schedule `\(id)` does not run by the clock, so there is nothing to make up for")
        }
        let from = try moment(request.from, "from", timetable.zone)
        let end = try moment(request.to, "to", timetable.zone)
        guard from <= end else {
            throw .refused(.invalid, "InvalidRange", "`to` is before `from`")
        }
        // The last moment is in, and the present one is the clock's own.
        let limit = min(end + TimeSpan(milliseconds: 1), now)
        var times: [Instant] = []
        for due in DueTimes(of: timetable, in: from..<max(from, limit)) {
            times.append(due.instant)
            guard times.count <= Self.mostTimes else {
                throw .refused(
                    .invalid, "TooManyRuns",
                    "more than \(Self.mostTimes) times lie between `from` and `to`; do it in parts")
            }
        }
        let missing = try perform { [times] core, now throws(Refusal) in
            let missing = try core.timesWithoutRun(times, of: record.number)
            if !isDry { try core.backfill(id, times: missing, parallel: request.parallel, at: now) }
            return missing
        }
        return missing.map { ZonedTime($0, in: timetable.zone).iso8601 }
    }

    package struct Backfill: Sendable {
        /// Moments, by the schedule's clock where they have no offset.
        package var from: String
        package var to: String
        package var parallel: Int

        package init(from: String, to: String, parallel: Int) {
            self.from = from
            self.to = to
            self.parallel = parallel
        }
    }

    /// Ten times as many as may be missing at once.
    private static let mostTimes = 100_000

    private func moment(
        _ text: String, _ name: String, _ zone: Zone
    ) throws(SubmissionError) -> Instant {
        guard let instant = SpecDate.instant(text, in: zone) else {
            throw .refused(
                .invalid, "InvalidMoment", "`\(name)` takes a moment, not `\(text)`; write \(SpecDate.forms)")
        }
        return instant
    }
}
