import ShipyardEngine
import ShipyardModel
import ShipyardService
import ShipyardSpecs
import ShipyardStore
import ShipyardSubmission

extension APIRoutes {
    func addPools(to router: inout Router) {
        on(.get, "/pools", in: &router) { _ throws(APIFailure) in .json(ListBody(value: try poolResponses()))
        }
        on(.post, "/pools", in: &router) { request throws(APIFailure) in
            let id = try submit(request) { submission, isAbandoned throws(SubmissionError) in
                try submissions.addPool(submission, isAbandoned: isAbandoned)
            }
            return .json(try poolResponse(id.text), status: 201)
        }
        on(.get, "/pools/{pool}", in: &router) { request throws(APIFailure) in
            .json(try poolResponse(request.parameters["pool"] ?? ""))
        }
        on(.delete, "/pools/{pool}", in: &router) { request throws(APIFailure) in
            let id = request.parameters["pool"] ?? ""
            try perform { core, now throws(Refusal) in try core.deletePool(id, at: now) }
            return HTTPReply(status: 202)
        }
        on(.get, "/pools/{pool}/removal", in: &router) { request throws(APIFailure) in
            .json(try removal(of: request.parameters["pool"] ?? ""))
        }
        on(.post, "/pools/{pool}/resize", in: &router) { request throws(APIFailure) in
            let id = request.parameters["pool"] ?? ""
            let target = try body(of: request, as: ResizeBody.self)
            try perform { core, now throws(Refusal) in
                let pool = try core.activePool(id)
                try core.resizePool(
                    id, dedicated: target.targetDedicatedNodes ?? pool.targetDedicatedNodes,
                    lowPriority: target.targetLowPriorityNodes ?? pool.targetLowPriorityNodes, at: now)
            }
            return HTTPReply(status: 202)
        }
        on(.post, "/pools/{pool}/nodes/{node}/reboot", in: &router) { request throws(APIFailure) in
            let (pool, node) = (request.parameters["pool"] ?? "", request.parameters["node"] ?? "")
            try perform { core, now throws(Refusal) in try core.rebootNode(node, of: pool, at: now) }
            return HTTPReply(status: 202)
        }
        on(.delete, "/pools/{pool}/nodes/{node}", in: &router) { request throws(APIFailure) in
            let (pool, node) = (request.parameters["pool"] ?? "", request.parameters["node"] ?? "")
            try perform { core, now throws(Refusal) in try core.deleteNode(node, of: pool, at: now) }
            return HTTPReply(status: 202)
        }
        on(.get, "/pools/{pool}/nodes", in: &router) { request throws(APIFailure) in
            let id = try knownPool(request.parameters["pool"] ?? "")
            return .json(ListBody(value: try inspect { $0.nodes(of: id) }.map(nodeResponse)))
        }
    }

    /// What is left out stays as it is.
    private struct ResizeBody: Codable, Sendable {
        var targetDedicatedNodes: Int?
        var targetLowPriorityNodes: Int?
    }

    func knownPool(_ id: String) throws(APIFailure) -> PoolID {
        guard let pool = PoolID(id), try inspect({ $0.pool(pool) }) != nil else {
            throw APIFailure(Refusal.poolNotFound(id))
        }
        return pool
    }

    /// What the engine knows of a pool, taken in one moment.
    private struct PoolStatus: Sendable {
        var record: PoolRecord
        var nodes: [NodeStatus]
        /// Nil also when the job is gone.
        var autoPoolJob: JobID?
        var problem: String?

        init?(_ id: PoolID, in engine: borrowing Engine) {
            guard let record = engine.pool(id) else { return nil }
            self.record = record
            nodes = engine.nodes(of: id)
            autoPoolJob = record.autoPoolJob.flatMap { engine.job($0)?.id }
            problem = engine.problem(ofPool: id)
        }
    }

    private func poolResponses() throws(APIFailure) -> [PoolResponse] {
        var responses: [PoolResponse] = []
        for pool in try inspect({ engine in engine.poolIDs.compactMap { PoolStatus($0, in: engine) } }) {
            responses.append(try poolResponse(pool))
        }
        return responses
    }

    private func poolResponse(_ id: String) throws(APIFailure) -> PoolResponse {
        let status = try inspect { engine in PoolID(id).flatMap { PoolStatus($0, in: engine) } }
        guard let status else { throw APIFailure(Refusal.poolNotFound(id)) }
        return try poolResponse(status)
    }

    private func poolResponse(_ pool: PoolStatus) throws(APIFailure) -> PoolResponse {
        let (record, nodes) = (pool.record, pool.nodes)
        let stored = try read { reader throws(StoreError) in try reader.poolSpec(of: record.id) }
        let spec = try? PoolSpec(stored, named: "its specification")
        var counts: [String: Int] = [:]
        for node in nodes { counts[node.record.state.rawValue, default: 0] += 1 }
        return PoolResponse(
            id: record.id.text, state: record.state.rawValue,
            allocationState: record.allocationState.rawValue,
            creationTime: record.creationTime.iso8601, vmSize: spec?.vmSize,
            currentDedicatedNodes: nodes.count { $0.record.isDedicated },
            currentLowPriorityNodes: nodes.count { !$0.record.isDedicated },
            targetDedicatedNodes: record.targetDedicatedNodes,
            targetLowPriorityNodes: record.targetLowPriorityNodes,
            taskSlotsPerNode: record.taskSlotsPerNode, nodeFillType: spec?.nodeFillType.rawValue ?? "spread",
            enableInterNodeCommunication: spec?.interNodeCommunication ?? false,
            enableAutoScale: spec?.hasAutoscale ?? false, startTaskCommandLine: spec?.startTask?.command,
            applicationPackageReferences: (spec?.applicationPackages ?? []).map {
                PoolResponse.PackageReference(applicationId: $0.id, version: $0.version)
            },
            nodeCounts: counts,
            autoPoolJobId: pool.autoPoolJob?.text,
            removedFiles: record.state == .deleting ? loop.files.removedFiles(of: record.id) : nil,
            problem: pool.problem)
    }

    private func nodeResponse(_ node: NodeStatus) -> NodeResponse {
        let record = node.record
        return NodeResponse(
            id: record.id.text, poolId: record.pool.text, state: record.state.rawValue,
            isDedicated: record.isDedicated, allocationTime: record.allocationTime.iso8601,
            stateTransitionTime: record.stateTransitionTime.iso8601, runningTasksCount: node.runningTasks,
            runningTaskSlotsCount: node.usedSlots, totalTasksRun: node.tasksRun,
            totalTasksSucceeded: node.tasksSucceeded,
            startTaskInfo: record.startTaskAttempt > 0
                ? ExecutionResponse(
                    record.startTaskResult, retryCount: Int(record.startTaskAttempt) - 1, requeueCount: 0)
                : nil,
            cannotStartReason: node.cannotStartReason,
            rootDirectory: loop.files.files(of: record.id, in: record.pool).location(of: nil))
    }

    private func removal(of id: String) throws(APIFailure) -> RemovalResponse {
        let records = try read { reader throws(StoreError) in try reader.poolRemovals(limit: 1000) }
        guard let record = records.first(where: { $0.pool.text == id }),
            let removal = try? JSONCoding.decode(PoolRemoval.self, from: Array(record.removal.utf8))
        else {
            throw APIFailure(404, "RemovalNotFound", "no removal of a pool `\(id)` is on record")
        }
        return RemovalResponse(
            poolId: id, nodes: removal.nodes, processesEnded: removal.processesEnded, checks: removal.checks,
            isComplete: removal.isComplete)
    }
}
