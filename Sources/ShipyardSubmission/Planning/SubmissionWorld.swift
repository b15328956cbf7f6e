import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs

/// The planner's world of a submission: the service's own jobs and storage, and what came with the submission. It
/// opens nothing else.
struct SubmissionWorld: PlannerWorld {
    /// Nil for a run of a schedule: its jobs are new, and what else the file has is not submitted.
    private let jobs: StoredJobs?
    private let storage: StoredFiles
    private let runs: [GeneratorCall: GeneratorRun]
    private let replay: FrozenReplay
    private let keepsFindings: Bool
    private let isAbandoned: @Sendable () -> Bool
    private let troubles = Troubles()
    /// Whether a container that is not there has no files, rather than being an error.
    var takesMissingFilesForNone = false

    /// - Parameters:
    ///   - credentials: nil where none came along.
    ///   - keepsFindings: whether `findings` will be asked for: lists of files may be long.
    init(
        _ target: Submissions, _ submission: Submission, _ credentials: CredentialsSpec?,
        keepsFindings: Bool = false,
        isAbandoned: @escaping @Sendable () -> Bool
    ) {
        jobs = submission.run == nil ? StoredJobs(readers: target.readers) : nil
        storage = StoredFiles(
            home: target.layout.home,
            keys: { account throws(SecretFailure) in
                // What came along is what was meant; a submission that waited in a file came without.
                if let keys = credentials?.keys(ofSame: account) { return keys }
                return try target.storageKeys.keys(for: account)
            }, isAbandoned: isAbandoned)
        runs = Dictionary(
            submission.generated.flatMap { run in
                // The jobs of a run of a schedule have names of their own.
                [(run.call, run)] + (submission.run.map { [($0.call(run.call), run)] } ?? [])
            }, uniquingKeysWith: { first, _ in first })
        replay = FrozenReplay(submission.frozen)
        self.keepsFindings = keepsFindings
        self.isAbandoned = isAbandoned
    }

    /// What planning has asked of the world, so that it can be planned again and means the same.
    var findings: FrozenWorld { replay.findings }

    var isStopped: Bool { isAbandoned() }

    /// Why planning failed, where the same may succeed in a moment.
    var passingTrouble: PlannerWorldError? { troubles.passing }

    private final class Troubles {
        var passing: PlannerWorldError?
    }

    func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool { try jobs?.jobExists(job) ?? false }

    func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool {
        try jobs?.hasTask(id, in: job) ?? false
    }

    func forEachTaskID(
        in job: JobID, prefix: String, _ body: (String) -> Void
    ) throws(PlannerWorldError) {
        try jobs?.forEachTaskID(in: job, prefix: prefix, body)
    }

    func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        if let known = replay.files(in: listing) {
            for name in known where !body(name) { return }
            return
        }
        if takesMissingFilesForNone {
            do throws(PlannerWorldError) {
                try storage.forEachFile(in: listing, body)
            } catch {
                // A key that is wrong today is wrong when it runs.
                if isStopped || error.kind == .denied { throw error }
            }
            return
        }
        var names: [String] = []
        var isWhole = true
        do throws(PlannerWorldError) {
            try storage.forEachFile(in: listing) { name in
                if keepsFindings { names.append(name) }
                isWhole = body(name)
                return isWhole
            }
        } catch {
            if error.kind == .passing { troubles.passing = error }
            throw error
        }
        if isWhole, keepsFindings { replay.add(names, in: listing) }
    }

    func forEachRow(
        of generator: CustomFactorySpec, in call: GeneratorCall, _ body: ([PythonValue]) -> Bool
    ) throws(PlannerWorldError) {
        guard let run = runs[call] else {
            throw PlannerWorldError(
                "the rows of generator `\(generator.module)` did not come with the submission",
                help: "the service runs no generators; `jobs add` and `run` do, and send what they give")
        }
        try run.forEachRow(body)
    }

    func entropy() -> [UInt32] { replay.entropy() }
}

extension SubmittedRun {
    /// The call as this run makes it.
    fileprivate func call(_ call: GeneratorCall) -> GeneratorCall {
        guard jobID == nil || jobID == call.job.text else { return call }
        var call = call
        call.job = id(of: call.job)
        return call
    }
}

/// What planning asked of the world once: every occurrence of a `recurrence` has the tasks of the first, random
/// values and lists of files included.
package struct FrozenWorld: Codable, Sendable {
    package struct Listing: Codable, Sendable {
        package var account: StorageAccount
        package var container: String
        package var prefix: String
        package var isFileShare: Bool
        package var names: [String]
    }
    package var entropy: [[UInt32]] = []
    package var listings: [Listing] = []
}

/// Answers what is known, asks the world for the rest, and keeps all of it.
private final class FrozenReplay {
    private(set) var findings: FrozenWorld
    private let known: [[UInt32]]
    private var drawn = 0

    init(_ frozen: FrozenWorld?) {
        findings = frozen ?? FrozenWorld()
        known = findings.entropy
    }

    func entropy() -> [UInt32] {
        defer { drawn += 1 }
        if drawn < known.count { return known[drawn] }
        let words = systemEntropy()
        findings.entropy.append(words)
        return words
    }

    func files(in listing: FileListing) -> [String]? {
        findings.listings.first {
            $0.account == listing.account && $0.container == listing.container
                && $0.prefix == listing.prefix && $0.isFileShare == listing.isFileShare
        }?.names
    }

    func add(_ names: [String], in listing: FileListing) {
        findings.listings.append(
            FrozenWorld.Listing(
                account: listing.account, container: listing.container, prefix: listing.prefix,
                isFileShare: listing.isFileShare, names: names))
    }
}

/// For a random factory without a seed.
package func systemEntropy() -> [UInt32] {
    var source = SystemRandomNumberGenerator()
    return (0..<8).map { _ in UInt32.random(in: .min ... .max, using: &source) }
}
