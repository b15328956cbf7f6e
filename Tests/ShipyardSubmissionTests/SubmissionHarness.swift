import Foundation
import ShipyardModel
import ShipyardPlanner
import ShipyardService
import ShipyardSpecs
import ShipyardStore
import ShipyardSubmission
import Synchronization

/// A service's thread in a home of its own, without nodes and without HTTP in front of it.
enum SubmissionHarness {
    /// Runs `body` beside the loop, with what submissions come in by.
    static func run(_ body: @escaping @Sendable (Submissions, StoreReaderPool) throws -> Void) throws {
        let home = "/tmp/shipyard-submission-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }
        let layout = HomeLayout(home)
        let lock = open(layout.lock, O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        guard let homeGuard = HomeGuard(layout, lock: lock) else { throw ServiceFailure("no home") }
        let loop = try ServiceLoop(
            homeGuard: homeGuard, layout: layout, idleLimit: .seconds(60), log: { _ in })
        let failure = Mutex<(any Error)?>(nil)
        _ = try loop.run(
            on: { lives, wakeup in
                try LocalSubstrate(
                    layout: layout, lives: lives, settings: LocalSettings(executable: "/bin/false"),
                    wakeup: wakeup, log: { _ in })
            },
            begin: {
                Thread.detachNewThread {
                    do {
                        let readers = StoreReaderPool(path: layout.database)
                        try body(Submissions(turns: loop, readers: readers, layout: layout), readers)
                    } catch {
                        failure.withLock { $0 = error }
                    }
                    loop.stop()
                }
            }, keep: { _ in }, startRun: { _ in }, end: { _ in })
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

extension Submission {
    /// Of a pool without nodes, or of jobs for it.
    static func of(
        _ requester: Requester = .client(request: nil), pool: String? = nil, jobs: String? = nil
    ) -> Submission {
        var files: [File] = []
        if let pool {
            files.append(File(kind: .pool, name: "pool.yaml", directory: "/specs", text: pool))
        }
        if let jobs {
            files.append(File(kind: .jobs, name: "jobs.yaml", directory: "/specs", text: jobs))
        }
        return Submission(from: requester, files: files)
    }

    static let pool = of(pool: "pool_specification: {id: p, vm_count: {dedicated: 0}}")
}

extension Submissions {
    func addPool(_ submission: Submission = .pool) throws(SubmissionError) -> PoolID {
        try addPool(submission, isAbandoned: { false })
    }

    func addJobs(_ submission: Submission) throws(SubmissionError) -> SubmittedJobs {
        try addJobs(submission, isAbandoned: { false })
    }
}
