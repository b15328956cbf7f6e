import Glibc
import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStore
import ShipyardSystem
import Synchronization

/// Makes the jobs of runs that are due: what a schedule keeps is submitted as a client would do it.
///
/// On threads of its own, so that a run that is planned for long, or waits for something, holds up no other schedule.
package final class RunStarter: Sendable {
    private let submissions: Submissions
    private let workers: Workers
    private let log: @Sendable (String) -> Void
    private let isStopping: @Sendable () -> Bool
    private let underWay = Mutex<Set<RunKey>>([])

    /// So many runs are planned at once; others wait for them.
    private static let threadCount = 8

    package init(
        _ submissions: Submissions, log: @escaping @Sendable (String) -> Void,
        isStopping: @escaping @Sendable () -> Bool
    ) throws(SystemError) {
        self.submissions = submissions
        self.log = log
        self.isStopping = isStopping
        workers = try Workers(count: Self.threadCount)
    }

    /// Answers at once. One that is being started already is not started twice.
    package func start(_ start: RunStart) {
        let key = start.run.key
        guard underWay.withLock({ $0.insert(key).inserted }) else { return }
        workers.run { [self] in
            let failure = attempt(start)
            if let failure { tell(start, failure) }
            _ = underWay.withLock { $0.remove(key) }
        }
    }

    private struct Failure {
        var reason: String
        var mayRetry: Bool
    }

    /// Nil when the jobs are there, or nobody wants them any more.
    private func attempt(_ start: RunStart) -> Failure? {
        do throws(SubmissionError) {
            _ = try submissions.addJobs(
                try Self.submission(of: start, submissions), isAbandoned: isStopping)
            return nil
        } catch {
            return failure(error)
        }
    }

    static func submission(
        of start: RunStart, _ submissions: Submissions
    ) throws(SubmissionError) -> Submission {
        let run = start.run
        let stored = try submissions.read { reader throws(StoreError) in
            guard let version = try reader.scheduleVersion(run.key.schedule, run.version),
                let bundle = try reader.bundle(version.bundle)
            else { return (definition: String, bundle: String)?.none }
            return (version.definition, bundle)
        }
        guard let stored else { throw .broken("what version \(run.version) of the schedule runs is not there") }
        var submission: Submission
        let definition: ScheduleDefinition
        do throws(JSONError) {
            submission = try JSONCoding.decode(Submission.self, from: Array(stored.bundle.utf8))
            definition = try ScheduleDefinition(json: stored.definition)
        } catch {
            throw .broken("what is stored of the schedule cannot be read: \(error)")
        }
        submission.requester = .schedule(run.key, attempt: run.attempt)
        submission.options.recreates = false
        submission.options.mustBeNew = true
        submission.run = SubmittedRun(
            run.key, attempt: run.attempt, of: start.schedule.id, isRecurrence: start.schedule.isRecurrence,
            jobID: definition.jobID, poolID: definition.poolID)
        submission.context = try context(
            of: start, definition, submission.context.parameters, submissions)
        return submission
    }

    private static func context(
        of start: RunStart, _ definition: ScheduleDefinition, _ kept: [String: String],
        _ submissions: Submissions
    ) throws(SubmissionError) -> RunContext {
        var zones = KnownZones(ZoneFiles())
        let zone: Zone
        do throws(ScheduleProblem) {
            zone = try zones.zone(named: definition.timezone)
        } catch {
            throw .refused(.unavailable, "InvalidSchedule", "\(error)")
        }
        let id = start.schedule.id.text
        var context = RunContext()
        context.schedule = RunContext.Schedule(id: id, time: ZonedTime(start.run.due, in: zone))
        context.run = RunContext.Run(id: "\(id)-\(start.run.key.number)", attempt: start.run.attempt)
        if case .event(let number) = start.run.cause {
            context.trigger = try trigger(number, zone, submissions)
        }
        context.parameters = kept.merging(definition.parameterValues(in: context)) { $1 }
        if let text = start.run.parameters {
            do throws(JSONError) {
                let given = try JSONCoding.decode([String: String].self, from: Array(text.utf8))
                context.parameters.merge(given) { $1 }
            } catch {
                throw .broken("the parameters that were given cannot be read: \(error)")
            }
        }
        return context
    }

    private static func trigger(
        _ number: Int64, _ zone: Zone, _ submissions: Submissions
    ) throws(SubmissionError) -> RunContext.Trigger {
        let event = try submissions.read { reader throws(StoreError) in try reader.triggerEvent(number) }
        guard let event, let path = event.file.pathText else {
            throw .broken("event \(number), which has started the run, is not in the ledger any more")
        }
        return RunContext.Trigger(
            container: event.file.container, filePath: path, eventID: String(number),
            time: ZonedTime(event.found, in: zone))
    }

    private func failure(_ error: SubmissionError) -> Failure? {
        switch error {
        case .specs(let diagnostics):
            return Failure(reason: "the spec has errors: \(diagnostics.summary)", mayRetry: false)
        case .refused(let refusal):
            if refusal.code == ServiceCore.runNotWanted { return Failure(reason: refusal.message, mayRetry: false) }
            let passes = refusal.kind == .unavailable || Self.passing.contains(refusal.code)
            return Failure(reason: refusal.message, mayRetry: passes)
        // The next service starts it.
        case .abandoned: return isStopping() ? nil : Failure(reason: "planning was stopped", mayRetry: true)
        case .broken(let message): return Failure(reason: message, mayRetry: false)
        }
    }

    /// Codes of refusals that are another answer in a moment.
    private static let passing: Set<String> = ["SubmissionUnderWay", "PoolBeingDeleted"]

    /// Until it is heard: a run that nobody answers for would be starting for ever.
    private func tell(_ start: RunStart, _ failure: Failure) {
        log("\(start.schedule.id), run \(start.run.key.number): no job was made: \(failure.reason)")
        while !isStopping() {
            do throws(Refusal) {
                return try submissions.turns.perform(isPromise: true) { core, now throws(Refusal) in
                    core.runNotStarted(start.run.key, failure.reason, mayRetry: failure.mayRetry, at: now)
                }
            } catch {
                usleep(100_000)
            }
        }
    }
}

extension Diagnostics {
    /// The first error, with the number of others.
    fileprivate var summary: String {
        let errors = all.filter { $0.severity == .error }
        guard let first = errors.first else { return "none" }
        let others = errors.count == 1 ? "" : ", and \(errors.count - 1) more"
        return "\(first.message) (\(first.code))\(others)"
    }
}
