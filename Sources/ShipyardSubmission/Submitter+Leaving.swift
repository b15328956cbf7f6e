import Glibc
import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStore

/// Waits for what must go before something of its name can come.
extension Submitter {
    private static var pause: UInt32 { 10_000 }
    private static var patience: UInt32 { 120_000_000 }

    /// Looks every few milliseconds, but not for ever: a process that hangs in the kernel keeps its pool.
    func wait(
        until what: String, _ holds: @escaping @Sendable (borrowing Engine) -> Bool
    ) throws(SubmissionError) {
        for _ in 0..<Self.patience / Self.pause {
            if try target.inspect(holds) { return }
            guard !isAbandoned() else { throw .abandoned }
            usleep(Self.pause)
        }
        throw .refused(
            .unavailable, "OperationTimedOut",
            "waited for two minutes until \(what); nothing was added, try again")
    }

    /// A job that is being deleted is as good as gone, and its id free in a moment: `run` twice in a row.
    func waitForLeaving(_ jobs: JobsSpec) throws(SubmissionError) {
        for job in jobs.jobs {
            let id = job.id.value
            try wait(until: "job `\(id)` is gone") { engine in
                engine.jobNumber(id).flatMap { engine.job($0)?.state } != .deleting
            }
        }
    }

    /// Jobs that are completed go first; others get the tasks added.
    func removeCompleted(_ jobs: JobsSpec) throws(SubmissionError) {
        for job in jobs.jobs {
            let id = job.id.value
            let state = try target.inspect { engine in
                engine.jobNumber(id).flatMap { engine.job($0)?.state }
            }
            guard state == .completed else { continue }
            let removal = try target.perform { core, now throws(Refusal) in
                try core.deleteJob(id.text, at: now)
            }
            try wait(until: "job `\(id)` is gone") { $0.jobNumber(id) == nil }
            try waitForFiles(of: id, removal)
        }
    }

    /// What the new job's tasks find on a node must be their own. A million files take as long as they take; a
    /// node that answers nothing is not waited for so long.
    private func waitForFiles(of id: JobID, _ removal: RemovalID) throws(SubmissionError) {
        var remains = try removals(removal, of: id)
        var pausesInVain: UInt32 = 0
        while remains.contains(where: { $0.failure == nil }), pausesInVain < Self.patience / Self.pause {
            guard !isAbandoned() else { throw .abandoned }
            usleep(Self.pause)
            remains = try removals(removal, of: id)
            pausesInVain = try waitsInVain(remains) ? pausesInVain + 1 : 0
        }
        guard let first = remains.first(where: { $0.failure != nil }) ?? remains.first else { return }
        let others = remains.count == 1 ? "" : ", and \(remains.count - 1) more"
        let isPending = remains.contains { $0.failure == nil }
        let place = target.turns.files.files(of: first.node, in: first.pool).location(of: first.owner)
        throw .refused(
            isPending ? .unavailable : .conflict, "FilesNotRemoved",
            first.failure.map { failure in
                "job `\(id)` is deleted, but its files on \(first.node) could not be removed:"
                    + " \(failure.path): \(failure.reason)\(others); nothing was added"
            }
                ?? "job `\(id)` is deleted, but \(first.node), which has its files in \(place), has not answered"
                + " for two minutes\(others); nothing was added, try again")
    }

    private func removals(_ removal: RemovalID, of job: JobID) throws(SubmissionError) -> [RemovalRecord] {
        try target.read { reader throws(StoreError) in try reader.removals(removal, of: job) }
    }

    /// Whether a node that owes an answer is not there to give it.
    private func waitsInVain(_ remains: [RemovalRecord]) throws(SubmissionError) -> Bool {
        let owing = remains.filter { $0.failure == nil }.map { ($0.pool, $0.node) }
        return try target.inspect { engine in
            owing.contains { pool, node in
                engine.nodes(of: pool).contains { $0.record.id == node && !$0.answers }
            }
        }
    }
}
