import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

extension Submissions {
    /// Adds all schedules of the file, or gives those that are there a new version, in one turn; or none.
    ///
    /// Everything is checked first, and planned once as it would be in a run: a jobs file that is broken is refused
    /// now, and not at half past two in the night.
    package func addSchedules(
        _ wanted: SchedulesSubmission, at now: Instant, isAbandoned: @escaping @Sendable () -> Bool
    ) throws(SubmissionError) -> SubmittedSchedules {
        let whole = Submission(from: .client(request: wanted.request), files: wanted.files)
        let submitter = Submitter(self, whole, isAbandoned: isAbandoned)
        return try submitter.once("schedules") { identity throws(SubmissionError) in
            let store = PackageStore(home: layout.home)
            // Afterwards, because a sweep that came meanwhile did nothing, and what is refused leaves its files.
            defer { PackageSweep(layout).run() }
            return try store.whileAdding { () throws(SubmissionError) in
                var adding = SchedulesAdding(self, wanted, now, isAbandoned)
                let offers = try adding.offers()
                return try take(offers, adding.warnings, identity)
            }
        }
    }

    private func take(
        _ offers: [(offer: ScheduleOffer, differences: [String])], _ warnings: [String], _ identity: String?
    ) throws(SubmissionError) -> SubmittedSchedules {
        try perform { core, now throws(Refusal) in
            for (offer, _) in offers { try core.checkSchedule(offer) }
            var clocks = ScheduleClocks()
            var answer = SubmittedSchedules(schedules: [], others: [], warnings: warnings)
            for (offer, differences) in offers {
                let change = try core.putSchedule(offer, at: now)
                let status = core.inspect { engine in
                    engine.scheduleNumber(offer.id).flatMap { engine.scheduleStatus($0) }
                }
                answer.schedules.append(
                    SubmittedSchedules.Schedule(
                        id: offer.id.text, change: change.word, version: status?.record.version ?? 1,
                        differences: change.isChanged ? differences : [],
                        nextRunTime: status?.next?.instant.iso8601,
                        nextRunTimeLocal: status?.next.flatMap {
                            clocks.reading(of: $0.instant, in: offer.definition.timezone)
                        }, state: status?.record.state.rawValue ?? ScheduleState.active.rawValue))
            }
            let named = Set(offers.map(\.offer.id))
            answer.others = core.inspect { engine in
                engine.schedulesInOrder.compactMap { engine.schedule($0) }
                    .filter { !$0.isRecurrence && $0.state != .deleting && !named.contains($0.id) }
                    .map(\.id.text)
            }
            if let identity { core.keepAnswer(Submitter.text(of: answer), toSubmission: identity) }
            return answer
        }
    }
}

extension ScheduleChange {
    fileprivate var word: String {
        switch self {
        case .added: "added"
        case .changed: "changed"
        case .unchanged: "unchanged"
        }
    }

    fileprivate var isChanged: Bool { if case .changed = self { true } else { false } }
}
