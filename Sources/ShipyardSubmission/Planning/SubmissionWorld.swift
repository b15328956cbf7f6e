import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// The planner's world of a submission: the service's own jobs and storage, and what came with the submission. It
/// opens nothing else.
struct SubmissionWorld: PlannerWorld {
    private let jobs: StoredJobs
    private let storage: StoredFiles
    private let runs: [GeneratorCall: GeneratorRun]
    private let isAbandoned: @Sendable () -> Bool

    init(_ target: Submissions, _ submission: Submission, isAbandoned: @escaping @Sendable () -> Bool) {
        jobs = StoredJobs(readers: target.readers)
        storage = StoredFiles(home: target.layout.home, isAbandoned: isAbandoned)
        runs = Dictionary(submission.generated.map { ($0.call, $0) }, uniquingKeysWith: { first, _ in first })
        self.isAbandoned = isAbandoned
    }

    var isStopped: Bool { isAbandoned() }

    func jobExists(_ job: JobID) throws(PlannerWorldError) -> Bool { try jobs.jobExists(job) }

    func hasTask(_ id: String, in job: JobID) throws(PlannerWorldError) -> Bool {
        try jobs.hasTask(id, in: job)
    }

    func forEachTaskID(
        in job: JobID, prefix: String, _ body: (String) -> Void
    ) throws(PlannerWorldError) {
        try jobs.forEachTaskID(in: job, prefix: prefix, body)
    }

    func forEachFile(in listing: FileListing, _ body: (String) -> Bool) throws(PlannerWorldError) {
        try storage.forEachFile(in: listing, body)
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

    func entropy() -> [UInt32] { systemEntropy() }
}

/// For a random factory without a seed.
package func systemEntropy() -> [UInt32] {
    var source = SystemRandomNumberGenerator()
    return (0..<8).map { _ in UInt32.random(in: .min ... .max, using: &source) }
}
