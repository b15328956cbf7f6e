import ShipyardEngine
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

extension APIRoutes {
    func addOrphans(to router: inout Router) {
        on(.get, "/orphans", in: &router) { _ throws(APIFailure) in
            .json(ListBody(value: try orphans().map { OrphanResponse(path: $0.root, hasAgent: $0.hasAgent) }))
        }
        on(.delete, "/orphans", in: &router) { _ throws(APIFailure) in
            .json(ListBody(value: try orphans().map { node throws(APIFailure) in try end(node) }))
        }
    }

    func orphans() throws(APIFailure) -> [OrphanedNode] {
        // The directories first: a node that is added meanwhile is known before it has one.
        let found = OrphanedNode.all(below: layout)
        let known = try inspect { $0.knownRoots() }
        return found.filter { !$0.isOf(known) }
    }

    private func end(_ node: OrphanedNode) throws(APIFailure) -> OrphanResponse {
        if let obstacle = node.obstacle {
            return OrphanResponse(
                path: node.root, hasAgent: false, processesEnded: 0, problems: [obstacle.description])
        }
        let hadAgent = node.hasAgent
        let killed = node.endProcesses()
        // On the loop's thread: a node of that name that is added now is launched before, or finds nothing.
        let moved = try perform { core, _ throws(Refusal) in
            core.inspect { node.isOf($0.knownRoots()) } ? nil : node.movedAside()
        }
        return OrphanResponse(
            path: node.root, hasAgent: hadAgent, processesEnded: killed,
            problems: moved?.remove() ?? ["a node of this state has it by now, or it cannot be renamed"])
    }
}
