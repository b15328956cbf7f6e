import ShipyardModel
import ShipyardService
import ShipyardStore

extension DeletionResponse {
    init(_ id: RemovalID) { self.init(removal: String(id.rawValue)) }
}

extension APIRoutes {
    /// The most removals in one answer.
    private static let removalLimit = 1000

    /// Answers also when no job has the id any more: files outlive their job.
    func removals(_ request: HTTPRequest) throws(APIFailure) -> DirectoryRemovalsResponse {
        guard let job = JobID(request.parameters["job"] ?? "") else {
            throw APIFailure(Refusal.jobNotFound(request.parameters["job"] ?? ""))
        }
        let only = try number("removal", atLeast: 0, in: request).map { RemovalID(rawValue: $0) }
        return try removals(of: job, only: only)
    }

    func removals(of job: JobID, only: RemovalID?) throws(APIFailure) -> DirectoryRemovalsResponse {
        // The job first: its removals are stored in the turn in which it goes.
        let isEnding = try inspect { engine in
            guard let number = engine.jobNumber(job), engine.job(number)?.state == .deleting else {
                return false
            }
            return only == nil || only == RemovalID(job: number)
        }
        let records = try read { reader throws(StoreError) in
            if let only { return try reader.removals(only, of: job) }
            return try reader.removals(of: job, limit: Self.removalLimit)
        }
        return DirectoryRemovalsResponse(
            isPending: isEnding || records.contains { $0.failure == nil }, value: records.map(item))
    }

    private func item(_ record: RemovalRecord) -> DirectoryRemovalsResponse.Item {
        DirectoryRemovalsResponse.Item(
            removal: String(record.id.rawValue), poolId: record.pool.text, nodeId: record.node.text,
            path: loop.files.files(of: record.node, in: record.pool).location(of: record.owner),
            time: record.time.iso8601,
            failedPath: record.failure?.path, failure: record.failure?.reason)
    }
}
