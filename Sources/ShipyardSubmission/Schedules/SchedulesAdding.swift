import ShipyardCalendar
import ShipyardDiagnostics
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStaging
import ShipyardStore

/// Schedules on their way in: from the texts of spec files to offers.
struct SchedulesAdding {
    private let target: Submissions
    private let wanted: SchedulesSubmission
    private let now: Instant
    private let isAbandoned: @Sendable () -> Bool
    private var zones = KnownZones(ZoneFiles())
    private var bundles: [String: Int] = [:]
    /// Of each bundle the text and the hash of what is kept; thousands of schedules may run one.
    private var kept: [Int: (submission: Submission, text: String, digest: String)] = [:]
    /// What has been planned: schedules that run the same with the same values are planned once.
    private var planned: Set<PlanKey> = []
    /// Storage accounts by their aliases; nil where no credentials were given along.
    private var accounts: [String: StorageAccount]?
    private(set) var warnings: [String] = []
    private var findings = Diagnostics()

    private struct PlanKey: Hashable {
        var bundle: Int
        var jobID: String?
        var poolID: String?
        var hasTrigger: Bool
        var parameters: [ScheduleDefinition.Parameter]
    }

    init(
        _ target: Submissions, _ wanted: SchedulesSubmission, _ now: Instant,
        _ isAbandoned: @escaping @Sendable () -> Bool
    ) {
        self.target = target
        self.wanted = wanted
        self.now = now
        self.isAbandoned = isAbandoned
        for (index, bundle) in wanted.bundles.enumerated() {
            for id in bundle.schedules { bundles[id] = index }
        }
    }

    mutating func offers() throws(SubmissionError) -> [(offer: ScheduleOffer, differences: [String])] {
        let schedules = try load()
        var offers: [(offer: ScheduleOffer, differences: [String])] = []
        for schedule in schedules {
            if isAbandoned() { throw .abandoned }
            let index = try bundle(of: schedule)
            var definition = ScheduleDefinition(schedule)
            if let alias = definition.storageEvent?.storageAccountSettings {
                // Without credentials the alias is the account, as it is for task factories.
                definition.storageEvent?.account =
                    accounts?[alias] ?? StorageAccount(.embedded, alias: alias, name: alias)
                if accounts == nil {
                    warnings.append(
                        "warning: schedule \(schedule.id.value): no credentials were given, so `\(alias)` is taken for"
                            + " the name of the storage account\n")
                }
            }
            try plan(schedule, definition, index)
            guard let id = ScheduleID(schedule.id.value) else { continue }
            let kept = kept(index)
            let offer = ScheduleOffer(
                id: id, isRecurrence: false, definition: definition, bundle: kept.text, digest: kept.digest)
            offers.append((offer, try differences(offer, kept.submission)))
        }
        guard !findings.hasErrors else { throw .specs(findings) }
        warnings += TextRenderer().warnings(findings)
        return offers
    }

    /// The schedules of the file, checked against the files that they name.
    private mutating func load() throws(SubmissionError) -> [ScheduleSpec] {
        var (specs, diagnostics) = SpecLoader.load(wanted.files.map(\.source))
        if wanted.isStrict { diagnostics.makeWarningsErrors() }
        guard !diagnostics.hasErrors else { throw .specs(diagnostics) }
        guard let spec = specs.schedules else {
            throw .refused(
                .invalid, "SchedulesSpecMissing",
                "no schedules file was given; name one with --schedules or --configdir")
        }
        var texts: [String?: SourceText] = [:]
        for schedule in spec.schedules where texts[schedule.jobsFile?.value] == nil {
            guard let index = bundles[schedule.id.value],
                let jobs = wanted.bundles[index].files.last(where: { $0.kind == .jobs })
            else { continue }
            texts[schedule.jobsFile?.value] = jobs.source.text
        }
        let hasCredentials = wanted.files.contains { $0.kind == .credentials }
        if let file = wanted.files.last(where: { $0.kind == .credentials }) {
            specs.credentials.setFile(file.path)
            target.storageKeys.remember(specs.credentials)
            specs.credentials = try target.resolved(specs.credentials)
            accounts = specs.credentials.accounts
        }
        diagnostics.report(
            ScheduleUses.check(spec, credentials: hasCredentials ? specs.credentials : nil) { name in
                texts[name].map { .text($0) } ?? .notGiven
            })
        if wanted.isStrict { diagnostics.makeWarningsErrors() }
        guard !diagnostics.hasErrors else { throw .specs(diagnostics) }
        findings = diagnostics
        return spec.schedules
    }

    private func bundle(of schedule: ScheduleSpec) throws(SubmissionError) -> Int {
        guard let index = bundles[schedule.id.value],
            wanted.bundles[index].files.contains(where: { $0.kind == .jobs })
        else {
            throw .refused(
                .invalid, "JobsSpecMissing",
                "schedule `\(schedule.id.value)` has nothing to run: name a jobs file with `jobs:` in the schedule,"
                    + " or give one along with --jobs")
        }
        return index
    }

    private mutating func kept(_ index: Int) -> (submission: Submission, text: String, digest: String) {
        if let known = kept[index] { return known }
        let submission = wanted.kept(wanted.bundles[index])
        let text = Submitter.text(of: submission)
        let made = (submission, text, SHA256.hexDigest(of: Array(text.utf8)))
        kept[index] = made
        return made
    }

    // MARK: - Planned as in a run

    private mutating func plan(
        _ schedule: ScheduleSpec, _ definition: ScheduleDefinition, _ index: Int
    ) throws(SubmissionError) {
        let key = PlanKey(
            bundle: index, jobID: definition.jobID, poolID: definition.poolID,
            hasTrigger: definition.policy.hasTrigger, parameters: definition.parameters)
        guard planned.insert(key).inserted else { return }
        var submission = wanted.checked(wanted.bundles[index])
        let sample = RunSample(schedule, definition, jobs: submission.jobsText, at: now)
        submission.run = sample.run
        do throws(SubmissionError) {
            submission.context = sample.context(&zones)
            let check = RunCheck(Submitter(target, submission, isAbandoned: isAbandoned))
            // What is the same in another run is kept; what is not is read when it runs.
            submission.context = sample.otherContext(&zones)
            try check.compare(
                with: Submitter(target, submission, isAbandoned: isAbandoned), schedule.id.value)
            let found = try check.plan()
            add(found.diagnostics)
            for note in found.notes where !warnings.contains(note) { warnings.append(note) }
        } catch {
            guard case .specs(let diagnostics) = error else { throw error }
            add(diagnostics)
        }
    }

    /// Schedules that run the same file find the same. That a factory makes nothing today says nothing of the day of a run.
    private mutating func add(_ diagnostics: Diagnostics) {
        for finding in diagnostics.all
        where finding.code != .factoryMakesNothing && !findings.all.contains(where: { $0.isSame(as: finding) }) {
            findings.report(finding)
        }
    }

    private func differences(
        _ offer: ScheduleOffer, _ bundle: Submission
    ) throws(SubmissionError) -> [String] {
        let stored = try target.read { reader throws(StoreError) in
            guard let record = try reader.schedule(offer.id),
                let version = try reader.scheduleVersion(record.number, record.version)
            else { return (definition: String, bundle: String)?.none }
            let bundle = version.bundle == offer.digest ? "" : try reader.bundle(version.bundle) ?? ""
            return (version.definition, bundle)
        }
        guard let stored else { return [] }
        var lines: [String] = []
        if let known = try? ScheduleDefinition(json: stored.definition) {
            lines += ScheduleDifferences.keys(from: known, to: offer.definition)
        }
        if let known = try? JSONCoding.decode(Submission.self, from: stored.bundle) {
            lines += ScheduleDifferences.files(from: known, to: bundle)
        }
        return lines
    }
}

extension Submission.File {
    var source: SpecSource {
        SpecSource(kind, SourceText(name: name, bytes: text.withExposedBytes { Array($0) }))
    }
}

extension Submission {
    fileprivate var jobsText: SourceText? { files.last { $0.kind == .jobs }?.source.text }
}

extension Diagnostic {
    fileprivate func isSame(as other: Diagnostic) -> Bool {
        code == other.code && message == other.message
            && primary?.range.lower == other.primary?.range.lower
    }
}
